"""What `--help` of a command shows: every flag whole, with its help beside it, or below where it is long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

NAMES = 28  # columns of a flag that has its help beside it
STYLES = {  # what is coloured in a flag and its help
    r"(?<![\w-])--?[a-z][\w-]*": "bold cyan",
    r"<[^>]*>|\b[A-Z]+\b": "yellow",
}
AT_THE_END = r"\[(default|required)[^]]*\]$"


class HelpedCommand(TyperCommand):
    """A command with this page as its help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as typer calls it
        Console().print(help_page(self, ctx))


def help_page(command: TyperCommand, context: Any) -> RenderableType:
    """Draw the usage, the command's docstring, and a panel for each group of its arguments and flags."""
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            panels[_panel(parameter)].append(record)
    head = Text("\n\n").join([Text(command.get_usage(context), "bold"), Text(command.help or "")])
    return Group(Padding(head, 1), *(_drawn(title, records) for title, records in panels.items()))


def _panel(parameter: Any) -> str:
    return parameter.rich_help_panel or ("Arguments" if parameter.param_type_name == "argument" else "Options")


def _drawn(title: str, records: Sequence[tuple[str, str]]) -> Panel:
    lines = [line for names, words in records for line in _lines(names, words.replace(r"\[", "["))]
    return Panel(Group(*lines), title=title, title_align="left", border_style="dim", box=box.ROUNDED)


def _lines(names: str, words: str) -> Iterator[RenderableType]:
    flags, told = Text(names), Text(" ".join(words.split()))
    for pattern, style in STYLES.items():
        flags.highlight_regex(pattern, style)
    told.highlight_regex(AT_THE_END, "dim")
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=NAMES)
    row.add_column()
    if cell_len(names) > NAMES:
        yield flags
        flags = Text()
    row.add_row(flags, told)
    yield row
