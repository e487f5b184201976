"""What the command line writes of a table or a whole network, from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import convstudy
from convstudy.claims import read_table
from convstudy.errors import ClaimError, ModelError
from tests.claims.checking.test_homework import HOMEWORK


def test_a_table_is_corrected_and_written(tmp_path: Path) -> None:
    (tmp_path / "homework.tsv").write_text(HOMEWORK, encoding="utf-8")
    right = convstudy.corrected(tmp_path / "homework.tsv")
    assert (right.mended, right.left) == (5, 0)
    assert right.to_pandas()["# parameters"][1] == "608"  # 5·5·3·8 + 8
    assert convstudy.check(right.save(tmp_path / "right.md")).holds
    assert str(right).startswith("|")
    with pytest.raises(ClaimError, match=r"\.tsv"):
        right.save(tmp_path / "right.docx")


def test_several_tables_are_one_frame_with_their_headers_as_rows(tmp_path: Path) -> None:
    one = "| layer | shape | params |\n|---|---|---|\n| Input | 8x8x3 | 0 |\n| CONV (f=3) | 6x6x4 | {} |\n"
    (tmp_path / "two.md").write_text(f"# First\n\n{one.format(40)}\n# Second\n\n{one.format(112)}", encoding="utf-8")
    frame = convstudy.corrected(tmp_path / "two.md").to_pandas()
    assert len(frame) == 6
    assert frame[2].tolist() == ["params", "0", "112", "params", "0", "112"]  # 3·3·3·4 + 4


def test_a_table_is_corrected_by_a_model(tmp_path: Path) -> None:
    (tmp_path / "net.tsv").write_text("layer\tparameters\nconv1\t456\nfc3\t849\n", encoding="utf-8")
    right = convstudy.corrected(tmp_path / "net.tsv", "net")
    assert right.tables[0].rows[1] == ("fc3", "850", "(84 + 1)·10 = 850")


def test_a_whole_network_is_explained(tmp_path: Path) -> None:
    explained = convstudy.explain_all("lecture")
    assert [layer.row.path for layer in explained] == [row.path for row in explained.table]
    assert "(5·5·3 + 1)·8 = 608" in str(explained)
    page = explained.save(tmp_path / "lecture.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert explained.save(tmp_path / "lecture.md").read_text(encoding="utf-8") == explained.markdown
    with pytest.raises(ModelError, match=r"\.pdf"):
        explained.save(tmp_path / "lecture.pdf")


def test_a_quiz_is_the_table_that_the_command_line_writes(tmp_path: Path) -> None:
    practice = convstudy.quiz(11, mistakes=2)
    (tmp_path / "quiz.tsv").write_text(practice.text("quiz.tsv"), encoding="utf-8")
    assert len(convstudy.check(tmp_path / "quiz.tsv").wrong) == 2
    assert len(read_table(tmp_path / "quiz.tsv").rows) == len(practice.table.rows)
    assert practice.answers().count("Mistake `") == 2


def test_results_are_one_line_in_an_interactive_session(tmp_path: Path) -> None:
    (tmp_path / "homework.tsv").write_text(HOMEWORK, encoding="utf-8")
    table = convstudy.summary("resnet18")
    shown = {
        repr(each)
        for each in (
            table,
            convstudy.draw("lenet5"),
            convstudy.check(tmp_path / "homework.tsv"),
            convstudy.diff("plain18", "resnet18"),
            convstudy.explain("lecture", "conv1"),
            convstudy.explain_all("lecture"),
            convstudy.quiz(3),
            convstudy.load_data("digits"),
        )
    }
    assert all(len(text) < 120 and "\n" not in text for text in shown)
    assert f"<LayerTable: {len(table.rows)} rows, 11,689,512 parameters, 1,814,073,344 MACs>" in shown
