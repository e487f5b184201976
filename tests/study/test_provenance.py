"""Runs of different protocols are not mixed in one table, unless that is asked for, and then it is told."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convstudy.cli.compare import carry_out
from convstudy.study import ComparisonFolder, Plan
from convstudy.study.runs.code_version import DECIDING, PACKAGE, code_version, deciding_sources, sources_hash
from convstudy.study.runs.digests import sealed
from convstudy.training import Recipe
from tests.conftest import Said

Convstudy = Callable[..., Said]
PLAN = Plan(("net", "lecture"), seeds=2, recipe=Recipe(epochs=1, batch_size=64), device="cpu", jobs=1)
COMMAND = ("compare", "-c", "out/study.yaml", "--output", "out")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "out"
    carry_out(PLAN, path)
    return path


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def change(run: Path, **values: object) -> None:
    path = run / "run.json"
    path.write_text(json.dumps(sealed({**json.loads(path.read_text()), **values}, run)))


CHANGES: dict[str, tuple[dict[str, object], str]] = {
    "recipe": ({"recipe": {**Recipe(epochs=1, batch_size=64, lr=0.5).to_dict()}}, "recipe.lr is 0.5 there and 0.03 in"),
    "code": ({"sources": "abc"}, 'sources is "abc" there and '),
    "version": ({"convstudy": "0.0.1"}, 'convstudy is "0.0.1" there and '),
    "input": ({"input_shape": [1, 64, 64]}, "input_shape is [1, 64, 64] there and [1, 32, 32] in the study"),
    "threads": ({"threads": 4}, "threads is 4 there and 1 in the study"),
    "processes": ({"processes": 2}, "processes is 2 there and 1 in the study"),
    "device": ({"device": "cuda"}, 'device is "cuda" there and "cpu" in the study'),
    "seed": ({"seed": 7}, "seed is 7 there and 1 in the study"),
    "network": ({"model": "lecture"}, 'model is "lecture" there and "net" in the study'),
    "freeze": ({"freeze": True}, "freeze is true there and false in the study"),
    "grid": ({"lr_grid": [0.1, 0.2]}, "recipe.lr is not set there and 0.03 in the study"),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_run_of_another_protocol_is_refused_by_every_table(convstudy: Convstudy, out: Path, changed: str) -> None:
    values, words = CHANGES[changed]
    change(out / "net/seed-1", **values)
    results = (out / "results.json").read_bytes()
    said = convstudy(*COMMAND)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error: out holds a run of another protocol: net, seed 1: ")
    assert words.partition(" is ")[2] in said.err
    assert "--allow-mixed" in said.err
    assert (out / "results.json").read_bytes() == results
    (out / "results.json").unlink()
    for command in ("report", "watch"):
        said = convstudy(command, "out", *(("--once",) if command == "watch" else ()))
        assert said.status == 2
        assert said.err.startswith("error: out holds a run of another protocol: net, seed 1: ")


def test_mixed_runs_are_kept_and_marked_where_that_is_asked(convstudy: Convstudy, out: Path) -> None:
    change(out / "net/seed-1", sources="abc")
    before = (out / "net/seed-1/weights.safetensors").stat().st_mtime_ns
    said = convstudy(*COMMAND, "--allow-mixed")
    assert said.status == 0, said.err
    line = f'net, seed 1: sources is "abc" there and "{sources_hash()}" in the study'
    assert line in said.out
    assert (out / "net/seed-1/weights.safetensors").stat().st_mtime_ns == before
    assert json.loads((out / "results.json").read_text())["protocol"]["mixed"] == [line]
    page = (out / "report.html").read_text()
    assert '<div class="notice mixed" role="alert">' in page
    assert "net, seed 1: sources is" in page
    assert f"- {line}" in convstudy("report", "out", "--format", "markdown").out
    (out / "results.json").unlink()
    (out / "lecture/seed-1/run.json").unlink()
    assert convstudy("report", "out").status == 0
    assert '<div class="notice mixed" role="alert">' in (out / "report.html").read_text()
    assert convstudy(*COMMAND).status == 2


def test_a_study_whose_runs_agree_is_not_marked(whole: Path) -> None:
    assert "notice mixed" not in (whole / "report.html").read_text()
    assert json.loads((whole / "results.json").read_text())["protocol"]["mixed"] == []


def test_the_folder_of_another_protocol_is_taken_over_only_where_mixing_is_asked(
    convstudy: Convstudy, out: Path
) -> None:
    words = (*COMMAND, "--lr", "0.02")
    assert "recipe.lr is 0.03 there and 0.02 here" in convstudy(*words).err
    shutil.rmtree(out / "lecture/seed-0")
    said = convstudy(*words, "--allow-mixed")
    assert said.status == 0, said.err
    mixed = json.loads((out / "results.json").read_text())["protocol"]["mixed"]
    assert [line.split(":")[0] for line in mixed] == ["net, seed 0", "net, seed 1", "lecture, seed 1"]
    assert json.loads((out / "lecture/seed-0/run.json").read_text())["recipe"]["lr"] == 0.02


def test_runs_on_other_images_are_never_mixed(convstudy: Convstudy, out: Path) -> None:
    change(out / "net/seed-0", data_fingerprint="other")
    before = (out / "comparison.json").read_bytes()
    said = convstudy(*COMMAND, "--allow-mixed", "--lr", "0.02")
    assert said.err.startswith("error: out/net/seed-0 was made with other images or labels than this study; ")
    assert said.err.count("\n") == 1
    assert (out / "comparison.json").read_bytes() == before


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"recipe": 1}'])
def test_a_record_that_cannot_be_read_is_one_line(convstudy: Convstudy, out: Path, text: str) -> None:
    (out / "net/seed-0/run.json").write_text(text)
    said = convstudy(*COMMAND)
    assert said.status == 2
    assert said.err.startswith("error: out/net/seed-0/run.json cannot be read (")
    assert said.err.count("\n") == 1


def test_a_comparison_begun_with_other_code_is_refused(convstudy: Convstudy, out: Path) -> None:
    identity = json.loads((out / "comparison.json").read_text())
    assert identity["sources"] == sources_hash()
    identity["sources"] = "0123456789ab"
    (out / "comparison.json").write_text(json.dumps(identity))
    said = convstudy(*COMMAND)
    assert said.status == 2
    for words in ("sources 0123456789ab there", f"sources {sources_hash()} here", "--output", "--allow-mixed"):
        assert words in said.err


def test_the_hash_changes_with_every_deciding_source_and_with_no_line_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(PACKAGE, tmp_path / "convstudy", ignore=shutil.ignore_patterns("__pycache__")))
    monkeypatch.setattr(sys.modules["convstudy.study.runs.code_version"], "PACKAGE", copy)

    def now() -> str:
        sources_hash.cache_clear()
        return sources_hash()

    try:
        hashes = {now()}
        for path in deciding_sources():
            text = path.read_bytes()
            path.write_bytes(text.replace(b"\n", b"\r\n"))
            assert now() in hashes
            path.write_bytes(text + b"\n# another\n")
            hashes.add(now())
            path.write_bytes(text)
        (copy / "report/html.py").write_text("# another\n")
        assert len(hashes) == len(deciding_sources()) + 1 > 50
        assert now() in hashes
    finally:
        sources_hash.cache_clear()


def imported(path: Path) -> Iterator[Path]:
    """The modules of the package that a file imports when it runs; lazy packages by their stub."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("convstudy"):
            names = [alias.name for alias in node.names]
            yield from found(str(node.module), names)
            for name in names:  # a package that is imported as a whole, so that what it has is loaded when it is used
                if (PACKAGE.parent / f"{node.module}.{name}".replace(".", "/") / "__init__.py").exists():
                    yield from found(f"{node.module}.{name}", ALL)


ALL = ["*"]


def found(module: str, names: list[str]) -> Iterator[Path]:
    path = PACKAGE.parent / module.replace(".", "/")
    yield from (parent / "__init__.py" for parent in path.parents if parent.is_relative_to(PACKAGE))
    if path.with_suffix(".py").exists():
        yield path.with_suffix(".py")
    stub = path / "__init__.pyi"
    for node in ast.parse(stub.read_text()).body if stub.exists() else []:
        if isinstance(node, ast.ImportFrom) and (names == ALL or {alias.name for alias in node.names} & set(names)):
            yield path / f"{str(node.module).replace('.', '/')}.py"
    if (path / "__init__.py").exists():
        yield path / "__init__.py"


def made_by() -> set[str]:
    """All files that performing a run imports, however far down."""
    todo, seen = [PACKAGE / "study/runs/perform.py", PACKAGE / "study/runs/workers.py"], set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += imported(path)
    return {path.relative_to(PACKAGE).as_posix() for path in seen}


def hashed() -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in deciding_sources()}


def test_all_that_a_run_is_made_by_is_in_the_hash() -> None:
    assert {"claims/reading.py", "claims/checking/layer.py", "study/runs/folder.py", "errors.py"} <= made_by()
    assert made_by() - hashed() == set()


@pytest.mark.parametrize("left_out", DECIDING)
def test_none_of_the_deciding_folders_can_be_left_out(monkeypatch: pytest.MonkeyPatch, left_out: str) -> None:
    module = sys.modules["convstudy.study.runs.code_version"]
    monkeypatch.setattr(module, "DECIDING", tuple(name for name in DECIDING if name != left_out))
    assert made_by() - hashed()


def test_a_run_says_the_code_that_made_it(whole: Path) -> None:
    record = json.loads((whole / "net/seed-0/run.json").read_text())
    assert {key: record[key] for key in code_version()} == code_version()
    assert ComparisonFolder(whole).identity()["sources"] == record["sources"]
