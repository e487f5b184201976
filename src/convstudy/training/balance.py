"""Class balancing: weights for the loss and probabilities for sampling."""

from __future__ import annotations

import torch
from torch import Tensor


def balanced_weights(labels: Tensor) -> Tensor:
    """Return one weight per class, inverse to its number of images, with mean 1 over the images: float32, classes.

    A class without images has weight 1.

    Source: King & Zeng 2001, as scikit-learn's `class_weight="balanced"`.

    >>> balanced_weights(torch.tensor([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(labels)
    there = counts > 0
    weights = len(labels) / (there.sum() * counts.clamp(min=1))
    return torch.where(there, weights, torch.ones_like(weights))


def balanced_order(labels: Tensor, stream: torch.Generator) -> Tensor:
    """Draw as many images as there are, with replacement and equal probability per class: N indices."""
    chances = balanced_weights(labels).double()[labels]
    cumulated = chances.cumsum(0)
    drawn = torch.rand(len(labels), dtype=torch.float64, generator=stream) * cumulated[-1]
    return torch.searchsorted(cumulated, drawn, right=True).clamp_(max=len(labels) - 1)
