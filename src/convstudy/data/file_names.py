"""Names of files: which are hidden, which are images, and how an odd one is written on one line."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

# Those of torchvision's ImageFolder, and others that Pillow reads. Held against torchvision in the tests.
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif", ".avif"}
)
LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})  # by Windows, macOS and Synology
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, bytes that are no UTF-8, ends of lines


def hidden(inside: Path) -> bool:
    """Whether a path below a folder is hidden, or lies in something hidden: its name begins with a dot, or a file
    manager has left it behind.

    >>> [hidden(Path(name)) for name in ("a/._cat.jpg", "a/Thumbs.db", "__MACOSX/a/cat.jpg", "a/cat.jpg")]
    [True, True, True, False]
    """
    return any(part.startswith(".") or part.lower() in LEFT_BEHIND for part in inside.parts)


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as an image's, in any case of letters.

    >>> is_image_name("CAT.JPG"), is_image_name("labels.csv")
    (True, False)
    """
    return Path(name).suffix.lower() in EXTENSIONS


def printable(name: str) -> str:
    r"""A name on one line, as UTF-8: what is neither is written as an escape.

    >>> printable("naïve 🐱.jpg"), printable("a\nb.jpg"), printable("caf\udce9.jpg")
    ('naïve 🐱.jpg', 'a\\nb.jpg', 'caf\\udce9.jpg')
    """
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in UNPRINTABLE else letter
        for letter in name
    )


def seen_from(root: Path, path: Path) -> str:
    """A file's name in the data: its path below the folder, or as seen from it.

    >>> seen_from(Path("images"), Path("images/cat/1.png")), seen_from(Path("tables"), Path("images/1.png"))
    ('cat/1.png', '../images/1.png')
    """
    return printable(Path(os.path.relpath(path, root)).as_posix())
