"""`convstudy data inspect`, as its user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import Said

Convstudy = Callable[..., Said]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("a", "<b>"):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for index in range(4):
                small = Image.fromarray(random.integers(0, 256, (5, 5), dtype=np.uint8))
                small.resize((20, 20), Image.Resampling.BICUBIC).save(
                    tmp_path / "images" / part / name / f"{index}.png"
                )
    return tmp_path / "images"


def test_a_clean_folder(convstudy: Convstudy, images: Path) -> None:
    said = convstudy("data", "inspect", "images")
    assert said.status == 0
    assert "16 images, all 20×20 pixels; color mode L (16)" in said.out
    assert "no problems found" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_a_contaminated_test_part_is_status_1_and_can_be_fixed(convstudy: Convstudy, images: Path) -> None:
    Image.open(images / "test/a/0.png").save(images / "train/a/leak.png")
    said = convstudy("data", "inspect", "images", "--fix", "clean.csv", "--sheet", "sheet.html", "--format", "json")
    assert said.status == 1
    assert "clean.csv: 16 images kept, 1 left out" in said.err
    told = json.loads(said.out)
    assert told["contaminated"] is True
    assert told["findings"][0]["images"] == [["test/a/0.png", "train/a/leak.png"]]
    page = (images.parent / "sheet.html").read_text()
    assert "1 test image is also in the training set" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("data:image/png;base64,") == 2 + 17
    words = ("--data", "clean.csv", "--epochs", "1", "--seeds", "1", "--device", "cpu", "--output", "out")
    assert convstudy("compare", "net", *words).status == 0


def test_what_to_do_about_duplicates_is_said(convstudy: Convstudy, images: Path, tmp_path: Path) -> None:
    folder = images / "train"
    (folder / "a/again.png").write_bytes((folder / "a/1.png").read_bytes())
    said = convstudy("data", "inspect", "images/train")
    together = "Identical images are kept together"
    assert said.status == 0
    assert together in " ".join(said.out.split())
    assert "--fix clean.csv writes a table for --data" in " ".join(said.out.split())
    fixed = convstudy("data", "inspect", "images/train", "--fix", "clean.csv").out
    assert "--fix" not in fixed
    assert together in convstudy("data", "inspect", "images").out  # there is no validation part
    (images / "val").mkdir()
    (folder / "a").rename(images / "val/a")
    parts = " ".join(convstudy("data", "inspect", "images").out.split())
    assert "--fix clean.csv" in parts
    assert together not in parts


def test_a_named_set(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("data", "inspect", "digits", "--sheet", "sheet.html")
    assert said.status == 0
    assert "1,797 images, all 8×8 pixels; color mode L (1,797)" in said.out
    assert "no test set: 25% split off" in said.out
    assert (tmp_path / "sheet.html").read_text().count("data:image/png;base64,") >= 2 * 10 * 8
    said = convstudy("data", "inspect", "digits", "--fix", "clean.csv")
    assert said.status == 2
    assert said.err.startswith("error: --fix ")
    assert "digits" in said.err


def test_what_is_no_data(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("data", "inspect", "digit")
    assert (said.status, said.err) == (
        2,
        "error: no data set or folder is named 'digit'; did you mean 'digits'?\n",
    )
    (tmp_path / "empty").mkdir()
    said = convstudy("data", "inspect", "empty")
    assert said.status == 2
    assert "empty has no image files below it" in said.err


def test_the_list_of_sources_is_still_there(convstudy: Convstudy) -> None:
    assert "FILE.csv" in convstudy("data").out
