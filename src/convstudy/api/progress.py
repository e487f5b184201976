"""Progress display of training that was started from Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convstudy.study.runs.events import OnEvent


@contextmanager
def shown(on_event: OnEvent | None) -> Iterator[OnEvent]:
    """Yield `on_event` or, if it is None, a display: bars on a terminal and in a notebook, else one line per epoch."""
    if on_event is not None:
        yield on_event
        return
    from rich.console import Console

    from convstudy.report.terminal import TrainingDisplay

    with TrainingDisplay(Console(file=None if _in_notebook() else sys.stderr)) as display:
        yield display


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
