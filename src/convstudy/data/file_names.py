"""Names of files and classes: hidden files, image files, and names on one line."""

from __future__ import annotations

import os
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


def seen_from(root: Path, path: Path) -> str:
    """Return a file's name in the data: its path relative to the folder.

    >>> seen_from(Path("images"), Path("images/cat/1.png")), seen_from(Path("tables"), Path("images/1.png"))
    ('cat/1.png', '../images/1.png')
    """
    return printable(Path(os.path.relpath(path, root)).as_posix())
