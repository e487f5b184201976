"""Findings about images: leaks, duplicates, conflicting labels, missing and rare classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from convstudy.data.duplicates import Look, exact_duplicates, near_duplicates
from convstudy.wording import plural, some

IMBALANCE = 10  # ratio of the largest to the smallest class that is reported
SETS = {"train": "training"}  # the names of sets in sentences, where they differ


@dataclass(frozen=True)
class ImageFile:
    """One image: its name, the part and class given by its folder or table, and its features.

    `look` is None if it cannot be decoded, and `problem` says why.
    """

    name: str  # relative to the folder or table; for an image in an array, its key and row
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
    """One problem: its kind, a sentence, and the images that it is about, group by group."""

    kind: str
    sentence: str
    images: tuple[tuple[str, ...], ...]
    contaminates: bool = False  # whether a test image was used in training or selection


def findings(files: Sequence[ImageFile]) -> Iterator[Finding]:
    """Yield all problems of images, beginning with files that do not decode and test images used elsewhere."""
    yield from _undecodable(files)
    good = [file for file in files if file.look]
    looks = [file.look for file in good if file.look]
    exact = [tuple(good[place] for place in group) for group in exact_duplicates(looks)]
    near = [(good[a], good[b]) for a, b in near_duplicates(looks)]
    yield from of_equal_images(exact)
    yield from _near_leaks(near)
    if alike := [pair for pair in near if pair[0].part == pair[1].part]:
        yield Finding(
            "near-duplicates", f"{plural(len(alike), 'pair')} of images within a set look alike", _named(alike)
        )
    if flat := [(file,) for file in good if file.look and file.look.constant]:
        yield Finding("constant", f"{plural(len(flat), 'image')} of a single color", _named(flat))
    yield from of_classes(class_counts(good))


def of_equal_images(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    """Yield the problems of groups of images that are equal pixel by pixel, leaks first."""
    yield from _leaks(groups)
    yield from _conflicts(groups)
    yield from _within(groups)


def _undecodable(files: Sequence[ImageFile]) -> Iterator[Finding]:
    for problem, number in Counter(file.problem for file in files if file.problem).most_common():
        named = _named([(file,) for file in files if file.problem == problem])
        yield Finding("undecodable", f"{plural(number, 'image')} cannot be decoded: {problem}", named)


def _leaks(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    across = [group for group in groups if "test" in {file.part for file in group} and len(_parts(group)) > 1]
    tests = sum(file.part == "test" for group in across for file in group)
    if across:
        found = {SETS.get(part, part) for group in across for part in _parts(group)} - {"test"}
        others = " or ".join(sorted(found))
        are = "is" if tests == 1 else "are"
        sentence = f"{plural(tests, 'test image')} {are} also in the {others} set, pixel by pixel"
        yield Finding("leak", sentence, _named(across), contaminates=True)
    between = [group for group in groups if "test" not in _parts(group) and len(_parts(group)) > 1]
    if between:
        yield Finding(
            "shared",
            f"{plural(len(between), 'group')} of equal images in both training and validation",
            _named(between),
        )


def _near_leaks(pairs: Sequence[tuple[ImageFile, ImageFile]]) -> Iterator[Finding]:
    across = [pair for pair in pairs if pair[0].part != pair[1].part]
    if across:
        yield Finding(
            "near-leak", f"{plural(len(across), 'pair')} of images in different sets look alike", _named(across)
        )


def _conflicts(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    wrong = [group for group in groups if len({file.class_name for file in group}) > 1]
    if wrong:
        yield Finding("labels", f"{plural(len(wrong), 'group')} of equal images with different classes", _named(wrong))


def _within(groups: Sequence[tuple[ImageFile, ...]]) -> Iterator[Finding]:
    same = [group for group in groups if len(_parts(group)) == 1]
    if same:
        yield Finding("duplicates", f"{plural(len(same), 'group')} of equal images within a set", _named(same))


def class_counts(files: Iterable[ImageFile]) -> dict[str | None, Counter[str]]:
    """Count the images of known class by part and class."""
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for file in files:
        if file.class_name is not None:
            counts[file.part][file.class_name] += 1
    return counts


def of_classes(counts: Mapping[str | None, Counter[str]]) -> Iterator[Finding]:
    """Yield classes that are missing in a part, and parts in which one class is many times larger than another."""
    every = sorted({name for part in counts.values() for name in part})
    for part, of_part in counts.items():
        missing = tuple(name for name in every if name not in of_part)
        where = f"the {SETS.get(part, part)} set" if part else "the folder"
        if missing:
            yield Finding("missing-class", f"{where} has no image of {some(missing)}", ())
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
