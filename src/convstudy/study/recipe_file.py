"""Recipes as YAML files: what `convstudy train --config` reads, and what a run stores."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from convstudy.errors import RecipeError, UnknownNameError
from convstudy.training import Recipe


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a YAML file, by the names of `Recipe`'s fields; hyphens are taken for underscores.

    Raises: RecipeError, with the file's name, when it cannot be read; UnknownNameError, for an unknown setting.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "recipe.yaml"
    >>> _ = path.write_text("epochs: 30\\nbatch-size: 64\\nlr: 1e-2\\n")
    >>> read_settings(path)
    {'epochs': 30, 'batch_size': 64, 'lr': 0.01}
    """
    import yaml  # noqa: PLC0415, only who has a file waits for it

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror}); expected a recipe in YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(settings, dict):
        raise RecipeError(f"{path} holds a {type(settings).__name__}; expected lines as in `epochs: 30`")
    kinds = {field.name: str(field.type) for field in fields(Recipe)}
    found = {str(name).replace("-", "_"): value for name, value in settings.items()}
    for name in found:
        if name not in kinds:
            raise UnknownNameError(f"setting of a recipe, as in {path},", name, kinds)
    return {name: _value(path, name, kinds[name], value) for name, value in found.items()}


def recipe_text(recipe: Recipe) -> str:
    """A recipe as YAML, every setting written out."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(asdict(recipe), sort_keys=False))


def _value(path: Path, name: str, kind: str, value: object) -> object:
    """The value as its setting's type; YAML reads 1e-3 as text, for it has no point."""
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a name"}
    takes = {"int": int, "float": int | float | str, "bool": bool, "str": str}[kind]
    wrong = RecipeError(f"{path}: {name} is {value!r}; expected {words[kind]}")
    if not isinstance(value, takes) or (isinstance(value, bool) and kind != "bool"):
        raise wrong
    try:
        return float(value) if kind == "float" else value
    except ValueError:
        raise wrong from None
