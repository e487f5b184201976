"""Study files and tables that are made to take all memory, all time, or the whole terminal."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.conftest import Said

Convstudy = Callable[..., Said]

LEVELS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    "text",
    [
        LEVELS + "models: *a8\n",
        "models: [net]\nrecipe: " + "[" * 3_000 + "]" * 3_000,
        "models: " + "[" * 3_000,
        "models: [net]\nrecipe: {epochs: " + "{" * 3_000,
        "models: [net]\nseeds: " + "x" * 90_000,
        "models: [net]\nseeds: [" + "x, " * 10_000 + "]",
        "# " + "x" * 200_000,
        "models: [net]\nrecipe: [" + "x, " * 10_000 + "]",
        "models: [net]\nseeds: " + "1" * 5_000,
        "models: [net]\nseeds: 2026-13-45",
        "models: [net]\n" + "x" * 5_000 + ": 1\n" + "x" * 5_000 + ": 1",
    ],
)
def test_a_study_file_is_refused_soon_in_a_line(convstudy: Convstudy, tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    said = convstudy("compare", "-c", "study.yaml", "--output", "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "study.yaml" in said.err
    assert len(said.err) < 1_000
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="POSIX files")
@pytest.mark.parametrize("words", [("check",), ("build",), ("compare", "-c"), ("train", "net", "-c")])
def test_what_is_no_regular_file_is_not_read(convstudy: Convstudy, tmp_path: Path, words: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("pipe", "/dev/zero", "."):
        said = convstudy(*words, path)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert path in said.err


@pytest.mark.parametrize(("cells", "rows"), [(200_000, 1), (10_000, 60)])
def test_a_workbook_is_measured_before_it_is_read(convstudy: Convstudy, tmp_path: Path, cells: int, rows: int) -> None:
    small, large = tmp_path / "small.xlsx", tmp_path / "large.xlsx"
    workbook = openpyxl.Workbook()
    workbook.create_sheet(index=0).append(["layer", "shape", "params"])
    workbook.save(small)
    row = b"<row>" + b'<c t="n"><v>1</v></c>' * cells + b"</row>"
    more = b'<row><c t="inlineStr"><is><t>' + b"x" * (2**21) + b"</t></is></c></row>"
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename.endswith("sheet1.xml"):
                added = row * rows + more * (rows > 1) * 10
                content = content.replace(b"</sheetData>", added + b"</sheetData>")
            target.writestr(part.filename, content)
    said = convstudy("check", "large.xlsx")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "large.xlsx" in said.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.csv", ("import", "a.csv", "--model", "theirs", "--output", "out")),
        ("a.csv", ("data", "inspect", "a.csv")),
        ("a.csv", ("check", "a.csv")),
        ("a.yaml", ("compare", "-c", "a.yaml")),
        ("a.bin.index.json", ("summary", "net@./a.bin.index.json")),
    ],
)
@pytest.mark.parametrize("text", ["PASSWORD=" + "x" * 4_000, "PASSWORD=" + "x,y z\n" * 700, "[" * 4_000])
def test_messages_quote_little_of_a_file(
    convstudy: Convstudy, tmp_path: Path, name: str, words: tuple[str, ...], text: str
) -> None:
    (tmp_path / name).write_text(text)
    said = convstudy(*words)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert len(said.err) < 350
    assert not (tmp_path / "out").exists()
