"""What training minimises: the cross entropy of the logits, and of the side branches where a network has them."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

SIDE_WEIGHT = 0.3  # Szegedy et al. 2014, section 5: the discount of the auxiliary classifiers' losses


def objective(output: Any, labels: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss and the logits, B x classes, of a network's output in training.

    The output is the logits, or a tuple of them and of the side branches' logits.

    >>> import torch
    >>> logits = torch.zeros(4, 10)
    >>> loss, _ = objective((logits, logits, logits), torch.arange(4), 0.0)
    >>> bool(torch.isclose(loss, 1.6 * torch.tensor(10.0).log()))
    True
    """
    logits, *sides = (output,) if isinstance(output, Tensor) else output
    loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    for side in sides:
        loss = loss + SIDE_WEIGHT * F.cross_entropy(side, labels, label_smoothing=label_smoothing)
    return loss, logits
