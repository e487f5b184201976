"""Studies as YAML files: what a comparison is asked to do, to be kept, changed and done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from convstudy.errors import ConvstudyError, StudyError, advice
from convstudy.files import whole_file
from convstudy.study.plans.budget import Budget
from convstudy.study.plans.plan import DEFAULT_RECIPE, Plan
from convstudy.training import Recipe
from convstudy.training.synonyms import SYNONYMS as OF_RECIPE

HEADER = "# Again: convstudy compare -c this-file. What each key means: docs/studies.md\n"


@dataclass(frozen=True)
class Kind:
    """What the value of a key may be."""

    words: str
    holds: Callable[[Any], bool]
    read: Callable[[Any], Any] = lambda value: value
    written: Callable[[Any], Any] = lambda value: value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _numbers(value: object) -> bool:
    """Whether a value is a list of numbers; 1e-3 is text in YAML, for it has no point."""
    return isinstance(value, list) and all(_number(each) is not None for each in value)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _mapping(value: object) -> bool:
    return isinstance(value, dict)


TEXT = Kind("a text", lambda value: isinstance(value, str) and bool(value))
PATH = Kind("a path", TEXT.holds, Path, str)
NAMES = Kind("a list of names, as in [net, lenet5]", _names, tuple, list)
NUMBERS = Kind("a list of numbers, as in [0.01, 0.1]", _numbers, lambda value: tuple(map(float, value)), list)
WHOLE = Kind("a whole number", _whole)
YES_OR_NO = Kind("true or false", lambda value: isinstance(value, bool))
FREEZE = Kind(
    "none or backbone",
    lambda value: value in ("none", "backbone"),
    lambda value: value == "backbone",
    lambda frozen: "backbone" if frozen else "none",
)
BUDGET = Kind("kind=amount, as in images=500000", TEXT.holds, Budget.parse, str)
SETTINGS = Kind(
    "settings, as in `epochs: 30`", lambda value: isinstance(value, dict), lambda value: _underscored(value, "recipe")
)

KEYS = {  # of a study file, and of `Plan`
    "models": NAMES,
    "data": TEXT,
    "data_dir": PATH,
    "test_data": PATH,
    "train_images": WHOLE,
    "seeds": WHOLE,
    "first_seed": WHOLE,
    "budget": BUDGET,
    "lr_grid": NUMBERS,
    "recipe": SETTINGS,
    "input_size": WHOLE,
    "freeze": FREEZE,
    "unfreeze_at": WHOLE,
    "skip_bad_images": YES_OR_NO,
    "threads": WHOLE,
    "jobs": WHOLE,
    "device": TEXT,
}

SYNONYMS = {  # what keys are called elsewhere
    "networks": "models",
    "dataset": "data",
    "img_size": "input_size",
    "image_size": "input_size",
    "resize": "input_size",
    "workers": "jobs",
    "n_jobs": "jobs",
}


def read_study(path: Path) -> Plan:
    """The study of a YAML file: `key: value` lines, defaults for those that are left out.

    Raises: StudyError, with the file's name, when it cannot be read, has an unknown key or a value out of range.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "study.yaml"
    >>> _ = path.write_text("models: [net, lenet5]\\nrecipe: {epochs: 2}\\n")
    >>> read_study(path) == Plan(("net", "lenet5"), recipe=Recipe(epochs=2))
    True
    """
    return planned(path, {}, {})


def planned(path: Path | None, asked: Mapping[str, Any], recipe: Mapping[str, Any]) -> Plan:
    """The study of the file, or of the defaults, with what was asked: keys of a plan, and settings of its recipe.

    Raises: as `read_study`; StudyError or RecipeError, for what was asked.
    """
    of_file: dict[str, Any] = {}
    if path is not None:
        written = _written(path)
        try:
            of_file = _keys(written)
            _plan({"models": ("net",), **of_file})
        except ConvstudyError as error:
            raise StudyError(f"{path}: {error}") from None
    settings = dict(of_file.pop("recipe", {}))
    if "budget" in asked:
        settings.pop("epochs", None)
    if "epochs" in recipe:
        of_file.pop("budget", None)
    if "lr_grid" in asked:
        settings.pop("lr", None)
    if "lr" in recipe:
        of_file.pop("lr_grid", None)
    return _plan({"models": (), **of_file, **asked, "recipe": {**settings, **recipe}})


def study_text(plan: Plan) -> str:
    """A study as YAML, every choice written out; `read_study` gives the same study back."""
    import yaml  # noqa: PLC0415 - only who has a file waits for it

    values = {key: getattr(plan, key) for key in KEYS}
    values["recipe"] = _recipe_settings(plan)
    said = {key: KEYS[key].written(value) for key, value in values.items() if value not in (None, ())}
    return HEADER + str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))


def write_study(plan: Plan, path: Path) -> None:
    """Write a study as YAML, whole or not at all; a file that holds the same study already stays as it is."""
    try:
        if path.exists() and read_study(path) == plan:
            return
    except StudyError:
        pass
    with whole_file(path) as draft:
        draft.write_text(study_text(plan), encoding="utf-8", newline="\n")


def _recipe_settings(plan: Plan) -> dict[str, Any]:
    settings: dict[str, Any] = plan.recipe.to_dict() | {"horizontal_flip": plan.horizontal_flip}
    for name in plan.decided_otherwise:
        del settings[name]
    return {name: value for name, value in settings.items() if value is not None}


def _plan(values: Mapping[str, Any]) -> Plan:
    """Bring a plan's keys and its recipe's settings together."""
    settings = dict(values.get("recipe", {}))
    budget: Budget | None = values.get("budget")
    if budget and "epochs" in settings:
        raise StudyError(f"both --budget {budget} and --epochs {settings['epochs']} are given; leave one of them out")
    if values.get("lr_grid") and "lr" in settings:
        raise StudyError(f"both --lr-grid and --lr {settings['lr']} are given; leave one of them out")
    if budget and budget.kind == "epochs":
        settings["epochs"], budget = int(budget.amount), None
    if budget and "warmup_epochs" in settings:  # no number of epochs to hold it against yet
        settings["epochs"] = max(DEFAULT_RECIPE.epochs, _above(settings["warmup_epochs"]))
    recipe = Recipe.from_dict(settings)
    flip = settings.get("horizontal_flip")
    return Plan(**{**values, "recipe": recipe, "horizontal_flip": flip, "budget": budget})


def _above(epochs: object) -> int:
    return int(epochs) + 1 if isinstance(epochs, int | float) and epochs < 1e9 else 0


def _written(path: Path) -> dict[object, Any]:
    import yaml  # noqa: PLC0415

    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror}); expected a study in YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(written, dict):
        raise StudyError(f"{path} holds no study; expected lines as in `models: [net, lenet5]`")
    return written


def _keys(written: Mapping[object, Any]) -> dict[str, Any]:
    """The keys of a plan that a file gives, each with a value of its kind; its recipe as settings."""
    given: dict[str, Any] = {}
    for key, value in _underscored(written, "study").items():
        if key not in KEYS:
            raise StudyError(f"a study has no '{key}'; {_advice(key)}")
        if not KEYS[key].holds(value):
            raise StudyError(f"{key} is {value!r}; expected {KEYS[key].words}")
        given[key] = KEYS[key].read(value)
    return given


def _underscored(written: Mapping[object, Any], what: str) -> dict[str, Any]:
    """Names with underscores, for they may be written with hyphens, as flags are."""
    given: dict[str, Any] = {}
    for said, value in written.items():
        name = str(said).replace("-", "_")
        if name in given:
            raise StudyError(f"a {what} has '{said}' twice; leave one out")
        given[name] = value
    return given


def _advice(key: str) -> str:
    setting = OF_RECIPE.get(key, key)
    if setting in {known.name for known in fields(Recipe)}:
        return f"write `{setting}` under `recipe`"
    return advice(key, KEYS, SYNONYMS)
