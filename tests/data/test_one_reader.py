"""A folder is understood in one way: what training reads is what an inspection shows, and what a clean split keeps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torchvision
from PIL import Image

from convstudy.data import DataSet, Inspection, inspect_folder, inspected, load, write_clean_split
from convstudy.data.image_tree import read_tree
from convstudy.data.sources import load_to_evaluate
from convstudy.errors import DataError

PETS = ("cat", "dog")


def images(root: Path, classes: Iterable[str] = PETS, count: int = 4, seed: int = 0) -> Path:
    """Class folders of smooth images that no other seed gives."""
    for at, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            stream = np.random.default_rng([seed, at, index, *root.name.encode()])
            small = Image.fromarray(stream.integers(0, 256, (5, 5, 3), dtype=np.uint8))
            small.resize((12, 12), Image.Resampling.BICUBIC).save(root / name / f"{index}.png")
    return root


def read(root: Path) -> dict[str, set[str]]:
    """The ids of each part, as training reads them."""
    data: DataSet = load(str(root))
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    return {part: set(found.ids) for part, found in parts.items() if found is not None}


def looked_at(found: Inspection) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = {}
    for file in found.files:
        parts.setdefault(str(file.part), set()).add(file.name)
    return parts


def kinds(found: Inspection) -> set[str]:
    return {finding.kind for finding in found.findings}


# A1: links


def test_linked_folders_are_followed_as_torchvision_follows_them(tmp_path: Path) -> None:
    images(tmp_path / "elsewhere", ("x", "y"))
    root = images(tmp_path / "pets")
    (root / "cat" / "more").symlink_to(tmp_path / "elsewhere" / "x")
    (root / "eel").symlink_to(tmp_path / "elsewhere" / "y")
    theirs = {
        Path(path).relative_to(root).as_posix() for path, _ in torchvision.datasets.ImageFolder(str(root)).samples
    }
    assert len(theirs) == 16
    assert set().union(*read(root).values()) == theirs
    assert looked_at(inspect_folder(root)) == {"None": theirs}


def test_a_loop_of_links_ends_and_each_target_is_read_once(tmp_path: Path) -> None:
    root = images(tmp_path / "pets")
    (root / "cat" / "again").symlink_to(root / "cat")
    (root / "dog" / "up").symlink_to(root)
    (root / "dog" / "copy").symlink_to(root / "cat")
    assert len(inspect_folder(root).files) == len(set().union(*read(root).values())) == 4 + 4 + 4


def test_a_leak_behind_a_linked_test_class_is_found(tmp_path: Path) -> None:
    images(tmp_path / "pets" / "train")
    images(tmp_path / "pets" / "test", seed=1)
    (tmp_path / "pets" / "test" / "cat").rename(tmp_path / "gone")
    (tmp_path / "pets" / "test" / "cat").symlink_to(tmp_path / "pets" / "train" / "cat")
    found = inspect_folder(tmp_path / "pets")
    assert found.contaminated
    assert found.counts()["test"] == {"cat": 4, "dog": 4}


# A2: parts


@pytest.mark.parametrize(("train", "test"), [("training_set", "test_set"), ("Train-Images", "TestImages")])
def test_folders_that_hold_the_same_classes_are_parts(tmp_path: Path, train: str, test: str) -> None:
    images(tmp_path / train)
    images(tmp_path / test, seed=1)
    images(tmp_path / "single_prediction", ["anything"], seed=2)
    parts = read(tmp_path)
    assert {part: len(ids) for part, ids in parts.items()} == {"train": 8, "test": 8}
    assert looked_at(inspect_folder(tmp_path)) == parts
    assert any("single_prediction" in note for note in load(str(tmp_path)).notes)


def test_a_part_that_contains_only_a_folder_of_its_own_name_is_that_folder(tmp_path: Path) -> None:
    """As archives of Kaggle's are unpacked."""
    images(tmp_path / "seg_train/seg_train")
    images(tmp_path / "seg_test/seg_test", seed=1)
    found = read(tmp_path)
    assert {part: len(names) for part, names in found.items()} == {"train": 8, "test": 8}
    assert found["test"] == looked_at(inspect_folder(tmp_path))["test"]
    assert min(found["test"]) == "seg_test/seg_test/cat/0.png"
    assert not [note for note in load(str(tmp_path)).notes if "left out" in note]


def test_a_test_set_alone_is_evaluated_under_any_of_its_names(tmp_path: Path) -> None:
    images(tmp_path / "test_set")
    found = load_to_evaluate(str(tmp_path), expected=PETS)
    assert (found.class_names, len(found.images), found.is_test) == (PETS, 8, True)


@pytest.mark.parametrize("name", ["Cat", "c at", "ｃat"])
def test_class_names_of_another_spelling_are_told_as_that(tmp_path: Path, name: str) -> None:
    images(tmp_path / "train")
    images(tmp_path / "test", (name, "dog"))
    with pytest.raises(DataError, match=f"'cat' and '{name}' differ only"):
        load(str(tmp_path))


def test_classes_whose_names_contain_a_part_s_word_are_classes(tmp_path: Path) -> None:
    classes = ("train_station", "valley", "testing_ground")
    images(tmp_path, classes)
    assert load(str(tmp_path)).class_names == tuple(sorted(classes))
    found = inspect_folder(tmp_path)
    assert found.counts() == {None: dict.fromkeys(sorted(classes), 4)}
    assert found.findings == ()


def test_folders_that_training_leaves_out_are_left_out_everywhere(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "test", "train_rejected", "test_of_last_year")):
        images(tmp_path / "pets" / name, seed=seed)
    found = inspect_folder(tmp_path / "pets")
    assert looked_at(found) == read(tmp_path / "pets")
    assert kinds(found) == {"left-out"}
    write_clean_split(found, tmp_path / "clean.csv")
    table = (tmp_path / "clean.csv").read_text()
    assert "rejected" not in table
    assert "last_year" not in table


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (("training_set", "test_set", "other"), ("training_set", "test_set")),  # images, no class folders
        (("train_signs", "test_signs"), ("train_signs", "test_signs")),
    ],
)
def test_what_could_be_parts_or_classes_is_refused_with_both_readings(
    tmp_path: Path, folders: tuple[str, ...], named: tuple[str, ...]
) -> None:
    images(tmp_path, folders)
    for act in (load, inspected):
        with pytest.raises(DataError, match="splits or classes") as caught:
            act(str(tmp_path))
        assert all(name in str(caught.value) for name in named)


def test_two_folders_that_could_be_one_part_are_refused(tmp_path: Path) -> None:
    for name in ("train", "test_a", "test_b"):
        images(tmp_path / name)
    with pytest.raises(DataError, match="both test_a and test_b"):
        load(str(tmp_path))


# A3: a clean split


def test_a_clean_split_overwrites_nothing_but_one_of_its_own(tmp_path: Path) -> None:
    root = images(tmp_path / "pets")
    found = inspect_folder(root)
    for path in (root / "cat" / "0.png", tmp_path / "notes.csv", tmp_path / "folder"):
        if path.suffix == ".csv":
            path.write_text("filename,label\na,b\n")
        elif not path.suffix:
            path.mkdir()
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(DataError, match=path.name):
            write_clean_split(found, path)
        assert path.is_dir() or path.read_bytes() == before
    for _ in range(2):
        assert write_clean_split(found, tmp_path / "clean.csv") == (8, 0)
    table = inspected(str(tmp_path / "clean.csv"))
    with pytest.raises(DataError, match="was inspected"):
        write_clean_split(table, tmp_path / "clean.csv")


def test_a_clean_split_keeps_the_user_s_columns_and_names(tmp_path: Path) -> None:
    root = images(tmp_path / "pets", ("polar  bear", "a,b"))
    rows = [
        {"patient": f"00{index}", "filename": f"pets/{name}/{index}.png", "label": name, "site, year": "x 2"}
        for name in ("polar  bear", "a,b")
        for index in range(4)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "list.csv", index=False)
    (tmp_path / "out").mkdir()
    write_clean_split(inspected(str(tmp_path / "list.csv")), tmp_path / "out" / "clean.csv")
    table = pd.read_csv(tmp_path / "out" / "clean.csv", dtype=str)
    assert set(table["patient"]) == {"000", "001", "002", "003"}
    assert set(table["site, year"]) == {"x 2"}
    data = load(str(tmp_path / "out" / "clean.csv"))
    assert data.class_names == load(str(root)).class_names == ("a,b", "polar  bear")


def test_a_clean_split_loses_no_class_of_a_part(tmp_path: Path) -> None:
    images(tmp_path / "pets" / "train")
    images(tmp_path / "pets" / "test", seed=1)
    for path in (tmp_path / "pets" / "train" / "cat").iterdir():  # all of train's cats are in the test part
        path.write_bytes((tmp_path / "pets" / "test" / "cat" / path.name).read_bytes())
    with pytest.raises(DataError, match="cat in train"):
        write_clean_split(inspect_folder(tmp_path / "pets"), tmp_path / "clean.csv")
    assert not (tmp_path / "clean.csv").exists()


def test_a_clean_split_is_data(tmp_path: Path) -> None:
    """Three images of each class are too few when one of them is a copy: training would refuse the table."""
    root = images(tmp_path / "pets", count=3)
    (root / "cat" / "1.png").write_bytes((root / "cat" / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"cat \(2\); expected 3"):
        write_clean_split(inspect_folder(root), tmp_path / "clean.csv")
    images(tmp_path / "one", ["cat"])
    with pytest.raises(DataError, match="cat only"):
        write_clean_split(inspect_folder(tmp_path / "one"), tmp_path / "clean.csv")
    assert not (tmp_path / "clean.csv").exists()


# A4: names and levels


@pytest.mark.parametrize(
    "pair", [("Cat", "cat"), ("polar bear", "polarbear"), ("café", unicodedata.normalize("NFD", "café"))]
)
def test_class_names_that_look_the_same_are_a_finding(tmp_path: Path, pair: tuple[str, str]) -> None:
    images(tmp_path, (*pair, "dog"))
    [finding] = [finding for finding in inspect_folder(tmp_path).findings if finding.kind == "similar-names"]
    assert all(f"'{name}'" in finding.sentence for name in pair)


def test_outer_spaces_of_class_names_are_stripped(tmp_path: Path) -> None:
    images(tmp_path / "pets", ("cat", "dog "))
    images(tmp_path / "pets", ("cat ",), seed=1)
    data = load(str(tmp_path / "pets"))
    assert data.class_names == ("cat", "dog")
    assert len(data.train) + len(data.test) == 12
    assert "similar-names" in kinds(inspect_folder(tmp_path / "pets"))
    rows = [f"pets/dog /{index}.png,dog " if index % 2 else f"pets/cat/{index}.png,  cat" for index in range(4)]
    rows += [f"pets/cat /{index}.png,cat " for index in range(4)] + [f"pets/dog /{index}.png,dog" for index in (0, 2)]
    (tmp_path / "list.csv").write_text("\n".join(["filename,label", *rows]))
    assert load(str(tmp_path / "list.csv")).class_names == ("cat", "dog")


def test_what_is_wrong_with_the_folders_is_found(tmp_path: Path) -> None:
    root = images(tmp_path / "pets")
    images(root, ["eel"], count=1, seed=1)
    (root / "fox").mkdir()
    (root / "loose.png").write_bytes((root / "cat" / "0.png").read_bytes())
    found = inspect_folder(root)
    sentences = {finding.kind: finding.sentence for finding in found.findings}
    assert sentences.keys() == {"few-images", "empty-class", "loose"}
    assert "eel (1)" in sentences["few-images"]
    assert sentences["empty-class"].startswith("fox")
    assert "loose.png" not in {file.name for file in found.files}  # as in training


def test_no_classes_and_a_level_too_high_are_found(tmp_path: Path) -> None:
    images(tmp_path / "flat", ["x"])
    assert "no-classes" in kinds(inspect_folder(tmp_path / "flat" / "x"))
    images(tmp_path / "top" / "pets")
    sentences = {finding.kind: finding.sentence for finding in inspect_folder(tmp_path / "top").findings}
    assert "one-class" in sentences
    assert "pets contains the folders cat, dog" in sentences["level"]
    with pytest.raises(DataError, match=r"1 class folder \(pets\).*top/pets has 2 folders"):
        load(str(tmp_path / "top"))


# A5: faults of one kind together


def test_faults_of_a_table_are_listed_together(tmp_path: Path) -> None:
    images(tmp_path / "pets")
    good = [f"pets/{name}/{index}.png,{name},train" for name in PETS for index in range(4)]
    cases = {
        r"8 lines .*listed before: line 10: .*line 11: .* and 3 more": good,
        r"2 lines .*unknown split.*line 10: 'x', line 11: 'y'": ["a.png,cat,x", "b.png,dog,y"],
        r"2 files that do not exist: line 10: .*gone1\.png, line 11: .*gone2\.png": [
            "gone1.png,cat,train",
            "gone2.png,cat,train",
        ],
        r"2 lines without a filename or a label: line 10, line 11": [",cat,train", "pets/x.png,,train"],
    }
    for message, more in cases.items():
        (tmp_path / "list.csv").write_text("\n".join(["filename,label,split", *good, *more]))
        with pytest.raises(DataError, match=message):
            load(str(tmp_path / "list.csv"))


def test_faults_of_a_folder_are_listed_together(tmp_path: Path) -> None:
    images(tmp_path / "train", ("a", "b", "c", "d"))
    images(tmp_path / "test", ("a", "b"))
    with pytest.raises(DataError, match="no images of c, d in test"):
        load(str(tmp_path))
    for name in "cd":
        (tmp_path / "test" / name).mkdir()
    with pytest.raises(DataError, match=r"test/c, .*test/d contain no images"):
        load(str(tmp_path))
    images(tmp_path / "few", ("a", "b", "c"), count=1)
    with pytest.raises(DataError, match=r"'a' \(1\), 'b' \(1\), 'c' \(1\); expected 3"):
        load(str(tmp_path / "few"))


def test_a_class_of_another_format_says_which(tmp_path: Path) -> None:
    images(tmp_path)
    for path in sorted((tmp_path / "dog").iterdir()):
        path.rename(path.with_suffix(".jp2"))
    with pytest.raises(DataError, match=r"dog contains no images, but files of other formats \(\.jp2\)"):
        load(str(tmp_path))


def test_images_in_subfolders_of_a_class_are_told(tmp_path: Path) -> None:
    """The repository of a data set, given in place of its folder, has the classes Dataset and Examples."""
    for place, name in enumerate(("Dataset/0/a.png", "Dataset/0/b.png", "Dataset/1/c.png", "Examples/d.png")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * place).save(path)
    [note] = read_tree(tmp_path).notes()
    assert re.findall(r"\d+ \w+|Dataset/\d", note) == ["3 images", "2 subfolders", "Dataset/0"]
    assert list(read_tree(tmp_path / "Dataset").notes()) == []
