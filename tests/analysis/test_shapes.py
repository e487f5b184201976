"""Our shapes against torch's own, on the meta device: the same result, or torch is left to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from convstudy.analysis.shapes import SHAPE_RULES

aten = torch.ops.aten
Args = tuple[Any, ...]
sizes = st.integers(1, 4)
dtypes = st.sampled_from([torch.float, torch.float, torch.half, torch.int64])
pairs = st.tuples(sizes, sizes).map(list)
few_pads = st.tuples(st.integers(-1, 2), st.integers(0, 2)).map(list)


def meta(shape: Any, dtype: torch.dtype = torch.float) -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype, device="meta")


def tensors(least: int = 0, most: int = 4, kinds: Any = dtypes) -> st.SearchStrategy[Tensor]:
    return st.builds(meta, st.lists(sizes, min_size=least, max_size=most), kinds)


def maps(axes: int) -> st.SearchStrategy[Tensor]:
    return st.builds(meta, st.tuples(*[st.integers(1, 12)] * (axes + 2)))


def cut(all_args: Args, count: int) -> Args:
    return all_args[:count]


def average(axes: int) -> st.SearchStrategy[Args]:
    each = st.lists(sizes, min_size=axes, max_size=axes)
    pads = st.lists(st.integers(0, 2), min_size=axes, max_size=axes)
    strides: st.SearchStrategy[list[int]] = st.one_of(st.just([]), each)
    args = st.tuples(maps(axes), each, strides, pads, st.booleans(), st.booleans(), st.sampled_from([None, 0, 7]))
    return st.builds(cut, args, st.integers(2, 7))


@st.composite
def concatenated(draw: st.DrawFn) -> Args:
    axis = draw(st.integers(-3, 2))
    shape = draw(st.lists(sizes, min_size=3, max_size=3))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        part = [*shape]
        part[axis] = draw(sizes)
        if draw(st.integers(0, 9)) == 0:
            part[draw(st.integers(0, 2))] += 1
        parts.append(meta(part, draw(st.sampled_from([torch.float] * 5 + [torch.half]))))
    return parts, axis


@st.composite
def copied(draw: st.DrawFn) -> Args:
    shape = draw(st.lists(sizes, min_size=2, max_size=2))
    count = draw(sizes)
    axis = draw(st.integers(-2, 1))
    source = [*shape]
    source[axis] = count + draw(st.sampled_from([0, 0, 0, 1]))
    return meta(shape), axis, meta([count], torch.int64), meta(source)


axes_lists = st.one_of(st.lists(st.integers(-4, 3), max_size=3), st.lists(st.integers(-2, 1), min_size=1, max_size=1))
max_pooling = st.builds(
    cut,
    st.tuples(maps(2), pairs, st.one_of(st.just([]), pairs), few_pads, pairs, st.booleans()),
    st.integers(2, 6),
)
two = st.tuples(tensors(), tensors())
CASES: dict[Any, st.SearchStrategy[Args]] = {
    aten.max_pool2d_with_indices.default: max_pooling,
    aten.avg_pool2d.default: average(2),
    aten.avg_pool3d.default: average(3),
    aten._adaptive_avg_pool2d.default: st.tuples(tensors(3, 4), pairs),
    aten.mean.dim: st.tuples(tensors(2), axes_lists, st.booleans()),
    aten.sum.dim_IntList: st.tuples(tensors(2), axes_lists, st.booleans()),
    aten.cat.default: concatenated(),
    aten.empty_like.default: st.tuples(tensors()),
    aten.index.Tensor: st.tuples(tensors(3, 4), st.tuples(st.none(), tensors(1, 2, st.just(torch.int64))).map(list)),
    aten.index_copy.default: copied(),
    aten.add.Tensor: two,
    aten.mul_.Tensor: two,
    aten.div.Tensor: two,
    aten.pow.Tensor_Scalar: st.tuples(tensors(), st.sampled_from([2, 0.5, 1j])),
    aten.div_.Scalar: st.tuples(tensors(), st.sampled_from([2, 0.5])),
    aten.neg.default: st.tuples(tensors()),
}


def outcome(run: Callable[..., Any], *args: Any) -> list[tuple[torch.Size, torch.dtype, bool]] | None:
    try:
        result = run(*args)
    except (RuntimeError, IndexError, ValueError, NotImplementedError):
        return None
    if result is None:
        return None
    found = [result] if isinstance(result, Tensor) else result
    return [(tensor.shape, tensor.dtype, tensor.is_meta) for tensor in found]


@pytest.mark.parametrize("overload", CASES, ids=str)
def test_a_rule_agrees_with_torch_or_leaves_it_to_torch(overload: Any) -> None:
    answered = 0

    @settings(deadline=None, max_examples=100)  # torch loads its symbolic shapes when it is first asked
    @given(CASES[overload])
    def agrees(args: Args) -> None:
        nonlocal answered
        ours = SHAPE_RULES[overload](args)
        if ours is not None:
            answered += 1
            assert outcome(lambda: ours) == outcome(overload, *args)

    agrees()
    assert answered > 2


pooling = SHAPE_RULES[aten.max_pool2d_with_indices.default]


@settings(deadline=None)
@given(max_pooling.map(lambda args: args[:5]))  # rounded down
def test_every_max_pooling_of_a_batch_is_answered(args: Args) -> None:
    assert outcome(pooling, args) == outcome(aten.max_pool2d_with_indices.default, *args)


@pytest.mark.parametrize("args", [(meta((3, 9, 9)), [2, 2]), (meta((1, 3, 9, 9)), [2])])
def test_what_is_left_to_torch(args: Args) -> None:
    assert pooling(args) is None
    assert outcome(aten.max_pool2d_with_indices.default, *args) is not None


def test_the_indices_are_whole_numbers() -> None:
    values, indices = pooling((meta((1, 3, 9, 9), torch.half), [2, 2]))
    assert (values.dtype, indices.dtype) == (torch.half, torch.int64)
