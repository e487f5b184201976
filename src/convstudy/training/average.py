"""The exponential moving average (EMA) of a network's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_of(network: nn.Module, decay: float, *, warmup: bool) -> AveragedModel:
    """Return a copy of `network` that `update_parameters` moves towards it after each step, with running statistics.

    With `warmup` the decay after n updates is min(decay, (1 + n) / (10 + n)), so that short trainings have an average
    of their last steps, too; without it the first weights count for decay ** n.

    Source: the average is Polyak & Juditsky 1992, exponential as in Szegedy et al. 2016, section 8; the warm-up is that
    of TensorFlow's `tf.train.ExponentialMovingAverage(decay, num_updates=n)`. timm's `--model-ema-warmup` has another
    curve for the same purpose: min(decay, 1 - (1 + n) ** (-2 / 3)), timm/utils/model_ema.py, `ModelEmaV3.get_decay`.
    """
    return AveragedModel(network, multi_avg_fn=_towards(decay, warmup=warmup), use_buffers=True)


def _towards(decay: float, *, warmup: bool) -> Callable[[Any, Any, Any], None]:
    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], updates: Tensor) -> None:
        step = 1 - (min(decay, (1 + int(updates)) / (10 + int(updates))) if warmup else decay)
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, step)
        else:  # counters, such as the number of batches of a normalization layer
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)

    return update
