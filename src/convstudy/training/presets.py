"""Presets: recipes for three durations, chosen by experiment on validation images (docs/training.md#presets)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The settings of a recipe, some of them by a rule that depends on the settings that are given.

    The learning rate is that of the optimizer, and follows the batch size: in proportion for SGD (Goyal et al. 2017,
    section 2.1), with its square root for AdamW (Malladi et al. 2022). The warm-up is a share of the epochs.
    """

    epochs: int
    warmup: float  # share of the epochs
    batch_size: int
    optimizer: str
    lr: Mapping[str, float]  # by optimizer, with that batch size
    weight_decay: Mapping[str, float]  # by optimizer
    others: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the preset beside those that are given, which may be of any type and value."""
        asked = str(given.get("optimizer"))
        optimizer = asked if asked in self.lr else self.optimizer
        batch_size = _positive(given.get("batch_size"), self.batch_size)
        times = batch_size / self.batch_size
        rate = self.lr[optimizer] * (times if optimizer == "sgd" else math.sqrt(times))
        return {
            **self.others,
            "epochs": self.epochs,
            "warmup_epochs": self.warmup * _positive(given.get("epochs"), self.epochs),
            "batch_size": self.batch_size,
            "optimizer": optimizer,
            "lr": float(f"{rate:.2g}"),
            "weight_decay": self.weight_decay[optimizer],
        }


LR = {"adamw": 0.003, "sgd": 0.05}
WEIGHT_DECAY = {"adamw": 0.05, "sgd": 5e-4}
PRESETS: Mapping[str, Preset] = {
    name: Preset(
        epochs=epochs,
        warmup=0.25,
        batch_size=32,
        optimizer="adamw",
        lr=LR,
        weight_decay=WEIGHT_DECAY,
        others={"schedule": "one-cycle", "crop_padding": crop_padding},
    )
    for name, epochs, crop_padding in (("quick", 5, 0.0625), ("standard", 15, 0.0625), ("thorough", 40, 0.125))
}


def with_preset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a recipe with those of their `preset`; the given ones take precedence.

    >>> given = with_preset({"preset": "quick", "batch_size": 128})
    >>> given["lr"], given["batch_size"]
    (0.006, 128)
    >>> with_preset({"lr": 0.1})
    {'lr': 0.1}
    """
    preset = PRESETS.get(str(settings.get("preset")))
    return dict(settings) if preset is None else {**preset.settings(settings), **settings}


def _positive(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and 0 < value < 2**31 else otherwise
