"""The data sets that torchvision reads and downloads, and the layout of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BY_FLAG: Mapping[str, Mapping[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
BY_SPLIT: Mapping[str, Mapping[str, Any]] = {"train": {"split": "train"}, "test": {"split": "test"}}


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
    ),
    "cifar100": TorchvisionSet(
        "CIFAR100",
        "CIFAR-100 (Krizhevsky 2009): photographs of 100 classes",
        "cifar-100-python/ with train, test and meta",
        "cifar-100-python",
        "test",
        horizontal_flip=True,
        parts=BY_FLAG,
    ),
    "mnist": TorchvisionSet(
        "MNIST",
        "MNIST (LeCun et al. 1998): handwritten digits",
        "MNIST/raw/ with the four idx files, compressed or not",
        "MNIST/raw",
        "train-images-idx3-ubyte",
        horizontal_flip=False,
        parts=BY_FLAG,
    ),
    "fashion-mnist": TorchvisionSet(
        "FashionMNIST",
        "Fashion-MNIST (Xiao et al. 2017): clothes of 10 classes",
        "FashionMNIST/raw/ with the four idx files, compressed or not",
        "FashionMNIST/raw",
        "train-images-idx3-ubyte",
        horizontal_flip=True,
        parts=BY_FLAG,
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
