"""Inspection of data before training: what files, tables and arrays contain, and what is wrong with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import Decoded, White, decode, decode_each, is_deep
from convstudy.data.duplicates import Look
from convstudy.data.file_names import seen_from
from convstudy.data.findings import Finding, ImageFile, class_counts, findings
from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.image_tree import ImageTree, read_tree
from convstudy.data.listed import Row, rows
from convstudy.data.sources import load
from convstudy.data.structure import of_names, of_sizes, of_tree
from convstudy.data.white import white_notes, white_of_files
from convstudy.errors import DataError

Progress = Callable[[int, int], None]
LEVELS = np.arange(256)


@dataclass(frozen=True)
class Inspection:
    """What data contain, and what is wrong with them."""

    root: Path  # the folder that the files' names are relative to; for arrays, their source
    files: tuple[ImageFile, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()  # what reading did to the images and the parts
    arrays: Mapping[str, tuple[ImageSet, int]] = field(default_factory=dict, repr=False)  # of images without files
    paths: Mapping[str, Path] = field(default_factory=dict, repr=False)  # of images in files, by name
    rows: Mapping[str, Row] = field(default_factory=dict, repr=False)  # of the table, by name
    table: Path | None = None
    white: White | None = None  # of images of more than 8 bits, if there are any

    @property
    def contaminated(self) -> bool:
        """Whether a test image is also in another part."""
        return any(finding.contaminates for finding in self.findings)

    def counts(self) -> dict[str | None, Counter[str | None]]:
        """Count the images by part and class."""
        counts: dict[str | None, Counter[str | None]] = defaultdict(Counter)
        for file in self.files:
            counts[file.part][file.class_name] += 1
        return dict(counts)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for programs."""
        decoded = [file for file in self.files if file.look]
        mean, std = levels(decoded)
        return {
            "source": str(self.root),
            "images": len(self.files),
            "counts": [
                {"part": part, "class": name, "images": number}
                for part, classes in self.counts().items()
                for name, number in sorted(classes.items(), key=lambda item: item[0] or "")
            ],
            "sizes": [{"size": list(size), "images": n} for size, n in Counter(f.size for f in decoded).most_common()],
            "modes": dict(Counter(file.mode for file in decoded).most_common()),
            "mean": mean,
            "std": std,
            "notes": list(self.notes),
            "findings": [
                {"kind": f.kind, "sentence": f.sentence, "images": [list(group) for group in f.images]}
                for f in self.findings
            ],
            "contaminated": self.contaminated,
        }


def inspected(
    data: str,
    *,
    data_dir: Path | None = None,
    test_data: Path | None = None,
    class_in_name: bool = False,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect every image of any source that `load` reads.

    Raises: as `inspect_folder` for a folder, as `convstudy.data.load` for everything that is not a folder or a table.
    """
    path = Path(data)
    if class_in_name and not path.is_dir():
        raise DataError(f"class_in_name needs a folder; got {data}")
    if path.is_dir():
        return inspect_folder(path, class_in_name=class_in_name, progress=progress)
    if path.suffix.lower() == ".csv" and path.is_file():
        return inspect_list(path, progress=progress)
    return inspect_set(data, load(data, data_dir=data_dir, test_data=test_data, skip_bad_images=True), progress)


def inspect_folder(root: Path, *, class_in_name: bool = False, progress: Progress | None = None) -> Inspection:
    """Inspect every image file of a folder, with the parts and classes that training reads.

    With `class_in_name`, the class is the part of a file's name before its first underscore.

    Raises: DataError, if there is no image file, or as `read_tree`.
    """
    tree = read_tree(root, class_in_name=class_in_name)
    places = sorted(_places(tree))
    if not places:
        raise DataError(f"{root} has no image files below it; expected files such as .jpg or .png")
    found = _inspection(root, [(path, part, name) for path, part, name in places], progress)
    problems = (*found.findings, *of_tree(tree), *(of_sizes(class_counts(found.files)) if _has_classes(tree) else ()))
    return replace(found, findings=problems, notes=(*white_notes(found.white), *tree.notes()))


def _has_classes(tree: ImageTree) -> bool:
    return any(part.classes for part in tree.parts.values())


def _places(tree: ImageTree) -> Iterator[tuple[Path, str | None, str | None]]:
    """Yield the images that are read; in a folder without class folders, all of them, without a class."""
    for part, folder in tree.parts.items():
        for each in folder.classes:
            yield from ((path, part, each.name) for path in each.images)
        if not _has_classes(tree):
            yield from ((path, part, None) for path in folder.loose)


def inspect_list(table: Path, *, progress: Progress | None = None) -> Inspection:
    """Inspect every image file of a table `filename,label[,split]`. Raises: DataError, if it is not such a table."""
    listed = rows(table)
    found = _inspection(table.parent, [(row.path, row.part, row.label) for row in listed], progress)
    by_name = {seen_from(table.parent, row.path): row for row in listed}
    problems = (*found.findings, *of_names(row.label for row in listed), *of_sizes(class_counts(found.files)))
    return replace(found, findings=problems, notes=tuple(white_notes(found.white)), rows=by_name, table=table)


def inspect_set(name: str, data: DataSet, progress: Progress | None = None) -> Inspection:
    """Inspect every image of a data set that was read."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    files: list[ImageFile] = []
    arrays: dict[str, tuple[ImageSet, int]] = {}
    total = sum(len(images) for images in parts.values() if images)
    for part, images in parts.items():
        for place, image_id in enumerate(images.ids if images else ()):
            assert images is not None
            arrays[image_id] = images, place
            image = Image.fromarray(_pixels(images, place).squeeze())
            file = ImageFile(image_id, part, data.class_names[images.labels[place]], image.size, image.mode)
            files.append(replace(file, **_features(image)))
            if progress:
                progress(len(files), total)
    files += [ImageFile(image_id, None, None, problem="it cannot be read") for image_id in data.skipped]
    return Inspection(Path(name), tuple(files), tuple(findings(files)), data.notes, arrays)


def _inspection(
    root: Path, places: Sequence[tuple[Path, str | None, str | None]], progress: Progress | None
) -> Inspection:
    files: list[ImageFile] = []
    looked_at = decode_each([path for path, _, _ in places], _features)
    for (path, part, name), decoded in zip(places, looked_at, strict=True):
        files.append(_described(ImageFile(seen_from(root, path), part, name), decoded))
        if progress:
            progress(len(files), len(places))
    paths = {file.name: path for file, (path, _, _) in zip(files, places, strict=True)}
    white, problems = _white(root, [paths[file.name] for file in files if file.look and is_deep(file.mode)])
    if white:
        files = [_scaled(file, paths[file.name], white) for file in files]
    return Inspection(root, tuple(files), (*findings(files), *problems), paths=paths, white=white)


def _white(root: Path, deep: Sequence[Path]) -> tuple[White | None, tuple[Finding, ...]]:
    """Return the value that is white in images of more than 8 bits, or what training says of their range."""
    try:
        return white_of_files(root, deep), ()
    except DataError as error:
        return None, (Finding("range", str(error), ()),)


def _scaled(file: ImageFile, path: Path, white: White) -> ImageFile:
    """Describe an image of more than 8 bits again, as it is scaled with all others."""
    return _described(file, decode(path, _features, white)) if file.look and is_deep(file.mode) else file


def _described(file: ImageFile, decoded: Decoded[dict[str, Any]]) -> ImageFile:
    if decoded.image is None:
        return replace(file, problem=decoded.problem)
    return replace(file, size=decoded.size, mode=decoded.mode, treatments=decoded.treatments, **decoded.image)


def _features(image: Image.Image) -> dict[str, Any]:
    """Compute what `ImageFile` holds of an image of mode L or RGB, without a copy of its pixels in another type."""
    counts = np.reshape(image.histogram(), (-1, 256))
    shares = counts / counts.sum(1, keepdims=True)
    return {
        "look": Look.of(image),
        "levels": tuple((shares @ LEVELS).tolist()),
        "squares": tuple((shares @ LEVELS**2).tolist()),
    }


def levels(files: Sequence[ImageFile]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel in 0..1, over the images with the most frequent channels.

    Each image has the same weight.
    """
    channels = Counter(len(file.levels) for file in files).most_common(1)
    of_these = [file for file in files if channels and len(file.levels) == channels[0][0]]
    if not of_these:
        return [], []
    mean = np.mean([file.levels for file in of_these], axis=0)
    square = np.mean([file.squares for file in of_these], axis=0)
    std = np.sqrt(np.maximum(square - mean**2, 0))
    return [round(float(value) / 255, 4) for value in mean], [round(float(value) / 255, 4) for value in std]


def thumbnail(inspection: Inspection, name: str, side: int = 96) -> npt.NDArray[np.uint8] | None:
    """Return a small version of an image, height x width x channels, or None if it cannot be decoded."""

    def smaller(image: Image.Image) -> npt.NDArray[np.uint8]:
        image.thumbnail((side, side))
        return np.array(image, np.uint8)

    if name in inspection.arrays:
        return _pixels(*inspection.arrays[name])
    pixels = decode(inspection.paths[name], smaller, inspection.white).image
    return pixels[..., None] if pixels is not None and pixels.ndim == 2 else pixels


def _pixels(images: ImageSet, place: int) -> npt.NDArray[np.uint8]:
    """Return an image of a set, height x width x channels."""
    return np.ascontiguousarray(np.asarray(images.images[place]).transpose(1, 2, 0))
