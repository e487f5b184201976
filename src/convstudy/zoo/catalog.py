"""The list of built-in networks, readable without torch, which takes seconds to load."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Listed:
    """A built-in network as `convstudy models` lists it. A test compares catalog.tsv with the networks."""

    name: str
    input_shape: tuple[int, int, int]  # the paper's: channels x height x width
    title: str
    source: str


def catalog() -> tuple[Listed, ...]:
    """Return the built-in networks in the order of the registry.

    >>> catalog()[14].name, catalog()[14].input_shape, catalog()[14].source
    ('resnet18', (3, 224, 224), 'He et al. 2015, Table 1')
    """
    lines = files(__package__).joinpath("catalog.tsv").read_text(encoding="utf-8").splitlines()
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Listed(name, _shape(shape), title, source) for name, shape, title, source in rows)


def _shape(text: str) -> tuple[int, int, int]:
    channels, height, width = map(int, text.split("x"))
    return channels, height, width
