"""Named data sets: scikit-learn's digits, and torchvision's data sets in their layout on disk."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import free_memory
from convstudy.data.cifar import has_cifar, read_cifar
from convstudy.data.folder import FileSet, LabeledFile, labeled_files
from convstudy.data.image_set import DataSet, ImageSet, at_side, numbered
from convstudy.data.parting import Parting
from convstudy.data.torchvision_sets import TORCHVISION_SETS, TorchvisionSet
from convstudy.errors import DataError
from convstudy.wording import plural

DEFAULT_DATA_DIR = Path("data")


def digits(parting: Parting) -> DataSet:
    """Return the digits included in scikit-learn: 1,797 images of 8x8 gray values from 0 to 16."""
    values = _bundled_digits()
    images = np.round(values[:, :-1].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    whole = ImageSet(images, values[:, -1].astype(np.int64), numbered("digits", len(images)))
    train, test, notes = parting.parts(parting.grouped(whole), None, None)
    return DataSet(
        "digits",
        "scikit-learn's bundled part of the UCI optical digits (Alpaydin & Kaynak 1998): 1,797 handwritten digits",
        tuple(map(str, range(10))),
        train,
        None,
        test,
        horizontal_flip=False,
        notes=notes,
    )


def _bundled_digits() -> npt.NDArray[np.float64]:
    """Return scikit-learn's table, 64 values and the class per image; importing its reader takes over a second."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="ascii") as file:
        return np.loadtxt(file, delimiter=",")


def torchvision_set(
    name: str,
    data_dir: Path | None,
    *,
    side: int | None,
    skip_bad_images: bool,
    parting: Parting,
    progress: Callable[[int, int], None] | None,
) -> DataSet:
    """Read one of torchvision's data sets from its layout in `data_dir`.

    torchvision downloads it there if it is absent. `data_dir` may also be the folder of the files themselves,
    or the one above `mnist/` with the idx files.

    Raises: DataError, with the expected files, if it is absent and cannot be downloaded, or is damaged.
    """
    kind = TORCHVISION_SETS[name]
    root = data_dir or DEFAULT_DATA_DIR
    if kind.files:
        files = replace(_image_files(name, kind, _above(root, kind)), parting=parting)
        return labeled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)
    data = _arrays(name, kind, root, parting)
    return data if side is None else at_side(data, side)


def _arrays(name: str, kind: TorchvisionSet, root: Path, parting: Parting) -> DataSet:
    idx = _idx_folder(name, kind, root)
    if idx is not None:
        _refuse_another_set(name, kind, idx)
        parts = {part: _read_idx(idx, prefix) for part, prefix in (("train", "train"), ("test", "t10k"))}
        class_names = kind.class_names
    elif kind.cifar and has_cifar(_above(root, kind), kind.cifar):
        parts, class_names = read_cifar(_above(root, kind), kind.cifar)
    else:
        there = _through_torchvision(name, kind, _above(root, kind))
        parts = {part: (_planes(np.asarray(its.data)), _labels(its)) for part, its in there.items()}
        class_names = _class_names(there["train"])
    sets = {
        part: parting.grouped(ImageSet(images, labels, numbered(part, len(labels))))
        for part, (images, labels) in parts.items()
    }
    train, test, notes = parting.parts(sets["train"], None, sets["test"])
    return DataSet(
        name,
        _source(kind),
        class_names,
        train,
        None,
        test,
        kind.horizontal_flip,
        notes=(*kind.notes, *notes),
    )


def _source(kind: TorchvisionSet) -> str:
    return f"{kind.title}, read from torchvision's layout"


def _above(root: Path, kind: TorchvisionSet) -> Path:
    return root.parent if root.name == kind.folder else root


def _image_files(name: str, kind: TorchvisionSet, root: Path) -> FileSet:
    there = _through_torchvision(name, kind, root)
    class_names = _class_names(there["train"])
    parts = {
        part: [LabeledFile(path, class_names[label]) for path, label in _paths_and_labels(dataset)]
        for part, dataset in there.items()
    }
    return FileSet(root / kind.folder, parts, name, _source(kind), kind.notes, kind.horizontal_flip, class_names)


def _through_torchvision(name: str, kind: TorchvisionSet, root: Path) -> dict[str, Any]:
    """Return torchvision's object for each part. Raises: DataError, if its files are absent or damaged."""
    import torchvision

    dataset = getattr(torchvision.datasets, kind.dataset)
    absent = not (root / kind.folder / kind.marker).exists()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # torchvision prints that it downloads
            return {part: dataset(str(root), download=absent, **asked) for part, asked in kind.parts.items()}
    except Exception as error:
        what = f"is not in {root} and cannot be downloaded" if absent else f"in {root} is damaged or incomplete"
        raise DataError(f"{name} {what} ({type(error).__name__}); expected {kind.layout} in data_dir") from error


def _paths_and_labels(dataset: Any) -> list[tuple[Path, int]]:
    """List the files of a set opened with `Path` as its image loader; OxfordIIITPet takes no loader."""
    if hasattr(dataset, "_images"):
        return list(zip(dataset._images, dataset._labels, strict=True))
    return [dataset[index] for index in range(len(dataset))]


def _class_names(dataset: Any) -> tuple[str, ...]:
    """Return the names that torchvision knows, the first one of several; SVHN's classes are digits."""
    names = getattr(dataset, "classes", None) or range(int(_labels(dataset).max()) + 1)
    return tuple(str(name[0] if isinstance(name, tuple) else name) for name in names)


def _labels(dataset: Any) -> npt.NDArray[np.int64]:
    labels = dataset.targets if hasattr(dataset, "targets") else dataset.labels
    return np.asarray(labels, np.int64)


def _planes(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Convert images to N x C x H x W that may be written to, because PyTorch takes no read-only arrays."""
    images = images[..., None] if images.ndim == 3 else images
    channels_first = images.shape[1] == 3 and images.shape[3] != 3
    return np.require(images if channels_first else images.transpose(0, 3, 1, 2), np.uint8, ["C", "W"])


def _idx_folder(name: str, kind: TorchvisionSet, root: Path) -> Path | None:
    """Find the folder with the four idx files, compressed or not: torchvision's, `root` or `root/<name>`."""
    if not kind.marker.endswith("ubyte"):
        return None
    folders = (root / kind.folder, root, root / name)
    return next((folder for folder in folders if _idx_file(folder, kind.marker).exists()), None)


def _refuse_another_set(name: str, kind: TorchvisionSet, folder: Path) -> None:
    """Refuse files of another set: those of MNIST and Fashion-MNIST differ only in the md5 published by torchvision."""
    import torchvision

    path = folder / f"{kind.marker}.gz"
    if not path.exists():
        return
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    for other, its in TORCHVISION_SETS.items():
        published = dict(getattr(getattr(torchvision.datasets, its.dataset), "resources", ()))
        if other != name and published.get(path.name) == found:
            raise DataError(
                f"{path} is a file of {other}, not of {name}; use the data set {other}, or another data_dir"
            )


def _idx_file(folder: Path, stem: str) -> Path:
    plain = folder / stem
    return plain if plain.exists() else plain.with_name(f"{stem}.gz")


def _read_idx(folder: Path, prefix: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    images, labels = (
        _idx_array(_idx_file(folder, f"{prefix}-{what}-ubyte")) for what in ("images-idx3", "labels-idx1")
    )
    if len(images) != len(labels):
        raise DataError(
            f"{folder} has {plural(len(labels), f'{prefix} label')} for {plural(len(images), 'image')}; "
            "download its files again"
        )
    return _planes(images), labels.astype(np.int64)


def _refuse_large(path: Path, num_bytes: int) -> None:
    free = free_memory.free_memory()
    if num_bytes > free:
        raise DataError(f"{path} claims {num_bytes / 1e9:,.1f} GB of values; {free / 1e9:,.1f} GB are free")


def _idx_array(path: Path) -> npt.NDArray[np.uint8]:
    """Read an idx file of bytes: two zeros, the type 8, the number of axes, their lengths (big-endian), the values.

    torchvision's own reader takes no compressed files. No more is decompressed than the lengths say.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            axes = {b"\0\0\x08\1": 1, b"\0\0\x08\3": 3}[file.read(4)]
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))
            _refuse_large(path, math.prod(shape))
            content = file.read(math.prod(shape) + 1)  # one more would be too many
        return np.frombuffer(content, np.uint8).reshape(shape)
    except (OSError, EOFError, ValueError, KeyError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is not an idx file of bytes ({type(error).__name__}); download it again") from error
