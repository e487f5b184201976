"""What happens while runs go on, as a stream of records: a display, a tracker or a notebook takes it as one callable.

Runs are told apart by their index, from 1, for several can go on side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from convstudy.training import Epoch


@dataclass(frozen=True, kw_only=True)
class StudyStarted:
    """The number of runs of the study, and how many of them are still to be done."""

    missing: int
    total: int


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run begins or continues."""

    index: int
    model: str
    seed: int
    epochs: int  # of all its trainings, if it has a grid of learning rates
    steps_per_epoch: int


@dataclass(frozen=True, kw_only=True)
class StepEnded:
    """A training step has ended; epoch and step count from 1, loss and speed are those of the epoch so far."""

    index: int
    epoch: int
    step: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class EpochEnded:
    """An epoch has ended. Epochs reported before the first step of a run come from its checkpoint."""

    index: int
    epoch: Epoch


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Something about a run was changed, such as the micro-batch when memory ran out."""

    index: int
    text: str


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A run has been tested and written."""

    index: int


@dataclass(frozen=True, kw_only=True)
class RunFailed:
    """A run ended by an error; the other runs go on."""

    index: int
    model: str
    seed: int
    reason: str  # one line


Event = StudyStarted | RunStarted | StepEnded | EpochEnded | Noted | RunEnded | RunFailed
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take an event and do nothing."""


def after_epochs(on_event: OnEvent, before: int) -> OnEvent:
    """Number the epochs of a training after the `before` epochs of the trainings that preceded it in the same run."""

    def renumbered(event: Event) -> None:
        if isinstance(event, StepEnded):
            event = replace(event, epoch=before + event.epoch)
        elif isinstance(event, EpochEnded):
            event = replace(event, epoch=replace(event.epoch, epoch=before + event.epoch.epoch))
        on_event(event)

    return renumbered
