"""Recipes as YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convstudy.errors import RecipeError
from convstudy.files import whole_file
from convstudy.training.recipe import Recipe
from convstudy.training.settings_file import read_mapping, yaml_text


def read_recipe(path: Path) -> Recipe:
    """Return the recipe of a YAML file: `setting: value` lines, with defaults for those that are left out.

    Raises: RecipeError, with the file's name, if it cannot be read, has an unknown setting or a value out of range.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "recipe.yaml"
    >>> _ = path.write_text("epochs: 30\\nlr: 1e-2\\n")
    >>> read_recipe(path) == Recipe(epochs=30, lr=0.01)
    True
    """
    return Recipe(**recipe_settings(path))


def recipe_settings(path: Path) -> dict[str, Any]:
    """Return the settings that a recipe's YAML file gives, by their names. Raises: as `read_recipe`."""
    written = read_mapping(path, "a recipe", "epochs: 30", RecipeError) or {}
    try:
        recipe = Recipe.from_dict(written)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
    return {name: getattr(recipe, name) for name in Recipe.named(written)}


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as YAML, with every setting; `read_recipe` reads the same recipe from it."""
    return yaml_text(recipe.to_dict())


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as YAML, completely or not at all."""
    with whole_file(path) as draft:
        draft.write_text(recipe_text(recipe), encoding="utf-8")
