"""Trials: the trainings of a learning-rate grid, which do not use the test set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from safetensors.torch import load_model, save_model
from torch import nn

from convstudy.errors import DivergedError
from convstudy.files import whole_file, write_json
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.record_file import read_record
from convstudy.training import Epoch


@dataclass(frozen=True)
class Trial:
    """One training of a grid, measured on the validation set; if it diverged, both measures are None."""

    lr: float
    seconds: float  # of training
    epochs: int
    validation_top1: float | None = None
    validation_loss: float | None = None

    @property
    def rank(self) -> tuple[float, float, float]:
        """Sort key, smaller is better: higher validation top-1, then lower validation loss, then lower rate."""
        if self.validation_top1 is None or self.validation_loss is None:
            return (math.inf, math.inf, self.lr)
        return (-self.validation_top1, self.validation_loss, self.lr)

    @classmethod
    def of(cls, lr: float, seconds: float, epochs: Sequence[Epoch], patience: int) -> Trial:
        """Return the trial of a training, measured at the epoch whose weights are kept.

        It is the last epoch, or with `patience` (early stopping) the one with the lowest validation loss.
        """
        kept = min(epochs, key=lambda epoch: epoch.validation_loss) if patience else epochs[-1]
        if not math.isfinite(kept.validation_loss):
            return cls(lr, seconds, len(epochs))
        return cls(lr, seconds, len(epochs), kept.validation_top1, kept.validation_loss)


def best_trial(trials: Sequence[Trial], where: str) -> Trial:
    """Return the trial with the best validation result. Raises: DivergedError, if every trial diverged.

    >>> best_trial([Trial(0.01, 1, 1, 0.5, 1.9), Trial(0.03, 1, 1, 0.6, 1.2), Trial(0.1, 1, 1)], "net").lr
    0.03
    """
    best = min(trials, key=lambda trial: trial.rank)
    if best.validation_top1 is None:
        lrs = ", ".join(f"{trial.lr:g}" for trial in trials)
        raise DivergedError(f"{where}: training diverged at every learning rate ({lrs}); try smaller ones")
    return best


def stored_trial(folder: RunFolder) -> Trial | None:
    """Return the trial stored in a folder, or None if it is not complete."""
    path = folder.path / "trial.json"
    if not path.exists():
        return None
    return read_record(Trial, path, "delete it to repeat this training")


def store_trial(folder: RunFolder, trial: Trial, network: nn.Module) -> None:
    """Write the files of a trial: its weights, unless it diverged, then `trial.json`; delete its checkpoints."""
    if trial.validation_top1 is not None:
        with whole_file(folder.path / "weights.safetensors", new_folder=False) as draft:
            save_model(network, str(draft))
    write_json(folder.path / "trial.json", asdict(trial), new_folder=False)
    for checkpoint in (folder.checkpoint, folder.head_checkpoint):
        checkpoint.unlink(missing_ok=True)


def take_weights(folder: RunFolder, network: nn.Module) -> None:
    """Load the weights of a trial into a network."""
    load_model(network, str(folder.path / "weights.safetensors"))
