"""The training recipe: every choice that decides how a network is trained, in one record."""

from __future__ import annotations

import math
from dataclasses import dataclass

from convstudy.errors import RecipeError


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with Nesterov momentum under a cosine schedule with linear warm-up.

    Raises: RecipeError, when a value is out of its range.

    Source: the schedule is Loshchilov & Hutter 2017, equation 5, without restarts; weight decay leaves out biases
    and norms as in He et al. 2019 (Bag of Tricks), section 3.1; label smoothing is Szegedy et al. 2016, section 7.

    >>> Recipe(epochs=5).lr
    0.03
    >>> Recipe(lr=-1)
    Traceback (most recent call last):
    convstudy.errors.RecipeError: --lr is -1; expected a number above 0
    """

    epochs: int = 6
    batch_size: int = 32
    lr: float = 0.03  # the peak, reached at the end of the warm-up
    warmup_epochs: float = 0.5
    momentum: float = 0.9
    weight_decay: float = 5e-4  # not on biases and norms
    label_smoothing: float = 0.1
    crop_padding: float = 0.125  # random crops: padding on each side, as a part of the image's side; 0 crops nothing
    horizontal_flip: bool = False  # half of the images mirrored
    channels_last: bool = False  # memory format: faster for some networks, slower for others

    def __post_init__(self) -> None:
        _expect(self.epochs >= 1, "--epochs", self.epochs, "a whole number from 1 on")
        _expect(self.batch_size >= 2, "--batch-size", self.batch_size, "a whole number from 2 on")
        _expect(0 < self.lr < math.inf, "--lr", self.lr, "a number above 0")
        _expect(
            0 <= self.warmup_epochs < self.epochs, "--warmup-epochs", self.warmup_epochs, f"0 to below {self.epochs}"
        )
        _expect(0 <= self.momentum < 1, "--momentum", self.momentum, "0 to below 1")
        _expect(0 <= self.weight_decay < math.inf, "--weight-decay", self.weight_decay, "0 or more")
        _expect(0 <= self.label_smoothing < 1, "--label-smoothing", self.label_smoothing, "0 to below 1")
        _expect(0 <= self.crop_padding <= 0.5, "--crop-padding", self.crop_padding, "0 to 0.5")


def _expect(holds: bool, flag: str, got: float, expected: str) -> None:
    if not holds:
        raise RecipeError(f"{flag} is {got:g}; expected {expected}")
