"""The exponential moving average (EMA) of a network's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_of(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of `network` that `update_parameters` moves toward it after each step, running statistics included.

    After n updates the decay is at most (1 + n) / (10 + n), so that short training runs have a useful average, too.

    Source: the average is Polyak & Juditsky 1992, exponential as in Szegedy et al. 2016, section 8; the increasing
    decay is TensorFlow's `ExponentialMovingAverage(num_updates)`.
    """
    return AveragedModel(network, multi_avg_fn=_towards(decay), use_buffers=True)


def _towards(decay: float) -> Callable[[Any, Any, Any], None]:
    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], updates: Tensor) -> None:
        step = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, step)
        else:  # counters, such as the number of batches of a normalization layer
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)

    return update
