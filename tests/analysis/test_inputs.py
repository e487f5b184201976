"""Inputs in the forms that people have: dictionaries, lists, keywords, dtypes, NumPy arrays and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convstudy.analysis import Inputs, InputTensor, count, training_memory
from convstudy.errors import ShapeError


class Tokens(nn.Module):
    """A text encoder that takes its tokens and mask by name or in a dictionary, and a flag."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, batch: dict[str, Tensor] | None = None, *, scaled: bool = False, **named: Tensor) -> Tensor:
        given = batch or named
        x = self.embed(given["tokens"]) * given["mask"].unsqueeze(-1)
        logits: Tensor = self.head(x.mean(1) if scaled else x.sum(1))
        return logits


SHAPES = {"tokens": InputTensor((7,), torch.int64), "mask": (7,)}


@pytest.mark.parametrize(
    ("positional", "named", "paths"),
    [
        ((SHAPES,), {}, ["input.tokens", "input.mask"]),
        ((), SHAPES, ["tokens", "mask"]),
        ((), SHAPES | {"scaled": True}, ["tokens", "mask"]),
        ((Inputs((SHAPES,), {"scaled": True}),), {}, ["input.tokens", "input.mask"]),
        (({"tokens": np.zeros((1, 7), dtype=np.int64), "mask": torch.ones(1, 7)},), {}, ["input.tokens", "input.mask"]),
    ],
)
def test_dictionaries_names_and_dtypes(positional: Any, named: Any, paths: list[str]) -> None:
    table = count(Tokens(), *positional, **named)
    assert [row.path for row in table][:2] == paths
    assert table.totals.macs == 8 * 2
    assert table.totals.parameters == 100 * 8 + 8 * 2 + 2
    memory = training_memory(Tokens(), *positional, **named)
    assert memory.inputs == 7 * 8 + 7 * 4


def test_lists_of_images() -> None:
    class Each(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images: list[Tensor]) -> list[Tensor]:
            return [self.conv(image) for image in images]

    unbatched = [InputTensor((3, 8, 8), batched=False), InputTensor((3, 5, 5), batched=False)]
    for images in ([(3, 8, 8), (3, 5, 5)], unbatched):
        table = count(Each(), images)
        assert [row.path for row in table] == ["input.0", "input.1", "conv", "conv"]
        assert table.totals.macs == (6 * 6 + 3 * 3) * 4 * 27


@pytest.mark.parametrize("shape", [np.array([3, 8, 8]).shape, tuple(np.int64(size) for size in (3, 8, 8)), [3, 8, 8]])
def test_numpy_integers_are_integers(shape: Any) -> None:
    given = shape if len(shape) == 3 else (3, 8, 8)
    assert count(nn.Conv2d(3, 4, 3), given).totals.macs == 6 * 6 * 4 * 27


@pytest.mark.parametrize(
    ("value", "said"), [(3, "3"), ("3x32x32", "'3x32x32'"), ((3, 0, 8), "(3, 0, 8)"), ((3, 8.5), "8.5"), ((), "()")]
)
def test_what_is_no_shape(value: Any, said: str) -> None:
    with pytest.raises(ShapeError) as error:
        count(nn.Conv2d(3, 4, 3), value)
    assert said in str(error.value)


@pytest.mark.parametrize("values", [(), (None,), ([],)])
def test_no_tensor_at_all(values: Any) -> None:
    with pytest.raises(ShapeError, match=r"\(3, 32, 32\)"):
        count(nn.Conv2d(3, 4, 3), *values)
