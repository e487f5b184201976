"""The sets of torchvision and of the Hugging Face Hub, read from small files in each one's layout.

torchvision holds the large files of some sets against their published md5, which small ones cannot have: it is told
theirs. All else is torchvision's own code.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torchvision.datasets as tv
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import load_digits

from convstudy.data import DataSet, ImageSet, hugging_face, load
from convstudy.data.cifar import has_cifar, read_cifar
from convstudy.data.in_memory import given_to_evaluate, load_given
from convstudy.data.sources import load_to_evaluate
from convstudy.data.torchvision_sets import ALSO_CALLED, CIFAR100, TORCHVISION_SETS
from convstudy.errors import DataError, ToolError

Shown = dict[str, list[tuple[int, int]]]  # of each part, the grey level and the label of each image


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def grey(level: int, side: int = 8) -> npt.NDArray[np.uint8]:
    return np.full((side, side, 3), level, np.uint8)


def photograph(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey(level)).save(path, "PNG")  # as its name does not say: the levels stay as they are


def cifar100(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    folder = root / "cifar-100-python"
    folder.mkdir()
    shown = {"train": [(10, 1), (20, 0), (30, 1)], "test": [(40, 0), (50, 1)]}
    for part, images in shown.items():
        data = np.stack([grey(level, 32).transpose(2, 0, 1).reshape(-1) for level, _ in images])
        (folder / part).write_bytes(pickle.dumps({"data": data, "fine_labels": [label for _, label in images]}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["apple", "bear"]}))
    patch.setattr(tv.CIFAR100, "train_list", [["train", md5(folder / "train")]])
    patch.setattr(tv.CIFAR100, "test_list", [["test", md5(folder / "test")]])
    meta = {"filename": "meta", "key": "fine_label_names", "md5": md5(folder / "meta")}
    patch.setattr(tv.CIFAR100, "meta", meta)
    return shown


def svhn(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    """In the files the digit 0 has the label 10."""
    shown = {"train": [(10, 1), (20, 0), (30, 1)], "test": [(40, 0), (50, 1)]}
    listed = {}
    for part, images in shown.items():
        path = root / f"{part}_32x32.mat"
        pixels = np.stack([grey(level, 32) for level, _ in images], axis=-1)
        savemat(path, {"X": pixels, "y": np.array([[label or 10] for _, label in images], np.uint8)})
        listed[part] = ["", path.name, md5(path)]
    patch.setattr(tv.SVHN, "split_list", listed)
    return shown


def stl10(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    """Labels from 1; images column by column."""
    folder = root / "stl10_binary"
    folder.mkdir()
    shown = {"train": [(10, 1), (20, 0), (30, 1)], "test": [(40, 0), (50, 1)]}
    for part, images in shown.items():
        (folder / f"{part}_X.bin").write_bytes(b"".join(grey(level, 96).tobytes() for level, _ in images))
        (folder / f"{part}_y.bin").write_bytes(bytes(label + 1 for _, label in images))
    (folder / "unlabeled_X.bin").write_bytes(b"")
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    names = ["train_X.bin", "train_y.bin", "unlabeled_X.bin"]
    patch.setattr(tv.STL10, "train_list", [[name, md5(folder / name)] for name in names])
    patch.setattr(tv.STL10, "test_list", [[name, md5(folder / name)] for name in ("test_X.bin", "test_y.bin")])
    return shown


def flowers102(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    """Ids and labels from 1; its classes are not in the order of the alphabet."""
    folder = root / "flowers-102"
    labels = [0, 1, 1, 0, 0, 1]
    for index in range(6):
        photograph(folder / "jpg" / f"image_{index + 1:05d}.jpg", 10 * index)
    savemat(folder / "imagelabels.mat", {"labels": np.array(labels) + 1})
    savemat(folder / "setid.mat", {"trnid": [1, 2], "valid": [3, 4], "tstid": [5, 6]})
    listed = {key: (name, md5(folder / name)) for key, name in (("label", "imagelabels.mat"), ("setid", "setid.mat"))}
    patch.setattr(tv.Flowers102, "_file_dict", {"image": ("", ""), **listed})
    return {
        part: [(10 * index, labels[index]) for index in at]
        for part, at in (("train", [0, 1]), ("validation", [2, 3]), ("test", [4, 5]))
    }


def oxford_pets(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    folder = root / "oxford-iiit-pet"
    shown: Shown = {"train": [(10, 0), (20, 1), (30, 0), (35, 1)], "test": [(40, 1), (50, 0)]}
    (folder / "annotations").mkdir(parents=True)
    for part, file in (("train", "trainval"), ("test", "test")):
        lines = []
        for level, label in shown[part]:
            name = f"{['Maine_Coon', 'beagle'][label]}_{level}"
            photograph(folder / "images" / f"{name}.jpg", level)
            lines.append(f"{name} {label + 1} {label + 1} 1\n")
        (folder / "annotations" / f"{file}.txt").write_text("".join(lines))
    return shown


def food101(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    shown: Shown = {"train": [(10, 0), (20, 1), (30, 1), (35, 0)], "test": [(40, 0), (50, 1)]}
    names = ["apple_pie", "sushi"]
    (root / "food-101" / "meta").mkdir(parents=True)
    for part, images in shown.items():
        listed: dict[str, list[str]] = {name: [] for name in names}
        for level, label in images:
            photograph(root / "food-101" / "images" / names[label] / f"{level}.jpg", level)
            listed[names[label]].append(f"{names[label]}/{level}")
        (root / "food-101" / "meta" / f"{part}.json").write_text(json.dumps(listed))
    return shown


def imagenette(root: Path, patch: pytest.MonkeyPatch) -> Shown:
    shown: Shown = {"train": [(10, 0), (20, 1), (30, 1), (35, 0)], "test": [(40, 0), (50, 1)]}
    for part, images in shown.items():
        for level, label in images:
            wnid = ["n01440764", "n02102040"][label]
            photograph(root / "imagenette2-160" / {"test": "val"}.get(part, part) / wnid / f"{level}.JPEG", level)
    return shown


MADE: dict[str, tuple[Callable[[Path, pytest.MonkeyPatch], Shown], tuple[str, str]]] = {
    "cifar100": (cifar100, ("apple", "bear")),
    "svhn": (svhn, ("0", "1")),
    "stl10": (stl10, ("airplane", "bird")),
    "flowers102": (flowers102, ("pink primrose", "hard-leaved pocket orchid")),
    "oxford-pets": (oxford_pets, ("Maine Coon", "Beagle")),
    "food101": (food101, ("apple_pie", "sushi")),
    "imagenette-160": (imagenette, ("tench", "English springer")),
}


def shown_by(data: DataSet) -> Shown:
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    return {
        part: sorted(zip(images.images[:, 0, 4, 4].tolist(), images.labels.tolist(), strict=True))
        for part, images in parts.items()
        if images is not None
    }


@pytest.mark.parametrize("name", MADE)
def test_a_set_is_read_from_its_layout(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, class_names = MADE[name]
    shown = make(tmp_path, monkeypatch)
    expected = {part: sorted(images) for part, images in shown.items()}
    for folder in (tmp_path, tmp_path / TORCHVISION_SETS[name].folder):  # the one above, or the folder itself
        data = load(name, data_dir=folder)
        assert shown_by(data) == expected
        assert data.class_names == class_names
        assert (data.name, data.in_channels) == (name, 3)
        assert data.horizontal_flip == (name != "svhn")
        assert set(TORCHVISION_SETS[name].notes) <= set(data.notes)
    small = load(name, data_dir=tmp_path, side=4)
    assert small.side == 4
    assert shown_by(data) == expected


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_class_names_are_those_of_torchvision(name: str) -> None:
    kind = TORCHVISION_SETS[name]
    assert list(kind.class_names) == getattr(tv, kind.dataset).classes


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_published_files_of_cifar_are_those_of_torchvision(name: str) -> None:
    files, theirs = TORCHVISION_SETS[name].cifar, getattr(tv, TORCHVISION_SETS[name].dataset)
    assert files is not None
    assert files.folder == theirs.base_folder
    listed = [[list(file) for file in files.parts[part].items()] for part in ("train", "test")]
    assert listed == [theirs.train_list, theirs.test_list]
    assert {"filename": files.meta[0], "key": files.class_names, "md5": files.meta[1]} == theirs.meta


def test_cifar_is_read_as_torchvision_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar100(tmp_path, monkeypatch)
    digests = {name: md5(tmp_path / "cifar-100-python" / name) for name in ("train", "test", "meta")}
    files = replace(
        CIFAR100,
        parts={part: {part: digests[part]} for part in ("train", "test")},
        meta=("meta", digests["meta"]),
        images={"train": 3, "test": 2},
    )
    assert has_cifar(tmp_path, files)
    assert not has_cifar(tmp_path, CIFAR100)  # the published files are others
    parts, class_names = read_cifar(tmp_path, files)
    for part, (images, labels) in parts.items():
        theirs = tv.CIFAR100(str(tmp_path), train=part == "train")
        assert np.array_equal(images, theirs.data.transpose(0, 3, 1, 2))
        assert labels.tolist() == theirs.targets
    assert list(class_names) == tv.CIFAR100(str(tmp_path)).classes


def test_digits_are_those_of_scikit_learn() -> None:
    bundled = load_digits()
    data = load("digits")
    rows = {int(name.removeprefix("digits/")): row for part in (data.train, data.test) for row, name in rows_of(part)}
    for place in range(len(bundled.target)):
        image, label = rows[place]
        assert np.array_equal(image, np.round(bundled.images[place] * (255 / 16)))
        assert label == bundled.target[place]
    assert data.class_names == tuple(map(str, bundled.target_names))


def rows_of(part: ImageSet) -> Iterator[tuple[tuple[npt.NDArray[np.uint8], int], str]]:
    for image, label, name in zip(part.images[:, 0], part.labels.tolist(), part.ids, strict=True):
        yield (image, label), name


def test_a_broken_photograph_of_a_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    food101(tmp_path, monkeypatch)
    (tmp_path / "food-101" / "images" / "sushi" / "20.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"20\.jpg cannot be decoded: the file is empty"):
        load("food101", data_dir=tmp_path)


@pytest.mark.parametrize("name", TORCHVISION_SETS)
def test_without_its_files_and_a_network_one_line_says_what_to_put_where(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", unreachable)
    with pytest.raises(DataError) as raised:
        load(name, data_dir=tmp_path)
    told = str(raised.value)
    assert told.startswith(f"{name} is not in {tmp_path} and cannot be downloaded (")
    assert TORCHVISION_SETS[name].layout in told
    assert "\n" not in told


def test_names_are_taken_without_their_hyphen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oxford_pets(tmp_path, monkeypatch)
    assert load("oxfordiiitpet", data_dir=tmp_path).name == load("oxfordpets", data_dir=tmp_path).name == "oxford-pets"
    assert ALSO_CALLED["fashionmnist"] == "fashion-mnist"
    assert set(ALSO_CALLED.values()) <= set(TORCHVISION_SETS)


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set that `datasets` has saved: three parts, as PNG; the test images are 200 and more."""
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        {"id": datasets.Value("int64"), "img": datasets.Image(), "label": datasets.ClassLabel(names=["dog", "cat"])}
    )

    def part(levels: list[int]) -> Any:
        images = [Image.fromarray(grey(level)) for level in levels]
        columns = {"id": levels, "img": images, "label": [level % 2 for level in levels]}
        return datasets.Dataset.from_dict(columns, features=features)

    parts = {"train": part([10, 11, 12, 13]), "valid": part([100, 101]), "test": part([200, 201, 202])}
    datasets.disable_progress_bars()
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    return tmp_path / "saved"


def test_a_column_of_a_set_of_the_hub_names_the_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"]), "group": datasets.Value("string")}
    )
    images = [Image.fromarray(grey(level)) for level in range(0, 240, 10)]
    columns: dict[str, list[Any]] = {
        "image": images,
        "label": [place % 2 for place in range(24)],
        "group": [f"p{n // 2}" for n in range(24)],
    }
    data = load_given(datasets.Dataset.from_dict(columns, features=features))
    assert not set(data.train.groups) & set(data.test.groups)
    assert len({*data.train.groups, *data.test.groups}) == 12
    columns["group"] = [*columns["group"][:5], None, *columns["group"][6:]]
    with pytest.raises(DataError, match="row 5 has no group"):
        load_given(datasets.Dataset.from_dict(columns, features=features))


def test_a_set_of_the_hub_is_read(saved: Path) -> None:
    for _ in range(2):
        data = load(f"hf:{saved}")
        assert shown_by(data) == {
            "train": [(level, level % 2) for level in (10, 11, 12, 13)],
            "validation": [(100, 0), (101, 1)],
            "test": [(200, 0), (201, 1), (202, 0)],
        }
        assert data.class_names == ("dog", "cat")  # as the set has them
        assert data.train.ids == ("train/0", "train/1", "train/2", "train/3")
        assert "/" not in data.name
    assert load(f"hf:{saved}", side=4).side == 4


def test_a_local_folder_of_images_is_read_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the extra hf is not installed")
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    for part in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            for index in range(3):
                photograph(tmp_path / "pets" / part / name / f"{index}.png", 10 * index + label)
    data = load(f"hf:{tmp_path / 'pets'}")
    assert data.class_names == ("cat", "dog")
    assert shown_by(data)["test"] == [(10 * index + label, label) for index in range(3) for label in (0, 1)]


def test_a_test_set_alone_is_evaluated(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets  # noqa: PLC0415 - an extra

    parts = datasets.load_from_disk(str(saved))
    alone = datasets.DatasetDict(test=parts["test"])
    monkeypatch.setattr(hugging_face, "_loaded", lambda words: alone)
    named = load_to_evaluate("hf:x", expected=("cat", "dog"))
    for found in (named, given_to_evaluate(alone, expected=("cat", "dog"))):
        assert (found.class_names, found.is_test, len(found.images)) == (("cat", "dog"), True, 3)
        assert found.images.labels.tolist() == [1, 0, 1]
    validation = datasets.DatasetDict(validation=parts["valid"])
    found = given_to_evaluate(validation, expected=("cat", "dog"))
    assert (found.is_test, len(found.images)) == (False, 2)


def test_what_cannot_be_loaded_through_datasets_gets_one_line(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets  # noqa: PLC0415 - an extra

    def unreachable(name: str) -> None:
        raise ConnectionError(f"Couldn't reach\n{name}")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(DataError) as raised:
        load("hf:someone/pets")
    assert "\n" not in str(raised.value)
    told = "hf:someone/pets cannot be loaded (ConnectionError: Couldn't reach someone/pets); expected the name of a"
    assert str(raised.value).startswith(told)
    parts = datasets.load_from_disk(str(saved))
    cases = {
        "has the splits test; expected train": datasets.DatasetDict(test=parts["test"]),
        r"has the columns id \(Value\), img \(Image\); expected one of images": parts.remove_columns("label"),
        r"has the columns id \(Value\), label \(ClassLabel\); expected one of images": parts.remove_columns("img"),
        "train, row 0 has the label None": parts.map(lambda row: {**row, "label": None}),
    }
    for message, found in cases.items():
        monkeypatch.setattr(hugging_face, "_loaded", lambda words, found=found: found)
        with pytest.raises(DataError, match=f"hf:x.* {message}|hf:x, {message}"):
            load("hf:x")


def test_without_datasets_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ToolError, match=r"hf:x needs datasets; pip install .convstudy\[hf\]"):
        load("hf:x")
