"""The records of a classic finding: what its source says, and what a repetition of it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convstudy.study import ClaimedComparison, OnEvent
    from convstudy.study import Findings as ComparisonFindings


class Answer(StrEnum):
    """Whether a statement is shown."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "not decided"


class Unit(StrEnum):
    """What a number is, which decides how it is written."""

    TEXT = "text"
    PERCENT = "percent"  # a fraction of 1
    POINTS = "points"  # a difference of two fractions of 1
    COUNT = "count"
    SCALED = "scaled"  # a large count, such as MACs
    SECONDS = "seconds"
    NUMBER = "number"
    TIMES = "times"  # a ratio


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured value with its 95% interval over seeds (and test images, if they are tested)."""

    of: str  # what it is, such as `training error of plain56 minus that of plain20`
    value: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    unit: Unit = Unit.POINTS
    comparable: bool = True  # False if something is wrong with the runs, so that nothing follows from it


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A part of a finding, and whether it is shown here."""

    text: str
    answer: Answer
    estimate: Estimate | None = None
    counted: tuple[int, int] | None = None  # of how many, how many agree


@dataclass(frozen=True)
class Column:
    """A column of a table of figures."""

    name: str
    unit: Unit = Unit.TEXT


Cell = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class FigureTable:
    """Figures that were measured or counted."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int = 1  # number of leading columns that name a row


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the repetition of a finding shows."""

    finding: str
    quick: bool
    statements: tuple[Statement, ...]
    tables: tuple[FigureTable, ...]
    notes: tuple[str, ...] = ()  # departures from the source, and what is missing
    conditions: dict[str, str | int] = field(default_factory=dict)
    training_seconds: float | None = None  # of all runs together; None if nothing is trained
    comparisons: tuple[str, ...] = ()  # folders below that of the finding

    @property
    def answer(self) -> Answer:
        """Whether the finding shows: if a part does not, it does not; if one is not decided, it is not decided."""
        answers = {statement.answer for statement in self.statements}
        return next((each for each in (Answer.NO, Answer.UNDECIDED) if each in answers), Answer.YES)


@dataclass(frozen=True)
class Printed:
    """A figure as the source prints it."""

    what: str
    value: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A classic finding: the question, the source with its figures, and the time that a repetition takes."""

    name: str
    question: str
    source: str
    printed: Sequence[Printed]
    quick_minutes: str  # on two CPU cores
    full_time: str
    quick_differs: str = ""  # what `--quick` changes; empty if there is nothing to shorten


def _nothing(*_: object) -> None:
    """Ignore what is reported."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a finding is repeated: where, how long, on which images."""

    folder: Path
    quick: bool
    display: Callable[[], AbstractContextManager[OnEvent]]  # of the runs of one comparison
    data: str | None = None  # None: the finding's own
    data_dir: Path | None = None
    device: str = "auto"
    jobs: int | None = None
    on_compared: Callable[[ClaimedComparison, ComparisonFindings], None] = _nothing
    on_note: Callable[[str], None] = _nothing  # of what a finding does outside of comparisons

    def images(self) -> str:
        """Return the images to train on: digits in the quick version, otherwise CIFAR-10, unless others are named."""
        return self.data or ("digits" if self.quick else "cifar10")
