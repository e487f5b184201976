"""How a setting is declared: once, in the annotation of its field, for checks, files, flags and help alike."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt


@dataclass(frozen=True)
class Setting:
    """What a field's annotation says besides type and bounds: `lr: Annotated[float, Gt(0), Setting("...")] = 0.03`."""

    help: str  # one sentence
    _: KW_ONLY
    panel: str = "Options"  # of the help page
    flags: tuple[str, ...] | None = None  # on the command line, the printed one first; None: the name; empty: no flag
    command: str = ""  # the one command that has the flag; empty: every command that takes settings
    aliases: tuple[str, ...] = ()  # other spellings of the name that are accepted
    synonyms: tuple[str, ...] = ()  # names that other tools use for it: answered with the name
    default: str = ""  # the default in words, if it is not the declared value
    expected: str = ""  # what a value must be, in words, if type and bounds do not say it
    metavar: str = ""  # what the help page shows for the value
    keywords: tuple[str, ...] = ()  # that its flag accepts besides a number
    decides: bool = True  # whether another value can give another result
    repeated: bool | None = None  # whether the command that reproduces a study has it; None: if it decides
    always: bool = False  # whether that command has it even at its default
    key: bool = True  # whether files may have it
    read: Callable[[str], Any] | None = None  # from text, for values that files and flags write in one word
    written: Callable[[Any], str] = str  # as such a word


@dataclass(frozen=True)
class Declared:
    """A setting of a record: its field, with what its annotation says."""

    name: str
    annotation: Any  # the whole, for pydantic
    default: Any
    about: Setting
    bounds: tuple[Any, ...]

    @property
    def kind(self) -> Any:
        """The type of a value without None: int, float, bool, str, Path, a Literal, ..."""
        return _without_none(get_args(self.annotation)[0])

    @property
    def choices(self) -> tuple[str, ...]:
        """The names of which a value is one, or none."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags, the one that is printed first."""
        return (f"--{self.name.replace('_', '-')}",) if self.about.flags is None else self.about.flags

    @property
    def flag(self) -> str:
        """The flag that is printed; without one, the name."""
        return next(iter(self.flags), self.name)

    @property
    def in_plain_values(self) -> bool:
        """Whether files have its value in another type: a list, or the text of a path."""
        return self.kind is Path or get_origin(self.kind) is tuple

    @property
    def is_number(self) -> bool:
        return self.kind in {int, float}

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.about.expected:
            return self.about.expected
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.is_number:
            return {int: "a whole number", float: "a number"}[self.kind] + _range(self.bounds)
        return {bool: "true or false", str: "text"}.get(self.kind, "a path")

    def words(self, value: Any) -> tuple[str, ...]:
        """The words of a command that give it this value."""
        if isinstance(value, bool) and self.about.read is None:
            return (self.flag if value else self.flag.replace("--", "--no-", 1),)
        return self.flag, self.about.written(value)


@cache
def declared(record: type) -> Mapping[str, Declared]:
    """Return the settings of a dataclass by their names, in their order.

    >>> from convstudy.training import Recipe
    >>> declared(Recipe)["batch_size"].flags, declared(Recipe)["batch_size"].expected
    (('--batch-size', '-b'), 'a whole number from 2 to 2,147,483,647')
    """
    hints = get_type_hints(record, include_extras=True)
    return {field.name: _declared(field.name, hints[field.name], field.default) for field in fields(record)}


def synonyms(record: type) -> dict[str, str]:
    """Return the names that other tools use for the settings of a record; spellings of flags are among them."""
    return {
        other: each.name
        for each in declared(record).values()
        for other in (*each.about.synonyms, *(flag.strip("-").replace("-", "_") for flag in each.flags))
        if other not in {each.name, *each.about.aliases}
    }


def _declared(name: str, annotation: Any, default: Any) -> Declared:
    [about] = [each for each in get_args(annotation)[1:] if isinstance(each, Setting)]
    bounds = tuple(each for each in get_args(annotation)[1:] if isinstance(each, Gt | Ge | Lt | Le))
    return Declared(name, annotation, None if default is MISSING else default, about, bounds)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in {Union, types.UnionType}:
        return hint
    [kind] = [each for each in get_args(hint) if each is not type(None)]
    return kind


def _range(bounds: tuple[Any, ...]) -> str:
    """Write bounds after the noun.

    >>> _range((Ge(0), Lt(1))), _range((Gt(0), Le(1))), _range((Gt(0),)), _range((Ge(2),)), _range(())
    (' from 0 to below 1', ' above 0, at most 1', ' above 0', ', 2 or more', '')
    >>> _range((Gt(0), Lt(100)))
    ' above 0, below 100'
    """
    lower = next((each for each in bounds if isinstance(each, Gt | Ge)), None)
    upper = next((each for each in bounds if isinstance(each, Lt | Le)), None)
    match lower, upper:
        case Ge(ge=low), None:
            return f", {_number(low)} or more"
        case Gt(gt=low), _:
            begin, to = f" above {_number(low)}", ","
        case Ge(ge=low), _:
            begin, to = f" from {_number(low)}", " to"
        case _:
            return ""
    match upper:
        case Le(le=high):
            return f"{begin}{to}{' at most' * (to == ',')} {_number(high)}"
        case Lt(lt=high):
            return f"{begin}{to} below {_number(high)}"
        case _:
            return begin


def _number(value: Any) -> str:
    """Write a bound: whole numbers with all their digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
