"""The study that is performed if neither networks nor a study file are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODELS = ("net", "resnet34")  # the PyTorch tutorial's network against a deep residual one
SETTINGS: Mapping[str, Any] = {"until": "sure", "max_seeds": 3, "margin": 3.0}
RECIPE: Mapping[str, Any] = {"preset": "quick"}  # chosen on validation images of digits (docs/studies.md)


def default_study(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the default study as in a study file; with `seeds`, their number is fixed.

    >>> default_study({"seeds": 3})
    {'models': ['net', 'resnet34'], 'recipe': {'preset': 'quick'}}
    """
    settings = {} if "seeds" in asked and "until" not in asked else dict(SETTINGS)
    return {"models": list(MODELS), **settings, "recipe": dict(RECIPE)}
