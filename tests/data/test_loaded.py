"""What is found in images that are loaded is what `data inspect` finds in the same images on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy.data import DataSet, ImageSet, inspect_folder, inspect_loaded, load
from convstudy.data.image_set import numbered

KINDS = {"leak", "shared", "labels", "duplicates", "missing-class", "imbalance"}


def write(root: Path, images: dict[str, int]) -> Path:
    """Grey noise; equal numbers, equal images."""
    for name, number in images.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(path)
    return root


CLEAN = {
    f"{part}/{kind}/{n}.png": 100 * (10 * p + k) + n
    for p, part in enumerate(("train", "val", "test"))
    for k, kind in enumerate(("cat", "dog"))
    for n in range(3)
}


@pytest.mark.parametrize(
    ("odd", "kinds"),
    [
        ({}, []),
        ({"test/cat/leak.png": 0}, ["leak"]),
        ({"val/cat/again.png": 0}, ["shared"]),
        ({"train/dog/other.png": 0}, ["labels", "duplicates"]),
        ({"train/cat/copy.png": 0}, ["duplicates"]),
        ({f"train/cat/more{n}.png": 5000 + n for n in range(30)}, ["imbalance"]),
    ],
    ids=["clean", "leak", "shared", "labels", "duplicate", "imbalance"],
)
def test_loaded_images_are_judged_as_those_on_disk(tmp_path: Path, odd: dict[str, int], kinds: list[str]) -> None:
    root = write(tmp_path / "pets", CLEAN | odd)
    found = inspect_loaded(load(str(root)))
    assert [finding.kind for finding in found] == kinds
    on_disk = [finding for finding in inspect_folder(root).findings if finding.kind in KINDS]
    assert {finding.sentence for finding in found} == {finding.sentence for finding in on_disk}
    assert any(finding.contaminates for finding in found) == ("leak" in kinds)


def test_groups_name_their_images(tmp_path: Path) -> None:
    root = write(tmp_path / "pets", CLEAN | {"test/cat/leak.png": 0})
    (leak,) = inspect_loaded(load(str(root)))
    assert [sorted(Path(name).name for name in group) for group in leak.images] == [["0.png", "leak.png"]]


def test_a_class_without_test_images_is_told() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    labels = np.arange(40) % 2
    train = ImageSet(images, labels, numbered("train", 40))
    test = ImageSet(255 - images[::2], labels[::2], numbered("test", 20))
    found = inspect_loaded(DataSet("x", "", ("cat", "dog"), train, None, test, horizontal_flip=True))
    assert [finding.sentence for finding in found] == ["the test set has no image of dog"]
