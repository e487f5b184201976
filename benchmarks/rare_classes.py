"""Coverage and false alarms of metrics over classes, some of which are rare.

    uv run python benchmarks/rare_classes.py [--repetitions 1000]

First table: coverage of the 95% intervals of balanced accuracy and macro F1. A run is right on an image with a Beta
distributed chance (concentration 0.5), whose mean is that of its class; the rare class is harder by 15 points, or as
hard as the others. A seed moves the logits of all chances by a normal variable. Half of the wrong answers are the
image's own wrong class, the others any class. Truth is the mean over the classes that have test images.

Second table: false alarms at 5% of the differences between two equal networks: seeds x images x classes probabilities
that are calibrated, because an image's evidence is normal with its label's mean (linear discriminant analysis), half of
whose noise is of the image, a quarter of image and network, and a quarter of the run. For calibration, the second
network has less evidence and is calibrated, too. The output consists of Markdown tables: minimum and maximum over the
settings of a line.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from convstudy.statistics import (
    balanced_accuracy_difference,
    balanced_accuracy_interval,
    calibration_difference,
    log_loss_difference,
    macro_f1_difference,
    macro_f1_interval,
)
from simulated import BetaImages

CONCENTRATION, HARDER = 0.5, 0.15
SHARES = {"nine of 11%, one of 1%": [0.11] * 9 + [0.01], "95:5": [0.95, 0.05]}
IMAGES, TOP1 = (120, 450, 2000), (0.8, 0.97)
SEEDS = ((1, 0.0), (3, 0.3), (5, 1.0))

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    print("| classes | seeds | test images | balanced accuracy | macro F1 |\n|---|---|---|---|---|")
    for (name, shares), (seeds, luck), images in itertools.product(SHARES.items(), SEEDS, IMAGES):
        rows = [
            covered(np.array(shares), recalls, seeds, luck, images, repetitions)
            for recalls in settings(np.array(shares))
        ]
        print(f"| {name} | {seeds} | {images} | {ranges(np.array(rows))} |", flush=True)
    print(
        "\n| classes | seeds | balanced accuracy | macro F1 | log loss | calibration | calibration, unequal networks |"
    )
    print("|---|---|---|---|---|---|---|")
    for (name, shares), counts in itertools.product(SHARES.items(), ((1, 1), (3, 3), (3, 10))):
        found = [
            alarms(np.array(shares), counts, images, evidence, repetitions) for images in IMAGES for evidence in (2, 4)
        ]
        print(f"| {name} | {' and '.join(map(str, dict.fromkeys(counts)))} | {ranges(np.array(found))} |", flush=True)


def ranges(rows: Array) -> str:
    """Return minimum and maximum of each column, as cells of a table."""
    return " | ".join(
        f"{100 * low:.1f} to {100 * high:.1f}%" for low, high in zip(rows.min(0), rows.max(0), strict=True)
    )


def settings(shares: Array) -> list[Array]:
    """Return the recalls of the classes in each setting: the last class is the rare one."""
    harder = np.zeros(len(shares))
    harder[-1] = HARDER
    return [top1 - gap for top1 in TOP1 for gap in (0 * harder, harder)]


def covered(
    shares: Array, recalls: Array, seeds: int, luck: float, images: int, repetitions: int
) -> tuple[float, float]:
    """Return the coverage of balanced accuracy and macro F1."""
    stream = np.random.default_rng([seeds, images, round(1000 * recalls.sum())])
    classes = len(shares)
    of_class = {recall: BetaImages(recall, CONCENTRATION, luck) for recall in set(recalls.tolist())}
    logits = np.stack([of_class[recall].logits for recall in recalls.tolist()])
    right_of = np.array([of_class[recall].expected_top1 for recall in recalls.tolist()])
    confusion = np.repeat((1 - right_of)[:, None] / (classes - 1), classes, 1)
    np.fill_diagonal(confusion, right_of)
    confusion *= shares[:, None]
    f1_of = 2 * confusion.diagonal() / (confusion.sum(0) + confusion.sum(1))
    found = np.zeros(2)
    for _ in range(repetitions):
        labels = stream.choice(classes, size=images, p=shares)
        drawn = logits[labels, stream.integers(0, logits.shape[1], images)]
        right = stream.random((seeds, images)) < expit(drawn + luck * stream.normal(size=(seeds, 1)))
        usual, other = (stream.integers(1, classes, size) for size in (images, (seeds, images)))
        wrong = (labels + np.where(stream.random((seeds, images)) < 0.5, usual, other)) % classes
        predictions, present = np.where(right, labels, wrong), np.unique(labels)
        for place, (interval_of, truth) in enumerate(
            ((balanced_accuracy_interval, right_of), (macro_f1_interval, f1_of))
        ):
            interval = interval_of(predictions, labels)
            found[place] += interval.low - 1e-9 <= truth[present].mean() <= interval.high + 1e-9
    return tuple((found / repetitions).tolist())


def alarms(shares: Array, seeds: tuple[int, int], images: int, evidence: float, repetitions: int) -> tuple[float, ...]:
    """Return the false alarms of each metric's difference."""
    stream = np.random.default_rng([*seeds, images, len(shares), round(evidence)])
    found = np.zeros(5)
    for _ in range(repetitions):
        labels = stream.choice(len(shares), size=images, p=shares)
        common = stream.normal(size=(images, len(shares)))
        a, b, weaker = (
            calibrated(stream, labels, shares, common, count, strength)
            for count, strength in zip((*seeds, seeds[1]), (evidence, evidence, evidence / 2), strict=True)
        )
        differences = (
            balanced_accuracy_difference(a.argmax(2), b.argmax(2), labels),
            macro_f1_difference(a.argmax(2), b.argmax(2), labels),
            log_loss_difference(a, b, labels),
            calibration_difference(a, b, labels),
            calibration_difference(a, weaker, labels),
        )
        found += [difference.p_value < 0.05 for difference in differences]
    return tuple((found / repetitions).tolist())


def calibrated(
    stream: np.random.Generator, labels: Labels, shares: Array, common: Array, seeds: int, evidence: float
) -> Array:
    """Return the probabilities of the classes given noisy evidence, seeds x images x classes."""
    own = stream.normal(size=common.shape)
    noise = 0.5**0.5 * common + 0.5 * own + 0.5 * stream.normal(size=(seeds, *common.shape))
    seen = noise + evidence * np.eye(len(shares))[labels]
    probabilities: Array = softmax(evidence * seen + np.log(shares), axis=2)
    return probabilities


if __name__ == "__main__":
    main()
