"""Where memory is full, a batch goes through in more parts: the same steps, said so, and kept at a resume."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convstudy.errors import RecipeError, StudyError
from convstudy.inference import predict
from convstudy.study.runs.frozen_backbone import FrozenBackbone
from convstudy.training import Progress, Recipe, TrainingBatches, train
from tests.training.made_up import close, images, plain_network, same, weights

RECIPE = Recipe(epochs=2, batch_size=16, lr=0.05, clip_grad=1.0)
BATCHES = TrainingBatches(images(64), RECIPE, seed=1)


class Narrow(nn.Module):
    """Has room for `room` images at once, and notes how many it got."""

    def __init__(self, room: int, error: Exception | None = None, backward: bool = False) -> None:
        super().__init__()
        self.inner, self.room, self.got = plain_network(), room, list[int]()
        self.error, self.backward = (
            error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            backward,
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.inner(x)  # type: ignore[no-any-return]
        self.got.append(len(x))
        if len(x) > self.room and not self.backward:
            raise self.error
        out: Tensor = self.inner(x)
        if len(x) > self.room:
            out.register_hook(self._full)  # type: ignore[no-untyped-call]
        return out

    def _full(self, gradient: Tensor) -> None:
        raise self.error


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["cuda", "mps", "cpu", "numpy"],
)
def test_the_steps_stay_the_same(error: Exception, backward: bool) -> None:
    wide, narrow, notes = Narrow(16), Narrow(5, error, backward), list[str]()
    expected = train(wide, BATCHES, images(16))
    history = train(narrow, BATCHES, images(16), on_note=notes.append)
    assert narrow.got[:6] == [16, 8, 4, 4, 4, 4]
    assert set(narrow.got[6:]) == {4}  # it is not tried again
    assert [re.findall(r"\d+", note) for note in notes] == [["16", "2", "1"], ["8", "4", "1"]]  # images, parts, epoch
    assert close(weights(narrow), weights(wide))
    assert [epoch.lr for epoch in history] == [epoch.lr for epoch in expected]
    losses = [[each.train_loss for each in epochs] for epochs in (history, expected)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_gradients_of_the_parts_before_do_not_count_twice() -> None:
    class Once(Narrow):
        def forward(self, x: Tensor) -> Tensor:
            self.room = 0 if len(self.got) == 3 else 16  # the second part of the second step
            return super().forward(x)

    cut = TrainingBatches(images(64), replace(RECIPE, accumulate=2), seed=1)
    whole, once = Narrow(16), Once(16)
    train(whole, cut, images(16))
    train(once, cut, images(16))
    assert once.got[:10] == [8, 8, 8, 8, 4, 4, 4, 4, 4, 4]
    assert close(weights(once), weights(whole))


def test_it_goes_on_with_as_many_parts_and_says_so_again(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def die(progress: Progress) -> None:
        if progress.epoch == 2:
            raise KilledError

    whole, resumed, notes = Narrow(8), Narrow(16), list[str]()
    train(whole, BATCHES, images(16))
    with pytest.raises(KilledError):
        train(Narrow(8), BATCHES, images(16), checkpoint=tmp_path / "c.pt", on_step=die)
    train(resumed, BATCHES, images(16), checkpoint=tmp_path / "c.pt", on_note=notes.append)
    assert set(resumed.got) == {8}  # though there is more room now
    assert [re.findall(r"\d+", note) for note in notes] == [["16", "2", "1"]]
    assert same(weights(resumed), weights(whole))


def test_one_image_that_does_not_fit_is_one_line() -> None:
    narrow = Narrow(0)
    with pytest.raises(StudyError, match="out of memory with a single image"):
        train(narrow, BATCHES, images(16))
    assert narrow.got == [16, 8, 4, 2, 1]


class Small(Narrow):
    """Has little room when it answers, too."""

    def forward(self, x: Tensor) -> Tensor:
        self.got.append(len(x))
        if len(x) > self.room:
            raise self.error
        answer: Tensor = self.inner(x)
        return answer


def test_evaluation_takes_smaller_batches() -> None:
    small = Small(10)
    assert torch.allclose(predict(small, images(50), batch_size=32), predict(small.inner, images(50)), atol=1e-6)
    assert small.got == [32, 16, 8, 8, 8, 8, 8, 8, 2]
    with pytest.raises(torch.OutOfMemoryError):
        predict(Small(0), images(50))


def test_features_of_a_frozen_backbone_take_smaller_batches() -> None:
    small, data = Small(10), images(50)
    backbone = FrozenBackbone.of(small, "small", data, 2)
    small.got.clear()
    features = backbone.features(data)
    assert small.got[:6] == [50, 50, 50, 32, 16, 8]
    expected = small.inner[:-1](data.normalized(data.images))
    assert torch.allclose(features.images[:, :, 0, 0], expected, atol=1e-6)


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(Narrow(5, RuntimeError("shapes do not fit")), BATCHES, images(16))


def test_a_part_too_small_for_batch_normalization_is_one_line() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 8), nn.BatchNorm2d(2), nn.Flatten())
    cut = TrainingBatches(images(64), replace(RECIPE, accumulate=16), 1)
    with pytest.raises(RecipeError, match="more than one image at once, but a batch of 16 is processed in 16"):
        train(model, cut, images(16))
