"""The pages of `--help`: every command, and every flag in full with its help beside it, or below a long flag."""

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
from typer.core import TyperCommand, TyperGroup

NAMES = 28  # columns for flags; the help of a longer flag starts on the next line
COMMANDS = 10  # columns for the name of a command
STYLES = {  # colors in the names of flags
    r"(?<![\w-])--?[a-z][\w-]*": "bold cyan",
    r"<[^>]*>|\b[A-Z]+\b": "yellow",
}
AT_THE_END = r"\[(default|required)[^]]*\]$"


class HelpedCommand(TyperCommand):
    """A command whose help is `help_page`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as typer calls it
        Console().print(help_page(self, ctx))


class HelpedGroup(TyperGroup):
    """A group of commands whose help is `help_page`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as typer calls it
        Console().print(help_page(self, ctx))


def help_page(command: TyperCommand | TyperGroup, context: Any) -> RenderableType:
    """Draw the usage, the docstring, and one panel per group of commands, arguments and flags."""
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, words = record
            if parameter.param_type_name == "argument":
                names = names.partition(" <")[0]  # the type, as in `DIR <list[Path]>`, says nothing to a user
            panels[_panel(parameter)].append((names, words))
    head = Text("\n\n").join([Text(command.get_usage(context), "bold"), Text(command.help or "")])
    page: list[RenderableType] = [Padding(head, 1)]
    if isinstance(command, TyperGroup):
        page += [_drawn(title, records, COMMANDS) for title, records in _commands(command, context).items()]
    page += [_drawn(title, records, NAMES) for title, records in panels.items()]
    if command.epilog:
        page.append(Padding(Text(command.epilog), 1))
    return Group(*page)


def _commands(group: TyperGroup, context: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the commands by the title of their panel, each with the first paragraph of its help."""
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in group.list_commands(context):
        command: Any = group.get_command(context, name)
        panels[command.rich_help_panel or "Commands"].append((name, (command.help or "").partition("\n\n")[0]))
    return panels


def _panel(parameter: Any) -> str:
    return parameter.rich_help_panel or ("Arguments" if parameter.param_type_name == "argument" else "Options")


def _drawn(title: str, records: Sequence[tuple[str, str]], width: int) -> Panel:
    lines = [line for names, words in records for line in _lines(names, words.replace(r"\[", "["), width)]
    return Panel(Group(*lines), title=title, title_align="left", border_style="dim", box=box.ROUNDED)


def _lines(names: str, words: str, width: int) -> Iterator[RenderableType]:
    flags, explained = Text(names), Text(" ".join(words.split()))
    for pattern, style in STYLES.items():
        flags.highlight_regex(pattern, style)
    explained.highlight_regex(AT_THE_END, "dim")
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=width)
    row.add_column()
    if cell_len(names) > width:
        yield flags
        flags = Text()
    row.add_row(flags, explained)
    yield row
