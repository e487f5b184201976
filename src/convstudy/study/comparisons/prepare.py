"""Preparation: from a plan to a comparison that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from convstudy.data import DataSet, ImageSet, load
from convstudy.data.folds import fold_numbers
from convstudy.data.parting import WHOLE_NOTE, Parting
from convstudy.errors import ShapeError, StudyError
from convstudy.study.comparisons.allowance import counted
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.models.entering import entrant
from convstudy.study.models.entrant import Entrant
from convstudy.study.models.opening import Model, open_model, partition_weights, with_shared_names
from convstudy.study.models.weights_origin import input_channels
from convstudy.study.plans.budget import BudgetKind
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.environment import choose_device
from convstudy.study.runs.frozen_backbone import unaugmented
from convstudy.study.runs.gpus import require_gpus
from convstudy.study.runs.identity import require_text


def prepare(
    plan: Plan,
    *,
    models: Mapping[str, Model] | None = None,
    data: DataSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Open the networks, load the data, and count each network at its input.

    `models` are networks given as objects, by their name in the plan; `data` replaces the data named in the plan.

    Raises: a ConvstudyError, if anything cannot be used; nothing is written.
    """
    device, loaded_here = choose_device(plan.device), data is None
    require_gpus(device, plan.processes_per_run)
    opened = _opened(plan, models or {})
    if data is None:
        data = load(
            plan.data,
            data_dir=plan.data_dir,
            test_data=plan.test_data,
            side=plan.input_size,
            skip_bad_images=plan.skip_bad_images,
            parting=Parting(plan.train_images, plan.group_by, whole=plan.folds is not None),
            progress=progress,
        )
    if plan.folds is not None:
        _check_folds(data, plan.folds, range(plan.first_seed, plan.first_seed + plan.seeds, plan.folds))
    flip = data.horizontal_flip if plan.horizontal_flip is None else plan.horizontal_flip
    recipe = replace(plan.recipe, horizontal_flip=flip)
    comparison = Comparison(
        plan=plan,
        recipe=unaugmented(recipe) if plan.freeze and not plan.unfreeze_at else recipe,
        data=data,
        models={model.name: model for model in opened},
        entrants=tuple(_entrant(model, data, plan.input_size) for model in opened),
        device=device,
    )
    names = [entrant.name for entrant in comparison.entrants]
    if loaded_here and device.type == "cpu" and any(comparison.recipe_of(name).channels_last for name in names):
        comparison = replace(comparison, data=_interleaved(data))  # which nobody else has
    if plan.budget is None or plan.budget.kind is BudgetKind.SECONDS:
        return comparison
    return replace(comparison, allowances=counted(comparison, plan.budget))


def _interleaved(data: DataSet) -> DataSet:
    """Return the data with training images in the order in which runs in channels-last use them, changed in place.

    Of a cross-validation, the test set is the training set. Other sets that use the same memory would be changed, too,
    so the images are then left as they are.
    """
    others = [part for part in (data.validation, data.test) if part is not None and part is not data.train]
    if any(_share_memory(data.train, part) for part in others):
        return data
    train = data.train.interleaved()
    return replace(data, train=train, test=train if data.test is data.train else data.test)


def _share_memory(one: ImageSet, other: ImageSet) -> bool:
    arrays = one.images, other.images
    return all(isinstance(images, np.ndarray) for images in arrays) and np.may_share_memory(*arrays)


def _check_folds(data: DataSet, folds: int, first_seeds: range) -> None:
    """Check that every image can be tested. Raises: StudyError or DataError."""
    if WHOLE_NOTE not in data.notes:
        raise StudyError(
            "folds need data that are not split yet, but these are loaded and split already; give their path or arrays",
            setting="folds",
        )
    for seed in first_seeds:
        fold_numbers(data.train, folds, seed // folds)


def _opened(plan: Plan, given: Mapping[str, Model]) -> list[Model]:
    """Return the models of a plan. Raises: a ConvstudyError, if one cannot be opened or does not fit the plan."""
    for name in plan.models:
        require_text(name, "the name of a network")
    weights = next((name for name in plan.models if partition_weights(name)[1] and name not in given), None)
    if weights and plan.recipe.init != "as is":
        raise StudyError(
            f"`init` {plan.recipe.init} would overwrite the weights of {weights}; remove one of them", setting="init"
        )
    opened = with_shared_names([given[name] if name in given else open_model(name) for name in plan.models])
    folders = [model.folder for model in opened]
    if len(set(folders)) < len(folders):
        raise StudyError(f"two networks would share a folder: {', '.join(plan.models)}; rename one of them")
    if plan.input_size is not None:
        for model in opened:
            model.input_side(plan.input_size, plan.input_size)
    return opened


def _entrant(model: Model, data: DataSet, input_size: int | None) -> Entrant:
    """Count a network at its input. Raises: as `entrant`, with the network's name."""
    side = model.input_side(data.side, input_size)
    try:
        return entrant(model, (input_channels(model, data.in_channels), side, side), data.num_classes)
    except ShapeError as error:
        raise ShapeError(f"{model.name}: {error}") from error
