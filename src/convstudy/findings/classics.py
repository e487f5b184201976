"""The classic networks on the same images, each fitted to their size by one rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import above
from convstudy.findings.finding import Column, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.findings.networks import fitted_side
from convstudy.study import open_model
from convstudy.study.models.opening import Model

NETWORKS = ("lenet5", "alexnet", "vgg16", "googlenet", "resnet34")  # in the order of their years
IMAGE_SIDE = 32  # of CIFAR-10; digits are enlarged to it
QUICK_SIDE, FULL_SIDE = 32, 64  # images are enlarged at least to this side
QUICK: dict[str, Any] = {
    "train_images": 600,
    "seeds": 3,
    "recipe": {  # chosen on validation images: docs/findings/classics.md
        "epochs": 8,
        "batch_size": 16,
        "optimizer": "adamw",
        "lr": 5e-4,
        "warmup_epochs": 1.0,
        "clip_grad": 1.0,
        "init": "kaiming",
        "label_smoothing": 0.0,
        "crop_padding": 0.0,
    },
}
FULL: dict[str, Any] = {
    "seeds": 3,
    "lr_grid": [3e-4, 1e-3, 3e-3],
    "recipe": {"epochs": 60, "batch_size": 128, "optimizer": "adamw", "label_smoothing": 0.0},
}


def reproduce(setting: Setting) -> Outcome:
    """Train the five classics under one recipe, and compare each with the one before it."""
    at_least = QUICK_SIDE if setting.quick else FULL_SIDE
    compared = compare(
        setting,
        "comparison",
        {"models": list(NETWORKS), "data": setting.images(), **(QUICK if setting.quick else FULL)},
        {name: fitted(name, at_least) for name in NETWORKS},
    )
    return Outcome(
        finding="classics",
        quick=setting.quick,
        statements=statements(compared),
        tables=(accuracies(compared),),
        notes=(
            "the rule for all of them: the network stays as its paper has it; images are enlarged to the smallest side "
            f"that it takes, at least {at_least}, in steps of 16; LeNet-5 takes 32 only",
            "one recipe for all (AdamW), where each paper has its own",
            *(("quick: 600 training images, 8 epochs, one learning rate for all",) if setting.quick else ()),
        ),
        conditions=compared.conditions,
        training_seconds=compared.training_seconds,
        comparisons=("comparison",),
    )


def fitted(name: str, at_least: int) -> Model:
    """Return a network of the zoo that takes images of the side that the rule gives."""
    model = open_model(name)
    side = model.fixed_side or fitted_side(model.smallest_side, IMAGE_SIDE, at_least)
    return replace(model, smallest_side=side, named=False)


def statements(compared: Compared) -> tuple[Statement, ...]:
    """Return for each network but the first whether it is better than the one before."""
    found = []
    for before, name in pairwise(NETWORKS):
        difference = compared.test_difference(name, before)
        found.append(Statement(text=f"{name} is better than {before}.", answer=above(difference), estimate=difference))
    return tuple(found)


def accuracies(compared: Compared) -> FigureTable:
    """Return input, cost and accuracy of each network."""
    rows = []
    for name in NETWORKS:
        model, training = compared.models[name], compared.training_errors(name)
        side = model.input_shape[-1] if model.input_shape else None
        rows.append(
            (
                name,
                side,
                model.parameters,
                model.macs,
                1 - sum(training) / len(training),
                model.top1.mean,
                model.top1.low,
                model.top1.high,
                model.train_seconds,
            )
        )
    return FigureTable(
        title="The classics: input side, cost, accuracy (mean with 95% CI)",
        columns=(
            Column("network"),
            Column("side", Unit.COUNT),
            Column("parameters", Unit.SCALED),
            Column("MACs", Unit.SCALED),
            *(Column(name, Unit.PERCENT) for name in ("training", "test", "CI from", "to")),
            Column("training, s per run", Unit.SECONDS),
        ),
        rows=tuple(rows),
    )
