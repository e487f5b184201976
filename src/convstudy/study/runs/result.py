"""What one run leaves for a comparison: its learning curve and its answers on the test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy.training import Epoch


@dataclass(frozen=True)
class RunResult:
    """One network trained with one seed: its learning curve and its answers on the test part.

    Where only predictions were imported, `scored` is False: a logit of 1 stands for the predicted class.
    """

    model: str
    seed: int
    epochs: tuple[Epoch, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: npt.NDArray[np.float32]  # N x classes
    scored: bool = True
