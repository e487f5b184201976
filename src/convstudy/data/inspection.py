"""What a folder of images holds, and what is wrong with it, before anything is trained on it."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import decode
from convstudy.data.duplicates import Look, exact_duplicates, near_duplicates
from convstudy.data.file_names import hidden, is_image_name, printable
from convstudy.data.folder import PARTS
from convstudy.errors import DataError

IMBALANCE = 10  # times as many images of the largest class as of the smallest


@dataclass(frozen=True)
class ImageFile:
    """One file: where it is, the part and class that its place says, and what it looks like.

    `look` is None where it cannot be decoded, and `problem` says why.
    """

    name: str  # relative to the folder
    part: str | None  # train, validation or test
    class_name: str | None
    size: tuple[int, int] = (0, 0)  # width and height as stored
    mode: str = ""
    treatments: tuple[str, ...] = ()
    problem: str = ""
    look: Look | None = None
    levels: tuple[float, ...] = ()  # mean of each channel, 0..255
    squares: tuple[float, ...] = ()  # mean square of each channel


@dataclass(frozen=True)
class Finding:
    """Something wrong: what kind, in a sentence, and the images that it is about, group by group."""

    kind: str
    sentence: str
    images: tuple[tuple[str, ...], ...]
    contaminates: bool = False  # whether a test image was seen in training or selection


@dataclass(frozen=True)
class Inspection:
    """What is there, and what is wrong with it."""

    root: Path
    files: tuple[ImageFile, ...]
    findings: tuple[Finding, ...]

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
            "findings": [
                {"kind": f.kind, "sentence": f.sentence, "images": [list(group) for group in f.images]}
                for f in self.findings
            ],
            "contaminated": self.contaminated,
        }


def inspect_folder(
    root: Path, *, class_in_name: bool = False, progress: Callable[[int, int], None] | None = None
) -> Inspection:
    """Look at every image file below a folder.

    A folder at the top whose name begins with train, val or test is a part; the folder that a file lies in is its
    class. With `class_in_name`, the class is what the file's name has before its first underscore.

    Raises: DataError, when there is no image file.
    """
    paths = [path for path in sorted(root.rglob("*")) if _is_image(path.relative_to(root)) and not path.is_dir()]
    if not paths:
        raise DataError(f"{root} has no image files below it; expected files such as .jpg or .png")
    files: list[ImageFile] = []
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # what PIL warns of either decodes or is told as a problem
        for file in pool.map(lambda path: _looked_at(root, path, class_in_name), paths):
            files.append(file)
            if progress:
                progress(len(files), len(paths))
    return Inspection(root, tuple(files), tuple(_findings(files)))


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


def thumbnail(path: Path, side: int = 96) -> npt.NDArray[np.uint8] | None:
    """An image made small to be shown, height x width x channels; None where it cannot be decoded."""

    def smaller(image: Image.Image) -> Image.Image:
        image.thumbnail((side, side))
        return image

    image = decode(path, smaller).image
    if image is None:
        return None
    pixels = np.asarray(image, np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _is_image(inside: Path) -> bool:
    return is_image_name(inside.name) and not hidden(inside)


def _looked_at(root: Path, path: Path, class_in_name: bool) -> ImageFile:
    inside = path.relative_to(root)
    part = _part(inside)
    folders = inside.parts[1:-1] if part else inside.parts[:-1]
    class_name = inside.name.partition("_")[0] if class_in_name else (folders[0] if folders else None)
    class_name = class_name and printable(class_name)
    kept: list[Image.Image] = []
    decoded = decode(path, lambda image: kept.append(image) or image)  # type: ignore[func-returns-value]
    if decoded.image is None:
        return ImageFile(printable(inside.as_posix()), part, class_name, problem=decoded.problem)
    with Image.open(path) as stored:
        size, mode = stored.size, stored.mode
    pixels = np.asarray(decoded.image, np.float32).reshape(decoded.image.height * decoded.image.width, -1)
    return ImageFile(
        printable(inside.as_posix()),
        part,
        class_name,
        size,
        mode,
        decoded.treatments,
        look=Look.of(decoded.image),
        levels=tuple(pixels.mean(0).tolist()),
        squares=tuple((pixels**2).mean(0).tolist()),
    )


def _part(inside: Path) -> str | None:
    if len(inside.parts) < 2:
        return None
    top = inside.parts[0].lower()
    return next((part for part, names in PARTS.items() if top.startswith(names)), None)


def _findings(files: Sequence[ImageFile]) -> Iterator[Finding]:
    yield from _undecodable(files)
    good = [file for file in files if file.look]
    looks = [file.look for file in good if file.look]
    exact = [tuple(good[place] for place in group) for group in exact_duplicates(looks)]
    near = [(good[a], good[b]) for a, b in near_duplicates(looks)]
    yield from of_equal_images(exact)
    yield from _near_leaks(near)
    if alike := [pair for pair in near if pair[0].part == pair[1].part]:
        yield Finding("near-duplicates", f"{_pairs(len(alike))} of images within a part look alike", _named(alike))
    if flat := [(file,) for file in good if file.look and file.look.constant]:
        yield Finding("constant", f"{_images(len(flat))} of one grey level only", _named(flat))
    yield from of_classes(_counts(good))


def of_equal_images(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    """What is wrong with groups of images that are equal, pixel by pixel: leaks first."""
    yield from _leaks(groups)
    yield from _conflicts(groups)
    yield from _within(groups)


def _undecodable(files: Sequence[ImageFile]) -> Iterator[Finding]:
    for problem, number in Counter(file.problem for file in files if file.problem).most_common():
        named = _named([(file,) for file in files if file.problem == problem])
        yield Finding("undecodable", f"{_images(number)} cannot be decoded: {problem}", named)


def _leaks(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    across = [group for group in groups if "test" in {file.part for file in group} and len(_parts(group)) > 1]
    tests = sum(file.part == "test" for group in across for file in group)
    if across:
        others = " or ".join(sorted({part for group in across for part in _parts(group)} - {"test"}, reverse=True))
        sentence = f"{_images(tests)} of the test part {'is' if tests == 1 else 'are'} in {others}, too, pixel by pixel"
        yield Finding("leak", sentence, _named(across), contaminates=True)
    between = [group for group in groups if "test" not in _parts(group) and len(_parts(group)) > 1]
    if between:
        yield Finding(
            "shared", f"{_groups(len(between))} of equal images in both training and validation", _named(between)
        )


def _near_leaks(pairs: Sequence[tuple[ImageFile, ImageFile]]) -> Iterator[Finding]:
    across = [pair for pair in pairs if pair[0].part != pair[1].part]
    if across:
        yield Finding("near-leak", f"{_pairs(len(across))} of images in different parts look alike", _named(across))


def _conflicts(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    wrong = [group for group in groups if len({file.class_name for file in group}) > 1]
    if wrong:
        yield Finding("labels", f"{_groups(len(wrong))} of equal images with different classes", _named(wrong))


def _within(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    same = [group for group in groups if len(_parts(group)) == 1]
    if same:
        yield Finding("duplicates", f"{_groups(len(same))} of equal images within a part", _named(same))


def _counts(files: Iterable[ImageFile]) -> dict[str | None, Counter[str]]:
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for file in files:
        if file.class_name is not None:
            counts[file.part][file.class_name] += 1
    return counts


def of_classes(counts: Mapping[str | None, Counter[str]]) -> Iterator[Finding]:
    """Classes that are missing in a part, and parts in which one class has many times the images of another."""
    every = sorted({name for part in counts.values() for name in part})
    for part, of_part in counts.items():
        missing = tuple(name for name in every if name not in of_part)
        where = f"the {part} part" if part else "the folder"
        if missing:
            yield Finding("missing-class", f"{where} has no image of {', '.join(missing)}", ())
        most, least = max(of_part.values()), min(of_part.values())
        if most >= IMBALANCE * least:
            names = {number: name for name, number in of_part.items()}
            yield Finding(
                "imbalance",
                f"{where} has {most:,} images of {names[most]} and {least:,} of {names[least]}",
                (),
            )


def _parts(group: Iterable[ImageFile]) -> set[str]:
    return {file.part or "the folder" for file in group}


def _named(groups: Iterable[Iterable[ImageFile]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(file.name for file in group) for group in groups)


def _images(number: int) -> str:
    return f"{number:,} image{'' if number == 1 else 's'}"


def _groups(number: int) -> str:
    return f"{number:,} group{'' if number == 1 else 's'}"


def _pairs(number: int) -> str:
    return f"{number:,} pair{'' if number == 1 else 's'}"
