"""The contents of a data set, and the problems found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table

if TYPE_CHECKING:
    from convstudy.data import Finding, Inspection

# Number of items shown; the contact sheet and the JSON output contain all of them.
GROUPS = 3  # of images per finding
LEAKS = 20  # groups per finding that contaminates the test set
SIZES = 3
CLASSES = 30
PARTS = {"train": "training", "validation": "validation", "test": "test", None: "images"}  # heads of columns
LEFT_OUT_BY_FIX = {"undecodable", "leak", "shared", "labels", "duplicates"}


def inspection_report(inspection: Inspection, *, fixable: bool = False) -> RenderableType:
    """Draw the counts per class and set, image statistics, each finding with its first images, and advice.

    `fixable`: whether `--fix` can be used on these data.
    """
    from convstudy.data import levels  # noqa: PLC0415

    decoded = [file for file in inspection.files if file.look]
    mean, std = levels(decoded)
    sizes = Counter(file.size for file in decoded)
    modes = Counter(file.mode for file in decoded)
    lines = [
        f"{numbers.plural(len(inspection.files), 'image')}, {_most(sizes)}; color mode {_modes(modes)}",
        f"mean {', '.join(f'{value:.3f}' for value in mean)}; standard deviation "
        f"{', '.join(f'{value:.3f}' for value in std)}",
    ]
    treated = Counter(treatment for file in decoded for treatment in file.treatments)
    lines += [f"{numbers.plural(number, 'image')}: {treatment}" for treatment, number in sorted(treated.items())]
    lines += inspection.notes
    parts = [_counts(inspection), Text("\n".join(lines))]
    if not inspection.findings:
        return Group(*parts, Text("no problems found", style="green"))
    found = (line for finding in inspection.findings for line in _finding(finding))
    return Group(*parts, Text(), *found, *_what_to_do(inspection, fixable))


def _what_to_do(inspection: Inspection, fixable: bool) -> Iterator[Text]:
    kinds = {finding.kind for finding in inspection.findings}
    advice = []
    if "duplicates" in kinds and not {"validation", "test"} <= inspection.counts().keys():
        advice.append("Identical images are kept together when a validation or test set is split off.")
    if fixable and kinds & LEFT_OUT_BY_FIX:
        advice.append(
            "--fix clean.csv writes a table for --data that leaves out broken files and keeps one of each group of "
            "identical images; near-duplicates are kept."
        )
    if advice:
        yield Text()
        yield Text(" ".join(advice))


def _counts(inspection: Inspection) -> RenderableType:
    counts = inspection.counts()
    order = [part for part in PARTS if part in counts]
    names = sorted({name or "" for part in counts.values() for name in part})
    table = plain_table("class", numeric=[PARTS[part] for part in order])
    for name in names[:CLASSES]:
        table.add_row(Text(name or "–"), *(numbers.count(counts[part][name or None]) for part in order))
    if len(names) > CLASSES:
        table.add_row(Text(f"and {len(names) - CLASSES} more"), *("" for _ in order))
    table.show_footer = True
    table.columns[0].footer = "total"
    for column, part in zip(table.columns[1:], order, strict=True):
        column.footer = numbers.count(counts[part].total())
    return table


def _most(sizes: Counter[tuple[int, int]]) -> str:
    shown = [f"{width}×{height} ({number:,})" for (width, height), number in sizes.most_common(SIZES)]
    more = f" and {len(sizes) - SIZES} more" if len(sizes) > SIZES else ""
    if len(sizes) > 1:
        return f"sizes {', '.join(shown)}{more}"
    return f"all {'×'.join(map(str, next(iter(sizes), ())))} pixels"


def _modes(modes: Counter[str]) -> str:
    return ", ".join(f"{mode} ({number:,})" for mode, number in modes.most_common())


def _finding(finding: Finding) -> Iterator[Text]:
    style = "bold red" if finding.contaminates else "yellow"
    yield Text.assemble((f"{finding.sentence} ", style), (f"({finding.kind})", "dim"))
    shown = LEAKS if finding.contaminates else GROUPS
    for group in finding.images[:shown]:
        yield Text(f"  {(' ≈ ' if finding.kind.startswith('near') else ' = ').join(group)}")
    if len(finding.images) > shown:
        yield Text(f"  and {len(finding.images) - shown:,} more", style="dim")
