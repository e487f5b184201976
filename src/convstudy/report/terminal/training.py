"""Training as it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from convstudy.report import numbers

if TYPE_CHECKING:
    from convstudy.training import Epoch


@dataclass
class RunLine:
    """One run on the screen: what it is, and how far it has come."""

    bar: TaskID
    name: str
    epochs: int
    steps_per_epoch: int
    started: float  # by the display's clock
    done: float = 0.0  # part of the run
    resumed_at: float = 0.0  # part that a checkpoint brought
    images_per_second: float = 0.0


class TrainingDisplay:
    """Shows where training is: each run's epoch, loss, images/s and time left. It is a study's `Observer`.

    On a terminal one bar for all runs, where there are several, and one for each that goes on; elsewhere (a file, a
    pipe, CI) a line an epoch.

    >>> from convstudy.training import Epoch
    >>> with TrainingDisplay(Console(width=80)) as display:
    ...     display.start(missing=6, total=6)
    ...     display.start_run("net", seed=0, index=1, epochs=8, steps_per_epoch=45)
    ...     display.step(1, epoch=1, step=45, loss=2.1034, images_per_second=5123.0)
    ...     display.end_epoch(1, Epoch(1, 0.05, 2.1034, 0.31, 1.7, 0.62, 0.28))
    ...     display.end_run(1)
    run 1 of 6: net, seed 0: epoch 1 of 8, loss 2.103, validation top-1 62.0 %, 5,123 images/s
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on `console`, by default on the standard output; `clock` gives seconds."""
        self.console = console or Console()
        self.live = self.console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[detail]}", markup=False),
            TextColumn("{task.fields[left]}", justify="right"),
            console=self.console,
            expand=True,
            disable=not self.live,
        )
        self._clock = clock
        self._lines: dict[int, RunLine] = {}  # the runs that go on, by index
        self._done = self._done_here = 0.0  # runs that have ended: at all, and by this display
        self._total = 0
        self._all_runs: TaskID | None = None  # the bar of all runs, where there are several

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, *, missing: int, total: int) -> None:
        """Say how many runs there are, and how many of them are to be done now."""
        self._done, self._total, self._started = float(total - missing), total, self._clock()
        if missing and total > 1:
            self._all_runs = self._bars.add_task("", total=1.0, detail="", left="")
        if missing:
            self._bars.start()

    def start_run(self, model: str, *, seed: int, index: int, epochs: int, steps_per_epoch: int) -> None:
        """Say which run begins, its index (from 1), and how long it is."""
        bar = self._bars.add_task("", total=1.0, detail="", left="")
        self._lines[index] = RunLine(bar, f"{model}, seed {seed}", epochs, steps_per_epoch, self._clock())
        self._show(index, epoch=1)

    def step(self, index: int, *, epoch: int, step: int, loss: float, images_per_second: float) -> None:
        """Say where a run is (epoch and step from 1), and the epoch's mean loss and speed so far."""
        line = self._lines[index]
        line.images_per_second = images_per_second
        line.done = (epoch - 1 + step / line.steps_per_epoch) / line.epochs
        self._show(index, epoch, f"loss {loss:.3f}  {numbers.rate(images_per_second)} images/s")

    def note(self, index: int, text: str) -> None:
        """Say what has been changed in a run."""
        self.console.print(Text(f"{self._run(index)}{text}"), soft_wrap=True)

    def end_epoch(self, index: int, epoch: Epoch) -> None:
        """Say what an epoch measured; epochs told of before the first step come from a checkpoint."""
        line = self._lines[index]
        line.done = epoch.epoch / line.epochs
        if not line.images_per_second:
            line.resumed_at = line.done
        detail = f"loss {epoch.train_loss:.3f}, validation top-1 {numbers.percent(epoch.validation_top1)}"
        self._show(index, epoch.epoch, detail.replace("validation ", ""))
        if not self.live:
            rate = line.images_per_second
            speed = f"{numbers.rate(rate)} images/s" if rate else "from its checkpoint"
            place = f"{self._run(index)}{line.name}: epoch {epoch.epoch} of {line.epochs}"
            self.console.print(Text(f"{place}, {detail}, {speed}"), soft_wrap=True)

    def end_run(self, index: int) -> None:
        """Say that a run has ended."""
        line = self._lines.pop(index)
        self._done += 1
        self._done_here += 1 - line.resumed_at
        self._bars.remove_task(line.bar)
        self._show_all(self._clock())

    def _run(self, index: int) -> str:
        return f"run {index} of {self._total}: " if self._total > 1 else ""

    def _show(self, index: int, epoch: int, detail: str = "") -> None:
        now, line = self._clock(), self._lines[index]
        self._bars.update(
            line.bar,
            description=f"{_shortened(line.name, 20)}",
            completed=line.done,
            detail=f"epoch {epoch}/{line.epochs}  {detail}",
            left=_time_left(now - line.started, line.done - line.resumed_at, 1 - line.done),
        )
        self._show_all(now)

    def _show_all(self, now: float) -> None:
        done = self._done + sum(line.done for line in self._lines.values())
        done_here = self._done_here + sum(line.done - line.resumed_at for line in self._lines.values())
        if self._all_runs is not None:
            self._bars.update(
                self._all_runs,
                description=f"runs done {self._done:.0f} of {self._total}",
                completed=done / self._total,
                left=_time_left(now - self._started, done_here, self._total - done),
            )


def _time_left(elapsed: float, done: float, to_do: float) -> str:
    return f"{numbers.clock(elapsed * to_do / done)} left" if done > 0 else ""


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[-width + 1 :]
