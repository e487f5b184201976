"""Command-line flags for the settings of a plan and of its recipe, derived from their declarations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from convstudy.errors import ConvstudyError
from convstudy.report.numbers import setting as shown
from convstudy.study.plans.plan import Plan
from convstudy.training.recipe import Recipe
from convstudy.training.setting import Declared, declared

FLAGGED = {each.name: each for record in (Plan, Recipe) for each in declared(record).values() if each.flags}
FIND = "find"  # value of --lr: choose the learning rate by a range test
PARAMETERS = {"allow_mixed": "--allow-mixed", "form": "--format"}  # parameters of functions, and their flags
PARAMETERS |= {name: f"--{name}" for name in ("input", "mistakes", "model", "output", "seed", "topk", "trust")}


def with_setting_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Add the flags of all settings to a command whose last parameter is `**settings`. A flag not given is None."""
    signature = inspect.signature(command, eval_str=True)
    own = [given for given in signature.parameters.values() if given.kind is not given.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[_type(each) | None, option(each)],
        )
        for each in FLAGGED.values()
        if each.about.command in {"", command.__name__}
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def asked(record: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a record whose flags were given."""
    own = {name for name, each in declared(record).items() if each.flags}
    return {name: value for name, value in settings.items() if name in own and value not in (None, [])}


def option(setting: Declared) -> Any:
    """Return the command-line option for a setting."""
    about = setting.about
    default = about.default or _shown_default(setting)
    return typer.Option(
        *spellings(setting),
        help=about.help + (rf" \[default: {default}]" if default else ""),
        rich_help_panel=about.panel,
        show_default=False,
        parser=_number_or(about.keywords) if about.keywords else None,
        metavar=about.metavar or (f"<{'|'.join(setting.choices)}>" if setting.choices else None),
    )


def spellings(setting: Declared) -> list[str]:
    """Return the flags of a setting; a boolean setting has a `--no-` form of each.

    >>> spellings(FLAGGED["amp"]), spellings(FLAGGED["batch_size"])
    (['--amp/--no-amp'], ['--batch-size', '-b'])
    """
    if _type(setting) is not bool:
        return list(setting.flags)
    return [f"{flag}/{flag.replace('--', '--no-', 1)}" for flag in setting.flags]


def in_flags(error: ConvstudyError) -> str:
    """Return the message of an error; if it is about a setting, with flags in place of the names of settings.

    >>> in_flags(ConvstudyError("lr is -1; expected a number above 0", setting="lr"))
    '--lr is -1; expected a number above 0'
    >>> in_flags(ConvstudyError("a.yaml: lr is -1; expected a number above 0"))
    'a.yaml: lr is -1; expected a number above 0'
    """
    if error.setting is None:
        return str(error)

    def flag(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return FLAGGED[name].flag if name in FLAGGED else PARAMETERS.get(name, found[0])

    return re.sub(r"(?<![\w./-])([a-z]\w*)(?= is )|`(\w+)`", flag, str(error))


def _type(setting: Declared) -> Any:
    """Return the type that the command line parses for a setting."""
    if setting.about.read or setting.choices:
        return str
    return list[str] if setting.kind == tuple[str, ...] else setting.kind


def _shown_default(setting: Declared) -> str:
    if setting.about.read and setting.default not in (None, ()):
        return setting.about.written(setting.default)
    return "" if setting.default in (None, ()) else shown(setting.default)


def _number_or(keywords: tuple[str, ...]) -> Callable[[str], float | str]:
    """Return a parser of a number or one of these keywords."""

    def read(text: str) -> float | str:
        try:
            return text if text in keywords else float(text)
        except ValueError:
            raise typer.BadParameter(f"'{text}' is neither a number nor `{'`, `'.join(keywords)}`") from None

    return read
