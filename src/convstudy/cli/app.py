"""The command line. Each command imports what it needs when it runs, so that `--help` does not import torch."""

from __future__ import annotations

import copy
import inspect
import os
import re
import sys
import traceback
from importlib.metadata import version
from io import TextIOWrapper
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
from convstudy.cli.draw import draw
from convstudy.cli.evaluate import evaluate
from convstudy.cli.explain import explain
from convstudy.cli.export import export
from convstudy.cli.help_page import HelpedCommand, HelpedGroup
from convstudy.cli.import_ import import_
from convstudy.cli.models import models
from convstudy.cli.predict import predict
from convstudy.cli.quiz import quiz
from convstudy.cli.report import report
from convstudy.cli.reproduce import reproduce
from convstudy.cli.setting_flags import in_flags
from convstudy.cli.status import status
from convstudy.cli.summary import summary
from convstudy.cli.train import train
from convstudy.cli.trends import trends
from convstudy.cli.verify import verify
from convstudy.cli.watch import watch
from convstudy.ctrl_c import INTERRUPTED
from convstudy.errors import ConvstudyError, place_in_user_code, printable, raised_in_user_code
from convstudy.wording import reason_of

TRACEBACK = "--traceback"  # accepted before and after the command
HOME = re.compile(r"(-[A-Za-z]|--[\w-]+=)(~(?:/.*)?)", re.DOTALL)  # a shell expands it only where a word begins
AFTER_CTRL_C = {  # what is true of each command; all others begin again
    "train": "repeat the command to continue",
    "compare": "repeat the command to continue",
    "reproduce": "repeat the command to continue",
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
    "Train and compare": (compare, train, reproduce, watch, status, report, import_, verify),
    LISTS: (models,),
    "Use a trained network": (evaluate, predict, export),
    "Count without training": (summary, draw, explain, trends, diff, bottleneck, check, quiz, build),
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
    show_traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="After an error, print where it happened; put it before or after a command.")
    ] = False,
) -> None:
    """Accept the options of `convstudy` itself."""


def main() -> None:
    """Run the command line.

    Invalid input prints one line on standard error and exits with 2, Ctrl-C exits with 130, and SIGTERM with 143.
    """
    for stream in (sys.stdout, sys.stderr):
        _accept_any_letter(stream)
    words = [HOME.sub(_expanded, word) if HOME.fullmatch(word) else word for word in sys.argv[1:]]
    asked = TRACEBACK in words
    try:
        with termination.sigterm_as_ctrl_c():
            one = _with_command(words[:1])
            exit_status = one([word for word in words if word != TRACEBACK], standalone_mode=False)
    except ConvstudyError as error:
        _fail(in_flags(error), error if asked else None)
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except OSError as error:
        _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", error if asked else None)
    except SystemExit as error:  # of the user's code, or of a process whose error another process reports
        place = place_in_user_code(error)
        if not place:
            raise
        _fail(f"the network's code ends the program with sys.exit({error.code!r}){place}", error if asked else None)
    except Exception as error:
        if raised_in_user_code(error):
            _fail(f"{reason_of(error)}{place_in_user_code(error)}", error if asked else None)
        if not hasattr(error, "format_message"):  # present in typer's own errors about arguments
            raise
        _fail(_about_words(error, error.format_message()) or "no command given; `convstudy --help` lists them")
    else:
        if exit_status == INTERRUPTED:  # typer's status after Ctrl-C
            _interrupted()
        sys.exit(exit_status or 0)


def _with_command(words: list[str]) -> typer.Typer:
    """Return the app with the named command alone, because Typer takes a tenth of a second to build all flags."""
    alone = copy.copy(app)
    alone.registered_commands = [each for each in app.registered_commands if [each.name] == words]
    alone.registered_groups = app.registered_groups if words == [of_data.info.name] else []
    return alone if alone.registered_commands or alone.registered_groups else app


def _accept_any_letter(stream: object) -> None:
    """Let a stream print letters that its encoding does not have as escapes, and file names as the system has them."""
    if isinstance(stream, TextIOWrapper) and stream.errors in {"strict", "surrogateescape"}:  # the latter in locale C
        utf8 = stream.encoding.lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def _expanded(word: re.Match[str]) -> str:
    return word[1] + os.path.expanduser(word[2])  # noqa: PTH111 - as text, with a slash at its end


def _about_words(error: BaseException, message: str) -> str:
    """Return Typer's message about a word that cannot be read, with the word where the message lacks it."""
    of_pydantic = getattr(error.__cause__, "errors", None)
    if not callable(of_pydantic):
        return message
    first = of_pydantic()[0]
    given, why = f"'{first['input']}'", first["msg"].removeprefix("Value error, ")
    number = {"int_parsing": "an integer", "float_parsing": "a number"}.get(first["type"])
    said = f"{given} is not {number}" if number else why if given in why else f"{given}: {why}"
    return message.replace(first["msg"], said)


def _interrupted() -> None:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    how, status = ("terminated", termination.TERMINATED) if termination.received else ("interrupted", INTERRUPTED)
    print(f"{how}; {AFTER_CTRL_C.get(command, 'repeat the command to begin again')}", file=sys.stderr)
    sys.exit(status)


def _fail(message: str, error: BaseException | None = None) -> None:
    """Print a message and, of an `error`, where it happened."""
    if error is not None:
        traceback.print_exception(error)
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(2)
