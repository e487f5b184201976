"""The progress of training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.time_left import Running, StudyPace
from convstudy.study.runs.events import (
    CostMeasurement,
    EpochEnded,
    Event,
    LookTaken,
    Noted,
    RunEnded,
    RunFailed,
    RunStarted,
    StepEnded,
    StudyStarted,
)
from convstudy.training import Epoch
from convstudy.wording import plural


@dataclass(kw_only=True)
class RunLine:
    """One running run on the screen: its name and its progress."""

    bar: TaskID
    model: str
    name: str
    epochs: int
    steps_per_epoch: int
    started: float  # seconds, by the display's clock
    done: float = 0.0  # fraction of the run
    resumed_at: float = 0.0  # fraction that came from a checkpoint
    images_per_second: float = 0.0

    def at(self, now: float) -> Running:
        """Return how far the run is."""
        return Running(
            model=self.model, seconds=now - self.started, done=self.done - self.resumed_at, left=1 - self.done
        )


class TrainingDisplay:
    """A display of epoch, loss, images/s and time left of each run, driven by the events of a study.

    On a terminal it shows one progress bar per running run and, if there are several runs, one for all of them.
    Elsewhere (file, pipe, CI) it prints one line per epoch.

    >>> from convstudy.training import Epoch
    >>> with TrainingDisplay(Console(width=80)) as display:
    ...     display(StudyStarted(missing=6, total=6))
    ...     display(RunStarted(index=1, model="net", seed=0, epochs=8, steps_per_epoch=45))
    ...     display(StepEnded(index=1, epoch=1, step=45, loss=2.1034, images_per_second=5123.0))
    ...     display(EpochEnded(index=1, epoch=Epoch(1, 0.05, 2.1034, 0.31, 1.7, 0.62, 0.28)))
    ...     display(RunEnded(index=1))
    run 1 of 6: net, seed 0: epoch 1 of 8, loss 2.103, validation top-1 62.0%, 5,123 images/s
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on `console`, by default on standard output; `clock` returns seconds."""
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
        self._lines: dict[int, RunLine] = {}  # running runs, by index
        self._done = 0.0  # ended runs
        self._pace = StudyPace()
        self._total = 0
        self._all_runs: TaskID | None = None  # the bar of all runs, if there are several
        self._measured: TaskID | None = None  # that of the measurements after them

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case StudyStarted():
                self._study_started(event)
            case LookTaken():
                self._look_taken(event)
            case CostMeasurement():
                self._measuring(event.model)
            case RunStarted():
                name = f"{event.model}, seed {event.seed}"
                if event.index in self._lines:  # an attempt that failed
                    self._bars.remove_task(self._lines[event.index].bar)
                bar = self._bars.add_task("", total=1.0, detail="", left="")
                self._lines[event.index] = RunLine(
                    bar=bar,
                    model=event.model,
                    name=name,
                    epochs=event.epochs,
                    steps_per_epoch=event.steps_per_epoch,
                    started=self._clock(),
                )
                self._pace.started(event.model)
                self._show(event.index, epoch=1)
            case StepEnded():
                self._step_ended(event)
            case EpochEnded():
                self._epoch_ended(event.index, event.epoch)
            case Noted():
                self.console.print(Text(f"{self._run(event.index)}{event.text}"), soft_wrap=True)
            case RunFailed():
                failed = f"{self._run(event.index)}failed: {event.reason}"
                self.console.print(Text(failed, style="red"), soft_wrap=True)
                if event.index not in self._lines:  # it failed before it started
                    self._pace.started(event.model)
                self._run_ended(event.index)
            case RunEnded():
                self._run_ended(event.index)

    def _measuring(self, model: str) -> None:
        if not self.live:
            return
        if self._measured is None:
            self._measured = self._bars.add_task("", total=None, detail="", left="")
            self._bars.start()
        self._bars.update(self._measured, description=f"latency and memory of {_shortened(model, 20)}")

    def _look_taken(self, event: LookTaken) -> None:
        if not event.seeds:
            return
        dropped = f"; not the best: {', '.join(event.dropped)}" if event.dropped else ""
        still = "" if event.ended else f"; still in: {', '.join(event.remaining)}"
        self.console.print(Text(f"look at {plural(event.seeds, 'seed')}{dropped}{still}"), soft_wrap=True)

    def _study_started(self, event: StudyStarted) -> None:
        self._done, self._total = float(event.total - event.missing), event.total
        self._pace.waiting, self._pace.macs = event.to_do, event.macs
        if event.missing and event.total > 1 and self._all_runs is None:
            self._all_runs = self._bars.add_task("", total=1.0, detail="", left="")
        if event.missing:
            self._show_all(self._clock())
            self._bars.start()

    def _step_ended(self, event: StepEnded) -> None:
        line = self._lines[event.index]
        line.images_per_second = event.images_per_second
        line.done = (event.epoch - 1 + event.step / line.steps_per_epoch) / line.epochs
        rate = numbers.rate(event.images_per_second)
        self._show(event.index, event.epoch, f"loss {event.loss:.3f}  {rate} images/s")

    def _epoch_ended(self, index: int, epoch: Epoch) -> None:
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

    def _run_ended(self, index: int) -> None:
        line = self._lines.pop(index, None)
        self._done += 1
        if line is not None:
            line.done = 1.0
            self._pace.ended(line.at(self._clock()))
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
            left=_time_left(StudyPace().seconds_left([line.at(now)])),
        )
        self._show_all(now)

    def _show_all(self, now: float) -> None:
        done = self._done + sum(line.done for line in self._lines.values())
        if self._all_runs is not None:
            self._bars.update(
                self._all_runs,
                description=f"{self._done:.0f} of {self._total} runs done",
                completed=done / self._total,
                left=_time_left(self._pace.seconds_left([line.at(now) for line in self._lines.values()])),
            )


def _time_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{numbers.clock(seconds)} left"


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[-width + 1 :]


def failed_runs(failed: Sequence[RunFailed], total: int) -> str:
    """Return one line about the runs that failed, and what to do.

    >>> failed_runs([RunFailed(index=2, model="net", seed=1, reason="net, seed 1: the loss is NaN")], 6)
    '1 of 6 runs failed: net, seed 1: the loss is NaN; to repeat it, repeat the command'
    """
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    what = f"{len(failed)} of {plural(total, 'run')} failed: {failed[0].reason}{more}"
    return f"{what}; to repeat {'them' if len(failed) > 1 else 'it'}, repeat the command"
