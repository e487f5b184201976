"""Our shapes against torch's own, on the meta device: the same result, or torch is left to answer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.analysis.shapes import SHAPE_RULES

pooling = SHAPE_RULES[torch.ops.aten.max_pool2d_with_indices.default]
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(list)


def of_torch(args: tuple[Any, ...]) -> list[torch.Size] | None:
    try:
        result = torch.ops.aten.max_pool2d_with_indices.default(*args)
    except (RuntimeError, IndexError):
        return None
    return [tensor.shape for tensor in result]


@settings(deadline=None)  # torch loads its symbolic shapes when it is first asked
@given(
    st.tuples(*[st.integers(1, 12)] * 4),
    pairs,
    st.one_of(st.just([]), pairs),
    st.tuples(st.integers(-1, 2), st.integers(0, 2)).map(list),
    pairs,
    st.integers(1, 5),
)
def test_max_pooling(
    shape: tuple[int, ...],
    kernel: list[int],
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    arguments: int,
) -> None:
    args = (torch.empty(shape, device="meta"), kernel, stride, padding, dilation)[: 1 + arguments]
    found = pooling(args)
    assert (None if found is None else [tensor.shape for tensor in found]) == of_torch(args)


@pytest.mark.parametrize(
    "args",
    [
        (torch.empty(1, 3, 9, 9, device="meta"), [2, 2], [2, 2], [0, 0], [1, 1], True),
        (torch.empty(3, 9, 9, device="meta"), [2, 2]),
        (torch.empty(1, 3, 9, 9, device="meta"), [2]),
    ],
)
def test_what_is_left_to_torch(args: tuple[Any, ...]) -> None:
    assert pooling(args) is None
    assert of_torch(args) is not None


def test_the_indices_are_whole_numbers() -> None:
    values, indices = pooling((torch.empty(1, 3, 9, 9, dtype=torch.half, device="meta"), [2, 2]))
    assert (values.dtype, indices.dtype) == (torch.half, torch.int64)
    assert values.is_meta
    assert indices.is_meta
