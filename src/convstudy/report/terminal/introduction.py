"""What a comparison or a training says before it starts: data, seeds, epochs, learning rate, device."""

from __future__ import annotations

from convstudy.report.numbers import plural
from convstudy.study import Comparison


def introduction(comparison: Comparison) -> str:
    data, recipe = comparison.data, comparison.recipe
    validation = "split off by seed" if data.validation is None else f"{len(data.validation.labels):,}"
    grid = comparison.plan.lr_grid
    lr = f"from {', '.join(f'{lr:g}' for lr in grid)}" if grid else f"{recipe.lr:g}"
    each = f"budget {comparison.plan.budget}" if comparison.plan.budget else plural(recipe.epochs, "epoch")
    lines = [
        f"{data.name}: {data.num_classes} classes, {data.in_channels} x {data.side} x {data.side}; images to train "
        f"{len(data.train.labels):,}, to validate {validation}, to test {len(data.test.labels):,}",
        *data.notes,
        f"{plural(len(comparison.seeds), 'seed')}, {each}, batch size {recipe.batch_size}, "
        f"lr {lr}, on {comparison.device}",
    ]
    return "\n".join(lines)
