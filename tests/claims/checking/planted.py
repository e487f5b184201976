"""Random networks, counted by torch, and the mistakes that are planted in their tables, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

import torch
from hypothesis import strategies as st
from torch import nn

from convstudy.claims import ClaimedTable, parse_table

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One row of a table that holds: counted by torch, not by the formulas under test."""

    label: str
    kind: str
    input: tuple[int, ...]
    shape: tuple[int, ...]
    parameters: int
    macs: int
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def size(self) -> int:
        return prod(self.shape)


def counted(label: str, module: nn.Module, feed: tuple[int, ...], **window: Any) -> Row:
    with torch.no_grad():
        shape = tuple(module.to("meta")(torch.zeros(2, *feed, device="meta")).shape[1:])
    weight = getattr(module, "weight", None)
    products = weight is not None and weight.dim() > 1
    macs = weight.numel() * prod(shape[1:]) if products and weight is not None else 0
    parameters = sum(parameter.numel() for parameter in module.parameters())
    kind = {"Conv2d": "conv", "MaxPool2d": "pool", "BatchNorm2d": "norm", "Sequential": "dense"}[type(module).__name__]
    if isinstance(module, nn.Sequential):
        linear = module[1]
        assert isinstance(linear, nn.Linear)
        macs = linear.weight.numel()
    return Row(label, kind, feed, shape, parameters, macs, **window)


@st.composite
def networks(draw: st.DrawFn, *, grouped: bool = False, normed: bool = False, odd: bool = False) -> list[Row]:
    """Input, two or three convolutions with pooling between them, and two dense layers, each window stated."""
    side = draw(st.sampled_from([33, 35, 39, 45, 51, 57]) if odd else st.sampled_from([28, 32, 36, 40, 48, 64]))
    shape: tuple[int, ...] = (draw(st.sampled_from([1, 3])) if not grouped else 4, side, side)
    rows = [Row("Input", "input", (), shape, 0, 0)]
    for number in range(1, draw(st.integers(2, 3)) + 1):
        groups = 2 if grouped else 1
        kernel, stride = draw(st.sampled_from([3, 5])), draw(st.sampled_from([1, 1, 2])) if number == 1 else 1
        padding = draw(st.sampled_from([0, 1, kernel // 2]))
        channels = draw(st.sampled_from([6, 8, 12, 16, 20, 24, 32]))
        label = f"CONV{number} (f={kernel}, s={stride}, p={padding}{', groups=2' if grouped else ''})"
        module = nn.Conv2d(shape[0], channels, kernel, stride, padding, groups=groups)
        window = {"kernel": kernel, "stride": stride, "padding": padding, "groups": groups}
        rows.append(counted(label, module, shape, **window))
        shape = rows[-1].shape
        if min(shape[1:]) >= 6:
            size = 3 if odd else 2
            label = f"POOL{number} (f={size}, s=2, p=0)"
            rows.append(counted(label, nn.MaxPool2d(size, 2), shape, kernel=size, stride=2))
            shape = rows[-1].shape
        if normed:
            rows.append(counted(f"BN{number}", nn.BatchNorm2d(shape[0]), shape))
        if min(shape[1:]) < 6:
            break
    for number, units in enumerate((draw(st.integers(24, 130)), draw(st.integers(5, 20)))):
        dense = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), units))
        rows.append(counted(f"FC{number + 4}", dense, shape))
        shape = rows[-1].shape
    return rows


def claims(rows: list[Row]) -> list[Numbers]:
    """What a right table says of every row."""
    return [{"shape": row.shape, "size": row.size, "parameters": row.parameters, "macs": row.macs} for row in rows]


def printed(rows: list[Row], numbers: list[Numbers]) -> ClaimedTable:
    lines = ["layer\tActivation shape\tActivation size\t# parameters\tMACs"]
    for row, number in zip(rows, numbers, strict=True):
        shape = number["shape"]
        text = f"({shape[1]},{shape[2]},{shape[0]})" if len(shape) == 3 else f"({shape[0]},1)"
        lines.append(f"{row.label}\t{text}\t{number['size']:,}\t{number['parameters']:,}\t{number['macs']:,}")
    return parse_table("\n".join(lines), "planted.tsv")


def window_length(
    row: Row, *, padding: int | None = None, stride: int | None = None, up: bool = False
) -> tuple[int, ...]:
    """A shape with one thing of its window changed."""
    pad, step = row.padding if padding is None else padding, row.stride if stride is None else stride
    moves = [(side + 2 * pad - row.kernel) / step for side in row.input[1:]]
    return (row.shape[0], *(int(ceil(move) if up else move // 1) + 1 for move in moves))


Plant = Callable[[Row], Any]
PLANTS: dict[tuple[str, str, str], Plant] = {  # (mistake, kind of row, column): the wrong value
    ("input-channels-left-out", "conv", "parameters"): lambda r: (r.kernel**2 + 1) * r.shape[0],
    ("bias-left-out", "conv", "parameters"): lambda r: r.parameters - r.shape[0],
    ("one-bias-for-the-layer", "conv", "parameters"): lambda r: r.parameters - r.shape[0] + 1,
    ("kernel-side-not-squared", "conv", "parameters"): lambda r: (r.kernel * r.input[0] + 1) * r.shape[0],
    ("filters-left-out", "conv", "parameters"): lambda r: r.kernel**2 * r.input[0] + 1,
    ("weights-at-every-position", "conv", "parameters"): lambda r: r.parameters * r.shape[1] * r.shape[2],
    ("bias-counted-twice", "conv", "parameters"): lambda r: r.parameters + r.shape[0],
    ("bias-for-every-input-channel", "conv", "parameters"): lambda r: (r.kernel**2 + 1) * r.input[0] * r.shape[0],
    ("pooling-given-parameters", "pool", "parameters"): lambda r: (r.kernel**2 + 1) * r.shape[0],
    ("bias-left-out", "dense", "parameters"): lambda r: r.parameters - r.shape[0],
    ("one-bias-for-the-layer", "dense", "parameters"): lambda r: prod(r.input) * r.shape[0] + 1,
    ("bias-counted-twice", "dense", "parameters"): lambda r: r.parameters + r.shape[0],
    ("bias-for-every-input", "dense", "parameters"): lambda r: prod(r.input) * (r.shape[0] + 1),
    ("sum-for-product", "dense", "parameters"): lambda r: prod(r.input) + r.shape[0],
    ("statistics-counted-as-parameters", "norm", "parameters"): lambda r: 4 * r.shape[0],
    ("groups-ignored", "grouped conv", "parameters"): lambda r: (r.kernel**2 * r.input[0] + 1) * r.shape[0],
    ("flatten-mistaken", "flattening", "parameters"): lambda r: (r.input[1] * r.input[2] + 1) * r.shape[0],
    ("flops-for-macs", "conv", "macs"): lambda r: 2 * r.macs,
    ("flops-for-macs", "dense", "macs"): lambda r: 2 * r.macs,
    ("bias-counted-in-macs", "conv", "macs"): lambda r: r.macs + r.size,
    ("positions-left-out", "conv", "macs"): lambda r: r.macs // (r.shape[1] * r.shape[2]),
    ("stride-or-padding-ignored", "conv", "macs"): lambda r: r.macs // prod(r.shape[1:]) * prod(r.input[1:]),
    ("channels-left-out", "conv", "size"): lambda r: r.shape[1] * r.shape[2],
    ("side-not-squared", "conv", "size"): lambda r: r.shape[1] * r.shape[0],
    ("bytes-for-values", "conv", "size"): lambda r: 4 * r.size,
    ("stride-ignored", "conv", "shape"): lambda r: window_length(r, stride=1),
    ("padding-ignored", "conv", "shape"): lambda r: window_length(r, padding=0),
    ("rounded-up", "conv", "shape"): lambda r: window_length(r, up=True),
    ("rounded-up", "pool", "shape"): lambda r: window_length(r, up=True),
    ("plus-one-left-out", "conv", "shape"): lambda r: (r.shape[0], r.shape[1] - 1, r.shape[2] - 1),
    ("channels-kept", "conv", "shape"): lambda r: (r.input[0], *r.shape[1:]),
    ("axes-exchanged", "conv", "shape"): lambda r: (r.shape[1], r.shape[0], r.shape[2]),
    ("product-slip", "conv", "parameters"): lambda r: r.parameters + 10,
    ("product-slip", "dense", "parameters"): lambda r: r.parameters + 1000,
    ("digits-exchanged", "dense", "parameters"): lambda r: exchanged_digits(r.parameters),
    ("zero-slip", "conv", "macs"): lambda r: 10 * r.macs,
}


def exchanged_digits(number: int) -> int:
    text = str(number)
    return int(text[0] + text[2] + text[1] + text[3:])


def places(rows: list[Row], kind: str) -> list[int]:
    """The rows where a kind of mistake can be planted."""
    wanted = kind.rsplit(maxsplit=1)[-1]
    found = [n for n, row in enumerate(rows) if row.kind == wanted]
    return (
        [n for n, row in enumerate(rows) if row.kind == "dense" and len(row.input) == 3]
        if kind == "flattening"
        else found
    )


def planted(rows: list[Row], number: int, column: str, value: Any) -> list[Numbers]:
    numbers = claims(rows)
    numbers[number] = {**numbers[number], column: value}
    return numbers


def with_shape(rows: list[Row], number: int, shape: tuple[int, ...]) -> list[Numbers]:
    """A table whose every row follows rightly from one wrong shape: torch counts the rows below it again."""
    changed = [*rows]
    changed[number] = replace(rows[number], shape=shape, macs=rows[number].macs)
    for later in range(number + 1, len(rows)):
        changed[later] = recounted(rows[later], changed[later - 1].shape)
    return claims(changed)


def recounted(row: Row, feed: tuple[int, ...]) -> Row:
    window = {"kernel": row.kernel, "stride": row.stride, "padding": row.padding, "groups": row.groups}
    if row.kind == "conv":
        conv = nn.Conv2d(feed[0], row.shape[0], row.kernel, row.stride, row.padding, groups=row.groups)
        return counted(row.label, conv, feed, **window)
    if row.kind == "pool":
        return counted(row.label, nn.MaxPool2d(row.kernel, row.stride), feed, **window)
    return counted(row.label, nn.Sequential(nn.Flatten(), nn.Linear(prod(feed), row.shape[0])), feed)
