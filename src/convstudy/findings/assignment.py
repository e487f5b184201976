"""The lecture's third assignment: its small network against ResNet-34."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from convstudy.errors import DataError, StudyError
from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import above
from convstudy.findings.finding import Cell, Column, FigureTable, Outcome, Setting, Statement, Unit
from convstudy.zoo.weights import file_name, official_entry

NET, RESNET, PRETRAINED = "net", "resnet34", "resnet34@imagenet"
RECIPE: dict[str, Any] = {"optimizer": "adamw", "batch_size": 32, "lr": 0.002, "label_smoothing": 0.0}
QUICK_SIDE = 32  # of the only input that `net` takes
SIGNS = ("signs/train_signs.h5", "signs/train_signs_from_jpeg.h5"), "signs/test_signs.h5"  # in the folder of the data


@dataclass(frozen=True)
class Part:
    """One data set of the assignment: its settings in the quick and in the full version."""

    name: str
    quick: dict[str, Any]
    full: dict[str, Any]


PARTS = (
    Part("digits", {"epochs": 5}, {"epochs": 20}),
    Part("signs", {"epochs": 6}, {"epochs": 40}),
    Part("cifar10", {"epochs": 4, "train_images": 1500}, {"epochs": 30}),
)


def reproduce(setting: Setting) -> Outcome:
    """Train `net` and ResNet-34 on every data set that is there, and compare them."""
    if setting.data not in {None, *(part.name for part in PARTS)}:
        raise StudyError(
            f"data is {setting.data}; expected digits, signs or cifar10, the data sets of the assignment",
            setting="data",
        )
    pretrained = (PRETRAINED,) if weights_are_here() else ()
    compared: dict[str, Compared] = {}
    notes = [] if pretrained else [NO_WEIGHTS]
    for part in PARTS:
        if setting.data not in {None, part.name}:
            continue
        try:
            compared[part.name] = _compared(setting, part, (NET, RESNET, *pretrained))
        except DataError as error:
            notes.append(f"{part.name} is left out: {error}")
    if not compared:
        raise DataError(notes[-1])
    notes += QUICK_NOTES if setting.quick else FULL_NOTES
    return Outcome(
        finding="assignment",
        quick=setting.quick,
        statements=tuple(statement for each in compared.items() for statement in statements(*each)),
        tables=(accuracies(compared), per_seed(compared)),
        notes=tuple(notes),
        conditions={
            f"{name}: {key}": value for name, each in compared.items() for key, value in each.conditions.items()
        },
        training_seconds=sum(each.training_seconds for each in compared.values()),
        comparisons=tuple(compared),
    )


NO_WEIGHTS = (
    "the pretrained ResNet-34 is left out: its ImageNet weights are not in torch's cache; `convstudy train "
    "resnet34@imagenet` downloads them, and the same command then includes it"
)
QUICK_NOTES = (
    "quick: both networks get images of 32x32, the only input of net; of CIFAR-10 1,500 training images",
    "both are trained by AdamW with a peak learning rate of 0.002 (cosine, warm-up of half an epoch)",
)
FULL_NOTES = (
    "net gets images of 32x32, the only input that it takes; ResNet-34 those of the data, at least 32x32",
    "both are trained by AdamW with a peak learning rate of 0.002 (cosine, warm-up of half an epoch)",
)


def weights_are_here() -> bool:
    """Return whether torch's cache has torchvision's weights of ResNet-34, so that nothing is downloaded."""
    return (Path(torch.hub.get_dir()) / "checkpoints" / file_name(official_entry(RESNET))).is_file()


def _compared(setting: Setting, part: Part, names: tuple[str, ...]) -> Compared:
    recipe = dict(part.quick if setting.quick else part.full)
    settings: dict[str, Any] = {"models": list(names), "seeds": 3, **source(part.name, setting.data_dir)}
    if "train_images" in recipe:
        settings["train_images"] = recipe.pop("train_images")
    if setting.quick:
        settings["input_size"] = QUICK_SIDE
    return compare(setting, part.name, {**settings, "recipe": {**RECIPE, **recipe}})


def source(name: str, data_dir: Path | None) -> dict[str, Any]:
    """Return the settings that name the images of a data set.

    Raises: DataError, if the files of SIGNS are not there; they cannot be downloaded.
    """
    if name != "signs":
        return {"data": name}
    folder = data_dir or Path("data")
    training, test = [folder / each for each in SIGNS[0]], folder / SIGNS[1]
    found = [path for path in training if path.exists()]
    if not found or not test.exists():
        raise DataError(f"expected {training[0]} and {test}; put the two files there, or name their folder by data_dir")
    return {"data": str(found[0]), "test_data": str(test)}


def statements(data: str, compared: Compared) -> tuple[Statement, ...]:
    """Return whether ResNet-34 is better than the small network on one data set, and whether pretraining helps."""
    pairs = [(RESNET, NET, f"On {data}, ResNet-34 from scratch is better than net.")]
    if PRETRAINED in compared.names:
        pairs += [
            (PRETRAINED, NET, f"On {data}, the pretrained ResNet-34 is better than net."),
            (PRETRAINED, RESNET, f"On {data}, the pretrained ResNet-34 is better than ResNet-34 from scratch."),
        ]
    found = []
    for a, b, text in pairs:
        difference = compared.test_difference(a, b)
        found.append(Statement(text=text, answer=above(difference), estimate=difference))
    return tuple(found)


def accuracies(compared: dict[str, Compared]) -> FigureTable:
    """Return cost and accuracy of each network on each data set."""
    rows: list[tuple[Cell, ...]] = []
    for data, each in compared.items():
        for name, model in each.models.items():
            errors = each.training_errors(name)
            rows.append(
                (
                    data,
                    name,
                    model.parameters,
                    model.macs,
                    1 - sum(errors) / len(errors),
                    model.top1.mean,
                    model.top1.low,
                    model.top1.high,
                    model.train_seconds,
                    model.latency_ms,
                )
            )
    return FigureTable(
        title="Performance: cost, accuracy in training (last epoch) and on test images (mean with 95% CI), time",
        columns=(
            Column("data"),
            Column("network"),
            Column("parameters", Unit.SCALED),
            Column("MACs", Unit.SCALED),
            *(Column(name, Unit.PERCENT) for name in ("training", "test", "CI from", "to")),
            Column("training, s per run", Unit.SECONDS),
            Column("one image, ms", Unit.NUMBER),
        ),
        rows=tuple(rows),
        labels=2,
    )


def per_seed(compared: dict[str, Compared]) -> FigureTable:
    """Return the test accuracy of every run."""
    rows: list[tuple[Cell, ...]] = [
        (data, name, *model.top1.per_seed) for data, each in compared.items() for name, model in each.models.items()
    ]
    seeds = max(len(row) for row in rows) - 2
    return FigureTable(
        title="Test accuracy of each run",
        columns=(Column("data"), Column("network"), *(Column(f"seed {seed}", Unit.PERCENT) for seed in range(seeds))),
        rows=tuple(rows),
        labels=2,
    )
