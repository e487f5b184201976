"""Stratified splits in which images that belong together stay so and every part has every class.

Equal images, near-duplicates and groups of images belong together.

scikit-learn's StratifiedGroupKFold guarantees neither a class in every part nor the size of a part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from convstudy.data.alike import connected
from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.stratified import stratified
from convstudy.errors import DataError
from convstudy.wording import plural, some

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.25
TEST_SEED = 0  # the test part is the same for every run, whatever its seed
TEST_NOTE = f"no test set: {TEST_FRACTION:.0%} split off, stratified, the same for every seed"


def split_validation(train: ImageSet, *, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[ImageSet, ImageSet]:
    """Split a validation part off the training part, stratified, by seed; each part has images of every class.

    Raises: DataError, if a class has a single image.
    """
    return _split(train, fraction, seed, "validation", keep=1)


def check_enough(parts: Mapping[str, ImageSet | None], class_names: Sequence[str], where: str) -> None:
    """Check that each class has enough training images for the parts that will be split off. Raises: DataError."""
    needed, why = fewest_needed({part for part, images in parts.items() if images is not None})
    train = parts["train"]
    if train is None:
        return
    counts = np.bincount(train.labels, minlength=len(class_names)).tolist()
    few = [f"'{name}' ({number})" for name, number in zip(class_names, counts, strict=True) if number < needed]
    if few:
        raise DataError(f"{where} has too few training images of {some(few)}; expected {needed} or more per class{why}")


def fewest_needed(present: Collection[str | None]) -> tuple[int, str]:
    """Return how many training images a class needs at least if these parts are present, and why.

    >>> fewest_needed({"train", "test"})
    (2, ', because a validation set is split off')
    """
    missing = [part for part in ("validation", "test") if part not in present]
    are = "is" if len(missing) == 1 else "are"
    return len(missing) + 1, f", because a {' and a '.join(missing)} set {are} split off" if missing else ""


def split_test(images: ImageSet, *, fraction: float = TEST_FRACTION) -> tuple[ImageSet, ImageSet]:
    """Split a test part off, stratified, always the same. Raises: as `split_validation`."""
    return _split(images, fraction, TEST_SEED, "test", keep=2)  # one of which may go to the validation part


def smaller(train: ImageSet, count: int, class_names: Sequence[str] = (), *, least: int = 2) -> ImageSet:
    """Choose about `count` images of the training part, stratified, the same for every seed.

    What belongs together stays so, and `least` images of each class are kept: two if a validation part is still to be
    split off.

    Raises: DataError, with the class names, if there are too few images to choose from, or of a class.
    """
    labels, counts = np.unique(train.labels, return_counts=True)
    most = len(train) - len(labels)
    if not 2 * len(labels) <= count <= most:
        raise DataError(
            f"train_images is {count}; expected {2 * len(labels)} to {most}, because the training set has "
            f"{len(train)} images of {len(labels)} classes",
            setting="train_images",
        )
    too_few = [label for label, number in zip(labels.tolist(), counts.tolist(), strict=True) if number <= least]
    for units in (1, least):  # two different images of each class only where one is not enough
        if not too_few:
            part = _split(train, count / len(train), TEST_SEED, "smaller training", keep=1, least=units)[1]
            if np.bincount(part.labels)[labels].min() >= least:
                return part
    names = dict(enumerate(class_names))
    left = too_few or labels[np.bincount(part.labels)[labels] < least].tolist()
    few = some(str(names.get(label, label)) for label in left)
    raise DataError(
        f"train_images is {count}, but too few images of {few} would be left; expected {least + 1} or more "
        "different training images per class",
        setting="train_images",
    )


def _split(
    images: ImageSet, fraction: float, seed: int, part: str, *, keep: int, least: int = 1
) -> tuple[ImageSet, ImageSet]:
    labels, counts = np.unique(images.labels, return_counts=True)
    if counts.min() < 2:
        raise DataError(
            f"class {labels[counts.argmin()]} has one image, so no {part} set can be split off; "
            "add images, or provide that set yourself"
        )
    count = max(round(fraction * len(images)), len(labels))
    if count > len(images) - len(labels):
        raise DataError(
            f"{len(images)} images of {len(labels)} classes are too few to split a {part} set off; expected at least "
            f"{2 * len(labels)}"
        )
    unit = units_of(images)
    classes = _classes_of(images.labels, unit)
    if images.groups:
        _check_groups(classes, part)
        chosen = _whole_units(images.labels, unit, fraction, seed)
    else:
        strata = _strata(classes)
        if len(classes) < len(images):
            fewest = len(set(strata))
            count = min(max(round(fraction * len(classes)), fewest), len(classes) - fewest)
        chosen = np.array(list(classes))[stratified(np.array(strata), count, seed)].tolist()
    off = _with_every_class(classes, set(chosen), keep, least, part, keep_count=not images.groups)
    if images.groups:
        off |= _second(images.labels, unit, off, keep)
    is_off = np.isin(unit, list(off))
    return images.chosen(np.flatnonzero(~is_off)), images.chosen(np.flatnonzero(is_off))


def leak_note(data: DataSet) -> Iterator[str]:
    """Report test images and groups that are also in another part; parts that are split off share none."""
    others = {"training": data.train, "validation": data.validation}
    tested, groups = data.test.digests, set(data.test.groups)
    for part, images in others.items():
        shared = len(groups & set(images.groups)) if images else 0
        if shared:
            yield (
                f"{shared} of {plural(len(groups), 'group')} of test images {'is' if shared == 1 else 'are'} also in "
                f"the {part} set, so results are too optimistic; divide the data by groups"
            )
        seen = set(images.digests) if images else set()
        number = sum(digest in seen for digest in tested)
        if number:
            are = "is" if number == 1 else "are"
            yield (
                f"{number} of {plural(len(tested), 'test image')} {are} also in the {part} set, pixel by pixel, so "
                "results are too optimistic; `convstudy data inspect --fix` writes a clean split of a folder"
            )


def _check_groups(classes: Mapping[int, frozenset[int]], part: str) -> None:
    """Check that each class has two groups or more. Raises: DataError."""
    of_class = Counter(label for labels in classes.values() for label in labels)
    alone = [label for label, number in sorted(of_class.items()) if number < 2]
    if alone:
        raise DataError(
            f"class {alone[0]} has images of one group only, so no {part} part can be split off without separating it; "
            "add groups, or provide the part yourself"
        )


def _whole_units(labels: npt.NDArray[np.int64], unit: npt.NDArray[np.int64], fraction: float, seed: int) -> list[int]:
    """Choose units of different sizes that together have about this fraction of the images of each class.

    Large units are placed first, those of about the same size in random order, each on the side where it leaves the
    classes closer to the fraction.
    """
    names, counts = counts_of(labels, unit)
    totals = counts.sum(0)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-np.log2(counts.sum(1))[order].round(), kind="stable")]
    off, placed, chosen = np.zeros(len(totals)), np.zeros(len(totals)), []
    for place in order.tolist():
        placed += counts[place]
        inside, outside = ((((had - fraction * placed) / totals) ** 2).sum() for had in (off + counts[place], off))
        if inside < outside:
            off += counts[place]
            chosen.append(int(names[place]))
    return chosen


def _second(labels: npt.NDArray[np.int64], unit: npt.NDArray[np.int64], off: Collection[int], keep: int) -> set[int]:
    """Return a small unit to split off besides a single one, from which nothing could be said about others."""
    if len(off) > 1:
        return set()
    names, counts = counts_of(labels, unit)
    rest = (counts[~np.isin(names, list(off))] > 0).sum(0)  # units of each class that stay
    free = [
        place for place, name in enumerate(names.tolist()) if name not in off and (rest[counts[place] > 0] > keep).all()
    ]
    return {int(names[min(free, key=lambda place: (counts[place].sum(), place))])} if free else set()


def counts_of(
    labels: npt.NDArray[np.int64], unit: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the units, and their numbers of images of each class that occurs: units x classes."""
    names, of_unit = np.unique(unit, return_inverse=True)
    classes, of_class = np.unique(labels, return_inverse=True)
    counts = np.bincount(of_unit * len(classes) + of_class, minlength=len(names) * len(classes))
    return names, counts.reshape(len(names), len(classes)).astype(np.float64)


def units_of(images: ImageSet) -> npt.NDArray[np.int64]:
    """Return for each image the first one that it belongs with: these stay together, whatever their labels.

    Images belong together that are equal pixel by pixel, are near-duplicates, or are of one group. In a class without
    two different images for the two parts, all images count as different; groups are never separated.
    """
    equal = _equal(images)
    if not images.groups:
        return equal
    first: dict[str, int] = {}
    group = np.array([first.setdefault(name, place) for place, name in enumerate(images.groups)], np.int64)
    places = np.arange(len(images))
    return connected(len(images), np.concatenate([np.stack([places, equal]), np.stack([places, group])], axis=1))


def _equal(images: ImageSet) -> npt.NDArray[np.int64]:
    first: dict[bytes, int] = {}
    equal = np.array([first.setdefault(digest, place) for place, digest in enumerate(images.digests)], np.int64)
    if images.kin is not None:
        places = np.arange(len(images))
        kin = np.unique(images.kin, return_index=True, return_inverse=True)
        equal = connected(len(images), np.stack([np.tile(places, 2), np.concatenate([equal, kin[1][kin[2]]])]))
    different = Counter(label for labels in _classes_of(images.labels, equal).values() for label in labels)
    rich = np.array([different[label] >= 2 for label in images.labels.tolist()])
    return np.where(rich & rich[equal], equal, np.arange(len(images)))


def _classes_of(labels: npt.NDArray[np.int64], unit: npt.NDArray[np.int64]) -> dict[int, frozenset[int]]:
    """Return the labels of each unit: a single one, unless equal images have different labels."""
    alone = {label: frozenset((label,)) for label in np.unique(labels).tolist()}
    found: dict[int, frozenset[int]] = {}
    for its_unit, label in sorted(zip(unit.tolist(), labels.tolist(), strict=True)):
        found[its_unit] = found[its_unit] | alone[label] if its_unit in found else alone[label]
    return found


def _strata(classes: Mapping[int, frozenset[int]]) -> list[int]:
    """Return a class for each unit, the one with the fewest units if it has several; none has a single unit."""
    units = Counter(label for labels in classes.values() for label in labels)
    strata = [min(labels, key=lambda label: (units[label], label)) for labels in classes.values()]
    sizes = Counter(strata)
    largest = sizes.most_common(1)[0][0]
    return [stratum if sizes[stratum] > 1 else largest for stratum in strata]


def _with_every_class(
    classes: Mapping[int, frozenset[int]], off: set[int], keep: int, least_off: int, part: str, *, keep_count: bool
) -> set[int]:
    """Exchange units so that of each class `keep` units stay, and `least_off` units are split off.

    With `keep_count`, the number of units to split off stays the same if the classes allow it.

    Raises: DataError, if labels conflict so much that this is impossible.
    """
    here = Counter(label for unit in off for label in classes[unit])
    there = Counter(label for unit in classes.keys() - off for label in classes[unit])
    count, share = len(off), len(off) / len(classes)

    def move(label: int, *, back: bool, least: int = 1) -> bool:
        """Move the first unit of the class that leaves `least` units of each of its classes; `back` to the rest."""
        units, giving, taking = (off, here, there) if back else (classes.keys() - off, there, here)
        free = (
            unit for unit in sorted(units) if label in classes[unit] and min(giving[at] for at in classes[unit]) > least
        )
        unit = next(free, None)
        if unit is not None:
            off.symmetric_difference_update({unit})
            giving.subtract(classes[unit])
            taking.update(classes[unit])
        return unit is not None

    def excess(label: int) -> float:
        return here[label] - share * (here[label] + there[label])

    every = sorted({label for labels in classes.values() for label in labels})
    for label in every:
        while here[label] < least_off and move(label, back=False):
            pass
        while there[label] < keep and move(label, back=True, least=least_off):
            pass
    too_many = len(off) > count
    for _ in range(
        abs(len(off) - count) if keep_count else 0
    ):  # the class that exceeds its proportion most compensates
        any(
            move(label, back=too_many, least=least_off if too_many else keep)
            for label in sorted(every, key=excess, reverse=too_many)
        )
    lacking = [label for label in every if not (here[label] and there[label])]
    if lacking:
        raise DataError(
            f"class {lacking[0]} shares its images with other classes, so no {part} set can be split off without "
            "separating equal images or groups; `convstudy data inspect` finds conflicting labels"
        )
    return off
