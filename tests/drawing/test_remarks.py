"""A drawn layer table: its wrong cells are those of the check, each beside its layer with the right value."""

from __future__ import annotations

from pathlib import Path

import pytest

import convstudy
from convstudy.claims import read_table
from convstudy.claims.checking import check, wrong_cells
from convstudy.drawing import Picture
from convstudy.drawing.collisions import boxes_outside, escaping_texts, lines_through_boxes, overlapping_texts
from convstudy.drawing.scene import Polygon, Rect, Text

TABLES = {
    "homework": """layer\tActivation shape\tActivation Size\t# parameters
Input:\t(32,32,3)\t3,072\t0
CONV1 (f=5, s=1)\t(28,28,8)\t6,272\t208
POOL1\t(14,14,8)\t1,568\t0
CONV2 (f=5, s=1)\t(10,10,16)\t1,600\t416
POOL2\t(5,5,16)\t400\t0
FC3\t(120,1)\t120\t48,001
FC4\t(84,1)\t84\t10,081
Softmax\t(10,1)\t10\t841
""",
    "folded": """layer\tshape\tActivation Size\tparameters
Input\t(28,28,1)\t784\t0
CONV1 (f=5, s=1)\t(24,24,8)\t4,608\t200
ReLU\t(24,24,8)\t4,600\t0
POOL1\t(12,12,8)\t1,125\t0
FLATTEN\t(1152,1)\t1,150\t0
FC\t(10,1)\t10\t11,529
total\t\t\t12,000
""",
    "right": """layer\tshape\tparameters
Input\t(28,28,1)\t0
CONV1 (f=5, s=1)\t(24,24,8)\t208
FC\t(10,1)\t46,090
""",
}


def table(tmp_path: Path, name: str) -> Path:
    path = tmp_path / f"{name}.tsv"
    path.write_text(TABLES[name], encoding="utf-8")
    return path


def drawn(path: Path, level: str, width: str | None = None) -> Picture:
    return convstudy.draw(f"table:{path}", level=level, width=width)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["overview", "blocks", "layers"])
@pytest.mark.parametrize("name", TABLES)
def test_the_remarks_are_the_wrong_cells_of_the_check(tmp_path: Path, name: str, level: str) -> None:
    path = table(tmp_path, name)
    report = check(read_table(path))
    layers = drawn(path, level).layers
    remarks = [*(remark for found in layers.remarks.values() for remark in found), *layers.elsewhere]
    wanted = sorted((cell.row, str(cell.claimed), f"{cell.correct:,}") for cell in report.wrong)
    assert sorted((remark.row, remark.claimed, remark.right) for remark in remarks) == wanted
    assert f"{len(report.wrong) or 'no mistake found in'}" in layers.caption
    assert f"{len(report.cells)} cells of {name}.tsv" in layers.caption


def test_a_remark_is_beside_its_layer_and_names_the_row_if_that_is_folded(tmp_path: Path) -> None:
    layers = drawn(table(tmp_path, "homework"), "layers").layers
    about = {layers[number].path: [remark.text for remark in found] for number, found in layers.remarks.items()}
    assert about["conv1"] == ["# parameters 608, not 208"]
    assert about["fc3"] == ["# parameters 48,120, not 48,001"]
    assert set(about) == {"conv1", "conv2", "fc3", "fc4", "logits"}
    layers = drawn(table(tmp_path, "folded"), "layers").layers
    about = {layers[number].path: [remark.text for remark in found] for number, found in layers.remarks.items()}
    assert about["conv1"] == ["parameters 208, not 200", "ReLU: Activation Size 4,608, not 4,600"]
    assert [remark.row for remark in layers.elsewhere] == ["total"]


@pytest.mark.parametrize("level", ["overview", "layers"])
def test_marks_and_right_values_are_in_the_colour_that_a_line_explains(tmp_path: Path, level: str) -> None:
    scene = drawn(table(tmp_path, "homework"), level).scene
    marks = list(scene.all_marks())
    texts = [mark.text for mark in marks if isinstance(mark, Text) and mark.fill == "mark"]
    assert sum("608" in text for text in texts) == sum("850" in text for text in texts) == 1
    assert any("5 of 24 cells" in text for text in texts)
    faces = [mark for mark in marks if isinstance(mark, Polygon | Rect) and mark.stroke == "mark"]
    assert len(faces) == 5 * (3 if level == "overview" else 1)
    right = list(drawn(table(tmp_path, "right"), level).scene.all_marks())
    assert not [mark for mark in right if "mark" in {getattr(mark, "stroke", ""), getattr(mark, "fill", "")}]


@pytest.mark.parametrize("level", ["overview", "layers"])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [None, "3.25in"])
def test_remarks_are_on_nothing(tmp_path: Path, name: str, level: str, width: str | None) -> None:
    scene = drawn(table(tmp_path, name), level, width).scene
    assert overlapping_texts(scene) == overlapping_texts(scene, wide=True) == []
    assert escaping_texts(scene) == escaping_texts(scene, wide=True) == []
    assert lines_through_boxes(scene) == []
    assert boxes_outside(scene) == []
    if width and level == "overview":
        assert scene.smallest_text() >= 7


def test_rows_of_the_same_label_have_their_own_cells(tmp_path: Path) -> None:
    rows = ["layer\tshape\tparameters", "Input\t(16,16,3)\t0", "conv (f=3, s=1)\t(14,14,4)\t112"]
    (tmp_path / "twins.tsv").write_text("\n".join([*rows, "conv (f=3, s=1)\t(12,12,4)\t140", "FC\t10\t5,770"]) + "\n")
    _, [wrong] = wrong_cells(read_table(tmp_path / "twins.tsv"))
    assert (wrong.modules[0], wrong.correct, wrong.claimed) == ("conv_2", "148", "140")


def test_of_a_long_path_the_title_has_the_end(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    texts = [text.text for text in drawn(table(folder, "right"), "overview", "3.25in").scene.texts()]
    assert texts[0].startswith("…")
    assert texts[0].endswith("right.tsv")
