"""What a comparison will cost and what it can show, before any run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.numbers import percentage_points
from convstudy.report.sentences import pp
from convstudy.report.terminal.table import plain_table
from convstudy.wording import plural

if TYPE_CHECKING:
    from convstudy.study.comparisons.forecast import Forecast, Reach

MOST_PAIRS = 6  # more are summarized
ORIGINS = {
    "earlier runs": "as in earlier runs of these networks on these test images",
    "other networks": "as for the most variable pair of other networks on these test images",
    "assumed": "assumed, for want of earlier runs on these test images",
}


def forecast_table(found: Forecast) -> RenderableType:
    """Draw the cost of each network's run and of all runs, and the differences that they can show."""
    table = plain_table("network", numeric=("epochs", "MACs per run", "s per run", "disk per run"))
    for cost in found.networks:
        mark = "" if cost.macs_are_complete else "*"
        epochs = f"{cost.trainings} × {cost.epochs}" if cost.trainings > 1 else str(cost.epochs)
        size = numbers.num_bytes(cost.num_bytes)
        table.add_row(Text(cost.name), epochs, numbers.scaled(cost.macs) + mark, numbers.rate(cost.seconds), size)
    lines = [Text("Cost", style="bold"), Text(_cost(found))]
    if any(not cost.macs_are_complete for cost in found.networks):
        lines.append(Text("* lower bound: some operations have no formula", style="yellow"))
    if len(found.networks) > 1:
        lines += [Text(), Text("What it can show", style="bold")]
    if len(found.networks) > 1 and not found.pairs:
        lines.append(Text("Not predicted for cross-validation, nor for images in groups."))
    shown = found.pairs
    if len(shown) > MOST_PAIRS:
        shown = tuple(sorted(shown, key=lambda pair: pair.difference or 1.0))
        shown = (shown[0], shown[-1])
        lines.append(Text(f"Of {len(found.pairs)} pairs, those with the smallest and the largest difference:"))
    for pair in shown:
        lines.append(Text(_reach(pair, found)))
    return Group(table, Text(), *lines)


def _cost(found: Forecast) -> str:
    few, many = found.runs
    done = f" ({found.done} more are done)" if found.done else ""
    at_once = f", {found.jobs} at a time" if found.jobs > 1 else ""
    times = [_time(seconds) for seconds in found.seconds]
    macs = [numbers.scaled(value) for value in found.macs]
    sizes = [numbers.num_bytes(value) for value in found.num_bytes]
    runs = plural(few, "run") if few == many else f"{few} to {plural(many, 'run')}"
    alone = " of a single process" if found.processes_per_run > 1 else ""
    return (
        f"{runs}{done}{at_once}: about {_range(times)}, {_range(macs)} MACs, {_range(sizes)} on disk. The "
        f"time is that of a few timed steps{alone}; other programs and measurements at the end of a run add to it."
    )


def _time(seconds: float) -> str:
    """Format a duration with its unit.

    >>> _time(248), _time(3725)
    ('4:08 min', '1:02:05 h')
    """
    return f"{numbers.clock(seconds)} {'h' if seconds >= 3600 else 'min'}"


def _range(ends: list[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def _reach(pair: Reach, found: Forecast) -> str:
    few, many = found.seeds
    seeds = f"up to {many} seeds" if few < many else plural(many, "seed")
    what = "nothing about other seeds" if pair.difference is None else _difference(pair.difference)
    margin = ""
    if pair.images_for_margin > found.test_images:
        within, images = percentage_points(found.margin), f"{pair.images_for_margin:,} test images"
        margin = f" Equivalence within {within} needs at least {images}."
    sds = " and ".join(pp(sd) for sd in pair.seed_sds)
    return (
        f"{pair.a}, {pair.b}: {what} with {seeds} and {plural(found.test_images, 'test image')} (80% power); with any "
        f"number of seeds, {_difference(pair.images_alone)}.{margin} Standard deviation between seeds: {sds}, "
        f"{ORIGINS[pair.known_from]}."
    )


def _difference(size: float) -> str:
    return "no difference at all" if size >= 1 else f"differences of {pp(size)} or more"
