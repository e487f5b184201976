"""Mutants of the checker's formulas that stand as text in tables, where mutmut does not reach.

    python -m tests.claims.checking.formula_mutants mistakes layer arithmetic

Every line of code of a file is rewritten by each rule at each place; each mutant is tested in a fork of one process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import hypothesis  # noqa: F401 - imported once, before the forks
import pytest
import torch  # noqa: F401

PACKAGE = "convstudy.claims.checking"
SOURCES = Path(__file__).parents[2] / "src" / PACKAGE.replace(".", "/")
TESTS = [str(Path(__file__).with_name(f"test_{name}.py")) for name in ("mistakes", "layer", "arithmetic")]
MOST_SECONDS = 90
RULES = (
    (r"·", "+"), (r"(?<=\w)·", ""), (r" \+ ", " − "), (r" − ", " + "),
    (r"\b0\b", "1"), (r"\b1\b", "2"), (r"\b2\b", "3"), (r"\b3\b", "4"), (r"\b4\b", "5"),
    (r"==", "!="), (r"!=", "=="), (r" >= ", " > "), (r" > ", " >= "), (r" <= ", " < "), (r" < ", " <= "),
    (r" and ", " or "), (r" or ", " and "), (r"\bnot ", ""), (r"\bTrue\b", "False"), (r"\bFalse\b", "True"),
    (r"\.filters\b", ".input_channels"), (r"\.input_channels\b", ".filters"),
    (r"\.input_side\b", ".output_side"), (r"\.output_side\b", ".input_side"),
    (r"\.features\b", ".channels"), (r"\.kernel\b", ".stride"), (r"\.stride\b", ".kernel"),
    (r" \* ", " + "), (r" // ", " * "), (r" - ", " + "),
    (r"\bwhen\(x\.bias,", "when(True,"), (r"\bwhen\(not x\.bias,", "when(True,"),
    (r"min\(", "max("), (r"max\(", "min("), (r"\bany\(", "all("), (r"\ball\(", "any("), (r"\bin \{", "not in {"),
)  # fmt: skip
NO_CODE = ("#", "from ", "import ", "@", "class ", "def ")


def rewritten(line: str) -> Iterator[str]:
    """A line with one rule applied at one place; sentences are left as they are."""
    code = re.sub(r'(?<!f)"[^"{]{12,}"', lambda match: "\0" * len(match[0]), line)
    for rule, new in RULES:
        for match in re.finditer(rule, code):
            yield line[: match.start()] + new + line[match.end() :]
    if "⌊" in code:
        yield line.replace("⌊", "⌈").replace("⌋", "⌉")


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """The number of a line, what becomes of it, and the whole source; docstrings and imports are left alone."""
    lines, in_docstring = source.split("\n"), False
    seen = {source}
    for number, line in enumerate(lines):
        quotes, plain = line.count('"""'), not in_docstring
        in_docstring ^= quotes % 2 == 1
        if not plain or quotes or not line.strip() or line.strip().startswith(NO_CODE):
            continue
        for new in rewritten(line):
            text = "\n".join([*lines[:number], new, *lines[number + 1 :]])
            if text not in seen and compiles(text):
                seen.add(text)
                yield number + 1, new.strip(), text


def compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = f"{PACKAGE}.{name}", text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.text, f"<mutant of {self.name}>", "exec"), module.__dict__)


def survives(name: str, text: str) -> bool:
    """Whether the tests pass with this source of the module, in a process of its own."""
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        signal.alarm(MOST_SECONDS)
        sys.meta_path.insert(0, Mutated(name, text))
        failed = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-o", "filterwarnings=", *TESTS])
        os._exit(int(failed != 0))
    return os.waitpid(child, 0)[1] == 0


def main(names: Sequence[str]) -> None:
    for name in names:
        source = (SOURCES / f"{name}.py").read_text(encoding="utf-8")
        if not survives(name, source):
            raise SystemExit(f"{name}: the tests fail without a mutant too")
        made, alive = 0, 0
        for number, line, text in mutants(source):
            made += 1
            if survives(name, text):
                alive += 1
                print(f"{name}.py, line {number}: {line}", flush=True)  # noqa: T201
        print(f"{name}.py: {made} mutants, {made - alive} killed, {alive} alive", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
