"""The accuracy of a trained network on test images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.sentences import sample
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.study import Evaluated

SHOWN = 20  # classes, lowest top-1 first
ONE_RUN = "This is the accuracy of one run; another seed gives another network. `convstudy compare` covers other seeds."


def evaluation_report(found: Evaluated) -> RenderableType:
    """Draw top-1 with its confidence interval, and top-1 per class, lowest first.

    >>> from rich.console import Console
    >>> from convstudy.statistics import Interval
    >>> from convstudy.study import ClassTop1, Evaluated
    >>> from convstudy.study.runs.seen_images import SeenCounts
    >>> classes = ClassTop1("cat", 60, 58), ClassTop1("dog", 40, 32)
    >>> found = Evaluated(
    ...     model="net", seed=0, data="pets", part="test", images=100, seen=SeenCounts(training=3, validation=0),
    ...     top1=Interval(0.9, 0.826, 0.945), loss=0.4, classes=classes,
    ... )
    >>> Console(width=80).print(evaluation_report(found))  # doctest: +NORMALIZE_WHITESPACE
    net, seed 0, on pets, test set: top-1 90.0% (95% CI 82.6 to 94.5, 100 images,
    taken as independent)
    cross-entropy loss 0.400
    <BLANKLINE>
    3 of the 100 images are among this run's training images, pixel by pixel: the
    result is too optimistic
    <BLANKLINE>
    class        images  top-1
    ──────────────────────────
    dog              40  80.0%
    cat              60  96.7%
    <BLANKLINE>
    This is the accuracy of one run; another seed gives another network. `convstudy
    compare` covers other seeds.
    """
    table = plain_table("class", numeric=("images", "top-1"))
    ranked = sorted((item for item in found.classes if item.images), key=lambda item: item.right / item.images)
    for item in ranked[:SHOWN]:
        table.add_row(Text(item.name), numbers.count(item.images), numbers.percent(item.right / item.images))
    part = "all images" if found.part == "all" else f"{found.part} set"
    interval = numbers.percent_interval(found.top1.low, found.top1.high)
    headline = (
        f"{found.model}, seed {found.seed}, on {found.data}, {part}: top-1 {numbers.percent(found.top1.value)} "
        f"(95% CI {interval}, {sample(found.images, found.groups)})"
    )
    more = f"and {numbers.plural(len(ranked) - SHOWN, 'class')} with a higher top-1" if len(ranked) > SHOWN else ""
    return Group(
        Text(headline, style="bold"),
        Text(f"cross-entropy loss {found.loss:.3f}"),
        *(Text(note) for note in found.notes),
        Text(),
        *(Text(f"{line}\n", style="bold") for line in _seen(found)),
        table,
        *([Text(more, style="dim")] if more else []),
        Text(f"\n{ONE_RUN}", style="dim"),
    )


def _seen(found: Evaluated) -> Iterator[str]:
    """Say how many images the run was trained on, or that this is not known."""
    if found.seen is None:
        yield "Whether the run was trained on any of these images is unknown: its folder has no fingerprints of them."
        return
    for number, images in ((found.seen.training, "training"), (found.seen.validation, "validation")):
        if number:
            are = "is" if number == 1 else "are"
            yield (
                f"{numbers.count(number)} of the {numbers.plural(found.images, 'image')} {are} among this run's "
                f"{images} images, pixel by pixel: the result is too optimistic"
            )
