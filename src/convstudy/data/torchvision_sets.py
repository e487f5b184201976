"""The data sets that torchvision reads and downloads, and the layout of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
BY_FLAG: Mapping[str, Mapping[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
BY_SPLIT: Mapping[str, Mapping[str, Any]] = {"train": {"split": "train"}, "test": {"split": "test"}}


@dataclass(frozen=True)
class CifarFiles:
    """The files of a data set, by their MD5 as torchvision publishes it, and the names of their entries."""

    folder: str
    parts: Mapping[str, Mapping[str, str]]
    meta: tuple[str, str]
    labels: str
    class_names: str
    images: Mapping[str, int] = field(default_factory=lambda: {"train": 50_000, "test": 10_000})  # of each part


CIFAR10 = CifarFiles(
    "cifar-10-batches-py",
    {
        "train": {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        "test": {"test_batch": "40351d587109b95175f43aff81a1287e"},
    },
    ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
    "labels",
    "label_names",
)
CIFAR100 = CifarFiles(
    "cifar-100-python",
    {
        "train": {"train": "16019d7e3df5f24257cddd939b257f8d"},
        "test": {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
    },
    ("meta", "7973b15100ade9c7d40fb424638fde48"),
    "fine_labels",
    "fine_label_names",
)


@dataclass(frozen=True)
class TorchvisionSet:
    """A data set that torchvision reads and downloads."""

    dataset: str  # torchvision.datasets.<dataset>
    title: str
    layout: str  # expected contents of the data folder
    folder: str  # the folder of the files in torchvision's layout
    marker: str  # a file that exists if the data do
    horizontal_flip: bool
    parts: Mapping[str, Mapping[str, Any]]  # torchvision's arguments for each part
    files: bool = False  # whether it consists of image files, and not of arrays
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()  # of idx files, which hold none
    cifar: CifarFiles | None = None  # its files, if it is one of CIFAR


def _imagenette(size: str, folder: str) -> TorchvisionSet:
    parts = {
        part: {"split": split, "size": size, "loader": Path} for part, split in (("train", "train"), ("test", "val"))
    }
    return TorchvisionSet(
        "Imagenette",
        f"Imagenette (Howard 2019), {'full size' if size == 'full' else size}: ten easy classes of ImageNet",
        f"{folder}/ with train and val",
        folder,
        "train",
        horizontal_flip=True,
        parts=parts,
        files=True,
        notes=("Imagenette's val is used as the test set",),
    )


TORCHVISION_SETS = {
    "cifar10": TorchvisionSet(
        "CIFAR10",
        "CIFAR-10 (Krizhevsky 2009): photographs of 10 classes",
        "cifar-10-batches-py/ with data_batch_1 to 5, test_batch and batches.meta",
        "cifar-10-batches-py",
        "test_batch",
        horizontal_flip=True,
        parts=BY_FLAG,
        cifar=CIFAR10,
    ),
    "cifar100": TorchvisionSet(
        "CIFAR100",
        "CIFAR-100 (Krizhevsky 2009): photographs of 100 classes",
        "cifar-100-python/ with train, test and meta",
        "cifar-100-python",
        "test",
        horizontal_flip=True,
        parts=BY_FLAG,
        cifar=CIFAR100,
    ),
    "mnist": TorchvisionSet(
        "MNIST",
        "MNIST (LeCun et al. 1998): handwritten digits",
        "MNIST/raw/ with the four idx files, compressed or not",
        "MNIST/raw",
        "train-images-idx3-ubyte",
        horizontal_flip=False,
        parts=BY_FLAG,
        class_names=tuple(f"{digit} - {name}" for digit, name in enumerate(DIGITS)),
    ),
    "fashion-mnist": TorchvisionSet(
        "FashionMNIST",
        "Fashion-MNIST (Xiao et al. 2017): clothes of 10 classes",
        "FashionMNIST/raw/ with the four idx files, compressed or not",
        "FashionMNIST/raw",
        "train-images-idx3-ubyte",
        horizontal_flip=True,
        parts=BY_FLAG,
        class_names=CLOTHES,
    ),
    "svhn": TorchvisionSet(
        "SVHN",
        "SVHN (Netzer et al. 2011): house numbers, cropped digits",
        "train_32x32.mat and test_32x32.mat",
        "",
        "test_32x32.mat",
        horizontal_flip=False,
        parts=BY_SPLIT,
        notes=("SVHN's extra part is not read",),
    ),
    "stl10": TorchvisionSet(
        "STL10",
        "STL-10 (Coates et al. 2011): photographs of 10 classes, 96x96",
        "stl10_binary/ with train_X.bin, train_y.bin, test_X.bin, test_y.bin, unlabeled_X.bin and class_names.txt",
        "stl10_binary",
        "test_X.bin",
        horizontal_flip=True,
        parts=BY_SPLIT,
        notes=("STL-10's unlabelled part is not read",),
    ),
    "flowers102": TorchvisionSet(
        "Flowers102",
        "Oxford 102 Flowers (Nilsback & Zisserman 2008)",
        "flowers-102/ with jpg/, imagelabels.mat and setid.mat",
        "flowers-102",
        "setid.mat",
        horizontal_flip=True,
        parts={
            part: {"split": split, "loader": Path}
            for part, split in (("train", "train"), ("validation", "val"), ("test", "test"))
        },
        files=True,
    ),
    "oxford-pets": TorchvisionSet(
        "OxfordIIITPet",
        "Oxford-IIIT Pets (Parkhi et al. 2012): 37 breeds of cats and dogs",
        "oxford-iiit-pet/ with images/ and annotations/",
        "oxford-iiit-pet",
        "annotations/trainval.txt",
        horizontal_flip=True,
        parts={"train": {"split": "trainval"}, "test": {"split": "test"}},
        files=True,
    ),
    "food101": TorchvisionSet(
        "Food101",
        "Food-101 (Bossard et al. 2014): dishes of 101 classes",
        "food-101/ with images/ and meta/",
        "food-101",
        "meta/train.json",
        horizontal_flip=True,
        parts={part: {"split": part, "loader": Path} for part in ("train", "test")},
        files=True,
    ),
    "imagenette": _imagenette("full", "imagenette2"),
    "imagenette-320": _imagenette("320px", "imagenette2-320"),
    "imagenette-160": _imagenette("160px", "imagenette2-160"),
}
ALSO_CALLED = {
    **{name.replace("-", ""): name for name in TORCHVISION_SETS if "-" in name},
    "oxfordiiitpet": "oxford-pets",
}
