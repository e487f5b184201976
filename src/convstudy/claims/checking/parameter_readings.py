"""Layers whose parameters depend on settings that tables rarely state: every count that such settings can give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow

MOST_LAYERS = 8


@dataclass(frozen=True)
class ParameterReading:
    """A formula of the parameters, and the settings that it assumes."""

    formula: str
    assumed: str = ""


def recurrent_name(label: str, kind: str) -> str:
    """Return the recurrent cell that a label names: lstm, gru or rnn."""
    text = f"{label} {kind}".lower()
    return "lstm" if "lstm" in text else "gru" if "gru" in text else "rnn"


def recurrent_readings(name: str, features: int, hidden: int, *, bidirectional: bool) -> Iterator[ParameterReading]:
    """Yield the parameters of a recurrent layer: with one bias per gate (Keras) or two (torch), and several layers.

    Source: Hochreiter & Schmidhuber 1997 and Cho et al. 2014: each gate sees the input and the hidden state.

    >>> next(recurrent_readings("lstm", 64, 128, bidirectional=False)).formula
    '4·((64 + 128)·128 + 128)'
    """
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[name]
    for biases, said in ((f" + {hidden}", ""), (f" + 2·{hidden}", "two biases per gate"), ("", "no biases")):
        one = f"{gates}·(({features} + {hidden})·{hidden}{biases})"
        one = one.removeprefix("1·") if gates == 1 else one
        sides = "2·" if bidirectional else ""
        yield ParameterReading(f"{sides}{one}", said)
        above = 2 * hidden if bidirectional else hidden
        for layers in range(2, MOST_LAYERS + 1):
            more = f"{gates}·(({above} + {hidden})·{hidden}{biases})"
            text = f"{sides}{one} + {layers - 1}·{sides}{more}"
            yield ParameterReading(text, f"{layers} layers" + (f", {said}" if said else ""))


def attention_readings(features: int, number: PrintedNumber | None) -> Iterator[ParameterReading]:
    """Yield the parameters of multi-head attention: four projections, whose inner width may be stated nowhere.

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    yield ParameterReading(f"4·({features} + 1)·{features}")
    yield ParameterReading(f"4·{features}·{features}", "no biases")
    if number is not None and number.exact:
        inner, rest = divmod(int(number.value) - features, 4 * features + 3)
        if rest == 0 and inner > 0:
            yield ParameterReading(f"3·({features} + 1)·{inner} + ({inner} + 1)·{features}", f"keys of {inner} in all")


def embedding_readings(row: ClaimedRow, dim: int, number: PrintedNumber | None) -> Iterator[ParameterReading]:
    """Yield the parameters of an embedding: entries times dimensions; unstated entries follow from the claim."""
    if row.layer.vocabulary:
        yield ParameterReading(f"{row.layer.vocabulary}·{dim}")
    elif number is not None and number.exact and number.value > 0 and number.value % dim == 0:
        entries = int(number.value) // dim
        yield ParameterReading(f"{entries}·{dim}", f"{entries:,} entries")


def layer_norm_readings(shape: Shape, axis: int) -> Iterator[ParameterReading]:
    """Yield the parameters of a layer norm: over the features, or over the whole example."""
    total = 1
    for extent in shape:
        total *= extent
    for size in dict.fromkeys((shape[axis], total)):
        for numbers in (2, 1):
            yield ParameterReading(f"{numbers}·{size}")
    yield ParameterReading("0")


def prelu_readings(shape: Shape) -> Iterator[ParameterReading]:
    """Yield the slopes of a PReLU: one, one per channel, or one per value."""
    total = 1
    for extent in shape:
        total *= extent
    for size in dict.fromkeys((1, shape[0], shape[-1], total)):
        yield ParameterReading(f"{size}")
