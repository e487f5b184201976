"""Groups of images that depend on each other, such as the photographs of a patient: by their paths or a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from convstudy.errors import DataError
from convstudy.wording import plural, some

FOLDER = "folder"  # instead of a regular expression: the folder that contains the image
COLUMN = "group"  # of a table


def groups_by(group_by: str, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the group of each image by its id: the part of it that a regular expression finds, or its folder.

    Of an expression with a parenthesis, it is what the first one matches.

    Raises: DataError, for what is no regular expression, with the images in which it finds nothing, or if all images
    are of one group.

    >>> groups_by(r"(p[0-9]+)_", ["cat/p1_2.png", "dog/p1_7.png", "dog/p2_0.png"])
    ('p1', 'p1', 'p2')
    >>> groups_by("folder", ["cat/p1/2.png", "dog/p2/7.png"])
    ('p1', 'p2')
    """
    found = _folders(ids) if group_by == FOLDER else _matches(group_by, ids)
    if len(set(found)) < 2:
        raise DataError(
            f"group_by is '{group_by}', by which all images are of one group; expected two groups or more",
            setting="group_by",
        )
    return found


def check_group_by(group_by: str) -> None:
    """Check that this is `folder` or a regular expression. Raises: DataError, with what is wrong."""
    try:
        re.compile(group_by)
    except re.error as error:
        raise DataError(
            f"group_by is '{group_by}', which is no regular expression: {error}", setting="group_by"
        ) from error


def _folders(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(PurePosixPath(name).parent.name for name in ids)


def _matches(group_by: str, ids: Sequence[str]) -> tuple[str, ...]:
    check_group_by(group_by)
    pattern = re.compile(group_by)
    matches = [pattern.search(name) for name in ids]
    groups = ["" if match is None else match[1 if pattern.groups else 0] or "" for match in matches]
    lost = [name for name, group in zip(ids, groups, strict=True) if not group]
    if lost:
        raise DataError(
            f"group_by is '{group_by}', which finds nothing in {plural(len(lost), 'image')}: {some(lost)}; expected an "
            "expression that matches the path of every image",
            setting="group_by",
        )
    return tuple(groups)
