"""Seconds to an accuracy: the presets of convstudy's recipe beside those of other tools, at equal epochs.

    uv run --group benchmarks python benchmarks/time_to_accuracy.py --data path/to/folder --small
    uv run --group benchmarks python benchmarks/time_to_accuracy.py --data path/to/folder --presets standard --seeds 3

The folder contains `cifar-10-batches-py`, `mnist`, and `signs` with `train_signs_from_jpeg.h5` and `test_signs.h5`;
`digits` needs none. One line per network, data, recipe and seed is appended to `--rows` as it is measured; lines that
are there are not measured again. `--small` is for a laptop and 20 minutes: fewer images, the preset `quick`.

What is compared is the recipe: optimizer, learning rate, schedule, batch size, weight decay, label smoothing and
averaging. Images, split, memory format, batches and evaluation are convstudy's for all of them, the initial weights of
a seed are the same, and the peers have the crops and flips of the preset, so that seconds differ by the recipe only.
The test part is opened once per run, after the last epoch.

torchvision: defaults of references/classification/train.py (batch size 32, SGD with rate 0.1 and momentum 0.9, weight
decay 1e-4 on all parameters, a tenth of the rate after 30 and 60 of 90 epochs, here after each third). Its networks
were trained so on eight devices, which is a rate of 0.1 for 256 images; `torchvision, one device` has the rate for 32.
timm: defaults of train.py (batch size 128, Nesterov, rate 0.1 for 256 images, weight decay 2e-5, cosine by epoch, five
epochs of warm-up, here at most a fifth of all; label smoothing 0.1), with timm's own optimizer and scheduler.
fastai: defaults of `Learner` and `fit_one_cycle` of 2.8 (batch size 64, Adam with decoupled weight decay 0.01, rate
0.001, one cycle with a quarter of warm-up, momentum from 0.95 to 0.85 and back), written with torch's OneCycleLR.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR, StepLR

from convstudy.data import DataSet, ImageSet, load, pixel_statistics
from convstudy.data.parting import Parting
from convstudy.inference import ResidentImages, predict
from convstudy.study.models.entering import entrant
from convstudy.study.models.opening import Model, open_model
from convstudy.study.models.preprocessing import at_input
from convstudy.study.runs.parts import training_parts
from convstudy.training import Recipe, TrainingBatches, stream_seed, train
from convstudy.training.presets import PRESETS

Step = Callable[[int], None]  # called after each step with its number, from 1


@dataclass(frozen=True)
class Case:
    """A network on a data set."""

    network: str
    data: str
    side: int
    small: int | None = None  # training images of a short trial; None: all


CASES = (
    Case("net", "digits", 32),
    Case("lenet5", "mnist", 32, small=12_000),
    Case("net", "cifar10", 32, small=20_000),
    Case("resnet18", "signs", 64),
    Case("resnet34", "digits", 32),
    Case("resnet20", "cifar10", 32, small=5_000),
)


@dataclass(frozen=True)
class Row:
    """One run."""

    network: str
    data: str
    train_images: int  # validation images not included
    recipe: str
    epochs: int
    seed: int
    seconds: float  # of the steps, without validation and test
    cpu_seconds: float
    validation_top1: float
    test_top1: float

    @property
    def key(self) -> tuple[str, ...]:
        return self.network, self.data, str(self.train_images), self.recipe, str(self.epochs), str(self.seed)


@dataclass(frozen=True)
class Peer:
    """A recipe of another tool."""

    batch_size: int
    label_smoothing: float
    optimizer: Callable[[nn.Module], Optimizer]
    schedule: Callable[[Optimizer, int, int], Step]  # of the optimizer, epochs and steps per epoch


def without_decay_on_norms(network: nn.Module) -> list[dict[str, Any]]:
    kernels = [each for each in network.parameters() if each.ndim >= 2]
    return [
        {"params": kernels},
        {"params": [each for each in network.parameters() if each.ndim < 2], "weight_decay": 0},
    ]


def torchvision(rate: float) -> Peer:
    def thirds(optimizer: Optimizer, epochs: int, steps: int) -> Step:
        levels = StepLR(optimizer, max(round(epochs / 3), 1), 0.1)
        return lambda step: None if step % steps else levels.step()

    return Peer(32, 0.0, lambda network: SGD(network.parameters(), rate, 0.9, weight_decay=1e-4, fused=True), thirds)


def timm() -> Peer:
    optimizers, schedulers = importlib.import_module("timm.optim"), importlib.import_module("timm.scheduler")

    def cosine(optimizer: Optimizer, epochs: int, steps: int) -> Step:
        warmup = min(5, max(round(epochs / 5), 1))
        by_epoch, _ = schedulers.create_scheduler_v2(
            optimizer, sched="cosine", num_epochs=epochs, warmup_epochs=warmup, warmup_lr=1e-5, min_lr=0.0
        )
        return lambda step: None if step % steps else by_epoch.step(step // steps)

    return Peer(
        128,
        0.1,
        lambda network: optimizers.create_optimizer_v2(network, opt="sgd", lr=0.05, weight_decay=2e-5, momentum=0.9),
        cosine,
    )


def fastai() -> Peer:
    def one_cycle(optimizer: Optimizer, epochs: int, steps: int) -> Step:
        cycle = OneCycleLR(optimizer, 1e-3, epochs * steps, pct_start=0.25, final_div_factor=1e5 / 25)
        return lambda step: cycle.step() if step < epochs * steps else None

    def adam(network: nn.Module) -> Optimizer:
        groups = without_decay_on_norms(network)
        return AdamW(groups, 1e-3, betas=(0.95, 0.99), eps=1e-5, weight_decay=0.01, fused=True)

    return Peer(64, 0.0, adam, one_cycle)


PEERS: dict[str, Callable[[], Peer]] = {
    "torchvision": lambda: torchvision(0.1),
    "torchvision, one device": lambda: torchvision(0.1 / 8),
    "timm": timm,
    "fastai": fastai,
}


@dataclass(frozen=True)
class Sets:
    """The images of a run."""

    training: ResidentImages
    validation: ResidentImages
    test: ResidentImages


def data_of(case: Case, folder: Path, train_images: int | None) -> DataSet:
    signs = folder / "signs"
    named = {"signs": (str(signs / "train_signs_from_jpeg.h5"), signs / "test_signs.h5")}
    words, test = named.get(case.data, (case.data, None))
    own = folder / case.data if (folder / case.data).is_dir() else folder
    found = load(words, data_dir=own, test_data=test, side=case.side, parting=Parting(train_images, None, whole=False))
    return at_input(found, (found.in_channels, case.side, case.side))


def sets_of(data: DataSet, seed: int, layout: torch.memory_format) -> Sets:
    training, validation = training_parts(data, seed)
    mean, std = pixel_statistics(training.images)

    def resident(part: ImageSet) -> ResidentImages:
        device = torch.device("cpu")
        return ResidentImages.of(part.images, part.labels, mean=mean, std=std, device=device, layout=layout)

    return Sets(resident(training), resident(validation), resident(data.test))


def ours(network: nn.Module, sets: Sets, recipe: Recipe, seed: int) -> float:
    """Train under a recipe of convstudy, and return the seconds of its steps."""
    return sum(epoch.seconds for epoch in train(network, TrainingBatches(sets.training, recipe, seed), sets.validation))


def theirs(network: nn.Module, sets: Sets, peer: Peer, recipe: Recipe, seed: int) -> float:
    """Train with the optimizer and the schedule of a peer on the batches of `recipe`; return the seconds."""
    batches = TrainingBatches(sets.training, replace(recipe, batch_size=peer.batch_size), seed)
    optimizer = peer.optimizer(network)
    after = peer.schedule(optimizer, recipe.epochs, batches.steps_per_epoch)
    network.train()
    started, number = time.perf_counter(), 0
    for epoch in range(1, recipe.epochs + 1):
        torch.manual_seed(stream_seed(seed, "dropout", epoch))
        for images, labels in batches.epoch(epoch):
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(network(images), labels, label_smoothing=peer.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            number += 1
            after(number)
    return time.perf_counter() - started


def measured(case: Case, data: DataSet, model: Model, name: str, preset: str, epochs: int, seed: int) -> Row:
    """Train once, and open the test part once. Peers have the crops of the `preset`."""
    shape, classes = (data.in_channels, case.side, case.side), data.num_classes
    last = entrant(model, shape, classes).channels_last
    layout = torch.channels_last if last else torch.contiguous_format
    sets = sets_of(data, seed, layout)
    torch.manual_seed(stream_seed(seed, "initialisation"))
    network = model.build(classes, shape[0]).to(memory_format=layout)
    conditions: dict[str, Any] = {"channels_last": last, "horizontal_flip": data.horizontal_flip}
    began = time.process_time()
    if name in PEERS:
        crops = Recipe.from_dict({"preset": preset}).crop_padding
        recipe = Recipe(epochs=epochs, crop_padding=crops, **conditions)
        seconds = theirs(network, sets, PEERS[name](), recipe, seed)
    else:
        given = {} if name == "default" else {"preset": name}
        seconds = ours(network, sets, Recipe.from_dict({**given, "epochs": epochs, **conditions}), seed)
    used = time.process_time() - began
    network.eval()
    right = [accuracy(network, part) for part in (sets.validation, sets.test)]
    return Row(case.network, case.data, len(sets.training), name, epochs, seed, seconds, used, *right)


def accuracy(network: nn.Module, part: ResidentImages) -> float:
    return (predict(network, part).argmax(1) == part.labels).float().mean().item()


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, or none if there is no file yet."""
    if not path.exists():
        return []
    kinds = {"int": int, "float": float, "str": str}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{each.name: kinds[str(each.type)](line[each.name]) for each in fields(Row)})
            for line in csv.DictReader(file)
        ]


def write_row(path: Path, row: Row) -> None:
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)])
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def table(rows: list[Row]) -> Iterator[str]:
    """Yield lines of Markdown: over the seeds, the means and the range of test top-1."""
    yield "| network, data | images | epochs | recipe | n | seconds | CPU-seconds | validation top-1 | test top-1 |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for key in dict.fromkeys(row.key[:-1] for row in rows):
        own = [row for row in rows if row.key[:-1] == key]
        tops = [100 * row.test_top1 for row in own]
        first = own[0]
        yield (
            f"| {first.network}, {first.data} | {first.train_images:,} | {first.epochs} | {first.recipe} | {len(own)} "
            f"| {statistics.mean(row.seconds for row in own):.1f} "
            f"| {statistics.mean(row.cpu_seconds for row in own):.1f} "
            f"| {100 * statistics.mean(row.validation_top1 for row in own):.1f}% "
            f"| {statistics.mean(tops):.1f}% ({min(tops):.1f} to {max(tops):.1f}) |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--rows", type=Path, default=Path("time_to_accuracy.csv"), help="file of all runs so far")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["quick"])
    parser.add_argument("--cases", nargs="+", help="such as net/digits; default: all")
    parser.add_argument("--recipes", nargs="+", choices=["preset", "default", *PEERS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="in place of those of the preset")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="fewer images")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "convstudy"))
    print(f"{packages}, {platform.machine()}, {os.cpu_count()} cores, {asked.threads} threads", flush=True)
    chosen = [case for case in CASES if not asked.cases or f"{case.network}/{case.data}" in asked.cases]
    for case in chosen:
        data, model = data_of(case, asked.data, case.small if asked.small else None), open_model(case.network)
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            images = len(training_parts(data, seed)[0])
            for preset in asked.presets:
                epochs = asked.epochs or PRESETS[preset].epochs
                for word in asked.recipes or ["preset", "default", *PEERS]:
                    name = preset if word == "preset" else word
                    key = (case.network, case.data, str(images), name, str(epochs), str(seed))
                    if key not in {row.key for row in read_rows(asked.rows)}:
                        row = measured(case, data, model, name, preset, epochs, seed)
                        write_row(asked.rows, row)
                        print(*asdict(row).values(), flush=True)
    print("\n".join(table(read_rows(asked.rows))))


if __name__ == "__main__":
    main()
