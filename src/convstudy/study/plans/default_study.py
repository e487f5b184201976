"""The study that is performed if neither networks nor a study file are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODELS = ("net", "resnet34")  # the PyTorch tutorial's network against a deep residual one
SETTINGS: Mapping[str, Any] = {"until": "sure", "max_seeds": 3, "margin": 3.0}
RECIPE: Mapping[str, Any] = {"optimizer": "adamw", "lr": 0.003, "epochs": 6}  # chosen on validation images of digits


def default_study(asked: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the default study as in a study file, as far as they fit those that are given.

    With `seeds`, their number is fixed; with an `optimizer`, the learning rate is that optimizer's default.

    >>> default_study({"seeds": 3}, {"optimizer": "sgd"})
    {'models': ['net', 'resnet34'], 'recipe': {'epochs': 6}}
    """
    own = {
        name: value for name, value in RECIPE.items() if name not in {"optimizer", "lr"} or "optimizer" not in recipe
    }
    settings = {} if "seeds" in asked and "until" not in asked else dict(SETTINGS)
    return {"models": list(MODELS), **settings, "recipe": own}
