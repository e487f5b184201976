"""What the terminal shows: tables of cost, results and layers, the verdicts, and the progress of training.

Everything fits a terminal of 80 columns. This is the only file of the report that knows Rich.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from convstudy.report import numbers
from convstudy.study.results import Results
from convstudy.training import Epoch


class Cost(Protocol):
    """What a network costs, before training: a `ModelResult` is one, and so is any record with these fields."""

    @property
    def name(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int, int, int]: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...
    @property
    def activation_size(self) -> int: ...
    @property
    def uncounted(self) -> tuple[str, ...]: ...


def cost_table(costs: Iterable[Cost]) -> RenderableType:
    """Draw what each network costs for one image: parameters, MACs, activation size.

    >>> from collections import namedtuple
    >>> Net = namedtuple("Net", "name input_shape parameters macs activation_size uncounted")
    >>> Console(width=80).print(cost_table([Net("net", (3, 32, 32), 62_006, 651_720, 9_128, ())]))
    network      input        parameters   MACs  activation size
    ────────────────────────────────────────────────────────────
    net          3 × 32 × 32      62,006  652 K            9,128
    """
    costs = list(costs)
    table = _table("network", "input", numeric=("parameters", "MACs", "activation size"))
    for cost in costs:
        mark = "*" if cost.uncounted else ""
        table.add_row(
            Text(cost.name),
            numbers.shape(cost.input_shape),
            numbers.count(cost.parameters),
            numbers.scaled(cost.macs) + mark,
            numbers.count(cost.activation_size) + mark,
        )
    return Group(table, *_lower_bounds(costs))


def result_table(results: Results) -> RenderableType:
    """Draw one line a network: its cost, its top-1 with the 95 % interval, and its speed."""
    table = _table(
        "network",
        numeric=("param-\neters", "MACs", "top-1", "95 %\ninterval", "train\ns", "images\n/s", "latency\nms"),
    )
    for model in results.models:
        mark = "*" if model.uncounted else ""
        table.add_row(
            Text(model.name),
            numbers.scaled(model.parameters),
            numbers.scaled(model.macs) + mark,
            numbers.percent(model.top1.mean),
            numbers.percent_interval(model.top1.low, model.top1.high, to="–"),
            numbers.rate(model.train_seconds),
            numbers.rate(model.images_per_second),
            numbers.rate(model.latency_ms),
        )
    return Group(table, *_lower_bounds(results.models))


def verdicts(results: Results) -> RenderableType:
    """Draw the verdict on each pair, and what they are based on."""
    seeds, images = len(results.protocol.seeds), results.protocol.data.test
    lines = [Text(pair.verdict, style="bold" if pair.better else "") for pair in results.comparisons]
    basis = f"based on {seeds} {'seed' if seeds == 1 else 'seeds'} and {numbers.count(images)} test images"
    return Group(*lines, Text(basis, style="dim"))


def _table(*columns: str, numeric: Iterable[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", min_width=11)
    for name in numeric:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _lower_bounds(costs: Iterable[Cost]) -> list[Text]:
    return [
        Text(f"* at least, for {cost.name}: no formula for {', '.join(cost.uncounted)}", style="yellow")
        for cost in costs
        if cost.uncounted
    ]


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
