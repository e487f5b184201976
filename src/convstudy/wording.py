"""Phrases shared by messages of all layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NAMED = 5  # of many names in a message


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


def some(names: Iterable[str]) -> str:
    """List a few names, and how many more there are.

    >>> some("abc"), some("abcdefgh")
    ('a, b, c', 'a, b, c, d, e and 3 more')
    """
    names = list(names)
    more = len(names) - NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMED])} and {more:,} more"
