"""What can go wrong, as one tree. Every message is one line: where, what was got, what was expected, what to do.

ConvstudyError
├── UnknownNameError     no network, data set or setting has this name; the nearest one is offered
├── ModelError           a network of the user's own cannot be opened or built
├── ShapeError           an input does not fit a network, or a window does not fit its input
├── DataError            images or labels that cannot be read or used
├── RecipeError          a setting of the training recipe is out of its range
├── ClaimError           a claimed table or number cannot be read
├── StudyError           a comparison or its folder cannot be used as asked
├── ToolError            a program that this needs is not installed, or does not do its part
└── DivergedError        the loss became NaN or infinite
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


def nearest_name(name: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str | None:
    """The known name that is meant: by a synonym, in any case and with or without `-` and `_`, or by its letters.

    >>> nearest_name("learningRate", ["epochs", "lr"], {"learning_rate": "lr"}), nearest_name("xyz", ["lr"])
    ('lr', None)
    """
    for other, right in (synonyms or {}).items():
        if _letters(other) == _letters(name):
            return right
    return next(iter(get_close_matches(name.lower(), list(known), n=1)), None)


def advice(name: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str:
    """What to say to a name that is none: the known one that is meant, or all of them."""
    known = list(known)
    nearest = nearest_name(name, known, synonyms)
    return f"known are {', '.join(known)}" if nearest is None else f"did you mean '{nearest}'?"


def _letters(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


class ConvstudyError(Exception):
    """The root: the command line prints its message on one line and exits with status 2.

    `setting` names the parameter that the message is about. The message then calls parameters by their names, as in
    "lr is -1; expected a number above 0, see `epochs`", for which the command line puts the flags: "--lr is -1; ...".
    """

    def __init__(self, message: str = "", *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class UnknownNameError(ConvstudyError, LookupError):
    """No network, data set or setting has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        """Write the message: the kind of thing, the name that was got, and the nearest known name or all of them.

        >>> print(UnknownNameError("network", "resnet3A", ["net", "resnet34"]))
        no network is named 'resnet3A'; did you mean 'resnet34'?
        >>> print(UnknownNameError("network", "xyz", ["net", "resnet34"], hint="`convstudy models` lists them"))
        no network is named 'xyz'; known are net, resnet34; `convstudy models` lists them
        """
        known = list(known)
        hint = f"; {hint}" if hint and nearest_name(name, known) is None else ""
        super().__init__(f"no {kind} is named '{name}'; {advice(name, known)}{hint}")


class ModelError(ConvstudyError):
    """A network of the user's own cannot be opened or built."""


class ShapeError(ConvstudyError, ValueError):
    """An input does not fit a network, or a window does not fit its input."""


class DataError(ConvstudyError):
    """Images or labels that cannot be read or used."""


class RecipeError(ConvstudyError, ValueError):
    """A setting of the training recipe is out of its range."""


class ClaimError(ConvstudyError, ValueError):
    """A claimed table or number cannot be read."""


class StudyError(ConvstudyError):
    """A comparison or its folder cannot be used as asked."""


class ToolError(ConvstudyError):
    """A program that this needs is not installed, or does not do its part."""


class DivergedError(ConvstudyError, ArithmeticError):
    """The loss became NaN or infinite."""
