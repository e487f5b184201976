"""Findings about how data are organized: class names, empty classes, folders that are not read, and wrong levels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from convstudy.data.file_names import plain_form, seen_from
from convstudy.data.findings import Finding
from convstudy.data.image_tree import ImageTree
from convstudy.data.split import fewest_needed
from convstudy.errors import printable
from convstudy.wording import plural, some


def of_names(names: Iterable[str]) -> Iterator[Finding]:
    """Yield class names that differ only in case, spaces or Unicode form.

    >>> [finding.sentence for finding in of_names(["Cat", "cat ", "dog"])]
    ["the class names 'Cat', 'cat ' differ only in case, spaces or Unicode form; rename them if they mean one class"]
    """
    alike = defaultdict(set)
    for name in names:
        alike[plain_form(name)].add(name)
    groups = [sorted(group) for group in alike.values() if len(group) > 1]
    for group in groups:
        quoted = ", ".join(f"'{printable(name)}'" for name in group)
        yield Finding(
            "similar-names",
            f"the class names {quoted} differ only in case, spaces or Unicode form; rename them if they mean one class",
            (),
        )


def of_sizes(counts: Mapping[str | None, Counter[str]]) -> Iterator[Finding]:
    """Yield what training refuses: fewer than two classes, and classes with too few training images."""
    train = counts.get("train") or counts.get(None) or Counter()
    if len(train) < 2:
        yield Finding(
            "one-class", f"there is {plural(len(train), 'class')} to train on; training needs two or more", ()
        )
    needed, why = fewest_needed(counts.keys())
    few = [f"{name} ({number})" for name, number in sorted(train.items()) if number < needed]
    if few:
        yield Finding(
            "few-images", f"{some(few)}: too few training images; expected {needed} or more per class{why}", ()
        )


def of_tree(tree: ImageTree) -> Iterator[Finding]:
    """Yield the problems of a folder: similar names, empty classes, images that are not read, wrong levels."""
    classes = [each for part in tree.parts.values() for each in part.classes]
    yield from of_names(each.label for each in classes)
    empty = [seen_from(tree.root, each.path) for each in classes if not each.images]
    if empty:
        yield Finding("empty-class", f"{some(empty)}: no images in the folder; add some, or remove the folder", ())
    yield from _unread(tree)
    yield from _levels(tree)


def _unread(tree: ImageTree) -> Iterator[Finding]:
    loose = [path for part in tree.parts.values() for path in part.loose]
    in_classes = any(part.classes for part in tree.parts.values())
    if loose and in_classes:
        names = tuple((seen_from(tree.root, path),) for path in loose)
        yield Finding(
            "loose", f"{plural(len(loose), 'image')} in no class folder, not read; move them into class folders", names
        )
    elif loose:
        yield Finding(
            "no-classes",
            f"{plural(len(loose), 'image')} in no class folder; expected <class>/<image>, or a table of the labels",
            (),
        )
    if tree.left_out:
        names_beside = some(printable(folder.name) for folder in tree.left_out)
        yield Finding("left-out", f"beside train, val and test, not read: {names_beside}", ())


def _levels(tree: ImageTree) -> Iterator[Finding]:
    """Yield class folders that only contain folders: probably the classes are one level further down."""
    for part in tree.parts.values():
        inner = [{path.relative_to(each.path).parts[0] for path in each.images} for each in part.classes if each.images]
        nested = all(len(path.relative_to(each.path).parts) > 1 for each in part.classes for path in each.images)
        if inner and nested and (len(inner) == 1 or all(names == inner[0] for names in inner)) and len(inner[0]) > 1:
            first = next(each for each in part.classes if each.images)
            yield Finding(
                "level",
                f"the classes may be one level further down: {seen_from(tree.root, first.path)} contains the folders "
                f"{some(map(printable, sorted(inner[0])))}; give that folder if these are the classes",
                (),
            )
