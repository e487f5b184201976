"""Candidates for the presets of the recipe, on validation images only: 5,000, 300 or 180 of the training images.

    uv run --group benchmarks python benchmarks/preset_candidates.py --data path/to/folder --rows candidates.csv

The folder is that of time_to_accuracy.py. Every candidate trains the same network on the same images for the same
epochs; a line is appended to `--rows` for each, and lines that are there are not measured again. Test images are not
used. docs/training.md has what was found.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from convstudy.data import pixel_statistics
from convstudy.inference import ResidentImages
from convstudy.study.models.entering import entrant
from convstudy.study.models.opening import open_model
from convstudy.training import Recipe, TrainingBatches, stream_seed, train
from time_to_accuracy import Case, data_of


@dataclass(frozen=True)
class Trial:
    """A network on a part of a training set."""

    network: str
    data: str
    training: int  # images
    validation: int
    epochs: int


TRIALS = {
    f"{each.network}/{each.data}/{each.epochs}": each
    for each in (
        Trial("net", "digits", 1048, 300, 6),
        Trial("net", "digits", 1048, 300, 15),
        Trial("net", "digits", 1048, 300, 40),
        Trial("resnet20", "digits", 1048, 300, 6),
        Trial("net", "cifar10", 20_000, 5000, 5),
        Trial("net", "cifar10", 20_000, 5000, 10),
        Trial("lenet5", "mnist", 20_000, 5000, 3),
        Trial("net", "signs", 900, 180, 5),
        Trial("net", "signs", 900, 180, 15),
        Trial("net", "signs", 900, 180, 40),
        Trial("resnet18", "signs", 900, 180, 10),
    )
}
CYCLE: dict[str, Any] = {"schedule": "one-cycle", "warmup": 0.25}
ADAMW: dict[str, Any] = {"optimizer": "adamw", "lr": 0.003, "weight_decay": 0.05}
SMALL: dict[str, Any] = {"crop_padding": 0.0625}
CANDIDATES: dict[str, dict[str, Any]] = {  # beside the defaults; `warmup` is a share of the epochs
    "default": {},
    "default, small crops": SMALL,
    "default, no smoothing": {"label_smoothing": 0.0},
    "default, average": {"ema_decay": 0.99},
    "SGD 0.1, batch 128, linear": {"lr": 0.1, "batch_size": 128, "schedule": "linear", "warmup": 0.2},
    "SGD 0.05, batch 64, one-cycle": {"lr": 0.05, "batch_size": 64, **CYCLE},
    "SGD 0.1, batch 64, one-cycle": {"lr": 0.1, "batch_size": 64, **CYCLE},
    "SGD 0.03, linear": {"schedule": "linear", "warmup": 0.1},
    "SGD 0.03, one-cycle": CYCLE,
    "SGD 0.05, one-cycle": {"lr": 0.05, **CYCLE},
    "SGD 0.05, one-cycle, small crops": {"lr": 0.05, **CYCLE, **SMALL},
    "SGD 0.05, linear, small crops": {"lr": 0.05, "schedule": "linear", "warmup": 0.2, **SMALL},
    "SGD 0.03, linear, small crops": {"schedule": "linear", "warmup": 0.1, **SMALL},
    "AdamW 0.003, decay 0.0005, cosine": {"optimizer": "adamw", "lr": 0.003},
    "AdamW 0.002, linear": {**ADAMW, "lr": 0.002, "schedule": "linear", "warmup": 0.1},
    "AdamW 0.003, batch 64, linear": {**ADAMW, "batch_size": 64, "schedule": "linear", "warmup": 0.2},
    "AdamW 0.003, batch 64, one-cycle": {**ADAMW, "batch_size": 64, **CYCLE},
    "AdamW 0.005, batch 128, one-cycle": {**ADAMW, "lr": 0.005, "batch_size": 128, **CYCLE},
    "AdamW 0.003, one-cycle": {**ADAMW, **CYCLE},
    "AdamW 0.003, one-cycle, small crops": {**ADAMW, **CYCLE, **SMALL},
    "AdamW 0.002, one-cycle, small crops": {**ADAMW, "lr": 0.002, **CYCLE, **SMALL},
    "AdamW 0.005, one-cycle, small crops": {**ADAMW, "lr": 0.005, **CYCLE, **SMALL},
    "AdamW 0.004, batch 64, one-cycle, small crops": {**ADAMW, "lr": 0.004, "batch_size": 64, **CYCLE, **SMALL},
    "AdamW 0.002, batch 16, one-cycle, small crops": {**ADAMW, "lr": 0.002, "batch_size": 16, **CYCLE, **SMALL},
    "AdamW 0.003, linear, small crops": {**ADAMW, "schedule": "linear", "warmup": 0.1, **SMALL},
    "AdamW 0.003, one-cycle, crops of a pixel": {**ADAMW, **CYCLE, "crop_padding": 0.03125},
    "AdamW 0.003, one-cycle, small crops, no smoothing": {**ADAMW, **CYCLE, **SMALL, "label_smoothing": 0.0},
}


def parts(trial: Trial, folder: Path) -> tuple[ResidentImages, ResidentImages]:
    """Return the training and the validation images, both of the training set."""
    data = data_of(Case(trial.network, trial.data, 32), folder, None)
    order = np.random.default_rng(7).permutation(len(data.train.labels))
    images = data.train.images
    mean, std = pixel_statistics(images[order[: trial.training]])

    def resident(places: Any) -> ResidentImages:
        device = torch.device("cpu")
        return ResidentImages.of(images[places], data.train.labels[places], mean=mean, std=std, device=device)

    return resident(order[: trial.training]), resident(order[-trial.validation :])


def measured(trial: Trial, candidate: str, seed: int, folder: Path) -> dict[str, Any]:
    """Train once, and return what the validation images show."""
    training, validation = parts(trial, folder)
    model, classes = open_model(trial.network), int(training.labels.max()) + 1
    last = entrant(model, (training.images.shape[1], 32, 32), classes).channels_last
    layout = torch.channels_last if last else torch.contiguous_format
    training, validation = (
        replace(part, images=part.images.contiguous(memory_format=layout)) for part in (training, validation)
    )
    settings = {"epochs": trial.epochs, "horizontal_flip": trial.data == "cifar10", **CANDIDATES[candidate]}
    warmup = settings.pop("warmup", None)
    settings |= {} if warmup is None else {"warmup_epochs": warmup * trial.epochs}
    torch.manual_seed(stream_seed(seed, "initialisation"))
    network = model.build(classes, training.images.shape[1]).to(memory_format=layout)
    began = time.process_time()
    recipe = Recipe(**settings, channels_last=last)
    last_epoch = train(network, TrainingBatches(training, recipe, seed), validation)[-1]
    return {
        "top1": last_epoch.validation_top1,
        "loss": last_epoch.validation_loss,
        "cpu_seconds": time.process_time() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, default=Path("preset_candidates.csv"))
    parser.add_argument("--trials", nargs="+", choices=TRIALS, default=[*TRIALS])
    parser.add_argument("--candidates", nargs="+", choices=CANDIDATES, default=[*CANDIDATES])
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    names = ["trial", "candidate", "seed", "top1", "loss", "cpu_seconds"]
    if not asked.rows.exists():
        asked.rows.write_text(",".join(names) + "\n", encoding="utf-8")
    for seed in range(asked.seeds):
        for trial in asked.trials:
            for candidate in asked.candidates:
                key = {"trial": trial, "candidate": candidate, "seed": str(seed)}
                with asked.rows.open(encoding="utf-8", newline="") as file:
                    if any(key.items() <= row.items() for row in csv.DictReader(file)):
                        continue
                row = key | measured(TRIALS[trial], candidate, seed, asked.data)
                with asked.rows.open("a", encoding="utf-8", newline="") as file:
                    csv.DictWriter(file, names).writerow(row)
                print(*row.values(), flush=True)


if __name__ == "__main__":
    main()
