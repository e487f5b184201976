"""Training as it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from convstudy.report import numbers
from convstudy.training import Epoch


class TrainingDisplay:
    """Shows where training is: run k of n, epoch, loss, images/s, time left. It is a study's `Observer`.

    On a terminal two bars that move; elsewhere (a file, a pipe, CI) one plain line an epoch.

    >>> with TrainingDisplay(Console(width=80)) as display:
    ...     display.start_run("net", seed=0, index=1, total=6, epochs=8, steps_per_epoch=45)
    ...     display.step(epoch=1, step=45, loss=2.1034, images_per_second=5123.0)
    ...     display.end_epoch(Epoch(1, 0.05, 2.1034, 0.31, 1.7, 0.62, 0.28))
    ...     display.end_run()
    run 1 of 6: net, seed 0: epoch 1 of 8, loss 2.103, validation top-1 62.0 %, 5,123 images/s
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on `console`, by default on the standard output; `clock` gives seconds."""
        self.console = console or Console()
        self.live = self.console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[detail]}", markup=False),
            TextColumn("{task.fields[left]}", justify="right"),
            console=self.console,
            expand=True,
            disable=not self.live,
        )
        self._done_here = 0.0  # runs done by this display, in parts of a run
        self._clock = clock
        self._started = clock()

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start_run(self, model: str, *, seed: int, index: int, total: int, epochs: int, steps_per_epoch: int) -> None:
        """Say which run begins, that it is run `index` (from 1) of `total`, and how long it is."""
        self._run, self._index, self._total = f"{model}, seed {seed}", index, total
        self._epochs, self._steps = epochs, steps_per_epoch
        self._speed = self._resumed_at = 0.0
        self._run_started = self._clock()
        if not self._bars.tasks:
            self._all_runs, self._one_run = (self._bars.add_task("", total=1.0, detail="", left="") for _ in range(2))
            self._bars.start()
        self._show(epoch=1, done=0.0)

    def step(self, *, epoch: int, step: int, loss: float, images_per_second: float) -> None:
        """Say where the run is (epoch and step from 1), and the epoch's mean loss and speed so far."""
        self._speed = images_per_second
        detail = f"loss {loss:.3f}  {numbers.rate(images_per_second)} images/s"
        self._show(epoch, (epoch - 1 + step / self._steps) / self._epochs, detail)

    def end_epoch(self, epoch: Epoch) -> None:
        """Say what an epoch measured; epochs told of before the first step come from a checkpoint."""
        done = epoch.epoch / self._epochs
        if not self._speed:
            self._resumed_at = done
        detail = f"loss {epoch.train_loss:.3f}, validation top-1 {numbers.percent(epoch.validation_top1)}"
        self._show(epoch.epoch, done, detail)
        if not self.live:
            speed = f"{numbers.rate(self._speed)} images/s" if self._speed else "from its checkpoint"
            place = f"run {self._index} of {self._total}: {self._run}: epoch {epoch.epoch} of {self._epochs}"
            self.console.print(Text(f"{place}, {detail}, {speed}"), soft_wrap=True)

    def end_run(self) -> None:
        """Say that the run has ended."""
        self._show(self._epochs, 1.0)
        self._done_here += 1 - self._resumed_at

    def _show(self, epoch: int, done: float, detail: str = "") -> None:
        now = self._clock()
        runs_done, new = self._index - 1 + done, done - self._resumed_at
        self._bars.update(
            self._all_runs,
            description=f"run {self._index} of {self._total}",
            completed=runs_done / self._total,
            detail=_shortened(self._run, 34),
            left=_time_left(now - self._started, self._done_here + new, self._total - runs_done),
        )
        self._bars.update(
            self._one_run,
            description=f"epoch {epoch} of {self._epochs}",
            completed=done,
            detail=detail,
            left=_time_left(now - self._run_started, new, 1 - done),
        )


def _time_left(elapsed: float, done: float, to_do: float) -> str:
    return f"{numbers.clock(elapsed * to_do / done)} left" if done > 0 else ""


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[-width + 1 :]
