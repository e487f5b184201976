"""Recipes as YAML files."""

from __future__ import annotations

from pathlib import Path

from convstudy.errors import RecipeError
from convstudy.files import whole_file
from convstudy.training.recipe import Recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe of a YAML file: `setting: value` lines, defaults for those that are left out.

    Raises: RecipeError, with the file's name, when it cannot be read, has an unknown setting or a value out of range.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "recipe.yaml"
    >>> _ = path.write_text("epochs: 30\\nlr: 1e-2\\n")
    >>> read_recipe(path) == Recipe(epochs=30, lr=0.01)
    True
    """
    import yaml  # noqa: PLC0415 - only who has a file waits for it

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror}); expected a recipe in YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML ({' '.join(str(error).split())})") from error
    if settings is None:
        return Recipe()
    if not isinstance(settings, dict):
        raise RecipeError(f"{path} holds a {type(settings).__name__}; expected lines as in `epochs: 30`")
    try:
        return Recipe.from_dict(settings)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def recipe_text(recipe: Recipe) -> str:
    """A recipe as YAML, every setting written out; `read_recipe` gives the same recipe back."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(recipe.to_dict(), sort_keys=False))


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as YAML, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_text(recipe_text(recipe), encoding="utf-8")
