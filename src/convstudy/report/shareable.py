"""Findings as they are shown to others: without the absolute paths of the machine that they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePath, PureWindowsPath
from typing import TYPE_CHECKING, Any, TypeVar

from convstudy.wording import shared_name

if TYPE_CHECKING:
    from convstudy.study.comparisons.results import Findings

T = TypeVar("T")

# an absolute path, after a blank, a quote, a bracket or an equals sign; of one in quotes, also its blanks
QUOTED = re.compile(r"(?<=')(?:/|[A-Za-z]:[\\/])[^'\n]*[^'\n/\\](?=')")
PLAIN = re.compile(r"(?<![\w./\\:@…<'-])(?:/[\w.@+~-]|[A-Za-z]:[\\/])[^\s'\",;:()]*(?:[/\\][^\s'\",;:()]+)")
ABSOLUTE = re.compile(r"(?:[^/\\]*@)?(?:/|[A-Za-z]:[\\/])")  # name of a network in a file, or with weights of one
KEPT = 2  # parts of a path


def shareable(findings: Findings) -> Findings:
    """Return findings in which absolute paths are cut to their last two parts, and networks named accordingly.

    Networks whose names would become equal keep the paths in their names.
    """
    names = [model.name for model in findings.results.models]
    short = {name: shared_name(name) if ABSOLUTE.match(name) else name for name in names}
    if len(set(short.values())) < len(names):
        short = {name: name for name in names}
    changed = {name: new for name, new in short.items() if name != new}

    def shown(text: str) -> str:
        if text in short:
            return short[text]
        for name, new in changed.items():
            text = text.replace(name, new)
        return without_paths(text)

    runs = tuple(replace(run, model=short.get(run.model, run.model)) for run in findings.runs)
    rest = replace(findings, runs=(), drawings={})
    drawings = {short.get(name, name): drawn for name, drawn in findings.drawings.items()}
    return replace(_mapped(rest, shown), runs=runs, drawings=drawings)


def without_paths(text: str) -> str:
    """Cut absolute paths in a text to their last two parts.

    >>> without_paths("convstudy compare net --data '/home/me/my data/signs/jpeg' --data-dir /data/sets/images")
    "convstudy compare net --data '…/signs/jpeg' --data-dir …/sets/images"
    >>> without_paths(r"net: 12/33 images at C:\\\\Users\\\\me\\\\signs\\\\a.png are seen")
    'net: 12/33 images at …/signs/a.png are seen'
    """
    return PLAIN.sub(lambda found: _cut(found[0]), QUOTED.sub(lambda found: _cut(found[0]), text))


def folder_words(folder: Path) -> str:
    """Return a folder as commands name it: as it was given, or the name alone of an absolute path.

    >>> folder_words(Path("runs/digits")), folder_words(Path("/home/me/runs/digits"))
    ('runs/digits', 'digits')
    """
    return folder.name if folder.is_absolute() else folder.as_posix()


def _cut(path: str) -> str:
    kind = PureWindowsPath if re.match(r"[A-Za-z]:", path) else PurePath
    parts = [part for part in kind(path).parts[1:] if part]
    return "/".join(["…", *parts[-KEPT:]])


def _mapped(value: T, change: Callable[[str], str]) -> T:
    """Return a value in which all text is changed, in records, tuples and mappings, too."""
    found: Any = value
    if isinstance(value, str):
        found = change(value) if type(value) is str else value  # not of an enum
    elif isinstance(value, tuple):
        found = tuple(_mapped(each, change) for each in value)
    elif isinstance(value, Mapping):
        found = {_mapped(key, change): _mapped(each, change) for key, each in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        found = replace(value, **{each.name: _mapped(getattr(value, each.name), change) for each in fields(value)})
    return found  # type: ignore[no-any-return]
