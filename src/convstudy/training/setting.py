"""One setting of a recipe: its default, and what values it may have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, field
from difflib import get_close_matches
from typing import Any

from convstudy.errors import RecipeError


def number(default: float, expected: str, holds: Callable[[float], bool]) -> Any:
    """A field for a number of which `holds` is true; `expected` says so in words."""
    return field(default=default, metadata={"expected": expected, "holds": holds})


def choice(*names: str) -> Any:
    """A field for one of several names; the first is the default."""
    return field(default=names[0], metadata={"names": names})


def check(setting: Field[Any], value: object) -> None:
    """Find that a setting has a value of its type and in its range.

    Raises: RecipeError, with the setting's flag, what was got and what is expected.
    """
    flag = f"--{setting.name.replace('_', '-')}"
    if "names" in setting.metadata:
        _check_name(flag, value, setting.metadata["names"])
    elif setting.type == "bool":
        if not isinstance(value, bool):
            raise RecipeError(f"{flag} is {value!r}; expected true or false")
    elif not _is_number(value, whole=setting.type == "int") or not setting.metadata["holds"](value):
        got = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)
        raise RecipeError(f"{flag} is {got}; expected {setting.metadata['expected']}")


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) if whole else math.isfinite(value)


def _check_name(flag: str, value: object, names: tuple[str, ...]) -> None:
    if value in names:
        return
    nearest = get_close_matches(str(value), names, n=1)
    advice = f"; did you mean '{nearest[0]}'?" if nearest else ""
    raise RecipeError(f"{flag} is {value!r}; expected {', '.join(names[:-1])} or {names[-1]}{advice}")
