"""README and documents: commands and Python names exist, flags are known, links lead somewhere."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml

import convstudy
from convstudy.cli.app import app
from tests.conftest import ROOT, Said

GENERATED = ROOT / "docs" / "networks"  # written by docs/network_pages.py when the site is built
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md") if GENERATED not in path.parents)]
)
TEST_COMMAND = "uv run --group dev pytest -n logical"
EXAMPLES = re.compile(r"```pycon\n(.*?)```", re.DOTALL)
WITH_EXAMPLES = [path for path in DOCUMENTS if EXAMPLES.search(path.read_text(encoding="utf-8"))]
COMMANDS = sorted(
    {
        (document.name, line.strip())
        for document in DOCUMENTS
        for block in re.findall(r"```console\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
        if line.strip()
    }
)


def words_of(command: str) -> list[str]:
    """Return the words of a command, without those that set up the environment."""
    words = shlex.split(command.rsplit("&&", maxsplit=1)[-1])
    if words[0] == "torchrun":
        return words[words.index("-m") + 1 :]
    if words[:2] != ["uv", "run"]:
        return words
    words = words[2:]
    while words[0] in {"--with", "--group", "--extra"}:
        words = words[2:]
    return words


def test_the_documents_have_commands() -> None:
    assert ("README.md", "pip install uv && uv run convstudy compare") in COMMANDS
    assert ("README.md", TEST_COMMAND) in COMMANDS


@pytest.mark.parametrize("file", [".ci/run", ".github/workflows/ci.yml", "CONTRIBUTING.md"])
def test_ci_runs_the_test_command_of_the_readme_and_the_lints(file: str) -> None:
    lines = [line.strip().removeprefix("- run: ") for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    assert {TEST_COMMAND, ".ci/lint"} <= set(lines)


def test_the_files_of_github_are_yaml() -> None:
    files = [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
    assert all(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    assert len(files) == 11


def test_what_is_said_twice_about_the_project_is_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert cited["repository-code"] == project["urls"]["Homepage"]
    assert [author["name"] for author in cited["authors"]] == [author["name"] for author in project["authors"]]


def test_the_extra_all_is_all_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    [everything] = extras.pop("all")
    assert everything == f"convstudy[{','.join(sorted(extras))}]"


@pytest.mark.parametrize(("document", "command"), COMMANDS, ids=lambda value: value)
def test_every_command_of_the_documents_is_one_that_we_have(document: str, command: str) -> None:
    words = words_of(command)
    if words[0] in {"pytest", "ruff", "mutmut", "uvx", "sphinx-build"}:
        return
    if words[0] in {"python", ".ci/lint"}:
        assert (ROOT / words[words[0] == "python"]).is_file(), f"{document}: no file of {command}"
        return
    assert words[0] == "convstudy", f"{document}: {command}"
    called, words = typer.main.get_command(app), words[1:]
    while hasattr(called, "commands") and words:
        called, words = called.commands[words[0]], words[1:]
    context = called.make_context("convstudy", words, resilient_parsing=False)
    assert context.params is not None


COUNTING = {"summary", "draw", "explain", "trends", "diff", "bottleneck", "check", "build", "quiz"}
NAMED = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
FILES = {name: text for path in DOCUMENTS for name, text in NAMED.findall(path.read_text(encoding="utf-8"))}
HOMEWORK = "layer\tActivation shape\t# parameters\nInput\t(32,32,3)\t0\nFC1\t10\t30,730\n"
OWN = """from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(3072, 10))
"""


@pytest.mark.parametrize(
    "command",
    sorted({command for _, command in COMMANDS if {*words_of(command)[:2]} & COUNTING}),
)
def test_what_is_counted_in_the_documents_can_be_counted(
    convstudy: Callable[..., Said], tmp_path: Path, command: str
) -> None:
    (tmp_path / "homework.tsv").write_text(HOMEWORK)
    (tmp_path / "notes.txt").write_text(f"A formula: $1 + 1$, and\n\n{HOMEWORK}\nNote that all of it is right.\n")
    (tmp_path / "hw3.py").write_text(OWN)
    for name, text in FILES.items():  # of the documents
        (tmp_path / name).write_text(text)
    said = convstudy(*words_of(command)[1:])
    assert said.status == 0
    assert said.err == "" or "quiz" in command  # which says its seed there
    assert max(map(len, said.out.splitlines())) <= 80 or "--format" in command or "build" in command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    paths = [(document.parent / link).resolve() for link in links]
    assert [path for path in paths if not path.exists() and GENERATED not in path.parents] == []


def test_every_command_is_in_the_documents() -> None:
    names = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    names += ["data inspect"]
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert [name for name in names if f"convstudy {name}" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_the_documents_call_in_python_exists(document: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        names = [
            node.attr
            for node in ast.walk(ast.parse(block))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "convstudy"
        ]
        assert [name for name in names if not hasattr(convstudy, name)] == []


@pytest.mark.parametrize("document", WITH_EXAMPLES, ids=lambda path: path.name)
def test_the_examples_of_the_documents_give_what_they_show(document: Path) -> None:
    text = "\n".join(EXAMPLES.findall(document.read_text(encoding="utf-8")))
    example = doctest.DocTestParser().get_doctest(text, {}, document.name, document.name, 0)
    shown: list[str] = []
    assert doctest.DocTestRunner().run(example, out=shown.append).failed == 0, "".join(shown)


@pytest.mark.parametrize("name", ["resnet34", "googlenet"])
def test_the_pictures_of_the_documents_are_those_of_the_command(
    convstudy: Callable[..., Said], tmp_path: Path, name: str
) -> None:
    assert convstudy("draw", name, "-o", f"{name}.svg").status == 0
    assert (tmp_path / f"{name}.svg").read_bytes() == (ROOT / "docs" / "images" / f"{name}.svg").read_bytes()
