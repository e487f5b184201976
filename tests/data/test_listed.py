"""A table of image files with labels is a source of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy.data import DataSet, load
from convstudy.data.split import TEST_NOTE
from convstudy.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for index in range(12):
        Image.fromarray(np.full((8, 8), 10 * index, np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


def listed(folder: Path, *lines: str) -> DataSet:
    (folder / "list.csv").write_text("\n".join(lines))
    return load(str(folder / "list.csv"))


def test_parts_are_those_that_the_table_says(images: Path) -> None:
    splits = ["train", "Train", "training", "val", "valid", "test"] * 2
    rows = [f"{index}.png,{'even' if index < 6 else 'odd'},{split}" for index, split in enumerate(splits)]
    data = listed(images, "filename,label,split", *rows)
    assert data.validation is not None
    assert [len(part) for part in (data.train, data.validation, data.test)] == [6, 4, 2]
    assert data.class_names == ("even", "odd")
    assert data.test.ids == ("5.png", "11.png")
    assert data.test.images[:, 0, 0, 0].tolist() == [50, 110]
    assert data.test.labels.tolist() == [0, 1]


def test_without_parts_a_test_part_is_split_off(images: Path) -> None:
    data = listed(images, "label,filename", *(f"{index % 2},{index}.png" for index in range(12)))
    assert len(data.train) + len(data.test) == 12
    assert TEST_NOTE in data.notes


ROWS = tuple(f"{index}.png,{'even' if index < 6 else 'odd'}" for index in range(12))


@pytest.mark.parametrize(
    "lines",
    [
        ("filename;label", *(row.replace(",", ";") for row in ROWS)),
        ("filename\tlabel", *(row.replace(",", "\t") for row in ROWS)),
        ("Filename , LABEL", *(row.replace(",", " , ") for row in ROWS)),
        ("\ufefffilename,label", *ROWS),
        ("filename,label", *(f"sub\\..\\{row}" for row in ROWS)),
        ("index,filename,label", *(f"{index},{row}" for index, row in enumerate(ROWS))),
    ],
    ids=["semicolons", "tabs", "spaces and capitals", "byte-order mark", "backslashes", "another column"],
)
def test_tables_are_read_as_programs_write_them(images: Path, lines: tuple[str, ...]) -> None:
    (images / "sub").mkdir()
    expected = listed(images, "filename,label", *ROWS)
    found = listed(images, *lines)
    assert (found.class_names, found.fingerprint) == (("even", "odd"), expected.fingerprint)


def test_a_name_is_found_in_the_other_form_of_unicode(images: Path) -> None:
    composed, decomposed = "caf\xe9.png", "cafe\u0301.png"
    (images / "0.png").rename(images / decomposed)
    data = listed(images, "filename,label", f"{composed},even", *ROWS[1:])
    assert len(data.train) + len(data.test) == 12


def test_class_names_that_look_alike_are_noted(images: Path) -> None:
    data = listed(images, "filename,label", *ROWS[:6], *(row.replace("odd", "Even") for row in ROWS[6:]))
    assert any("'Even', 'even'" in note for note in data.notes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "0.png,a"], "has the columns file, label; expected filename,label"),
        (["filename,label"], "lists no image"),
        ([], "cannot be read as a table"),
        (["filename,label", "0.png,a", "gone.png,b"], "list.csv lists 1 file that does not exist: line 3: "),
        (["filename,label", "0.png,a", "0.png,a"], "listed before: line 3: 0.png"),
        (["filename,label", "0.png,a", "./0.png,a"], "listed before: line 3: 0.png"),
        (["filename,label", "0.png,a,x,y", "1.png,b,x,y"], "more fields"),
        (["filename,label,Label", "0.png,a,b"], "label more than once"),
        (["filename,label,split", "0.png,a,train", "1.png,b,other"], "line 3: 'other'"),
        (["filename,label,split", "0.png,a,test"], "has no image of split train"),
        (["filename,label", "0.png,a", "1.png,"], "without a filename or a label: line 3"),
        (["filename,label", "0.png,a", "1.png,a"], "has 1 class folder (a); expected two or more"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(images: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError) as raised:
        listed(images, *lines)
    assert message in str(raised.value)
    assert "list.csv" in str(raised.value) or str(images) in str(raised.value)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_named(images: Path, encoding: str) -> None:
    (images / "list.csv").write_bytes("\n".join(["filename,label", *ROWS, "0.png,caf\xe9"]).encode(encoding))
    with pytest.raises(DataError, match="UTF-8"):
        load(str(images / "list.csv"))
