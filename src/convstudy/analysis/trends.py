"""The four trends of convolutional networks that the lecture names, tested on a layer table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from convstudy.analysis.table import LayerRow, LayerTable


@dataclass(frozen=True)
class Counterexample:
    """A layer that contradicts a trend: its number, and the layer and number it was compared with."""

    path: str
    number: int
    against: str
    other: int


@dataclass(frozen=True)
class Trend:
    """One trend: its statement, its test, and the layers that contradict it.

    `holds` is None if the network has no layers to test it on. `tested` is the number of layers, or of steps from one
    layer to the next, on which it was tested.
    """

    name: str
    statement: str
    test: str
    holds: bool | None
    counterexamples: tuple[Counterexample, ...] = ()
    tested: int = 0

    def __str__(self) -> str:
        fate = {True: "holds", False: "does not hold", None: "not testable"}[self.holds]
        where = ", ".join(counterexample.path for counterexample in self.counterexamples)
        return f"{self.statement}: {fate}{f' at {where}' if where else ''}"


def trends(table: LayerTable) -> tuple[Trend, Trend, Trend, Trend]:
    """Test the lecture's four trends: pooling, convolutions against dense layers, activation size, channels.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 10))
    >>> [(trend.name, trend.holds) for trend in trends(count(network, (3, 32, 32)))]
    [('pooling', True), ('convolutions', True), ('activation size', False), ('channels', True)]
    """
    return (
        pooling_has_no_parameters(table),
        convolutions_have_fewer(table),
        activations_fall(table),
        channels_rise(table),
    )


def is_pooling(row: LayerRow) -> bool:
    """Return whether a row is a pooling layer; LeNet-5 calls it sub-sampling."""
    return any(word in row.kind.lower() for word in ("pool", "subsampling"))


def is_convolution(row: LayerRow) -> bool:
    return "conv" in row.kind.lower()


def is_dense(row: LayerRow) -> bool:
    return row.kind.endswith("Linear")


def pooling_has_no_parameters(table: LayerTable) -> Trend:
    """Test trend i: a pooling layer has no learnable parameters."""
    pools = [row for row in table if is_pooling(row)]
    wrong = [Counterexample(row.path, row.parameters, "none", 0) for row in pools if row.parameters]
    return _trend("pooling", "pooling layers have no parameters", "each pooling layer has 0", len(pools), wrong)


def convolutions_have_fewer(table: LayerTable) -> Trend:
    """Test trend ii: convolutions have fewer parameters than dense layers."""
    convolutions = [row for row in table if is_convolution(row)]
    dense = [row for row in table if is_dense(row)]
    largest = max(dense, key=lambda row: row.parameters, default=None)
    wrong = [
        Counterexample(row.path, row.parameters, largest.path, largest.parameters)
        for row in convolutions
        if largest and row.parameters >= largest.parameters
    ]
    return _trend(
        "convolutions",
        "convolutions have fewer parameters than dense layers",
        "each convolution has fewer than the largest dense layer",
        len(convolutions) if dense else 0,
        wrong,
    )


def activations_fall(table: LayerTable) -> Trend:
    """Test trend iii: the activation size decreases with depth."""
    rows = [row for row in table if row.kind == "Input" or is_convolution(row) or is_pooling(row) or is_dense(row)]
    rows = [row for row in rows if row.activation_size]
    wrong = _steps(rows, [row.activation_size for row in rows], rising=False)
    return _trend(
        "activation size",
        "activation size falls with depth",
        "each convolution, pooling and dense layer computes at most as many values as the layer or input before it",
        max(len(rows) - 1, 0),
        wrong,
    )


def channels_rise(table: LayerTable) -> Trend:
    """Test trend iv: the number of channels increases with depth."""
    rows = [row for row in table if (row.kind == "Input" or is_convolution(row)) and len(row.output_shape) > 1]
    wrong = _steps(rows, [row.output_shape[0] for row in rows], rising=True)
    return _trend(
        "channels",
        "the number of channels rises with depth",
        "each convolution has at least as many output channels as the one before",
        max(len(rows) - 1, 0),
        wrong,
    )


def _steps(rows: list[LayerRow], numbers: list[int], *, rising: bool) -> list[Counterexample]:
    """Return the steps from one row to the next that go in the wrong direction."""
    steps = pairwise(zip(rows, numbers, strict=True))
    return [
        Counterexample(row.path, number, before.path, previous)
        for (before, previous), (row, number) in steps
        if (number < previous if rising else number > previous)
    ]


def _trend(name: str, statement: str, test: str, tested: int, wrong: Iterable[Counterexample]) -> Trend:
    found = tuple(wrong)
    return Trend(name, statement, test, not found if tested else None, found, tested)
