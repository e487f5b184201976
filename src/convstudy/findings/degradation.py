"""Degradation: a deeper plain network has a higher training error, a deeper residual network has not."""

from __future__ import annotations

from typing import Any

from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import above, not_above, welch
from convstudy.findings.finding import Column, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.findings.gradients import gradients_by_depth

NETWORKS = ("plain20", "plain56", "resnet20", "resnet56")
QUICK: dict[str, Any] = {
    "input_size": 16,
    "train_images": 800,
    "seeds": 3,
    "recipe": {
        "epochs": 8,
        "batch_size": 32,
        "lr": 0.05,
        "weight_decay": 1e-4,
        "label_smoothing": 0.0,
        "warmup_epochs": 1.0,
    },
}
FULL: dict[str, Any] = {  # He et al. 2015, section 4.2: 64,000 steps of 128 images, divided by 10 twice
    "seeds": 3,
    "recipe": {
        "epochs": 182,
        "batch_size": 128,
        "lr": 0.1,
        "schedule": "step",
        "step_epochs": 68,
        "weight_decay": 1e-4,
        "label_smoothing": 0.0,
        "warmup_epochs": 1.0,
    },
}


def reproduce(setting: Setting) -> Outcome:
    """Train plain and residual networks of 20 and 56 layers, and compare their training errors."""
    chosen = QUICK if setting.quick else FULL
    compared = compare(setting, "comparison", {"models": list(NETWORKS), "data": setting.images(), **chosen})
    return Outcome(
        finding="degradation",
        quick=setting.quick,
        statements=statements(compared),
        tables=(errors(compared), gradients_by_depth(compared, NETWORKS)),
        notes=NOTES_QUICK if setting.quick else NOTES_FULL,
        conditions=compared.conditions,
        training_seconds=compared.training_seconds,
        comparisons=("comparison",),
    )


NOTES_QUICK = (
    "quick: 800 other images, at 16x16, and 8 epochs of SGD from a learning rate of 0.05 (cosine), where the paper has "
    "182 epochs on CIFAR-10; what shows after few epochs is the speed of convergence",
)
NOTES_FULL = (
    "the learning rate is divided by 10 after 68 and 136 epochs (the paper: about 91 and 136), warm-up of one epoch",
)


def statements(compared: Compared) -> tuple[Statement, ...]:
    """Return the three statements of the finding."""
    error = {name: compared.training_errors(name) for name in NETWORKS}
    plain = welch("training error of plain56 minus that of plain20", error["plain56"], error["plain20"])
    residual = welch("training error of resnet56 minus that of resnet20", error["resnet56"], error["resnet20"])
    shortcut = welch("training error of plain56 minus that of resnet56", error["plain56"], error["resnet56"])
    return (
        Statement(
            text="The deeper plain network has a higher training error than the shallower one.",
            answer=above(plain),
            estimate=plain,
        ),
        Statement(
            text="The deeper residual network has not (higher by less than 1 percentage point).",
            answer=not_above(residual),
            estimate=residual,
        ),
        Statement(
            text="At 56 layers, shortcuts lower the training error.",
            answer=above(shortcut),
            estimate=shortcut,
        ),
    )


def errors(compared: Compared) -> FigureTable:
    """Return training and test error of each network."""
    rows = []
    for name in NETWORKS:
        training, model = compared.training_errors(name), compared.models[name]
        rows.append(
            (
                name,
                sum(training) / len(training),
                min(training),
                max(training),
                1 - model.top1.mean,
                1 - model.top1.high,
                1 - model.top1.low,
            )
        )
    return FigureTable(
        title="Errors: training (last epoch; mean, lowest and highest run) and test (mean with 95% CI)",
        columns=(
            Column("network"),
            *(Column(name, Unit.PERCENT) for name in ("training", "lowest", "highest", "test", "CI from", "to")),
        ),
        rows=tuple(rows),
    )
