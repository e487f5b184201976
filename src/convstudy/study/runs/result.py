"""Result of one run, as a comparison uses it: the learning curve and the predictions on the test set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy.training import Epoch


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Learning curve and test predictions of one network trained with one seed."""

    model: str
    seed: int
    epochs: tuple[Epoch, ...]
    labels: npt.NDArray[np.int64]  # N
    logits: npt.NDArray[np.float32]  # N x classes
    groups: tuple[str, ...] = ()  # the group of each image; empty: images are independent
    scored: bool = True  # False if only predicted classes were imported: the logit of the predicted class is 1, else 0
