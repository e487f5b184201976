"""The lines printed before a comparison or a run starts: data, seeds, epochs, learning rate, device."""

from __future__ import annotations

from convstudy.report.numbers import percentage_points, plural
from convstudy.study import Comparison
from convstudy.study.models.weights_origin import classifier_note


def introduction(comparison: Comparison) -> str:
    """Return the lines that describe a comparison before it starts."""
    data, recipe = comparison.data, comparison.recipe
    test = plural(len(data.test.labels), "test image")
    test += f" in {plural(data.test.num_groups, 'group')}" if data.test.num_groups else ""
    images = (
        f"{plural(len(data.train.labels), 'training image')} (validation split drawn per seed), {test}"
        if data.validation is None
        else f"{len(data.train.labels):,} training and {len(data.validation.labels):,} validation images, {test}"
    )
    if comparison.plan.folds is not None:
        images = f"{plural(len(data.test.labels), 'image')}, all tested"
    grid = comparison.plan.lr_grid
    lr = f"from {', '.join(f'{lr:g}' for lr in grid)}" if grid else f"{recipe.lr:g}"
    each = f"budget {comparison.plan.budget}" if comparison.plan.budget else plural(recipe.epochs, "epoch")
    plan = comparison.plan
    seeds = plural(len(comparison.seeds), "seed")
    if plan.until == "sure":
        few = "" if plan.max_seeds == 3 else "3 to "
        seeds = f"{few}{plan.max_seeds} seeds, until sure (margin {percentage_points(plan.margin / 100)})"
    if plan.folds is not None:
        seeds = f"{plan.folds} folds" + (f", repeated {plan.repeats} times" if plan.repeats else "")
    together = f", {plan.processes_per_run} processes per run" if plan.processes_per_run > 1 else ""
    lines = [
        f"{data.name}: {plural(data.num_classes, 'class')}, {data.in_channels} x {data.side} x {data.side}; {images}",
        *data.notes,
        *(
            note
            for each in comparison.entrants
            if (note := classifier_note(comparison.models[each.name], data.class_names))
        ),
        f"{seeds}, {each}, batch size {recipe.batch_size}, lr {lr}, on {comparison.device}{together}",
    ]
    return "\n".join(lines)
