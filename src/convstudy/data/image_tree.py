"""The image files of a folder: its parts, its classes, and what is left out. Every command reads a folder through this.

A part is a folder named train, val or test (or a synonym, in any case) that contains class folders. Folders whose names
contain such a word, as `training_set` and `test_set`, are parts if they contain the same class folders. A part that
contains only a folder of its own name is that folder. Everything else that lies beside parts is left out.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convstudy.data.file_names import class_name_of, hidden, is_image_name
from convstudy.errors import DataError, printable
from convstudy.wording import plural

PARTS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid"),
    "test": ("test", "testing"),
}
GENERIC = (
    "",
    "set",
    "data",
    "dataset",
    "images",
    "imgs",
    "split",
    "part",
    "folder",
)  # say nothing beside a part's name
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[^\W_]+")


@dataclass(frozen=True)
class ClassFolder:
    """A class with its image files, none if its folder is empty."""

    path: Path  # the folder of the class
    label: str  # as written
    images: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The label as it is stored and printed."""
        return class_name_of(self.label)


@dataclass(frozen=True)
class PartFolder:
    """The folder of one part: its class folders, images outside of them, and the endings of all other files."""

    path: Path
    classes: tuple[ClassFolder, ...]
    loose: tuple[Path, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class ImageTree:
    """A folder of images; without parts, all of it is the part None."""

    root: Path
    parts: Mapping[str | None, PartFolder]
    left_out: tuple[Path, ...]  # folders beside the parts

    def notes(self) -> Iterator[str]:
        """Say which files and folders are not read."""
        others = Counter(ending for part in self.parts.values() for ending in part.others)
        others.update(_endings(path for part in self.parts.values() for path in part.loose))
        if others:
            what = "1 file that is" if others.total() == 1 else f"{others.total():,} files that are"
            yield f"{what} not an image of a class left out: {', '.join(map(printable, sorted(others)))}"
        nested = [
            path.parent
            for part in self.parts.values()
            for each in part.classes
            for path in each.images
            if each.path not in {path.parent, part.path}
        ]
        if nested:
            first = printable(min(nested).relative_to(self.root).as_posix())
            where = f"{plural(len(nested), 'image')} in {plural(len(set(nested)), 'subfolder')}, such as {first}"
            yield f"images in subfolders have the class of the folder above: {where}"
        if self.left_out:
            names = ", ".join(printable(folder.name) for folder in self.left_out)
            yield f"folders beside train, val and test left out: {names}"


def read_tree(root: Path, *, class_in_name: bool = False, train_needed: bool = True) -> ImageTree:
    """List the images of a folder by part and class. Links to folders are followed, each target once per class.

    With `class_in_name`, the class is what an image file's name has before its first underscore. Without
    `train_needed`, the parts may lack a training set.

    Raises: DataError, if a folder cannot be listed, or if it is ambiguous whether folders are parts or classes.
    """
    found = part_folders(root, flat=class_in_name, train_needed=train_needed)
    outermost = {root / path.relative_to(root).parts[0] for path in found.values()}
    left_out = tuple(folder for folder in folders_in(root) if found and folder not in outermost)
    read = _flat_folder if class_in_name else _part_folder
    return ImageTree(root, {part: read(folder) for part, folder in (found or {None: root}).items()}, left_out)


def _flat_folder(folder: Path) -> PartFolder:
    """Group the images of a part by the beginning of their names."""
    files = sorted(files_below(folder))
    images = defaultdict(list)
    for path in files:
        if is_image_name(path.name):
            images[path.name.partition("_")[0]].append(path)
    classes = tuple(ClassFolder(folder, label, tuple(paths)) for label, paths in sorted(images.items()))
    return PartFolder(folder, classes, (), _endings(path for path in files if not is_image_name(path.name)))


def _part_folder(folder: Path) -> PartFolder:
    files = {class_folder: sorted(files_below(class_folder)) for class_folder in folders_in(folder)}
    classes = tuple(
        ClassFolder(path, path.name, tuple(inner for inner in inside if is_image_name(inner.name)))
        for path, inside in files.items()
    )
    direct = _files_in(folder)
    loose = tuple(path for path in direct if is_image_name(path.name))
    others = (path for inside in (*files.values(), direct) for path in inside if not is_image_name(path.name))
    return PartFolder(folder, classes, loose, _endings(others))


def _endings(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(path.suffix.lower() or "no ending" for path in paths)


def folders_in(folder: Path) -> list[Path]:
    """Return the visible folders in a folder, sorted. Raises: DataError, if it cannot be listed."""
    try:
        return sorted(entry for entry in folder.iterdir() if not hidden(Path(entry.name)) and entry.is_dir())
    except OSError as error:
        raise _unlisted(error, folder) from error


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the visible files in and below a folder. Links to folders are followed, each target once.

    Raises: DataError, if a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise _unlisted(error, Path(error.filename)) from error

    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        target = os.path.realpath(place)
        if target in seen:
            folders.clear()
            continue
        seen.add(target)
        folders[:] = sorted(name for name in folders if not hidden(Path(name)))
        yield from (Path(place, name) for name in names if not hidden(Path(name)))


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not hidden(Path(path.name)) and not path.is_dir())


def _unlisted(error: OSError, folder: Path) -> DataError:
    return DataError(f"{folder} cannot be listed: {(error.strerror or str(error)).lower()}")


def part_folders(root: Path, *, flat: bool = False, train_needed: bool = True) -> dict[str | None, Path]:
    """Return the folder of each part, or nothing if the folder has no parts.

    The folders of parts contain class folders, unless `flat`: then files carry their class in their names.

    Raises: DataError, if two folders could be the same part, or if folders could be parts or classes.
    """
    folders = folders_in(root)
    within = {folder: _innermost(folder) for folder in folders}
    holding = {folder: _class_names(within[folder]) for folder in folders}
    usable = [folder for folder in folders if flat or holding[folder]]
    exact: dict[str, list[Path]] = defaultdict(list)
    alike: dict[str, list[Path]] = defaultdict(list)
    for folder in usable:
        (exact if _is_name(folder.name) else alike)[_part_like(folder.name) or ""].append(folder)
    found = {part: _only(root, part, candidates) for part, candidates in exact.items()}
    for part in [part for part in PARTS if part not in found]:
        trains = [found["train"]] if "train" in found else alike["train"]
        others = [folder for each in PARTS if each != "train" for folder in (*exact[each], *alike[each])]
        peers = others if part == "train" else trains
        twins = [folder for folder in alike[part] if any(flat or holding[folder] == holding[peer] for peer in peers)]
        if twins:
            alike[part] = twins
            found[part] = _only(root, part, twins)
    if not found and not train_needed:
        clear = [(_part_like(folder.name, only=True), folder) for folder in usable]
        found = {part: folder for part, folder in clear if part} if all(part for part, _ in clear) else {}
    if not found and not flat:
        _refuse_ambiguous(root, folders)
    if found and train_needed and "train" not in found:
        raise DataError(f"{root} has {' and '.join(sorted(found))} but no train folder; expected train/<class>/<image>")
    return {part: within[folder] for folder in folders for part in found if found[part] == folder}


def _innermost(folder: Path) -> Path:
    """Return the folder itself or, if it contains only a folder of its own name, as archives do, that one."""
    inner = folders_in(folder)
    if [each.name.lower() for each in inner] != [folder.name.lower()] or not folders_in(inner[0]):
        return folder
    return _innermost(inner[0])


def _class_names(folder: Path) -> frozenset[str]:
    return frozenset(class_name_of(inner.name) for inner in folders_in(folder))


def _only(root: Path, part: str, candidates: Sequence[Path]) -> Path:
    if len(candidates) > 1:
        names = " and ".join(folder.name for folder in candidates)
        raise DataError(f"{root} has both {names}, which could each be the {part} set; expected one {part} folder")
    return candidates[0]


def _is_name(name: str) -> bool:
    return any(name.lower() in names for names in PARTS.values())


def _part_like(name: str, *, only: bool = False) -> str | None:
    """Return the part that a folder's name mentions as a whole word, if it is one; with `only`, and nothing else.

    >>> [_part_like(name) for name in ("train_signs", "TestSet", "valley", "training_set", "train_or_test")]
    ['train', 'test', None, 'train', None]
    >>> [_part_like(name, only=True) for name in ("train_station", "test-images", "Training set 2")]
    [None, 'test', 'train']
    """
    words = [word.lower() for word in WORD.findall(name)]
    named = {part: {word + more for word in names for more in GENERIC} for part, names in PARTS.items()}
    parts = {part for part in PARTS for word in words if word in named[part]}
    if len(parts) != 1:
        return None
    (part,) = parts
    rest = [word for word in words if word not in named[part] and word not in GENERIC and not word.isdecimal()]
    return None if only and rest else part


def _refuse_ambiguous(root: Path, folders: Sequence[Path]) -> None:
    """Refuse folders whose names are those of parts and which contain no class folders in common."""
    clear = {_part_like(folder.name, only=True) for folder in folders} - {None}
    alike = {_part_like(folder.name) for folder in folders}
    if any("train" in parts and None not in parts and len(parts) > 1 for parts in (clear, alike)):
        names = ", ".join(folder.name for folder in folders)
        raise DataError(
            f"{root} has the folders {names}, which could be splits or classes; for splits, expected "
            "train/<class>/<image> and the same classes in val and test; for classes, rename the folders"
        )
