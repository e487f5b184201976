"""Coverage of the 95% intervals of metrics besides top-1.

    uv run python benchmarks/coverage_of_metrics.py [--repetitions 2000]

Logits of six classes of different difficulty are simulated: the evidence in an image is common to all seeds, and each
seed adds noise and its own offset. Classes are equally frequent, or each has 0.7 times the images of the previous one.
Top-3 stands for top-5. The true values are computed from 60 seeds on 80,000 images. The chance that a new seed favors a
network is measured on predictions as in simulated.py, for equal networks and for a better second one. The last table is
the ECE of a network whose true ECE is 0. The output consists of Markdown tables.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit

from convstudy.statistics import (
    balanced_accuracy_interval,
    chance_of_beating,
    expected_calibration_error,
    log_loss_interval,
    macro_f1_interval,
    probabilities_of,
    top5_interval,
)
from simulated import ABILITY, DIFFICULTY

CLASSES = 6
Array = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    print("| seeds | test images | top-3 | balanced accuracy | macro F1 | log loss |")
    print("|---|---|---|---|---|---|")
    settings = [(luck, fading) for luck in (0.0, 0.3) for fading in (1.0, 0.7)]
    truths = [truth(*setting) for setting in settings]
    for seeds, images in itertools.product((1, 2, 3, 5, 10), (100, 1000)):
        rows = [
            metrics_covered(seeds, images, luck, fading, expected, repetitions)
            for (luck, fading), expected in zip(settings, truths, strict=True)
            if seeds > 1 or luck == 0
        ]
        print(f"| {seeds} | {images} | {ranges(rows)} |", flush=True)
    print("\n| seeds | test images | chance of a new seed |")
    print("|---|---|---|")
    for seeds, images in itertools.product((2, 3, 5, 10), (100, 2000)):
        shares = [
            (chance_covered(seeds, images, luck, gap, repetitions),) for luck in (0.0, 0.1, 0.3) for gap in (0.0, 0.2)
        ]
        print(f"| {seeds} | {images} | {ranges(shares)} |", flush=True)
    print("\n| test images | ECE of a perfectly calibrated network |")
    print("|---|---|")
    for images in (100, 1000, 10_000):
        print(f"| {images} | {calibration_error_of_nothing(images, repetitions // 10):.4f} |", flush=True)


def calibration_error_of_nothing(images: int, repetitions: int) -> float:
    """Return the mean ECE if labels are drawn with the network's own probabilities, so that the true ECE is 0."""
    stream = np.random.default_rng(images)
    probabilities = stream.dirichlet(np.full(CLASSES, 0.3), (repetitions, images))
    drawn = stream.random((repetitions, images, 1)) > probabilities.cumsum(2)
    labels = np.minimum(drawn.sum(2), CLASSES - 1)
    errors = [expected_calibration_error(probabilities[[row]], labels[row])[0] for row in range(repetitions)]
    return float(np.mean(errors))


def ranges(rows: Sequence[tuple[float, ...]]) -> str:
    """Return minimum and maximum of each column, as cells of a table."""
    return " | ".join(f"{100 * min(column):.1f} to {100 * max(column):.1f} %" for column in zip(*rows, strict=True))


def logits_of(
    stream: np.random.Generator, lucks: Array, images: int, fading: float
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return logits, seeds x images x classes, and labels."""
    shares = fading ** np.arange(CLASSES)
    labels = stream.choice(CLASSES, size=images, p=shares / shares.sum())
    logits = 1.2 * stream.normal(size=(images, CLASSES)) + 0.8 * stream.normal(size=(len(lucks), images, CLASSES))
    ease_of_class = 2.2 + np.linspace(-0.5, 0.5, CLASSES)
    logits[:, np.arange(images), labels] += ease_of_class[labels] + lucks[:, None]
    return 1.5 * logits, labels


def intervals(logits: Array, labels: npt.NDArray[np.int64]) -> Array:
    """Return low, value and high of each metric; metrics x 3."""
    probabilities, predictions = probabilities_of(logits), logits.argmax(2)
    found = (
        top5_interval(probabilities, labels, k=3),
        balanced_accuracy_interval(predictions, labels),
        macro_f1_interval(predictions, labels),
        log_loss_interval(probabilities, labels),
    )
    return np.array([(interval.low, interval.value, interval.high) for interval in found])


def truth(luck: float, fading: float) -> Array:
    stream = np.random.default_rng(1)
    steps = stats.norm.ppf((np.arange(60) + 0.5) / 60)
    parts = [intervals(*logits_of(stream, luck * steps / steps.std(), 20_000, fading))[:, 1] for _ in range(4)]
    mean: Array = np.mean(parts, axis=0)
    return mean


def metrics_covered(
    seeds: int, images: int, luck: float, fading: float, expected: Array, repetitions: int
) -> tuple[float, ...]:
    stream = np.random.default_rng([seeds, images, round(100 * luck), round(100 * fading)])
    covered = np.zeros(len(expected))
    for _ in range(repetitions):
        found = intervals(*logits_of(stream, luck * stream.normal(size=seeds), images, fading))
        covered += (found[:, 0] <= expected) & (expected <= found[:, 2])
    return tuple(covered / repetitions)


def chance_covered(seeds: int, images: int, luck: float, gap: float, repetitions: int) -> float:
    """Return the coverage of the chance, whose true value is computed per repetition from 2,000 more seeds each.

    It differs between repetitions because it refers to the given test images.
    """
    stream = np.random.default_rng([seeds, images, round(100 * luck), round(100 * gap)])
    covered = 0
    for _ in range(repetitions):
        difficulty = DIFFICULTY * stream.normal(size=images)
        a, b = (
            stream.random((seeds, images)) < expit(ability + luck * stream.normal(size=(seeds, 1)) + difficulty)
            for ability in (ABILITY, ABILITY + gap)
        )
        one, other = (many_seeds(stream, difficulty, ability, luck) for ability in (ABILITY, ABILITY + gap))
        expected = float((np.sort(other).searchsorted(one) / len(other)).mean())
        interval = chance_of_beating(a, b)
        covered += interval is not None and interval.low <= expected <= interval.high
    return covered / repetitions


def many_seeds(stream: np.random.Generator, difficulty: Array, ability: float, luck: float) -> Array:
    """Return top-1 of 2,000 seeds on these images; mean and spread are interpolated over 41 values of luck."""
    steps = np.linspace(-5, 5, 41)
    chances = expit(ability + luck * steps[:, None] + difficulty)
    drawn = stream.normal(size=2000)
    mean = np.interp(drawn, steps, chances.mean(1))
    spread = np.sqrt(np.interp(drawn, steps, (chances * (1 - chances)).mean(1)) / len(difficulty))
    top1: Array = mean + spread * stream.normal(size=2000)
    return top1


if __name__ == "__main__":
    main()
