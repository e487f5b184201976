"""Study files: plans stored as YAML, to be edited and repeated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convstudy.errors import ConvstudyError, StudyError
from convstudy.files import whole_file
from convstudy.study.plans.default_study import default_study
from convstudy.study.plans.plan import Plan, is_set
from convstudy.training.presets import with_preset
from convstudy.training.recipe import Recipe
from convstudy.training.setting import declared
from convstudy.training.settings_file import read_mapping, yaml_text
from convstudy.training.validation import by_name

HEADER = "# To repeat this study: convstudy compare -c this-file. What each key means: docs/studies.md\n"
KEYS = {name: each for name, each in declared(Plan).items() if each.about.key}
INSTEAD = {"budget": "epochs", "lr_grid": "lr"}  # keys that replace a setting of the recipe


def read_study(path: Path) -> Plan:
    """Return the plan in a YAML file of `key: value` lines, with defaults for keys that are not given.

    Raises: StudyError, with the file's name, if it cannot be read, has an unknown key or a value out of bounds.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "study.yaml"
    >>> _ = path.write_text("models: [net, lenet5]\\nrecipe: {epochs: 2}\\n")
    >>> read_study(path) == Plan(("net", "lenet5"), recipe=Recipe(epochs=2))
    True
    """
    return planned(path, {}, {})


def planned(path: Path | None, asked: Mapping[str, Any], recipe: Mapping[str, Any]) -> Plan:
    """Return the plan in the file after replacing the given settings of plan and recipe.

    Without a file, the settings that are not given have their defaults; without networks, too, those of the default
    study. A given preset replaces the settings of the file's recipe that it decides.

    Raises: as `read_study`; StudyError or RecipeError, if a given setting is invalid.
    """
    of_file = _checked(path) if path else {} if "models" in asked else default_study(asked)
    settings = dict(of_file.pop("recipe", {}))
    chosen = with_preset(recipe)
    for instead, name in INSTEAD.items():
        if instead in asked:
            settings.pop(name, None)
        if name in recipe:
            of_file.pop(instead, None)
        elif instead in {*asked, *of_file}:
            chosen.pop(name, None)
    return Plan.from_dict({**of_file, **asked, "recipe": {**settings, **chosen}})


def study_text(plan: Plan) -> str:
    """Return a plan as YAML with every setting; `read_study` returns the same plan from it."""
    return HEADER + yaml_text({key: value for key, value in plan.to_dict().items() if key in KEYS and is_set(value)})


def write_study(plan: Plan, path: Path) -> None:
    """Write a plan as YAML atomically; a file that already holds the same plan is left unchanged."""
    try:
        if path.exists() and read_study(path) == plan:
            return
    except StudyError:
        pass
    with whole_file(path) as draft:
        draft.write_text(study_text(plan), encoding="utf-8", newline="\n")


def _checked(path: Path) -> dict[str, Any]:
    """Return the keys of a study file after validation; its networks may be missing, as they can be given elsewhere."""
    written = read_mapping(path, "a study", "models: [net, lenet5]", StudyError)
    if written is None:
        raise StudyError(f"{path} is empty; expected lines such as `models: [net, lenet5]`")
    try:
        Plan.from_dict({"models": ["net"], **written}, KEYS)
    except ConvstudyError as error:
        raise StudyError(f"{path}: {error}") from None
    keys, _ = by_name(Plan, written, "a study", keys=KEYS)
    return keys | {"recipe": Recipe.named(keys.get("recipe", {}))}
