"""The command line. Commands import what they need when they run, so that `--help` answers without torch."""

from __future__ import annotations

import inspect
import re
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from convstudy.cli.bottleneck import bottleneck
from convstudy.cli.build import build
from convstudy.cli.check import check
from convstudy.cli.compare import compare
from convstudy.cli.data import data
from convstudy.cli.data import inspect as inspect_data
from convstudy.cli.diff import diff
from convstudy.cli.evaluate import evaluate
from convstudy.cli.explain import explain
from convstudy.cli.export import export
from convstudy.cli.help_page import HelpedCommand, HelpedGroup
from convstudy.cli.import_ import import_
from convstudy.cli.models import models
from convstudy.cli.predict import predict
from convstudy.cli.report import report
from convstudy.cli.setting_flags import in_flags
from convstudy.cli.summary import summary
from convstudy.cli.train import train
from convstudy.cli.trends import trends
from convstudy.cli.watch import watch
from convstudy.errors import ConvstudyError, printable

INTERRUPTED = 130  # the exit status after Ctrl-C: 128 and the signal's number

app = typer.Typer(
    name="convstudy",
    cls=HelpedGroup,
    help="Know what a convolutional network costs before you train it, and prove which one is better after.",
    epilog="Start with: convstudy compare",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
COMMANDS = {
    "Train and compare": (compare, train, watch, report, import_),
    "Use a trained network": (evaluate, predict, export),
    "Count, without training": (summary, explain, trends, diff, bottleneck, check, build),
}
LISTS = "What there is"


def paragraphs(text: str | None) -> str:
    r"""A docstring as help: each paragraph on one line, for the terminal to wrap; what follows a colon or stop stays.

    >>> paragraphs("Train.\n\n    A long\n    line:\n    convstudy train net")
    'Train.\n\nA long line:\nconvstudy train net'
    """
    return re.sub(r"(?<![:.\n])\n(?!\n)", " ", inspect.cleandoc(text or ""))


for panel, commands in COMMANDS.items():
    for command in commands:
        named = app.command(
            command.__name__.rstrip("_"), cls=HelpedCommand, help=paragraphs(command.__doc__), rich_help_panel=panel
        )
        named(command)
app.command(cls=HelpedCommand, help=paragraphs(models.__doc__), rich_help_panel=LISTS)(models)
of_data = typer.Typer(name="data", cls=HelpedGroup, invoke_without_command=True, callback=data)
of_data.command("inspect", cls=HelpedCommand, help=paragraphs(inspect_data.__doc__))(inspect_data)
app.add_typer(of_data, rich_help_panel=LISTS)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"convstudy {version('convstudy')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of convstudy itself."""


def main() -> None:
    """Run the command line: bad input ends in one line on standard error and status 2, Ctrl-C in status 130."""
    try:
        status = app(standalone_mode=False)
    except ConvstudyError as error:
        _fail(in_flags(error))
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except OSError as error:
        _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}")
    except Exception as error:
        if not hasattr(error, "format_message"):  # of typer's own errors, for words it cannot read
            raise
        _fail(error.format_message() or "no command given; `convstudy --help` lists them")
    else:
        if status == INTERRUPTED:  # as typer says it
            _interrupted()
        sys.exit(status or 0)


def _interrupted() -> None:
    print("interrupted; the same command goes on where it was", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _fail(message: str) -> None:
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(2)
