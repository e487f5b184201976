"""Events of running trainings: a stream of records that a display, a tracker or a notebook receives as one callable.

Several runs can be active at once; the index of a run, from 1, identifies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from convstudy.training import Epoch


@dataclass(frozen=True, kw_only=True)
class StudyStarted:
    """A study has started: the number of its runs, and how many of them are not finished yet."""

    missing: int
    total: int
    to_do: tuple[str, ...] = ()  # the networks of the missing runs, in order
    macs: Mapping[str, float] = field(default_factory=dict)  # predicted for a run of each network, up to a factor


@dataclass(frozen=True, kw_only=True)
class LookTaken:
    """The runs so far were looked at, to decide which networks need more seeds."""

    seeds: int  # per network still in
    remaining: tuple[str, ...]
    dropped: tuple[str, ...]  # networks that are shown not to be the best
    ended: bool


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run has started or continues."""

    index: int
    model: str
    seed: int
    epochs: int  # with a grid of learning rates, of all trainings together
    steps_per_epoch: int


@dataclass(frozen=True, kw_only=True)
class StepEnded:
    """A training step has ended; epoch and step count from 1, loss and speed are averages over the epoch so far."""

    index: int
    epoch: int
    step: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class EpochEnded:
    """An epoch has ended. Epochs reported before the first step of a run were restored from its checkpoint."""

    index: int
    epoch: Epoch


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Something about a run was changed, such as the micro-batch when memory ran out."""

    index: int
    text: str


@dataclass(frozen=True, kw_only=True)
class RunTested:
    """The test set of a run has been predicted, and its files are written next."""

    index: int


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A run has been tested and its folder written."""

    index: int


@dataclass(frozen=True, kw_only=True)
class RunFailed:
    """A run has ended with an error; the other runs continue."""

    index: int
    model: str
    seed: int
    reason: str  # one line


@dataclass(frozen=True, kw_only=True)
class CostMeasurement:
    """All runs are finished, and the speed and memory of a network are now measured."""

    model: str


Event = (
    StudyStarted
    | LookTaken
    | CostMeasurement
    | RunStarted
    | StepEnded
    | EpochEnded
    | Noted
    | RunTested
    | RunEnded
    | RunFailed
)
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Ignore an event."""


def after_epochs(on_event: OnEvent, before: int) -> OnEvent:
    """Return an `on_event` that adds `before`, the epochs of earlier trainings of the same run, to epoch numbers."""

    def renumbered(event: Event) -> None:
        if isinstance(event, StepEnded):
            event = replace(event, epoch=before + event.epoch)
        elif isinstance(event, EpochEnded):
            event = replace(event, epoch=replace(event.epoch, epoch=before + event.epoch.epoch))
        on_event(event)

    return renumbered
