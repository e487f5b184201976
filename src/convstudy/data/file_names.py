"""Names of files and classes: hidden files, image files, and names on one line."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from convstudy.errors import printable

# Those of torchvision's ImageFolder, and others that Pillow reads. Compared with torchvision in the tests.
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif", ".avif"}
)
LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})  # by Windows, macOS and Synology


def hidden(inside: Path) -> bool:
    """Return whether a path below a folder is hidden, or lies in something hidden.

    Hidden are names that begin with a dot, and files that file managers leave behind.

    >>> [hidden(Path(name)) for name in ("a/._cat.jpg", "a/Thumbs.db", "__MACOSX/a/cat.jpg", "a/cat.jpg")]
    [True, True, True, False]
    """
    return any(part.startswith(".") or part.lower() in LEFT_BEHIND for part in inside.parts)


def is_image_name(name: str) -> bool:
    """Return whether a file's name ends as an image's, in any case.

    >>> is_image_name("CAT.JPG"), is_image_name("labels.csv")
    (True, False)
    """
    return Path(name).suffix.lower() in EXTENSIONS


def class_name_of(text: str) -> str:
    r"""Return a class name as it is stored and printed: without outer spaces, on one line.

    >>> class_name_of(" golden  retriever "), class_name_of("a\x1b[2J")
    ('golden  retriever', 'a\\x1b[2J')
    """
    return printable(text.strip())


def plain_form(name: str) -> str:
    r"""Return a class name without what differs by accident: case, spaces and Unicode form.

    >>> plain_form("Ice  Cream"), plain_form("cafe\N{COMBINING ACUTE ACCENT}") == plain_form("Caf\xe9")
    ('icecream', True)
    """
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def spelling_advice(absent: Iterable[str], found: Iterable[str]) -> str:
    """Say if a name that is absent exists in another spelling; empty if none does.

    >>> spelling_advice(["cat", "dog"], ["Cat", "bird"])
    "; 'cat' and 'Cat' differ only in case, spaces or Unicode form: rename one of them"
    """
    there = {plain_form(name): name for name in found}
    pair = next(((name, there[plain_form(name)]) for name in absent if plain_form(name) in there), None)
    if pair is None:
        return ""
    return f"; '{pair[0]}' and '{pair[1]}' differ only in case, spaces or Unicode form: rename one of them"


def seen_from(root: Path, path: Path) -> str:
    """Return a file's name in the data: its path relative to the folder.

    >>> seen_from(Path("images"), Path("images/cat/1.png")), seen_from(Path("tables"), Path("images/1.png"))
    ('cat/1.png', '../images/1.png')
    """
    return printable(Path(os.path.relpath(path, root)).as_posix())
