"""A folder of class folders, with or without train, validation and test inside."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import GREY_MODES
from convstudy.data.file_names import hidden, is_image_name, printable, seen_from
from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.memory import slice_of
from convstudy.data.split import TEST_NOTE, check_enough, split_test
from convstudy.data.store import decoded_store
from convstudy.errors import DataError
from convstudy.wording import plural

PARTS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid"),
    "test": ("test", "testing"),
}
_PART_NAMES = tuple(name for names in PARTS.values() for name in names)
LARGEST_SIDE = 128  # of images of several sizes, unless a side is asked for


@dataclass(frozen=True)
class Labelled:
    """An image file and its class."""

    path: Path
    class_name: str


@dataclass(frozen=True)
class FileSet:
    """The image files of each part, and what is known of the data that they make."""

    root: Path
    parts: Mapping[str, Sequence[Labelled]]
    name: str
    source: str
    notes: tuple[str, ...] = ()
    horizontal_flip: bool = True
    order: tuple[str, ...] = ()  # of the classes, where they have one of their own; else they are sorted


def image_folder(
    root: Path, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> DataSet:
    """Read class folders; the class is the folder's name, and classes are sorted as torchvision sorts them.

    Raises: DataError, when there are no class folders, a class is empty or alone, the parts have other classes, or an
    image cannot be decoded and `skip_bad_images` is not set.
    """
    folders = _part_folders(root)
    parts = {part: list(_labelled(folder)) for part, folder in folders.items()}
    name = root.resolve().name
    files = FileSet(root, parts, name, f"the class folders of {name}/", tuple(_left_out_notes(root, folders)))
    return labelled_files(files, side=side, skip_bad_images=skip_bad_images, progress=progress)


def labelled_files(
    files: FileSet, *, side: int | None, skip_bad_images: bool, progress: Callable[[int, int], None] | None
) -> DataSet:
    """Decode the files of each part to images of one size; ids are their paths as seen from the files' root.

    Raises: DataError, as `image_folder`.
    """
    root, parts = files.root, files.parts
    class_names = _class_names(root, parts)
    class_names = tuple(sorted(class_names, key=files.order.index)) if files.order else class_names
    paths = [item.path for items in parts.values() for item in items]
    heads = [_head(path) for path in paths]
    target, note = _side(heads, side)
    mode = "L" if all(head.mode in GREY_MODES for head in heads if head) else "RGB"
    store = decoded_store(paths, side=target, mode=mode, progress=progress)
    bad = {paths[place]: problem for place, problem in store.told.problems.items()}
    if bad and not skip_bad_images:
        first, problem = next(iter(bad.items()))
        more = f" ({len(bad)} such images in all)" if len(bad) > 1 else ""
        raise DataError(
            f"{printable(str(first))} cannot be decoded: {problem}{more}; "
            "mend or delete it, or go on without it by --skip-bad-images"
        )
    sets = _image_sets(root, parts, store.images, bad, class_names)
    check_enough(sets, class_names, files.name)
    told = [note, store.note, *_bad_note(bad), *_treatment_notes(store.told.treatments), *files.notes]
    train, test = sets["train"], sets.get("test")
    if test is None:
        train, test = split_test(train)
        told.append(TEST_NOTE)
    return DataSet(
        files.name,
        files.source,
        class_names,
        train,
        sets.get("validation"),
        test,
        files.horizontal_flip,
        notes=tuple(filter(None, told)),
        skipped=tuple(seen_from(root, path) for path in bad),
    )


def _bad_note(bad: Collection[Path]) -> Iterator[str]:
    if bad:
        more = ", ..." if len(bad) > 5 else ""
        names = ", ".join(printable(path.name) for path in islice(bad, 5))
        yield f"{plural(len(bad), 'image')} that cannot be decoded skipped: {names}{more}"


def _treatment_notes(counts: Mapping[str, int]) -> Iterator[str]:
    for treatment, count in sorted(counts.items()):
        yield f"{plural(count, 'image')}: {treatment}"


def _left_out_notes(root: Path, folders: Mapping[str, Path]) -> Iterator[str]:
    """What lies in the folder and was not read."""
    others = Counter(
        printable(path.suffix.lower()) or "no ending"
        for folder in folders.values()
        for path in folder.rglob("*")
        if path.is_file() and not hidden(path.relative_to(folder)) and not _is_image_of_a_class(path, folder)
    )
    if others:
        files = "1 file that is no image" if others.total() == 1 else f"{others.total():,} files that are no images"
        yield f"{files} of a class left out: {', '.join(sorted(others))}"
    beside = [folder.name for folder in _folders(root) if folder not in folders.values()]
    if root not in folders.values() and beside:
        yield f"folders beside the parts left out: {', '.join(beside)}"


def _part_folders(root: Path) -> dict[str, Path]:
    """The folders of the parts; the root itself is the training part where there are none.

    The names are taken in any case: `Train` is `train`.
    """
    found: dict[str, Path] = {}
    for folder in _folders(root):
        part = next((part for part, names in PARTS.items() if folder.name.lower() in names), None)
        if part is None or not _folders(folder):
            continue
        if part in found:
            raise DataError(f"{root} has both {found[part].name} and {folder.name}; expected one {part} part")
        found[part] = folder
    if found and "train" not in found:
        raise DataError(f"{root} has {' and '.join(sorted(found))} but no train folder; expected train/<class>/<image>")
    if not found:
        _refuse_parts_as_classes(root)
    return found or {"train": root}


def _refuse_parts_as_classes(root: Path) -> None:
    """`train_signs` and `test_signs` are no classes, although they are folders of images."""
    names = [folder.name for folder in _folders(root)]
    parts = {part for name in names for part in PARTS if name.lower().startswith(PARTS[part])}
    if "train" in parts and len(parts) > 1 and all(name.lower().startswith(_PART_NAMES) for name in names):
        raise DataError(
            f"{root} has the folders {', '.join(names)}, which look like parts and not like classes; "
            "expected train/<class>/<image>, and val and test likewise"
        )


def _folders(folder: Path) -> list[Path]:
    """The visible folders in a folder. Raises: DataError, when it cannot be listed."""
    try:
        return sorted(entry for entry in folder.iterdir() if not hidden(Path(entry.name)) and entry.is_dir())
    except OSError as error:
        raise DataError(
            f"{printable(str(folder))} cannot be listed: {(error.strerror or str(error)).lower()}"
        ) from error


def _labelled(folder: Path) -> Iterator[Labelled]:
    for class_folder in _folders(folder):
        _folders(class_folder)  # or what cannot be listed would look empty
        visible = [path for path in sorted(class_folder.rglob("*")) if _is_image_of_a_class(path, folder)]
        if not visible:
            name = printable(str(class_folder))
            raise DataError(f"{name} holds no images; expected files such as .jpg or .png, or no folder at all")
        yield from (Labelled(path, printable(class_folder.name)) for path in visible)


def _is_image_of_a_class(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    return len(inside.parts) > 1 and is_image_name(path.name) and not hidden(inside) and not path.is_dir()


def _class_names(root: Path, parts: Mapping[str, Sequence[Labelled]]) -> tuple[str, ...]:
    names = {part: sorted({item.class_name for item in items}) for part, items in parts.items()}
    train = names["train"]
    if len(train) < 2:
        raise DataError(
            f"{root} has {plural(len(train), 'class folder')} ({', '.join(train) or 'none'}); "
            f"expected two or more, as in {root.name}/<class>/<image>"
        )
    for part, found in names.items():
        odd = sorted(set(found) ^ set(train))
        if odd:
            where = part if odd[0] in found else "train"
            raise DataError(
                f"{root} has the class '{odd[0]}' in {where} only; expected the same classes in train and {part}"
            )
    return tuple(train)


@dataclass(frozen=True)
class Head:
    """What an image file's first bytes say."""

    size: tuple[int, int]
    mode: str


def _head(path: Path) -> Head | None:
    """None where it cannot be read, which decoding will say."""
    try:
        if not path.is_file():
            return None
        with Image.open(path) as image:
            return Head(image.size, image.mode)
    except Exception:  # PIL's plug-ins raise anything on broken files
        return None


def _side(heads: Iterable[Head | None], asked: int | None) -> tuple[int, str]:
    """The side that all images get, and what to say of it."""
    sizes = Counter(head.size for head in heads if head)
    if asked is None and len(sizes) == 1 and len(set(next(iter(sizes)))) == 1:
        return next(iter(sizes))[0], ""
    shorter = [min(size) for size in sizes.elements()] or [LARGEST_SIDE]
    side = asked or min(int(statistics.median(shorter)), LARGEST_SIDE)
    if set(sizes) == {(side, side)}:
        return side, ""
    what = "images of {}x{}".format(*next(iter(sizes))) if len(sizes) == 1 else f"images of {len(sizes)} sizes"
    return side, f"{what}: shorter side resized to {side}, middle square cut out"


def _image_sets(
    root: Path,
    parts: Mapping[str, Sequence[Labelled]],
    images: npt.NDArray[np.uint8],
    bad: Collection[Path],
    class_names: tuple[str, ...],
) -> dict[str, ImageSet]:
    """The parts, as slices of the images of all good files."""
    sets, end = {}, 0
    for part, items in parts.items():
        good = [item for item in items if item.path not in bad]
        if {item.class_name for item in good} != set(class_names):
            lost = sorted(set(class_names) - {item.class_name for item in good})[0]
            raise DataError(f"{root} has no image of class '{lost}' in {part} that can be decoded")
        labels = np.array([class_names.index(item.class_name) for item in good], np.int64)
        ids = tuple(seen_from(root, item.path) for item in good)
        start, end = end, end + len(good)
        sets[part] = ImageSet(slice_of(images, start, end), labels, ids)
    return sets
