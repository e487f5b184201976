"""The notebooks of the documentation, executed; the one that trains with fewer epochs and images than it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT

NOTEBOOKS = ROOT / "docs" / "notebooks"
SHORTER = {"SEEDS, EPOCHS, IMAGES = 2, 3, 600": "SEEDS, EPOCHS, IMAGES = 2, 1, 60"}


def stored(name: str) -> Any:
    untyped: Any = nbformat
    return untyped.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed(name: str, folder: Path) -> list[Any]:
    notebook = stored(name)
    for cell in notebook.cells:
        for usual, shorter in SHORTER.items():
            cell.source = cell.source.replace(usual, shorter)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return code_cells(notebook)


def said(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def shown(cell: Any) -> str:
    return "".join("".join(output.get("data", {}).values()) for output in cell.outputs)


def test_every_notebook_is_executed_here() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {"assignment", "check_your_homework"}


@pytest.mark.slow
def test_check_your_homework(tmp_path: Path) -> None:
    cells = executed("check_your_homework", tmp_path)
    read = code_cells(stored("check_your_homework"))  # what readers of the site see
    assert [said(cell) for cell in cells] == [said(cell) for cell in read]
    assert [shown(cell).count("<svg") for cell in cells] == [shown(cell).count("<svg") for cell in read]
    assert said(cells[0]).count("input-channels-left-out") == 2
    assert "every claim holds" in said(cells[4])


@pytest.mark.slow
def test_the_assignment(tmp_path: Path) -> None:
    cells = executed("assignment", tmp_path)
    read = code_cells(stored("assignment"))
    assert [said(cell) for cell in cells[:5]] == [said(cell) for cell in read[:5]]  # those that train nothing
    assert "61,706" in shown(cells[1])  # 62,006 of three channels, less 2 * 5 * 5 * 6
    assert "Net" in said(cells[5])
    assert (tmp_path / "runs/assignment/report.html").exists()


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_what_is_stored_names_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("/tmp", "/home", "/root", "/Users", "C:\\\\") if word in text] == []
