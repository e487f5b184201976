"""What data hold, and what is wrong with them, before anything is trained on them: files, tables of files, arrays."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import decode
from convstudy.data.duplicates import Look
from convstudy.data.file_names import hidden, is_image_name, printable, seen_from
from convstudy.data.findings import Finding, ImageFile, findings
from convstudy.data.folder import PARTS
from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.listed import rows
from convstudy.data.sources import load
from convstudy.errors import DataError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Inspection:
    """What is there, and what is wrong with it."""

    root: Path  # the folder that the files' names begin at; of arrays, what was asked for
    files: tuple[ImageFile, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()  # what reading did to the images and the parts
    arrays: Mapping[str, tuple[ImageSet, int]] = field(default_factory=dict, repr=False)  # of what is no file, by name

    @property
    def contaminated(self) -> bool:
        """Whether an image of the test part is in another part, too."""
        return any(finding.contaminates for finding in self.findings)

    def counts(self) -> dict[str | None, Counter[str | None]]:
        """Images by part and class."""
        counts: dict[str | None, Counter[str | None]] = defaultdict(Counter)
        for file in self.files:
            counts[file.part][file.class_name] += 1
        return dict(counts)

    def to_json(self) -> dict[str, Any]:
        """Plain values for programs."""
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
    """Look at every image of any source, as `--data` names it.

    Raises: as `inspect_folder` for a folder, as `convstudy.data.load` for what is no folder and no table.
    """
    path = Path(data)
    if class_in_name and not path.is_dir():
        raise DataError(f"--class-in-name goes with a folder; got {data}")
    if path.is_dir():
        return inspect_folder(path, class_in_name=class_in_name, progress=progress)
    if path.suffix.lower() == ".csv" and path.is_file():
        return inspect_list(path, progress=progress)
    return inspect_set(data, load(data, data_dir=data_dir, test_data=test_data, skip_bad_images=True), progress)


def inspect_folder(root: Path, *, class_in_name: bool = False, progress: Progress | None = None) -> Inspection:
    """Look at every image file below a folder.

    A folder at the top whose name begins with train, val or test is a part; the folder that a file lies in is its
    class. With `class_in_name`, the class is what the file's name has before its first underscore.

    Raises: DataError, when there is no image file.
    """
    paths = [path for path in sorted(root.rglob("*")) if _is_image(path.relative_to(root)) and not path.is_dir()]
    if not paths:
        raise DataError(f"{root} has no image files below it; expected files such as .jpg or .png")
    places = [(path, *_part_and_class(path.relative_to(root), class_in_name)) for path in paths]
    return _inspection(root, places, progress)


def inspect_list(table: Path, *, progress: Progress | None = None) -> Inspection:
    """Look at every image file of a table `filename,label[,split]`. Raises: DataError, for what is no such table."""
    places = [(row.path, row.part, printable(row.label)) for row in rows(table)]
    return _inspection(table.parent, places, progress)


def inspect_set(name: str, data: DataSet, progress: Progress | None = None) -> Inspection:
    """Look at every image of a data set that was read."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    files: list[ImageFile] = []
    arrays: dict[str, tuple[ImageSet, int]] = {}
    total = sum(len(images) for images in parts.values() if images)
    for part, images in parts.items():
        for place, its in enumerate(images.ids if images else ()):
            assert images is not None
            arrays[its] = images, place
            image = Image.fromarray(_pixels(images, place).squeeze())
            told = ImageFile(its, part, data.class_names[images.labels[place]], image.size, image.mode)
            files.append(_with_look(told, image))
            if progress:
                progress(len(files), total)
    files += [ImageFile(its, None, None, problem="it cannot be read") for its in data.skipped]
    return Inspection(Path(name), tuple(files), tuple(findings(files)), data.notes, arrays)


def _inspection(
    root: Path, places: Sequence[tuple[Path, str | None, str | None]], progress: Progress | None
) -> Inspection:
    files: list[ImageFile] = []
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # what PIL warns of either decodes or is told as a problem
        for file in pool.map(lambda place: _looked_at(root, *place), places):
            files.append(file)
            if progress:
                progress(len(files), len(places))
    return Inspection(root, tuple(files), tuple(findings(files)))


def levels(files: Sequence[ImageFile]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel in 0..1, each image weighing the same; of the usual channels only."""
    channels = Counter(len(file.levels) for file in files).most_common(1)
    of_these = [file for file in files if channels and len(file.levels) == channels[0][0]]
    if not of_these:
        return [], []
    mean = np.mean([file.levels for file in of_these], axis=0)
    square = np.mean([file.squares for file in of_these], axis=0)
    std = np.sqrt(np.maximum(square - mean**2, 0))
    return [round(float(value) / 255, 4) for value in mean], [round(float(value) / 255, 4) for value in std]


def thumbnail(inspection: Inspection, name: str, side: int = 96) -> npt.NDArray[np.uint8] | None:
    """An image made small to be shown, height x width x channels; None where it cannot be decoded."""

    def smaller(image: Image.Image) -> Image.Image:
        image.thumbnail((side, side))
        return image

    if name in inspection.arrays:
        return _pixels(*inspection.arrays[name])
    image = decode(inspection.root / name, smaller).image
    if image is None:
        return None
    pixels = np.asarray(image, np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _pixels(images: ImageSet, place: int) -> npt.NDArray[np.uint8]:
    """An image of a set, height x width x channels."""
    return np.ascontiguousarray(np.asarray(images.images[place]).transpose(1, 2, 0))


def _is_image(inside: Path) -> bool:
    return is_image_name(inside.name) and not hidden(inside)


def _part_and_class(inside: Path, class_in_name: bool) -> tuple[str | None, str | None]:
    """What a file's place below the folder says."""
    part = _part(inside)
    folders = inside.parts[1:-1] if part else inside.parts[:-1]
    class_name = inside.name.partition("_")[0] if class_in_name else (folders[0] if folders else None)
    return part, class_name and printable(class_name)


def _looked_at(root: Path, path: Path, part: str | None, class_name: str | None) -> ImageFile:
    file = ImageFile(seen_from(root, path), part, class_name)
    decoded = decode(path)
    if decoded.image is None:
        return replace(file, problem=decoded.problem)
    with Image.open(path) as stored:
        file = replace(file, size=stored.size, mode=stored.mode, treatments=decoded.treatments)
    return _with_look(file, decoded.image)


def _with_look(file: ImageFile, image: Image.Image) -> ImageFile:
    pixels = np.asarray(image, np.float32).reshape(image.height * image.width, -1)
    means, squares = pixels.mean(0), (pixels**2).mean(0)
    return replace(file, look=Look.of(image), levels=tuple(means.tolist()), squares=tuple(squares.tolist()))


def _part(inside: Path) -> str | None:
    if len(inside.parts) < 2:
        return None
    top = inside.parts[0].lower()
    return next((part for part, names in PARTS.items() if top.startswith(names)), None)
