"""The learning-rate schedule."""

from __future__ import annotations

import math

from convstudy.training.recipe import Recipe

ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1 / 25 / 1e4  # fractions of the peak, as in torch's OneCycleLR


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Return the learning rate of step `step` (from 0): linear warm-up to the peak, then the recipe's schedule.

    Source: cosine is Loshchilov & Hutter 2017, equation 5, without restarts; the warm-up is Goyal et al. 2017, section
    2.2; linear, to zero, is Defazio et al. 2023 (When, why and how much?); one-cycle is Smith & Topin 2018 with cosines
    instead of lines, as torch's OneCycleLR, with constant momentum.

    >>> recipe = Recipe(epochs=3, lr=0.1, warmup_epochs=1)
    >>> [round(learning_rate(step, 2, recipe), 4) for step in range(6)]
    [0.05, 0.1, 0.1, 0.0854, 0.05, 0.0146]
    """
    if recipe.schedule == "one-cycle":
        return recipe.lr * _one_cycle(step, recipe.epochs * steps_per_epoch, recipe.warmup_epochs * steps_per_epoch)
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return recipe.lr * (step + 1) / warmup_steps
    if recipe.schedule == "constant":
        return recipe.lr
    if recipe.schedule == "step":
        epochs_per_level = recipe.step_epochs or math.ceil(recipe.epochs / 3)
        return float(recipe.lr * recipe.step_factor ** (step // steps_per_epoch // epochs_per_level))
    progress = (step - warmup_steps) / (recipe.epochs * steps_per_epoch - warmup_steps)
    if recipe.schedule == "linear":
        return recipe.lr * (1 - progress)
    return recipe.lr * (1 + math.cos(math.pi * progress)) / 2


def _one_cycle(step: int, steps: int, warmup_steps: float) -> float:
    """Return the fraction of the peak: from 1/25 to 1 within the warm-up, then down to almost 0 at the last step."""
    peak, last = max(warmup_steps - 1, 0.0), steps - 1
    if step < peak:
        return _between(ONE_CYCLE_START, 1.0, step / peak)
    return _between(1.0, ONE_CYCLE_END, (step - peak) / (last - peak) if last > peak else 0.0)


def _between(start: float, end: float, part: float) -> float:
    """Interpolate from `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
