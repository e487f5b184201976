"""The predictions of a trained network for images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from rich.console import RenderableType
from rich.text import Text

from convstudy.errors import printable
from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


class RankedAnswer(Protocol):
    """An image with its classes and their probabilities, the most probable first."""

    @property
    def path(self) -> Path: ...
    @property
    def ranked(self) -> tuple[tuple[str, float], ...]: ...
    @property
    def problem(self) -> str: ...


def answer_table(answers: Iterable[RankedAnswer]) -> RenderableType:
    """Draw one line per image: the most probable class, its probability, and the classes that follow.

    >>> from collections import namedtuple
    >>> from rich.console import Console
    >>> Answer = namedtuple("Answer", "path ranked problem")
    >>> answers = [Answer(Path("a.png"), (("cat", 0.91), ("dog", 0.06)), ""), Answer(Path("b.png"), (), "truncated")]
    >>> Console(width=80).print(answer_table(answers))  # doctest: +NORMALIZE_WHITESPACE
    image        label        probability  next classes
    ───────────────────────────────────────────────────────────────────
    a.png        cat                91.0%  dog 6.0%
    b.png        –                      –  cannot be decoded: truncated
    """
    table = plain_table("image", "label", numeric=("probability",))
    table.add_column("next classes", overflow="fold", min_width=11)
    for answer in answers:
        name = Text(printable(answer.path.as_posix()))
        if answer.problem:
            table.add_row(
                name, numbers.ABSENT, numbers.ABSENT, Text(f"cannot be decoded: {answer.problem}", style="red")
            )
            continue
        (label, probability), *others = answer.ranked
        following = ", ".join(f"{name} {numbers.percent(value)}" for name, value in others)
        table.add_row(name, Text(label), numbers.percent(probability), Text(following))
    return table
