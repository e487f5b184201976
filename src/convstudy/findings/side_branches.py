"""Side branches: GoogLeNet with and without its auxiliary classifiers."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import above, ratio, welch
from convstudy.findings.finding import Cell, Column, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.findings.gradients import (
    gradient_norms,
    gradients_by_depth,
    initial_network,
    main_path,
    training_batch,
)
from convstudy.findings.networks import (
    NARROW,
    NARROW_WITHOUT_SIDES,
    SMALLEST_GOOGLENET,
    WITHOUT_SIDES,
    variants,
)

QUICK: dict[str, Any] = {
    "input_size": SMALLEST_GOOGLENET,
    "train_images": 600,
    "seeds": 3,
    "recipe": {  # chosen on validation images: docs/findings/side-branches.md
        "epochs": 10,
        "batch_size": 16,
        "optimizer": "adamw",
        "lr": 0.0005,
        "warmup_epochs": 1.0,
        "clip_grad": 1.0,
        "init": "kaiming",
        "label_smoothing": 0.0,
        "crop_padding": 0.0,
    },
}
FULL: dict[str, Any] = {
    "input_size": SMALLEST_GOOGLENET,
    "seeds": 5,
    "recipe": {"epochs": 60, "batch_size": 128, "optimizer": "adamw", "lr": 0.001, "label_smoothing": 0.0},
}


def reproduce(setting: Setting) -> Outcome:
    """Train GoogLeNet with and without side branches, and compare convergence, gradients and regularization."""
    chosen = QUICK if setting.quick else FULL
    names = (NARROW, NARROW_WITHOUT_SIDES) if setting.quick else ("googlenet", WITHOUT_SIDES)
    compared = compare(
        setting,
        "comparison",
        {"models": list(names), "data": setting.images(), **chosen},
        variants(*names) if setting.quick else variants(WITHOUT_SIDES),
    )
    return Outcome(
        finding="side-branches",
        quick=setting.quick,
        statements=statements(compared),
        tables=(curves(compared), gradients_by_depth(compared, names)),
        notes=(
            *(QUICK_NOTES if setting.quick else ()),
            "images are enlarged to 80x80, the smallest side of GoogLeNet that is a multiple of 16; both networks run "
            "without batch normalization, as in the paper, and are trained by AdamW",
            "the loss of each side branch counts 0.3 times (section 5), so the gradients with side branches are those "
            "of a larger loss",
        ),
        conditions=compared.conditions,
        training_seconds=compared.training_seconds,
        comparisons=("comparison",),
    )


QUICK_NOTES = (
    "quick: all convolutions of the main path have a quarter of their channels",
    "quick: Kaiming initialization (He et al. 2015), where Caffe's GoogLeNet has Xavier's, from which the network had "
    "not learned anything after as many steps; gradient norms before training are those from this initialization",
)


def statements(compared: Compared) -> tuple[Statement, ...]:
    """Return the statements on convergence, gradients, regularization and test accuracy."""
    having, lacking = compared.names
    convergence = welch(
        "mean training accuracy over all epochs, with minus without side branches",
        mean_accuracies(compared, having),
        mean_accuracies(compared, lacking),
    )
    early = ratio(
        "gradient norm of the first convolution before training, with over without side branches",
        first_norms(compared, having),
        first_norms(compared, lacking),
    )
    gap = welch(
        "training minus test accuracy, without minus with side branches",
        gaps(compared, lacking),
        gaps(compared, having),
    )
    test = compared.test_difference(having, lacking)
    return (
        Statement(text="Side branches speed up convergence.", answer=above(convergence), estimate=convergence),
        Statement(text="They enlarge the gradients of the first layers.", answer=above(early, 1.0), estimate=early),
        Statement(
            text="They regularize: training accuracy exceeds test accuracy by less.", answer=above(gap), estimate=gap
        ),
        Statement(text="They raise the test accuracy.", answer=above(test), estimate=test),
    )


def mean_accuracies(compared: Compared, name: str) -> list[float]:
    """Return the training accuracy over all epochs, of each run: the faster it converges, the higher."""
    return [fmean(epoch.train_top1 for epoch in run.epochs) for run in compared.runs(name)]


def first_norms(compared: Compared, name: str) -> list[float]:
    """Return the gradient norm of the first convolution before training, of each run."""
    return [
        main_path(gradient_norms(initial_network(compared, name, seed), *training_batch(compared, name, seed)))[0].norm
        for seed in compared.claimed.comparison.seeds
    ]


def gaps(compared: Compared, name: str) -> list[float]:
    """Return training accuracy (last epoch) minus test accuracy, of each run."""
    return [run.epochs[-1].train_top1 - float(run.right.mean()) for run in compared.runs(name)]


def curves(compared: Compared) -> FigureTable:
    """Return the training accuracy at a quarter, half and the end of training, and the test accuracy."""
    epochs = compared.claimed.comparison.recipe.epochs
    at = sorted({max(epochs // 4, 1), max(epochs // 2, 1), epochs})
    rows: list[tuple[Cell, ...]] = []
    for name in compared.names:
        runs, model = compared.runs(name), compared.models[name]
        training = [fmean(run.epochs[epoch - 1].train_top1 for run in runs) for epoch in at]
        rows.append((name, *training, model.top1.mean, model.top1.low, model.top1.high, fmean(gaps(compared, name))))
    return FigureTable(
        title="Accuracy: training (main classifier, mean over the runs) and test (mean with 95% CI)",
        columns=(
            Column("network"),
            *(Column(f"training, epoch {epoch}", Unit.PERCENT) for epoch in at),
            *(Column(name, Unit.PERCENT) for name in ("test", "CI from", "to")),
            Column("training minus test", Unit.POINTS),
        ),
        rows=tuple(rows),
    )
