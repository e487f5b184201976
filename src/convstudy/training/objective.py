"""The training objective: cross-entropy of the logits and of auxiliary classifiers, if the network has any."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

SIDE_WEIGHT = 0.3  # Szegedy et al. 2014, section 5: the discount of the auxiliary classifiers' losses


def objective(
    output: Any, labels: Tensor, label_smoothing: float, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the loss and the logits, B x classes, of a network's output in training.

    The output is the logits, or a tuple of the logits and those of the auxiliary classifiers. Labels are B classes, or
    B x classes shares. With `class_weights`, the loss of an image is weighted by its class; the mean is over images all
    the same. The loss is float32, whatever the precision of the network's output.

    >>> import torch
    >>> logits = torch.zeros(4, 10)
    >>> loss, _ = objective((logits, logits, logits), torch.arange(4), 0.0)
    >>> bool(torch.isclose(loss, 1.6 * torch.tensor(10.0).log()))
    True
    """
    logits, *sides = [each.float() for each in ((output,) if isinstance(output, Tensor) else output)]
    loss = _cross_entropy(logits, labels, label_smoothing, class_weights)
    for side in sides:
        loss = loss + SIDE_WEIGHT * _cross_entropy(side, labels, label_smoothing, class_weights)
    return loss, logits


def _cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    if labels.ndim == 2:
        labels = _widened(labels, logits.shape[1], 0.0)
    if class_weights is None:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    weights = _widened(class_weights, logits.shape[1], 1.0)
    losses = F.cross_entropy(logits, labels, weight=weights, label_smoothing=label_smoothing, reduction="none")
    return losses.mean()


def _widened(of_classes: Tensor, num_classes: int, filler: float) -> Tensor:
    """Pad with `filler` for classes that the network has and the training set has no image of."""
    return F.pad(of_classes, (0, num_classes - of_classes.shape[-1]), value=filler)
