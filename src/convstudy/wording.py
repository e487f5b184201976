"""Phrases shared by messages of all layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

NAMED = 5  # of many names in a message
LONGEST = 120  # letters of a name in such a list
LONGEST_REASON = 300  # letters of another program's error


def plural(value: int, noun: str) -> str:
    """Return a count with its noun in the singular or plural.

    >>> plural(1, "seed"), plural(1200, "image"), plural(0, "class")
    ('1 seed', '1,200 images', '0 classes')
    """
    ending = "" if value == 1 else "es" if noun.endswith("s") else "s"
    return f"{value:,} {noun}{ending}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list for a sentence.

    >>> listed(["net"]), listed(["net", "lenet5", "vgg11"])
    ('net', 'net, lenet5 and vgg11')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def shortened(text: str, length: int = 40) -> str:
    """Return text for a message: one line of limited length, because files may hold anything.

    >>> shortened("a  b\\nc"), shortened("1" * 5_000, 8)
    ('a b c', '1111111…')
    """
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def some(names: Iterable[str]) -> str:
    """List a few names, each shortened, and how many more there are.

    >>> some("abc"), some("abcdefgh")
    ('a, b, c', 'a, b, c, d, e and 3 more')
    """
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    more = len(names) - NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMED])} and {more:,} more"


def reason_of(error: BaseException) -> str:
    """Return type and message of another program's error, for a message: on one line, and of limited length.

    >>> reason_of(ValueError("a\\nb")), len(reason_of(KeyError("x" * 100_000)))
    ('ValueError: a b', 300)
    """
    return shortened(f"{type(error).__name__}: {message_of(error)}".removesuffix(": "), LONGEST_REASON)


def message_of(error: BaseException | None) -> str:
    """Return the message of an error; empty if its class, which a user may have written, fails to give one."""
    try:
        return str(error)
    except Exception:
        return ""


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a formula begins in spreadsheets


def spreadsheet_text(text: str) -> str:
    """Return text as a cell of a CSV file that no spreadsheet takes for a formula.

    >>> spreadsheet_text("net"), spreadsheet_text("=1+1")
    ('net', "'=1+1")
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def shared_name(name: str) -> str:
    """Return the name of a network for files that are passed on: of each path its last two parts.

    >>> shared_name("/home/me/project/nets/mine.py:Net"), shared_name("net@/home/me/runs/a/weights.safetensors")
    ('nets/mine.py:Net', 'net@a/weights.safetensors')
    >>> shared_name("timm:resnet18"), shared_name("mine.py:Net")
    ('timm:resnet18', 'mine.py:Net')
    """
    return re.sub(r"[^:@]*/[^:@]*", lambda path: "/".join(PurePosixPath(path[0]).parts[-2:]), name.replace("\\", "/"))
