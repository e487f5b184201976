"""From a plan to a comparison that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from convstudy.data import DataSet, load
from convstudy.errors import ShapeError, StudyError
from convstudy.study.comparisons.allowance import counted
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.models.entrant import entrant
from convstudy.study.models.opening import Model, open_model
from convstudy.study.models.weights_origin import input_channels
from convstudy.study.plans.budget import BudgetKind
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.environment import choose_device
from convstudy.study.runs.frozen_backbone import unaugmented


def prepare(
    plan: Plan,
    *,
    models: Mapping[str, Model] | None = None,
    data: DataSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Open the networks, load the data, count each network at its input.

    `models` are networks given as objects, by their name in the plan; `data` replaces what the plan's name would load.

    Raises: a ConvstudyError for whatever cannot be used, before anything is written.
    """
    device = choose_device(plan.device)
    given = models or {}
    weights = next((name for name in plan.models if "@" in name and name not in given), None)
    if weights and plan.recipe.init != "as is":
        raise StudyError(f"--init {plan.recipe.init} would overwrite the weights of {weights}; leave one of them out")
    opened = [given[name] if name in given else open_model(name) for name in plan.models]
    folders = [model.folder for model in opened]
    if len(set(folders)) < len(folders):
        raise StudyError(f"two networks would share a folder: {', '.join(plan.models)}; rename one")
    if plan.input_size is not None:
        for model in opened:
            model.input_side(plan.input_size, plan.input_size)
    if data is None:
        data = load(
            plan.data,
            data_dir=plan.data_dir,
            test_data=plan.test_data,
            side=plan.input_size,
            skip_bad_images=plan.skip_bad_images,
            train_images=plan.train_images,
            progress=progress,
        )
    entrants = []
    for model in opened:
        side = model.input_side(data.side, plan.input_size)
        try:
            shape = input_channels(model, data.in_channels), side, side
            entrants.append(entrant(model, shape, data.num_classes))
        except ShapeError as error:
            raise ShapeError(f"{model.name}: {error}") from error
    flip = data.horizontal_flip if plan.horizontal_flip is None else plan.horizontal_flip
    recipe = replace(plan.recipe, horizontal_flip=flip)
    recipe = unaugmented(recipe) if plan.freeze and not plan.unfreeze_at else recipe
    comparison = Comparison(plan, recipe, data, {model.name: model for model in opened}, tuple(entrants), device)
    if plan.budget is None or plan.budget.kind is BudgetKind.SECONDS:
        return comparison
    return replace(comparison, allowances=counted(comparison, plan.budget))
