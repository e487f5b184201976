"""Identity: residual blocks start as the identity, and weight decay pulls them to it; plain layers do not."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import nn

from convstudy.files import write_json
from convstudy.findings.compared import Compared, compare
from convstudy.findings.differences import above, not_above, ratio, welch
from convstudy.findings.finding import (
    Answer,
    Cell,
    Column,
    Estimate,
    FigureTable,
    Outcome,
    Setting,
    Statement,
    Unit,
)
from convstudy.findings.inserted_blocks import (
    KINDS,
    Inserted,
    LectureBlock,
    LecturePlainBlock,
    branch_share,
    with_blocks,
)
from convstudy.inference import ResidentImages
from convstudy.inference.prediction import logits
from convstudy.statistics import accuracy_difference, top1_interval
from convstudy.statistics.variation import Answers
from convstudy.study.models.preprocessing import at_input
from convstudy.study.runs.parts import training_parts
from convstudy.training import Recipe, TrainingBatches
from convstudy.training.objective import objective
from convstudy.training.optimizer import set_learning_rate
from convstudy.training.schedule import learning_rate
from convstudy.wording import plural

NETWORK = "resnet20"
ADDED = (1, 3)  # blocks per stage
DECAYS = (0.0, 0.03, 0.3)  # L2 of the inserted blocks, weights and biases
DECAYED = {"residual": LectureBlock, "plain": LecturePlainBlock}
LR, MOMENTUM = 0.03, 0.9
QUICK: dict[str, Any] = {
    "input_size": 16,
    "seeds": 3,
    "recipe": {"epochs": 6, "batch_size": 32, "lr": 0.05, "label_smoothing": 0.0},
}
FULL: dict[str, Any] = {
    "seeds": 5,
    "recipe": {"epochs": 30, "batch_size": 128, "lr": 0.1, "label_smoothing": 0.0},
}
EPOCHS_AGAIN = {True: 3, False: 10}  # of the training with inserted blocks, by `quick`


@dataclass(frozen=True)
class Decayed:
    """A network with one inserted block per stage that was trained again under a weight decay."""

    block: str
    decay: float
    seed: int
    share: float  # of the branch, see `branch_share`
    weight_norm: float  # of all weights and biases of the inserted blocks
    test_accuracy: float
    seconds: float


def reproduce(setting: Setting) -> Outcome:
    """Train a small residual network, insert blocks, and measure what they cost before and after training again."""
    chosen = QUICK if setting.quick else FULL
    base = compare(setting, "network", {"models": [NETWORK], "data": setting.images(), **chosen})
    inserted = {
        (block, start, number): np.stack([_answers(base, seed, block, start, number) for seed in _seeds(base)])
        for block, start in KINDS
        for number in ADDED
    }
    before = np.stack([_right(base.network(NETWORK, seed), _test_images(base, seed)) for seed in _seeds(base)])
    again = [
        _trained_again(setting, base, block, decay, seed)
        for seed in _seeds(base)
        for decay in DECAYS
        for block in DECAYED
    ]
    return Outcome(
        finding="identity",
        quick=setting.quick,
        statements=(*costs(before, inserted), *pulls(again)),
        tables=(insertion_table(before, inserted), decay_table(again)),
        notes=(
            "blocks are inserted at the end of each of the three stages; zero start: the scale of the last batch "
            "normalization is 0 (Goyal et al. 2017), random start: He's initialization",
            "weight decay: blocks as the lecture writes them, without batch normalization, with L2 on weights and "
            "biases; "
            f"the whole network is trained on for {EPOCHS_AGAIN[setting.quick]} epochs by SGD (peak learning rate "
            f"{LR}, momentum {MOMENTUM}), the rest of it under a weight decay of 0.0005",
        ),
        conditions=base.conditions,
        training_seconds=base.training_seconds + sum(each.seconds for each in again),
        comparisons=("network",),
    )


def _seeds(base: Compared) -> tuple[int, ...]:
    return base.claimed.comparison.seeds


def _test_images(base: Compared, seed: int) -> ResidentImages:
    preprocessing = base.trained(NETWORK, seed).preprocessing
    test = at_input(base.claimed.comparison.data, preprocessing.input_shape).test
    return preprocessing.resident(test.images, test.labels, base.claimed.comparison.device)


def _right(network: nn.Module, images: ResidentImages) -> Answers:
    answers = logits(network, images).argmax(1)  # of this very network: a folded copy could round otherwise
    right: Answers = (answers == images.labels.cpu()).numpy()
    return right


def _answers(base: Compared, seed: int, block: str, start: str, number: int) -> Answers:
    """Return which test images the network of a seed classifies correctly with inserted, untrained blocks."""
    deeper = with_blocks(base.network(NETWORK, seed), KINDS[block, start], number, seed)
    return _right(deeper.network, _test_images(base, seed))


def _trained_again(setting: Setting, base: Compared, block: str, decay: float, seed: int) -> Decayed:
    """Train the network of a seed again with one inserted block per stage, or read the result if it is there."""
    path: Path = setting.folder / "decay" / f"{block}-{decay:g}-seed-{seed}.json"
    if path.exists():
        return Decayed(**json.loads(path.read_text(encoding="utf-8")))
    epochs = EPOCHS_AGAIN[setting.quick]
    setting.on_note(
        f"{block} blocks inserted, weight decay {decay:g}, seed {seed}: trained for {plural(epochs, 'epoch')}"
    )
    batches = _batches(base, seed, epochs)
    inserted = with_blocks(base.network(NETWORK, seed), DECAYED[block], 1, seed)
    seconds = train_again(inserted, batches, decay)
    images = batches.resident
    found = Decayed(
        block,
        decay,
        seed,
        branch_share(inserted, images.normalized(images.images[:256])),
        float(torch.cat([each.detach().flatten() for part in inserted.blocks for each in part.parameters()]).norm()),
        float(_right(inserted.network, _test_images(base, seed)).mean()),
        seconds,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, asdict(found))
    return found


def _batches(base: Compared, seed: int, epochs: int) -> TrainingBatches:
    """Return the batches of the training images of a run, in other orders than those of the run."""
    comparison, preprocessing = base.claimed.comparison, base.trained(NETWORK, seed).preprocessing
    training, _ = training_parts(at_input(comparison.data, preprocessing.input_shape), seed)
    resident = preprocessing.resident(training.images, training.labels, comparison.device)
    recipe = Recipe(
        epochs=epochs,
        lr=LR,
        momentum=MOMENTUM,
        batch_size=comparison.recipe.batch_size,
        crop_padding=comparison.recipe.crop_padding,
        horizontal_flip=comparison.recipe.horizontal_flip,
    )
    return TrainingBatches(resident, recipe, seed + 1_000)


def train_again(inserted: Inserted, batches: TrainingBatches, decay: float) -> float:
    """Train a network with inserted blocks in place, with a weight decay for these blocks, and return the seconds."""
    own = {id(parameter) for block in inserted.blocks for parameter in block.parameters()}
    groups = [
        {
            "params": [each for each in inserted.network.parameters() if id(each) in own],
            "weight_decay": decay,
            "lr_scale": 1.0,
        },
        {
            "params": [each for each in inserted.network.parameters() if id(each) not in own],
            "weight_decay": 5e-4,
            "lr_scale": 1.0,
        },
    ]
    recipe, steps = batches.recipe, batches.steps_per_epoch
    optimizer = torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum)
    inserted.network.train()
    start = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        for step, (images, labels) in enumerate(batches.epoch(epoch)):
            set_learning_rate(optimizer, learning_rate((epoch - 1) * steps + step, steps, recipe))
            loss, _ = objective(inserted.network(images), labels, 0.0)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return time.perf_counter() - start


Inserts = dict[tuple[str, str, int], Answers]


def costs(before: Answers, inserted: Inserts) -> tuple[Statement, ...]:
    """Return the statements on what inserted blocks cost before any training."""
    most = max(ADDED)
    changed = sum(int((inserted["residual", "zero", number] != before).sum()) for number in ADDED)
    of = before.size * len(ADDED)
    plain = _lost(before, inserted["plain", "random", most], f"{3 * most} plain blocks, random start")
    zero = _lost(before, inserted["plain", "zero", most], f"{3 * most} plain blocks, zero start")
    random = _lost(
        inserted["residual", "random", most],
        inserted["plain", "random", most],
        f"{3 * most} plain instead of residual blocks, random start",
    )
    return (
        Statement(
            text="Residual blocks that start at zero change no answer to a test image.",
            answer=Answer.YES if not changed else Answer.NO,
            counted=(of - changed, of),
        ),
        Statement(text="Plain blocks with random weights cost accuracy.", answer=above(plain), estimate=plain),
        Statement(text="Plain blocks that start at zero cost accuracy.", answer=above(zero), estimate=zero),
        Statement(
            text="Residual blocks with random weights cost less than plain ones.", answer=above(random), estimate=random
        ),
    )


def _lost(before: Answers, after: Answers, what: str) -> Estimate:
    found = accuracy_difference(before, after)
    return Estimate(
        of=f"test accuracy lost by {what}", value=found.value, low=found.low, high=found.high, p_value=found.p_value
    )


def pulls(again: Sequence[Decayed]) -> tuple[Statement, ...]:
    """Return the statements on weight decay: it takes the branch away, and only a residual block survives that."""
    largest = max(DECAYS)
    share = {
        decay: [each.share for each in again if (each.block, each.decay) == ("residual", decay)] for decay in DECAYS
    }
    smaller = ratio(f"branch over input: without weight decay, over that with {largest:g}", share[0.0], share[largest])
    residual, plain = (
        {
            decay: [each.test_accuracy for each in again if (each.block, each.decay) == (block, decay)]
            for decay in DECAYS
        }
        for block in ("residual", "plain")
    )
    kept = _between("residual", residual, largest)
    lost = _between("plain", plain, largest)
    return (
        Statement(
            text="Weight decay pulls residual blocks to the identity: their branch shrinks.",
            answer=above(smaller, 1.0),
            estimate=smaller,
        ),
        Statement(
            text=f"With a weight decay of {largest:g}, residual blocks cost less than 1 percentage point of accuracy.",
            answer=not_above(kept),
            estimate=kept,
        ),
        Statement(text="Plain blocks do cost accuracy then.", answer=above(lost), estimate=lost),
    )


def _between(block: str, accuracy: dict[float, list[float]], largest: float) -> Estimate:
    of = f"test accuracy with {block} blocks, without weight decay minus with {largest:g}"
    return welch(of, accuracy[0.0], accuracy[largest])


def insertion_table(before: Answers, inserted: Inserts) -> FigureTable:
    """Return the test accuracy with inserted blocks before they are trained."""
    rows: list[tuple[Cell, ...]] = [("none", "", 0, *_limits(before))]
    rows += [(block, start, 3 * number, *_limits(right)) for (block, start, number), right in inserted.items()]
    return FigureTable(
        title="Test accuracy (mean with 95% CI) after blocks were inserted, before any further training",
        columns=(
            Column("inserted"),
            Column("start"),
            Column("blocks", Unit.COUNT),
            *(Column(name, Unit.PERCENT) for name in ("test", "CI from", "to")),
        ),
        rows=tuple(rows),
        labels=2,
    )


def _limits(right: Answers) -> tuple[float, float, float]:
    interval = top1_interval(right)
    return interval.value, interval.low, interval.high


def decay_table(again: Sequence[Decayed]) -> FigureTable:
    """Return branch, weights and accuracy by block and weight decay, as means over the seeds."""
    rows: list[tuple[Cell, ...]] = []
    for block in DECAYED:
        for decay in DECAYS:
            own = [each for each in again if (each.block, each.decay) == (block, decay)]
            rows.append(
                (
                    block,
                    f"{decay:g}",
                    fmean(each.share for each in own),
                    fmean(each.weight_norm for each in own),
                    fmean(each.test_accuracy for each in own),
                )
            )
    return FigureTable(
        title="One inserted block per stage, trained again under a weight decay: means over the runs",
        columns=(
            Column("block"),
            Column("weight decay"),
            Column("branch / input", Unit.NUMBER),
            Column("norm of weights", Unit.NUMBER),
            Column("test", Unit.PERCENT),
        ),
        rows=tuple(rows),
        labels=2,
    )
