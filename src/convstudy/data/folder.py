"""Reading of class folders, with or without train, validation and test inside."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convstudy.data.decoding import GRAY_MODES, White, is_deep, open_image
from convstudy.data.file_names import seen_from, spelling_advice
from convstudy.data.image_set import DataSet, EvaluationSet, ImageSet
from convstudy.data.image_tree import ImageTree, files_below, folders_in, read_tree
from convstudy.data.memory import slice_of
from convstudy.data.parting import Parting
from convstudy.data.split import check_enough
from convstudy.data.store import decoded_store
from convstudy.data.white import white_notes, white_of_files
from convstudy.errors import DataError, printable
from convstudy.wording import NAMED, plural, some

LARGEST_SIDE = 128  # of images of several sizes, unless a side is requested


@dataclass(frozen=True)
class LabeledFile:
    """An image file and its class."""

    path: Path
    class_name: str
    group: str = ""  # of images that depend on each other, if a table says it


@dataclass(frozen=True)
class FileSet:
    """The image files of each part, and what is known about the data."""

    root: Path
    parts: Mapping[str, Sequence[LabeledFile]]
    name: str
    source: str
    notes: tuple[str, ...] = ()
    horizontal_flip: bool = True
    order: tuple[str, ...] = ()  # of the classes, if they have their own; otherwise they are sorted
    white: White | None = None  # of images of more than 8 bits, if it is known already
    parting: Parting = field(default_factory=Parting)


def image_folder(
    root: Path,
    *,
    side: int | None,
    skip_bad_images: bool,
    white: White | None = None,
    parting: Parting,
    progress: Callable[[int, int], None] | None,
) -> DataSet:
    """Read class folders; the class is the folder's name, and classes are sorted as torchvision sorts them.

    Raises: DataError, if there are no class folders, a class is empty or alone, the parts have different classes, or an
    image cannot be decoded and `skip_bad_images` is not set.
    """
    tree = read_tree(root)
    _refuse_empty(tree)
    files = files_of(tree, white, parting)
    return labeled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def files_of(tree: ImageTree, white: White | None = None, parting: Parting | None = None) -> FileSet:
    """Return the image files of a folder with their classes; without parts, all of them are for training."""
    parts = {
        part or "train": [LabeledFile(path, each.name) for each in folder.classes for path in each.images]
        for part, folder in tree.parts.items()
    }
    name = printable(tree.root.resolve().name)
    source = f"the class folders of {name}/"
    return FileSet(tree.root, parts, name, source, tuple(tree.notes()), white=white, parting=parting or Parting())


def _refuse_empty(tree: ImageTree) -> None:
    empty = [each.path for part in tree.parts.values() for each in part.classes if not each.images]
    if empty:
        endings = {path.suffix.lower() or "no ending" for folder in empty for path in files_below(folder)}
        only = f", but files of other formats ({printable(some(sorted(endings)))})" if endings else ""
        raise DataError(
            f"{some(map(str, empty))} {'contains' if len(empty) == 1 else 'contain'} no images{only}; add files such "
            "as .jpg or .png, or remove the folder"
        )


def labeled_files(
    files: FileSet, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> DataSet:
    """Decode the files of each part to images of one size; ids are their paths relative to the files' root.

    Raises: DataError, as `image_folder`.
    """
    class_names = _class_names(files.root, files.parts)
    class_names = tuple(sorted(class_names, key=files.order.index)) if files.order else class_names
    read = _decoded(files, class_names, side=side, skip_bad_images=skip_bad_images, progress=progress)
    check_enough(read.sets, class_names, files.name)
    sets = read.sets
    train, test, notes = files.parting.parts(sets["train"], sets.get("validation"), sets.get("test"))
    return DataSet(
        files.name,
        files.source,
        class_names,
        train,
        sets.get("validation"),
        test,
        files.horizontal_flip,
        notes=(*read.notes, *notes),
        skipped=read.skipped,
        white=read.white,
    )


def files_to_evaluate(
    files: FileSet, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> EvaluationSet:
    """Decode the files of the test set or, if there is none, all files.

    Raises: DataError, if there is no image, or one cannot be decoded and `skip_bad_images` is not set.
    """
    is_test = "test" in files.parts
    items = files.parts["test"] if is_test else [item for part in files.parts.values() for item in part]
    if not items:
        raise DataError(f"{files.root} has no images of a class; expected <class>/<image>{level_advice(files.root)}")
    class_names = tuple(sorted({item.class_name for item in items}))
    only = replace(files, parts={"test": items})
    read = _decoded(only, class_names, side=side, skip_bad_images=skip_bad_images, progress=progress)
    images = read.sets["test"]
    return EvaluationSet(name=files.name, class_names=class_names, images=images, is_test=is_test, notes=read.notes)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """The decoded files of each part, and what was done to them."""

    sets: dict[str, ImageSet]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]
    white: White | None


def _decoded(
    files: FileSet,
    class_names: tuple[str, ...],
    *,
    side: int | None,
    skip_bad_images: bool,
    progress: Callable[[int, int], None] | None,
) -> _Read:
    root, parts = files.root, files.parts
    paths = [item.path for items in parts.values() for item in items]
    heads = [_head(path) for path in paths]
    target, note = _side(heads, side)
    mode = "L" if all(head.mode in GRAY_MODES for head in heads if head) else "RGB"
    deep = [path for path, head in zip(paths, heads, strict=True) if head and is_deep(head.mode)]
    white = files.white or white_of_files(root, deep)
    store = decoded_store(paths, side=target, mode=mode, white=white, progress=progress)
    bad = {paths[place]: problem for place, problem in store.report.problems.items()}
    if bad and not skip_bad_images:
        first, problem = next(iter(bad.items()))
        more = f" ({len(bad)} such images in all)" if len(bad) > 1 else ""
        raise DataError(
            f"{first} cannot be decoded: {problem}{more}; repair or delete it, or skip such images with "
            "`skip_bad_images`",
            setting="skip_bad_images",
        )
    found = _image_sets(root, parts, store.images, bad, class_names)
    sets = {part: files.parting.grouped(images) for part, images in found.items()}
    notes = [note, store.note, *_bad_note(bad), *_treatment_notes(store.report.treatments)]
    notes += [*white_notes(white), *files.notes]
    skipped = tuple(seen_from(root, path) for path in bad)
    return _Read(sets=sets, notes=tuple(filter(None, notes)), skipped=skipped, white=white)


def _bad_note(bad: Collection[Path]) -> Iterator[str]:
    if bad:
        more = ", ..." if len(bad) > NAMED else ""
        names = ", ".join(printable(path.name) for path in islice(bad, NAMED))
        yield f"{plural(len(bad), 'image')} that cannot be decoded skipped: {names}{more}"


def _treatment_notes(counts: Mapping[str, int]) -> Iterator[str]:
    for treatment, count in sorted(counts.items()):
        yield f"{plural(count, 'image')}: {treatment}"


def _class_names(root: Path, parts: Mapping[str, Sequence[LabeledFile]]) -> tuple[str, ...]:
    names = {part: {item.class_name for item in items} for part, items in parts.items()}
    train = names["train"]
    if len(train) < 2:
        raise DataError(
            f"{root} has {plural(len(train), 'class folder')} ({', '.join(train) or 'none'}); "
            f"expected two or more, as in {root.name}/<class>/<image>{level_advice(root)}"
        )
    for part, found in names.items():
        for where, absent, others in ((part, train - found, found - train), ("train", found - train, train - found)):
            if absent:
                raise DataError(
                    f"{root} has no images of {some(sorted(absent))} in {where}; expected the same classes in train "
                    f"and {part}{spelling_advice(sorted(absent), sorted(others))}"
                )
    return tuple(sorted(train))


def level_advice(root: Path) -> str:
    """Suggest the only folder in a folder, if the class folders are in there."""
    inner = folders_in(root) if root.is_dir() else []
    deeper = folders_in(inner[0]) if len(inner) == 1 else []
    return f"; {inner[0]} has {plural(len(deeper), 'folder')}: use that folder instead" if len(deeper) > 1 else ""


@dataclass(frozen=True)
class Head:
    """What the first bytes of an image file say."""

    size: tuple[int, int]
    mode: str


def _head(path: Path) -> Head | None:
    """Read the size and mode of an image, or None if that fails, which decoding reports."""
    try:
        if not path.is_file():
            return None
        with open_image(path) as image:
            return Head(image.size, image.mode)
    except Exception:  # Pillow's plug-ins raise anything on broken files
        return None


def _side(heads: Iterable[Head | None], asked: int | None) -> tuple[int, str]:
    """Return the side of all images, and a note if they are resized."""
    sizes = Counter(head.size for head in heads if head)
    if asked is None and len(sizes) == 1 and len(set(next(iter(sizes)))) == 1:
        return next(iter(sizes))[0], ""
    shorter = [min(size) for size in sizes.elements()] or [LARGEST_SIDE]
    side = asked or min(int(statistics.median(shorter)), LARGEST_SIDE)
    if set(sizes) == {(side, side)}:
        return side, ""
    what = "images of {}x{}".format(*next(iter(sizes))) if len(sizes) == 1 else f"images of {len(sizes)} sizes"
    return side, f"{what}: shorter side resized to {side}, center square cropped"


def _image_sets(
    root: Path,
    parts: Mapping[str, Sequence[LabeledFile]],
    images: npt.NDArray[np.uint8],
    bad: Collection[Path],
    class_names: tuple[str, ...],
) -> dict[str, ImageSet]:
    """Return the parts as slices of the images of all good files."""
    sets, end = {}, 0
    for part, items in parts.items():
        good = [item for item in items if item.path not in bad]
        if {item.class_name for item in good} != set(class_names):
            lost = sorted(set(class_names) - {item.class_name for item in good})[0]
            raise DataError(f"{root} has no image of class '{lost}' in {part} that can be decoded")
        labels = np.array([class_names.index(item.class_name) for item in good], np.int64)
        ids = tuple(seen_from(root, item.path) for item in good)
        start, end = end, end + len(good)
        groups = tuple(item.group for item in good if item.group)
        sets[part] = ImageSet(slice_of(images, start, end), labels, ids, groups=groups)
    return sets
