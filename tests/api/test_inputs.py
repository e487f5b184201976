"""What people pass as inputs, and what they pass by mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import convstudy as typed
from convstudy.errors import ConvstudyError, ModelError, RecipeError, ShapeError

convstudy: Any = typed  # what is passed here by mistake is not of the right type
CONV = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten())
CONV_MACS = 28 * 28 * 8 * 5 * 5 * 3


class TwoTowers(nn.Module):
    """An image and tokens, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(3, 4, 3)
        self.tokens = nn.Embedding(100, 6)
        self.last = nn.Linear(4 + 6, 2)

    def forward(self, *, pixel_values: Tensor, input_ids: Tensor, scale: float = 1.0) -> Tensor:
        pooled = self.image(pixel_values).mean((2, 3)), self.tokens(input_ids).mean(1)
        out: Tensor = self.last(torch.cat(pooled, 1)) * scale
        return out


class OfBatch(nn.Module):
    """One dictionary of an image and a list of two vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.line = nn.Linear(5, 7)

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, list[Tensor]]:
        return self.conv(batch["image"]), [self.line(vector) for vector in batch["vectors"]]


TOWERS_MACS = 4 * 6 * 6 * 3 * 3 * 3 + 10 * 2


def test_inputs_are_passed_by_name() -> None:
    tokens = convstudy.InputTensor((12,), torch.int64)
    table = convstudy.summary(TwoTowers(), pixel_values=(3, 8, 8), input_ids=tokens, scale=2.0)
    assert table.totals.macs == TOWERS_MACS
    assert table.output_shapes == ((2,),)
    assert convstudy.explain(TwoTowers(), "image", pixel_values=(3, 8, 8), input_ids=tokens)["MACs"].value == 3888
    assert not convstudy.diff(TwoTowers(), TwoTowers(), pixel_values=(3, 8, 8), input_ids=tokens).changes
    memory = convstudy.training_memory(TwoTowers(), pixel_values=(3, 8, 8), input_ids=tokens, batch_size=3)
    assert memory.inputs == 3 * (3 * 8 * 8 * 4 + 12 * 8)
    assert convstudy.trends(TwoTowers(), pixel_values=(3, 8, 8), input_ids=tokens)
    [found] = convstudy.bottlenecks(TwoTowers(), pixel_values=(3, 8, 8), input_ids=tokens)
    assert found.path == "image"


def test_inputs_are_dictionaries_and_lists() -> None:
    table = convstudy.summary(OfBatch(), {"image": (3, 8, 8), "vectors": [(5,), (5,)]})
    assert table.totals.macs == 3888 + 2 * 35
    assert table.output_shapes == ((4, 6, 6), (7,), (7,))


def test_an_argument_of_the_network_may_have_the_name_of_one_of_ours() -> None:
    class Odd(nn.Linear):
        def forward(self, classes: Tensor, training: bool = False) -> Tensor:
            return super().forward(classes) if training else classes

    given = convstudy.Inputs((), {"classes": (3,), "training": True})
    assert convstudy.summary(Odd(3, 2), given).totals.macs == 6


def test_a_named_network_takes_its_input_by_name() -> None:
    assert convstudy.summary("net", input=(3, 32, 32)).totals.macs == 651_720


@pytest.mark.parametrize(
    "shape",
    [[3, 32, 32], torch.Size([3, 32, 32]), tuple(np.array([3, 32, 32])), (np.int32(3), np.uint8(32), 32)],
    ids=["list", "size", "int64", "mixed"],
)
def test_a_shape_is_any_sequence_of_whole_numbers(shape: Any) -> None:
    assert convstudy.summary(CONV, shape).totals.macs == CONV_MACS
    table = convstudy.summary("net", shape, classes=np.int64(7))
    assert table.output_shapes == ((7,),)


def test_an_array_is_a_batch() -> None:
    assert convstudy.summary(CONV, np.zeros((2, 3, 32, 32), np.float32)).totals.macs == 2 * CONV_MACS


def nested(depth: int) -> nn.Module:
    network: nn.Module = nn.Linear(3, 3)
    for _ in range(depth):
        network = nn.Sequential(network)
    return network


class Ends(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit(4)


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda: convstudy.summary(nn.ReLU), ModelError, r"ReLU\(\)"),
        (lambda: convstudy.summary(nn.ReLU, (3,)), ModelError, r"ReLU\(\)"),
        (lambda: convstudy.summary(None), ModelError, "None"),
        (lambda: convstudy.explain([1], "0"), ModelError, r"\[1\]"),
        (lambda: convstudy.summary(CONV, 3), ShapeError, r"\b3\b"),
        (lambda: convstudy.summary(CONV, "3x32x32"), ShapeError, "3x32x32"),
        (lambda: convstudy.summary(CONV, None), ShapeError, "no input"),
        (lambda: convstudy.summary(CONV), ShapeError, "none"),
        (lambda: convstudy.summary(CONV, (3, 10**20, 3)), ShapeError, f"3x{10**20}x3"),
        (lambda: convstudy.summary(CONV, (3, 10**400, 3)), ShapeError, "too large"),
        (lambda: convstudy.summary(CONV, (3, 10**10, 10**10)), ShapeError, "too large"),
        (lambda: convstudy.summary(nn.Conv2d(1, 64, 1), (1, 2**29, 2**29)), ConvstudyError, f"{2**29}"),
        (lambda: convstudy.summary(CONV, (3, -1, 3)), ShapeError, "-1"),
        (lambda: convstudy.summary(CONV, (3, 1.5, 3)), ShapeError, r"1\.5"),
        (lambda: convstudy.summary("net", classes=0), ModelError, "0"),
        (lambda: convstudy.summary("net", classes="ten"), ModelError, "ten"),
        (lambda: convstudy.explain(CONV, 0, (3, 32, 32)), ModelError, "0"),
        (lambda: convstudy.training_memory(CONV, (3, 32, 32), batch_size=1.5), RecipeError, r"1\.5"),
        (lambda: convstudy.summary(nested(2000), (3,)), ModelError, "nested"),
        (lambda: convstudy.training_memory(nested(2000), (3,)), ModelError, "nested"),
        (lambda: convstudy.summary(Ends(), (3,)), ModelError, r"exit\(4\)"),
    ],
)
def test_a_mistake_is_answered_in_one_line(ask: Callable[[], object], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as raised:
        ask()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("network", "shape", "right"),
    [
        (CONV, (1, 3, 32, 32), "3x32x32"),
        (CONV, (64, 3, 32, 32), "3x32x32"),
        (CONV, (32, 32, 3), "3x32x32"),
        ("net", (1, 3, 32, 32), "3x32x32"),
        ("net", (32, 32, 1), "1x32x32"),
        (nn.Conv3d(3, 4, 3), (1, 3, 8, 9, 10), "3x8x9x10"),
    ],
)
def test_a_shape_with_a_batch_axis_or_channels_last_is_answered_with_the_right_one(
    network: Any, shape: tuple[int, ...], right: str
) -> None:
    with pytest.raises(ShapeError, match=rf"expected {right}$") as raised:
        convstudy.summary(network, shape)
    assert "x".join(map(str, shape)) in str(raised.value)
    if right == "3x32x32" and len(shape) == 4:
        assert f"leave out the {shape[0]}" in str(raised.value)


def test_tokens_without_a_dtype_are_answered_with_one() -> None:
    tokens = nn.Sequential(nn.Embedding(50, 4), nn.Linear(4, 2))
    with pytest.raises(ShapeError, match=r"expected 12:int64, in Python InputTensor\(\(12,\), torch\.int64\)"):
        convstudy.summary(tokens, (12,))
    assert convstudy.summary(tokens, convstudy.InputTensor((12,), torch.int64)).totals.macs == 12 * 4 * 2


def test_a_forward_pass_is_announced(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convstudy.analysis.ladder.MUCH", 0)

    class Branches(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() < 1 else x

    table = convstudy.summary(Branches(3, 2), (3,))
    assert (table.totals.macs, table.step) == (6, "forward pass")
    assert " MB of memory" in capsys.readouterr().err


def test_a_shape_that_fits_nowhere_keeps_its_own_message() -> None:
    with pytest.raises(ShapeError, match="expected 3 channels"):
        convstudy.summary(CONV, (7, 32, 32))


def test_a_volume_with_one_channel_is_no_batch() -> None:
    assert convstudy.summary(nn.Conv3d(1, 2, 3), (1, 4, 5, 6)).totals.macs == 2 * 2 * 3 * 4 * 27


@pytest.mark.parametrize(
    ("network", "shape", "right"),
    [
        (nn.Conv2d(1, 4, 3), (3, 32, 32), "1 channel, as in `input` 1x32x32"),
        (nn.Sequential(nn.Conv2d(4, 2, 1), nn.Flatten(), nn.Linear(2 * 28 * 28, 9)), (3, 50, 50), "`input` 4x28x28"),
    ],
)
def test_a_wrong_number_of_channels_is_answered_with_the_right_shape(
    network: nn.Module, shape: tuple[int, ...], right: str
) -> None:
    with pytest.raises(ShapeError, match=f"{right}$"):
        convstudy.summary(network, shape)
