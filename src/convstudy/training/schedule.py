"""The learning rate at each step."""

from __future__ import annotations

import math

from convstudy.training.recipe import Recipe


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Learning rate of step `step` (from 0): linear warm-up to the peak, then half a cosine towards 0.

    Source: Loshchilov & Hutter 2017, equation 5, without restarts; the warm-up is Goyal et al. 2017, section 2.2.

    >>> recipe = Recipe(epochs=3, lr=0.1, warmup_epochs=1)
    >>> [round(learning_rate(step, 2, recipe), 4) for step in range(6)]
    [0.05, 0.1, 0.1, 0.0854, 0.05, 0.0146]
    """
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return recipe.lr * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / (recipe.epochs * steps_per_epoch - warmup_steps)
    return recipe.lr * (1 + math.cos(math.pi * progress)) / 2
