"""Bottlenecks: inception modules with and without 1x1 reductions."""

from __future__ import annotations

from typing import Any

from convstudy.analysis import bottleneck as counted
from convstudy.analysis import count, unallocated
from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import MARGIN, above, not_above, ratio
from convstudy.findings.finding import Answer, Column, Estimate, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.findings.networks import NAIVE, REDUCED, SMALLEST_GOOGLENET, variants
from convstudy.zoo import build

QUICK: dict[str, Any] = {
    "input_size": 24,
    "train_images": 500,
    "seeds": 3,
    "recipe": {
        "epochs": 16,
        "batch_size": 16,
        "optimizer": "adamw",
        "lr": 0.001,
        "label_smoothing": 0.0,
    },
}
FULL: dict[str, Any] = {
    "input_size": SMALLEST_GOOGLENET,
    "seeds": 3,
    "recipe": {"epochs": 30, "batch_size": 128, "optimizer": "adamw", "lr": 0.001, "label_smoothing": 0.0},
}
LECTURE = {"input_shape": (192, 28, 28), "kernel": 5, "channels": 32, "reduced": 16}  # its 5x5 example


def reproduce(setting: Setting) -> Outcome:
    """Count what 1x1 reductions save, and train inception networks with and without them."""
    reduced, naive = (REDUCED, NAIVE) if setting.quick else ("googlenet", "inception-naive")
    chosen = QUICK if setting.quick else FULL
    compared = compare(
        setting,
        "comparison",
        {"models": [naive, reduced], "data": setting.images(), **chosen},
        variants(REDUCED, NAIVE) if setting.quick else None,
    )
    return Outcome(
        finding="bottleneck",
        quick=setting.quick,
        statements=statements(compared, reduced, naive),
        tables=(multiplications(), costs(compared)),
        notes=NOTES_QUICK if setting.quick else NOTES,
        conditions=compared.conditions,
        training_seconds=compared.training_seconds,
        comparisons=("comparison",),
    )


NOTES = (
    "without reductions, the pooling branch passes all its channels on, so that the naive modules also have more "
    "output channels (Szegedy et al. 2014, Figure 2(a))",
)
NOTES_QUICK = (
    "quick: GoogLeNet's stem with its first two inception modules (3a and 3b) and a linear classifier, images at 24x24",
    *NOTES,
)


def statements(compared: Compared, reduced: str, naive: str) -> tuple[Statement, ...]:
    """Return the statements on multiplications, seconds and accuracy."""
    example = counted(**LECTURE)  # type: ignore[arg-type]
    saved = Estimate(
        of="multiplications of the lecture's 5x5 convolution, direct over reduced",
        value=example.times_fewer,
        unit=Unit.TIMES,
    )
    seconds = ratio(
        f"training seconds of {naive} over those of {reduced}", compared.seconds(naive), compared.seconds(reduced)
    )
    lost = compared.test_difference(naive, reduced)
    return (
        Statement(
            text="The reduction lowers the multiplications of the lecture's example about 10 times.",
            answer=Answer.YES if round(example.times_fewer) == 10 else Answer.NO,
            estimate=saved,
        ),
        Statement(text="Training takes less time.", answer=above(seconds, 1.0), estimate=seconds),
        Statement(
            text=f"Shrinking the channels costs less than {100 * MARGIN:g} percentage point of test accuracy.",
            answer=not_above(lost),
            estimate=lost,
        ),
    )


def multiplications() -> FigureTable:
    """Return the MACs of the lecture's example and of whole GoogLeNet, direct and reduced."""
    example = counted(**LECTURE)  # type: ignore[arg-type]
    whole = []
    for name in ("inception-naive", "googlenet"):
        with unallocated():
            network = build(name, num_classes=1000, in_channels=3)
        whole.append(count(network, (3, 224, 224)).totals.macs)
    rows = (
        ("5x5, 32 filters on 28x28x192; by way of 16", example.direct_macs, example.reduced_macs, example.times_fewer),
        ("GoogLeNet at 224x224", whole[0], whole[1], whole[0] / whole[1]),
    )
    return FigureTable(
        title="MACs of one image, counted",
        columns=(
            Column("layers"),
            Column("direct", Unit.COUNT),
            Column("with reductions", Unit.COUNT),
            Column("times fewer", Unit.TIMES),
        ),
        rows=rows,
    )


def costs(compared: Compared) -> FigureTable:
    """Return cost and test accuracy of the networks that were trained."""
    rows = tuple(
        (
            name,
            model.macs,
            model.parameters,
            model.train_seconds,
            None if model.latency_ms is None else model.latency_ms / 1000,
            model.top1.mean,
            model.top1.low,
            model.top1.high,
        )
        for name, model in compared.models.items()
    )
    return FigureTable(
        title="Networks trained here: cost, and test accuracy (mean with 95% CI)",
        columns=(
            Column("network"),
            Column("MACs", Unit.SCALED),
            Column("parameters", Unit.SCALED),
            Column("training, s per run", Unit.SECONDS),
            Column("one image, s", Unit.SECONDS),
            *(Column(name, Unit.PERCENT) for name in ("test", "CI from", "to")),
        ),
        rows=rows,
    )
