"""Values and names of settings, checked against their declarations; the types and bounds by pydantic."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from convstudy.errors import ConvstudyError, advice
from convstudy.training.setting import Declared, declared, synonyms

if TYPE_CHECKING:
    from pydantic import BaseModel

LONGEST_VALUE = 120  # letters of a value that a message quotes
ALSO = "; also: "  # between several problems of one file


def settle(record: Any, error: type[ConvstudyError]) -> None:
    """Give a new frozen record its values in their declared types: 1 becomes 1.0 for a float, a list a tuple.

    Raises: `error`, with every value that is not of its type or out of its bounds, and what is expected.
    """
    settings = declared(record.__class__)
    checked, wrong = check(record.__class__, {name: getattr(record, name) for name in settings})
    if wrong:
        raise error(ALSO.join(wrong.values()), setting=next(iter(wrong)))
    for name in settings:
        object.__setattr__(record, name, checked[name])


def check(record: Any, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the values of all settings in their declared types, and by its name what is wrong with each wrong one."""
    from pydantic import ValidationError  # noqa: PLC0415 - a fifth of a second, which `--help` does not wait for

    settings = declared(record)
    try:
        return vars(_model(record).model_validate(values)), {}
    except ValidationError as caught:
        names = dict.fromkeys(str(problem["loc"][0]) for problem in caught.errors(include_url=False))
        return values, {
            name: f"{name} is {_got(values[name])}; {_expected(settings[name], values[name])}" for name in names
        }


def by_name(
    record: type,
    written: Mapping[Any, Any],
    what: str,
    *,
    keys: Collection[str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return settings by their declared names, and what is wrong with names: those that are unknown or given twice.

    A name may have hyphens, as flags have, and may be an alias. Only `keys` are known, if they are given. `elsewhere`
    has the advice for names that belong to another place.
    """
    settings = declared(record)
    known = {name: each for name, each in settings.items() if keys is None or name in keys}
    names = {spelling: name for name, each in known.items() for spelling in (name, *each.about.aliases)}
    given: dict[str, Any] = {}
    problems = []
    for key, value in written.items():
        spelling = str(key).replace("-", "_")
        name = names.get(spelling)
        if name is None:
            nearest = (elsewhere or {}).get(spelling) or advice(spelling, known, synonyms(record))
            problems.append(f"{what} has no '{key}'; {nearest}")
        elif name in given:
            problems.append(f"{what} has '{name}' twice; leave one out")
        else:
            given[name] = _read(known[name], value)
    return given, problems


def _read(setting: Declared, value: Any) -> Any:
    return setting.about.read(value) if setting.about.read and isinstance(value, str) else value


@cache
def _model(record: type) -> type[BaseModel]:
    """Return the pydantic model with the declared types and bounds: strict, but a list is a tuple, and text a path."""
    from pydantic import ConfigDict, Field, create_model  # noqa: PLC0415

    config = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
    fields: dict[str, Any] = {
        name: (Annotated[each.annotation, Field(strict=False)] if each.in_plain_values else each.annotation, ...)
        for name, each in declared(record).items()
    }
    model: type[BaseModel] = create_model(record.__name__, __config__=config, **fields)
    return model


def _expected(setting: Declared, value: object) -> str:
    nearest = get_close_matches(str(value), setting.choices, n=1)
    return f"expected {setting.expected}" + (f"; did you mean '{nearest[0]}'?" if nearest else "")


def _got(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else reprlib.repr(value) if _is_large(value) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."


def _is_large(value: object) -> bool:
    return isinstance(value, list | tuple | dict | set)
