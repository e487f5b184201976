"""A corpus of broken and odd files: each is decoded to the colour a viewer shows, refused by name, or not read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torchvision.datasets import folder as torchvision_folder

from convstudy.data import inspect_folder, load, write_clean_split
from convstudy.data.decoding import FIRST_FRAME, FLATTENED, NARROWED, SEPARATED, TURNED, decode, decode_all, squared
from convstudy.data.file_names import EXTENSIONS
from convstudy.errors import DataError, printable
from tests.conftest import ROOT
from tests.data.corpus import (
    CORPUS,
    GREY_JPG,
    HIDDEN,
    JPG,
    LEFT_OUT,
    NOISE,
    PNG,
    Bad,
    Content,
    Good,
    Left,
    frames,
    put,
    turned,
)

GOOD = {name: case for name, case in CORPUS.items() if isinstance(case, Good)}
BAD = {name: case for name, case in CORPUS.items() if isinstance(case, Bad)}
LEFT = {name: case for name, case in CORPUS.items() if isinstance(case, Left)}


def row_of(name: str, handling: str) -> str:
    short = name if len(name) < 50 else f"{name[:3]}... ({len(name)} letters)"
    return f"| `{printable(short)}` | {handling} |"


def table() -> str:
    """The corpus as docs/data.md shows it."""
    rows = [row_of(name, case.handling) for name, case in CORPUS.items()]
    rows += [row_of(f"exif-orientation-{n}.jpg", "decoded" + f"; {TURNED}" * (n > 1)) for n in WHITE_SIDE]
    rows.append(row_of("no-permission.jpg", "refused: it cannot be opened: permission denied"))
    return "\n".join(["| file | what becomes of it |", "|---|---|", *rows])


def written(path: Path, content: Content) -> Path:
    try:
        return put(path, content)
    except OSError as error:
        pytest.skip(f"this file system does not take the name or the kind of file: {error}")


@pytest.mark.parametrize("name", GOOD, ids=printable)
def test_an_odd_image_shows_the_colour_that_a_viewer_shows(tmp_path: Path, name: str) -> None:
    case = GOOD[name]
    path = written(tmp_path / name, case.content)
    decoded = decode_all([path], prepare=lambda image: squared(image, 8), progress=None)[0]
    assert decoded.image is not None, decoded.problem
    pixels = np.asarray(decoded.image.convert("RGB")).reshape(-1, 3)
    assert pixels.shape == (64, 3)
    assert np.abs(pixels.astype(int) - case.colour).max() <= 1
    assert decoded.treatments == case.treatments


@pytest.mark.parametrize("name", BAD)
def test_a_broken_image_has_its_problem_told(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, BAD[name].content)
    decoded = decode_all([path], prepare=lambda image: image, progress=None)[0]
    assert decoded.image is None
    assert BAD[name].problem in decoded.problem
    assert str(tmp_path) not in decoded.problem
    assert "\n" not in decoded.problem


WHITE_SIDE: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a[:4],
    2: lambda a: a[:4],
    3: lambda a: a[4:],
    4: lambda a: a[4:],
    5: lambda a: a[:, :4],
    6: lambda a: a[:, 4:],
    7: lambda a: a[:, 4:],
    8: lambda a: a[:, :4],
}


@pytest.mark.parametrize("orientation", WHITE_SIDE)
def test_an_image_stands_as_its_exif_says(tmp_path: Path, orientation: int) -> None:
    """TIFF 6.0, tag 274: where row 0 and column 0 of the stored image are seen."""
    decoded = decode(put(tmp_path / "a.jpg", turned(orientation)), np.asarray)
    pixels = decoded.image
    assert pixels is not None
    assert WHITE_SIDE[orientation](pixels).min() > 250
    assert int((pixels > 250).sum()) == 32
    assert decoded.treatments == (() if orientation == 1 else (TURNED,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, the good files in both and all others in the first."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file, case in (CORPUS if name == "a" else GOOD).items():
            written(tmp_path / name / file, case.content)
    return tmp_path


def test_a_folder_of_the_corpus_reports_all_of_it(folder: Path) -> None:
    data = load(str(folder), side=8, skip_bad_images=True)
    assert len(data.train) + len(data.test) == 2 * len(GOOD)
    assert set(data.train.ids) | set(data.test.ids) == {printable(f"{c}/{file}") for c in "ab" for file in GOOD}
    assert set(data.skipped) == {f"a/{file}" for file in BAD}
    assert data.notes[1].startswith(f"{len(BAD)} images that cannot be decoded skipped: bomb-10000x10000.png, bomb-")
    assert data.notes[1].endswith(", ...")
    for treatment in (FLATTENED, NARROWED, SEPARATED, FIRST_FRAME):
        assert f"{2 * sum(treatment in case.treatments for case in GOOD.values())} images: {treatment}" in data.notes
    left_out = sum(case.handling == LEFT_OUT for case in LEFT.values())
    assert f"{left_out} files that are not an image of a class left out: .heic, .svg, .txt, no ending" in data.notes


def test_without_leave_to_skip_the_first_is_named_on_one_line(folder: Path) -> None:
    (folder / "a" / "a\nb.jpg").write_bytes(b"")
    with pytest.raises(DataError) as raised:
        load(str(folder), side=8)
    assert "\n" not in str(raised.value)
    assert f"a\\nb.jpg cannot be decoded: the file is empty ({len(BAD) + 1} such images in all)" in str(raised.value)


def test_an_inspection_finds_the_same(folder: Path) -> None:
    found = inspect_folder(folder)
    assert len(found.files) == 2 * len(GOOD) + len(BAD)
    assert {file.name for file in found.files if file.problem} == {f"a/{name}" for name in BAD}
    with pytest.raises(DataError, match=r"new\\nline\.png.* and \d more: .*rename"):
        write_clean_split(found, folder / "clean.csv")


def test_the_document_shows_the_corpus() -> None:
    assert len(CORPUS) > 90
    assert table() in (ROOT / "docs/data.md").read_text(encoding="utf-8")


def test_what_a_file_manager_leaves_beside_the_classes_is_no_class(tmp_path: Path) -> None:
    for name in ("a", "b", "__MACOSX", ".git", "@eaDir"):
        (tmp_path / name).mkdir()
        for index in range(3):
            (tmp_path / name / f"{index}.png").write_bytes(PNG)
    assert load(str(tmp_path)).class_names == ("a", "b")
    assert HIDDEN in {case.handling for case in LEFT.values()}


@pytest.fixture
def of_nobody() -> Any:
    """A folder that everyone may read, seen as a user who is not its owner: root may read everything."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for class_name in ("a", "b"):
            (folder / class_name).mkdir()
            for index in range(3):
                (folder / class_name / f"{index}.png").write_bytes(PNG)
        folder.chmod(0o755)
        load(str(folder))  # so that what it imports need not be read as nobody
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


def as_root(act: Callable[[], object]) -> None:
    os.seteuid(0)
    act()
    os.seteuid(65534)


def test_a_file_without_permission_is_refused(of_nobody: Path) -> None:
    path = of_nobody / "a" / "no-permission.jpg"
    as_root(lambda: path.write_bytes(JPG))
    as_root(lambda: path.chmod(0))
    assert decode(of_nobody / "a" / "0.png", np.asarray).problem == ""
    with pytest.raises(
        DataError, match=r"no-permission\.jpg cannot be decoded: it cannot be opened: permission denied"
    ):
        load(str(of_nobody))


def test_a_folder_without_permission_is_refused(of_nobody: Path) -> None:
    as_root(lambda: (of_nobody / "b").chmod(0))
    with pytest.raises(DataError, match=r"b cannot be listed: permission denied"):
        load(str(of_nobody))


def test_what_torchvision_takes_for_an_image_is_one() -> None:
    assert set(torchvision_folder.IMG_EXTENSIONS) <= EXTENSIONS


@given(st.sampled_from([PNG, JPG, NOISE, GREY_JPG, frames("gif"), frames("tif")]), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_an_image_or_a_problem(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for at in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=4)):
        damaged[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
    path = put(tmp_path / "damaged.png", bytes(damaged))
    decoded = decode_all([path], prepare=lambda image: squared(image, 8), progress=None)[0]
    assert (decoded.image is None) == bool(decoded.problem)
