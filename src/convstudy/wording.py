"""Phrases shared by messages of all layers."""

from __future__ import annotations

from collections.abc import Sequence


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
