"""The command line. Each command imports what it needs when it runs, so that `--help` does not import torch."""

from __future__ import annotations

import inspect
import re
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from convstudy.cli import termination
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
from convstudy.cli.status import status
from convstudy.cli.summary import summary
from convstudy.cli.train import train
from convstudy.cli.trends import trends
from convstudy.cli.watch import watch
from convstudy.errors import ConvstudyError, printable

INTERRUPTED = 130  # exit status after Ctrl-C: 128 plus the number of the signal
AFTER_CTRL_C = {  # what is true of each command; all others begin again
    "train": "repeat the command to continue",
    "compare": "repeat the command to continue",
    "import": "files that were imported before are kept; repeat the command with the others",
    "watch": "the runs are not affected",
}

app = typer.Typer(
    name="convstudy",
    cls=HelpedGroup,
    help="Know what a convolutional network costs before you train it, and prove which one is better after.",
    epilog="To get started: convstudy compare",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
LISTS = "Models and data"
COMMANDS = {  # by panel of `convstudy --help`, in its order; `data` is added to its panel below
    "Train and compare": (compare, train, watch, status, report, import_),
    LISTS: (models,),
    "Use a trained network": (evaluate, predict, export),
    "Count without training": (summary, explain, trends, diff, bottleneck, check, build),
}


def paragraphs(text: str | None) -> str:
    r"""Return a docstring as help text: the lines of a paragraph are joined, except after a colon or a full stop.

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
of_data = typer.Typer(name="data", cls=HelpedGroup, invoke_without_command=True, callback=data)
of_data.command("inspect", cls=HelpedCommand, help=paragraphs(inspect_data.__doc__))(inspect_data)
app.add_typer(of_data, rich_help_panel=LISTS)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"convstudy {version('convstudy')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Accept the options of `convstudy` itself."""


def main() -> None:
    """Run the command line.

    Invalid input prints one line on standard error and exits with 2, Ctrl-C exits with 130, and SIGTERM with 143.
    """
    try:
        with termination.sigterm_as_ctrl_c():
            exit_status = app(standalone_mode=False)
    except ConvstudyError as error:
        _fail(in_flags(error))
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except OSError as error:
        _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}")
    except Exception as error:
        if not hasattr(error, "format_message"):  # present in typer's own errors about arguments
            raise
        _fail(error.format_message() or "no command given; `convstudy --help` lists them")
    else:
        if exit_status == INTERRUPTED:  # typer's status after Ctrl-C
            _interrupted()
        sys.exit(exit_status or 0)


def _interrupted() -> None:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    how, status = ("terminated", termination.TERMINATED) if termination.received else ("interrupted", INTERRUPTED)
    print(f"{how}; {AFTER_CTRL_C.get(command, 'repeat the command to begin again')}", file=sys.stderr)
    sys.exit(status)


def _fail(message: str) -> None:
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(2)
