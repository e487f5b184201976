"""A folder is looked at: each thing that is wrong is planted, and found."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from convstudy.data import Inspection, inspect_folder, inspected, load, thumbnail, write_clean_split
from convstudy.data.duplicates import Look, exact_duplicates, near_duplicates
from convstudy.errors import DataError

SIDE = 24


def noise(seed: int) -> Image.Image:
    """A smooth image that no other seed gives."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes in three parts, all images different."""
    root = tmp_path / "images"
    seed = 0
    for part, number in (("train", 6), ("val", 2), ("test", 3)):
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            for index in range(number):
                seed += 1
                noise(seed).save(root / part / name / f"{index}.png")
    return root


def kinds(found: Inspection) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {finding.kind: finding.images for finding in found.findings}


def test_a_clean_folder_has_nothing_wrong(folder: Path) -> None:
    found = inspect_folder(folder)
    assert found.findings == ()
    assert not found.contaminated
    assert {part: dict(classes) for part, classes in found.counts().items()} == {
        "train": {"cat": 6, "dog": 6},
        "validation": {"cat": 2, "dog": 2},
        "test": {"cat": 3, "dog": 3},
    }
    told = found.to_json()
    assert told["sizes"] == [{"size": [SIDE, SIDE], "images": 22}]
    pixels = np.stack([np.asarray(Image.open(path), float) for path in folder.rglob("*.png")]) / 255
    np.testing.assert_allclose(told["mean"], pixels.mean((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(told["std"], pixels.std((0, 1, 2)), atol=1e-4)


def test_a_copy_of_a_test_image_is_a_leak(folder: Path) -> None:
    Image.open(folder / "test/cat/1.png").save(folder / "train/cat/copy.bmp")  # other bytes, the same pixels
    found = inspect_folder(folder)
    assert kinds(found) == {"leak": (("test/cat/1.png", "train/cat/copy.bmp"),)}
    assert found.contaminated
    assert found.findings[0].sentence.startswith("1 test image is also in the training set")


def test_copies_elsewhere_are_no_leak(folder: Path) -> None:
    Image.open(folder / "train/dog/0.png").save(folder / "val/dog/copy.png")
    Image.open(folder / "train/dog/1.png").save(folder / "train/dog/copy.png")
    found = inspect_folder(folder)
    assert kinds(found) == {
        "shared": (("train/dog/0.png", "val/dog/copy.png"),),
        "duplicates": (("train/dog/1.png", "train/dog/copy.png"),),
    }
    assert not found.contaminated


def test_equal_images_of_different_classes(folder: Path) -> None:
    Image.open(folder / "train/dog/1.png").save(folder / "train/cat/dog.png")
    assert kinds(inspect_folder(folder))["labels"] == (("train/cat/dog.png", "train/dog/1.png"),)


def test_another_compression_and_size_look_alike(folder: Path) -> None:
    large = Image.open(folder / "test/cat/0.png").resize((96, 96), Image.Resampling.BICUBIC)
    large.save(folder / "train/cat/large.jpg", quality=70)
    found = inspect_folder(folder)
    assert kinds(found) == {"near-leak": (("test/cat/0.png", "train/cat/large.jpg"),)}
    assert not found.contaminated


def test_what_cannot_be_used(folder: Path) -> None:
    (folder / "train/cat/page.jpg").write_text("<html>not found</html>")
    (folder / "train/cat/empty.png").write_bytes(b"")
    whole = (folder / "train/cat/0.png").read_bytes()
    (folder / "train/cat/torn.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (SIDE, SIDE), "grey").save(folder / "train/dog/flat.png")
    (folder / "train/.hidden.png").write_bytes(b"x")
    (folder / "train/notes.txt").write_text("x")
    found = inspect_folder(folder)
    problems = {finding.images[0][0]: finding.sentence for finding in found.findings if finding.kind == "undecodable"}
    assert set(problems) == {"train/cat/page.jpg", "train/cat/empty.png", "train/cat/torn.png"}
    assert problems["train/cat/page.jpg"] == "1 image cannot be decoded: it is an HTML page"
    assert kinds(found)["constant"] == (("train/dog/flat.png",),)
    assert len(found.files) == 22 + 4


def test_classes_that_are_missing_or_rare(folder: Path) -> None:
    for path in (folder / "test/dog").iterdir():
        path.unlink()
    for index in range(60):
        noise(1000 + index).save(folder / f"train/cat/more-{index}.png")
    (folder / "test/dog").rmdir()
    missing, rare = inspect_folder(folder).findings
    assert (missing.kind, rare.kind) == ("missing-class", "imbalance")
    assert "no image of dog" in missing.sentence
    assert "66 images of cat and 6 of dog" in rare.sentence


def test_a_folder_without_parts_or_with_the_class_in_the_name(tmp_path: Path) -> None:
    for seed, name in enumerate(("3_a.png", "3_b.png", "5_a.png")):
        noise(seed).save(tmp_path / name)
    found = inspect_folder(tmp_path, class_in_name=True)
    assert {part: dict(classes) for part, classes in found.counts().items()} == {None: {"3": 2, "5": 1}}
    assert inspect_folder(tmp_path).files[0].class_name is None


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no image files below it"):
        inspect_folder(tmp_path)


def test_the_clean_split_keeps_the_test_part_and_is_data(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    Image.open(folder / "test/cat/1.png").save(folder / "train/cat/leak.png")
    Image.open(folder / "train/dog/0.png").save(folder / "val/dog/shared.png")
    Image.open(folder / "train/dog/1.png").save(folder / "train/cat/conflict.png")
    (folder / "train/cat/empty.png").write_bytes(b"")
    split = tmp_path / "splits" / "clean.csv"
    kept, left_out = write_clean_split(inspect_folder(folder), split)
    assert (kept, left_out) == (21, 5)
    table = pd.read_csv(split)
    assert not table["filename"].str.contains("leak|conflict|empty|train/dog/[01].png").any()
    assert table["filename"].str.contains("val/dog/shared.png|test/cat/1.png").sum() == 2
    assert all(path.read_bytes() == there for path, there in before.items())
    data = load(str(split))
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (10, 5, 6)
    assert data.class_names == ("cat", "dog")
    assert data.test.ids[0] == "../images/test/cat/0.png"


def test_a_table_is_looked_at_file_by_file(folder: Path, tmp_path: Path) -> None:
    Image.open(folder / "test/cat/1.png").save(folder / "train/cat/copy.png")
    table = tmp_path / "tables/list.csv"
    lines = [f"../images/{path.relative_to(folder).as_posix()}" for path in sorted(folder.rglob("*.png"))]
    rows = [f"{line},{line.split('/')[3]},{line.split('/')[2]}" for line in [*lines, "../images/train/cat/gone.png"]]
    table.parent.mkdir()
    table.write_text("\n".join(["filename,label,split", *rows]))
    found = inspected(str(table))
    assert found.counts()["validation"] == {"cat": 2, "dog": 2}
    assert kinds(found) == {
        "undecodable": (("../images/train/cat/gone.png",),),
        "leak": (("../images/test/cat/1.png", "../images/train/cat/copy.png"),),
    }
    assert found.findings[0].sentence.startswith("1 image cannot be decoded")
    assert write_clean_split(found, tmp_path / "clean.csv") == (22, 2)
    assert inspected(str(tmp_path / "clean.csv")).findings == ()


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_arrays_are_looked_at_image_by_image(tmp_path: Path, ending: str) -> None:
    images = np.stack([np.asarray(noise(seed)) for seed in range(20)])
    images[15] = images[3]  # the first test image is a training image
    arrays = {
        "x_train": images[:15],
        "y_train": np.arange(15) % 2,
        "x_test": images[15:],
        "y_test": np.eye(2)[[1, 0, 1, 0, 1]],
    }
    path = tmp_path / f"images.{ending}"
    if ending == "npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]  # NumPy's types take every keyword for its own
    else:
        with h5py.File(path, "w") as file:
            file.update(arrays)
    found = inspected(str(path))
    assert kinds(found) == {"leak": (("x_train/3", "x_test/0"),)}
    assert found.counts() == {"train": {"0": 8, "1": 7}, "test": {"0": 2, "1": 3}}
    assert found.to_json()["mean"] == pytest.approx((images / 255).mean((0, 1, 2)).round(4).tolist())
    np.testing.assert_array_equal(thumbnail(found, "x_test/0"), images[3])
    with pytest.raises(DataError, match=r"images\.(npz|h5) has none"):
        write_clean_split(found, tmp_path / "clean.csv")


def test_a_named_set_is_looked_at() -> None:
    found = inspected("digits")
    assert len(found.files) == 1797
    assert not found.contaminated
    with pytest.raises(DataError, match="got digits"):
        inspected("digits", class_in_name=True)


def test_a_clean_split_needs_classes(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: in no class folder"):
        write_clean_split(inspect_folder(tmp_path), tmp_path / "clean.csv")


@pytest.mark.parametrize("white", [255, 60, 16])
def test_dark_images_are_no_near_duplicates_for_being_dark(white: int) -> None:
    digits = np.rint(load_digits().images * (white / 16)).astype(np.uint8)
    looks = [Look.of(Image.fromarray(digit)) for digit in digits]
    assert len(near_duplicates(looks)) <= 12  # of 1.6 million; 5,449 by gray levels alone, with a white of 16
    assert (1585, 1648) in near_duplicates(looks)


def test_near_duplicates_are_found_however_they_are_ordered() -> None:
    looks = [Look.of(noise(seed)) for seed in range(200)]
    assert near_duplicates(looks) == ()
    brighter = Image.fromarray(np.clip(np.asarray(noise(7), np.int16) + 3, 0, 255).astype(np.uint8))
    assert near_duplicates([*looks, Look.of(brighter)]) == ((7, 200),)
    assert near_duplicates([Look.of(brighter), *looks]) == ((0, 8),)
    assert exact_duplicates([*looks, looks[3]]) == ((3, 200),)


@pytest.mark.shared_data
def test_the_leak_of_signs(shared_data: Path) -> None:
    """Twelve of its 120 test photographs are byte-identical to a training or validation photograph."""
    found = inspect_folder(shared_data / "signs/jpeg", class_in_name=True)
    (leak,) = (finding for finding in found.findings if finding.contaminates)
    by_bytes: dict[bytes, list[str]] = {}
    for path in sorted((shared_data / "signs/jpeg").rglob("*.jpg")):
        by_bytes.setdefault(path.read_bytes(), []).append(path.relative_to(shared_data / "signs/jpeg").as_posix())
    expected = {
        tuple(names)
        for names in by_bytes.values()
        if len(parts := {name.partition("_")[0] for name in names}) > 1 and "test" in parts
    }
    assert {tuple(sorted(group)) for group in leak.images} == expected
    assert leak.sentence.startswith("12 test images are also in ")
