"""The errors of convstudy, as one tree.

Every message is one line: what happened, where, what was expected, and what to do.

  ConvstudyError
  ├── UnknownNameError     no network, data set or setting has this name; the closest one is suggested
  ├── ModelError           a user's network cannot be opened or built
  ├── ShapeError           an input does not fit a network, or a window does not fit its input
  ├── DataError            images or labels cannot be read or used
  ├── RecipeError          a setting of the training recipe is out of range
  ├── ClaimError           a claimed table or number cannot be read
  ├── DrawingError         a drawing cannot have this size, level or format
  ├── StudyError           a comparison or its folder cannot be used as requested
  ├── ToolError            a required program or package is missing or failed
  └── DivergedError        the loss became NaN or infinite
"""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any


def nearest_name(name: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str | None:
    """Return the known name that was probably meant, or None.

    A synonym counts in any case and with or without `-` and `_`; otherwise the spelling decides.

    >>> nearest_name("learningRate", ["epochs", "lr"], {"learning_rate": "lr"}), nearest_name("xyz", ["lr"])
    ('lr', None)
    """
    for other, right in (synonyms or {}).items():
        if _letters(other) == _letters(name):
            return right
    return next(iter(get_close_matches(name.lower(), list(known), n=1)), None)


def advice(name: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str:
    """Suggest the closest known name, or list all known names if none is close."""
    known = list(known)
    nearest = nearest_name(name, known, synonyms)
    return f"known are {', '.join(known)}" if nearest is None else f"did you mean '{nearest}'?"


def _letters(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


# What a terminal would act on, or cannot show: controls, line ends, bytes that are not UTF-8, and the controls of
# writing direction (Unicode Standard Annex 9, section 2), by which a name can look like another one.
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNPRINTABLE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{DIRECTIONS}]")


def printable(text: str) -> str:
    r"""Return text on one line of valid UTF-8, with everything else written as an escape.

    >>> printable("naïve 🐱.jpg"), printable("a\nb.jpg"), printable("caf\udce9.jpg"), printable("a\x1b[2J\u202egpj.exe")
    ('naïve 🐱.jpg', 'a\\nb.jpg', 'caf\\udce9.jpg', 'a\\x1b[2J\\u202egpj.exe')
    """
    return UNPRINTABLE.sub(_as_escape, text)


def printable_lines(text: str) -> str:
    r"""Return text as `printable` does, but keep its line ends.

    >>> printable_lines("a\x1b[2J\nb")
    'a\\x1b[2J\nb'
    """
    return UNPRINTABLE.sub(lambda found: "\n" if found[0] == "\n" else _as_escape(found), text)


def _as_escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class ConvstudyError(Exception):
    r"""Base class; the command line prints its message on one line and exits with status 2.

    `setting` names the parameter that the message is about. The message then calls parameters by their names, as in
    "lr is -1; expected a number above 0, see `epochs`", for which the command line puts the flags: "--lr is -1; ...".

    >>> print(ConvstudyError("no file is named a\x1b[2J.jpg"))
    no file is named a\x1b[2J.jpg
    """

    def __init__(self, message: str = "", *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting

    def __str__(self) -> str:
        return printable(super().__str__())


class UnknownNameError(ConvstudyError, LookupError):
    """No network, data set or setting has this name; the closest one is suggested."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        """Compose the message from the kind of thing, the unknown name, and the closest known name or all of them.

        >>> print(UnknownNameError("network", "resnet3A", ["net", "resnet34"]))
        no network is named 'resnet3A'; did you mean 'resnet34'?
        >>> print(UnknownNameError("network", "xyz", ["net", "resnet34"], hint="`convstudy models` lists them"))
        no network is named 'xyz'; known are net, resnet34; `convstudy models` lists them
        """
        known = list(known)
        hint = f"; {hint}" if hint and nearest_name(name, known) is None else ""
        super().__init__(f"no {kind} is named '{name}'; {advice(name, known)}{hint}")


class ModelError(ConvstudyError):
    """A user's network cannot be opened or built."""


class ShapeError(ConvstudyError, ValueError):
    """An input does not fit a network, or a window does not fit its input."""


class DataError(ConvstudyError):
    """Images or labels cannot be read or used."""


class RecipeError(ConvstudyError, ValueError):
    """A setting of the training recipe is out of range."""


class ClaimError(ConvstudyError, ValueError):
    """A claimed table or number cannot be read."""


class DrawingError(ConvstudyError, ValueError):
    """Raised when a drawing cannot have a size, level or format."""


class StudyError(ConvstudyError):
    """A comparison or its folder cannot be used as requested."""


class ToolError(ConvstudyError):
    """A required program or package is missing or failed."""


class DivergedError(ConvstudyError, ArithmeticError):
    """The loss became NaN or infinite."""


def place_in_user_code(error: BaseException) -> str:
    """Return the file and line of the user's code that an error came from, as " (FILE, line N)"; empty if from none.

    >>> try:
    ...     import_module("json").loads("[")
    ... except ValueError as error:
    ...     place_in_user_code(error)
    ''
    """
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith(_folders_of_libraries())]
    return f" ({users[-1].filename}, line {users[-1].lineno})" if users else ""


def raised_in_user_code(error: BaseException) -> bool:
    """Return whether an error was raised by a line of the user's code itself, and not by what that called."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not frames[-1].filename.startswith(_folders_of_libraries())


@lru_cache(maxsize=1)
def _folders_of_libraries() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return ("<", str(Path(__file__).parent), *sorted(filter(None, folders)))  # "<": code without a file


def optional_module(name: str, *, extra: str, purpose: str) -> Any:
    """Import a module of an optional package when it is first needed.

    Raises: ToolError, naming the extra to install, if the package is missing.

    >>> optional_module("json", extra="none", purpose="reading JSON").loads("[1]")
    [1]
    >>> optional_module("no_such_package.part", extra="h5", purpose="reading x.h5")
    Traceback (most recent call last):
    ...
    convstudy.errors.ToolError: reading x.h5 needs no_such_package; pip install "convstudy[h5]"
    """
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:  # the package is there and misses another one
            raise
        raise missing_package(package, extra, purpose=purpose) from None


def missing_package(package: str, extra: str, *, purpose: str) -> ToolError:
    """Return the error for an optional package that is not installed.

    >>> print(missing_package("h5py", "h5", purpose="reading images.h5"))
    reading images.h5 needs h5py; pip install "convstudy[h5]"
    """
    return ToolError(f'{purpose} needs {package}; pip install "convstudy[{extra}]"')
