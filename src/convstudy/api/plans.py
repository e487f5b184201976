"""Conversion of the arguments of a call to a plan, networks and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convstudy.api.data import LoadedData
from convstudy.data import DataSet
from convstudy.data.in_memory import load_given
from convstudy.errors import ModelError, StudyError
from convstudy.study.models.objects import Network, model_of, name_of
from convstudy.study.models.opening import Model
from convstudy.study.plans.plan import Plan
from convstudy.training import Recipe

Networks = Network | Mapping[str, Network] | Sequence[Network]


@dataclass(frozen=True)
class PlannedCall:
    """A plan, and the networks and data that were given as objects."""

    plan: Plan
    models: dict[str, Model]
    data: DataSet | None


def call_of(networks: Networks, data: Any, recipe: Recipe | None, settings: dict[str, Any]) -> PlannedCall:
    """Return the plan of a call; it keeps names and paths, so that a study file can repeat them.

    Raises: ModelError, if two networks have the same name; StudyError, if a recipe and a preset are given; as `Plan`,
    for invalid settings.
    """
    preset = settings.pop("preset", None)
    if preset is not None:
        if recipe is not None:
            raise StudyError(f"recipe and preset are both given; write Recipe(preset={preset!r}, ...)")
        recipe = Recipe(preset=preset)
    named = _named(networks)
    models = {name: _model(name, network) for name, network in named.items() if network != name}
    given, words = _data(data, settings)
    if recipe is not None:
        settings = {**settings, "recipe": recipe}
    paths = {key: Path(value) for key, value in settings.items() if key in {"data_dir", "test_data"} and value}
    return PlannedCall(Plan(models=tuple(named), data=words, **{**settings, **paths}), models, given)


def _named(networks: Networks) -> dict[str, Network]:
    if isinstance(networks, Mapping):
        return dict(networks)
    several: Sequence[Network] = networks if isinstance(networks, list | tuple) else [networks]  # type: ignore[list-item]
    names = [name_of(network) for network in several]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise ModelError(f"two networks are named {duplicate}; give them names, as in {{'mine': {duplicate}, ...}}")
    return dict(zip(names, several, strict=True))


def _model(name: str, network: Network) -> Model:
    model = model_of(name, network)
    return model if model.name == name else replace(model, name=name, named=False)


def _data(data: Any, settings: Mapping[str, Any]) -> tuple[DataSet | None, str]:
    if isinstance(data, LoadedData | DataSet) and settings.get("group_by"):
        raise StudyError("group_by is given, but the data are loaded already; pass it to `load_data`")
    if isinstance(data, LoadedData) and data.source is not None:
        return data.data_set, data.source
    given = data.data_set if isinstance(data, LoadedData) else data
    if isinstance(given, str | Path):
        return None, str(given)
    found = load_given(
        given, **{key: settings[key] for key in ("train_images", "group_by", "folds") if settings.get(key)}
    )
    return found, found.name
