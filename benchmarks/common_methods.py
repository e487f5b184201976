"""Coverage of commonly used statistical methods, in comparison with those of convstudy.

    uv run python benchmarks/common_methods.py [--repetitions 2000]

Predictions are simulated as in simulated.py. For each method, the share of 95% intervals that contain the true top-1 of
a network, or the true difference of two equal networks, is measured; for a test it is 100% minus its false alarms at
5%. The output is a Markdown table: for each number of seeds, the minimum and maximum over 100 and 1000 test images and
three spreads between seeds, where half of the difficulty is common to both networks.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from convstudy.statistics import accuracy_difference, accuracy_interval, mcnemar_p
from convstudy.statistics.difference import difference_error
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.variation import Answers
from simulated import expected_top1, networks

SEEDS, IMAGES, LUCK = (2, 3, 5, 10), (100, 1000), (0.0, 0.1, 0.3)
RESAMPLES = 1000
Array = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    print("| method | " + " | ".join(f"{seeds} seeds" for seeds in SEEDS) + " |")
    print("|---|" + "---|" * len(SEEDS))
    columns = []
    for seeds in SEEDS:
        rows = [covered(seeds, images, luck, repetitions) for images, luck in itertools.product(IMAGES, LUCK)]
        columns.append({name: [row[name] for row in rows] for name in rows[0]})
    for name in columns[0]:
        shares = [f"{100 * min(column[name]):.1f} to {100 * max(column[name]):.1f} %" for column in columns]
        print(f"| {name} | " + " | ".join(shares) + " |")


def covered(seeds: int, images: int, luck: float, repetitions: int) -> dict[str, float]:
    """Return for each method the share of repetitions in which its interval contained the true value."""
    stream = np.random.default_rng([seeds, images, round(100 * luck)])
    expected = expected_top1(luck)
    weights = Weights(stream, seeds, images)
    counts: dict[str, int] = {}
    for _ in range(repetitions):
        a, b = networks(stream, seeds, images, luck=luck, overlap=0.5)
        for name, interval in TOP1.items():
            low, high = interval(a, weights)
            counts[name] = counts.get(name, 0) + (low <= expected <= high)
        for name, holds_zero in DIFFERENCE.items():
            counts[name] = counts.get(name, 0) + holds_zero(a, b, weights)
    return {name: count / repetitions for name, count in counts.items()}


class Weights:
    """Weights of seeds and images in each bootstrap sample, drawn separately for the seeds of both networks."""

    def __init__(self, stream: np.random.Generator, seeds: int, images: int) -> None:
        self.images = stream.multinomial(images, np.full(images, 1 / images), RESAMPLES) / images
        self.seeds = stream.multinomial(seeds, np.full(seeds, 1 / seeds), (2, RESAMPLES)) / seeds

    def means(self, answers: Answers, network: int) -> Array:
        resampled: Array = ((self.seeds[network] @ answers) * self.images).sum(1)
        return resampled


def percentiles(resampled: Array) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def over_seeds(values: Array) -> tuple[float, float]:
    """Return Student's interval of one value per seed."""
    margin = stats.t.isf(0.025, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return values.mean() - margin, values.mean() + margin


def of_all_answers(answers: Answers) -> tuple[float, float]:
    """Return Wilson's interval, as if the runs had been tested on different images."""
    low, high = proportion_confint(answers.sum(), answers.size, method="wilson")
    return float(low), float(high)


def ours(answers: Answers) -> tuple[float, float]:
    interval = accuracy_interval(answers)
    return interval.low, interval.high


def pooled_freedom(parts: ErrorParts) -> float:
    """Return Satterthwaite's degrees of freedom of the sum of both variances."""
    squares = parts.images**2 / parts.images_freedom + parts.seeds**2 / parts.seeds_freedom
    return (parts.images + parts.seeds) ** 2 / squares


def one_t_holds_zero(a: Answers, b: Answers) -> bool:
    parts = difference_error(a, b)
    return bool(abs(a.mean() - b.mean()) <= stats.t.isf(0.025, pooled_freedom(parts)) * parts.standard_error)


def paired_t_holds_zero(a: Answers, b: Answers) -> bool:
    low, high = over_seeds(a.mean(1) - b.mean(1))
    return low <= 0 <= high


def bootstrap_holds_zero(a: Answers, b: Answers, weights: Weights) -> bool:
    low, high = percentiles(weights.means(a, 0) - weights.means(b, 1))
    return low <= 0 <= high


TOP1: dict[str, Callable[[Answers, Weights], tuple[float, float]]] = {
    "top-1: **convstudy**": lambda a, _: ours(a),
    "top-1: hierarchical bootstrap, percentiles": lambda a, weights: percentiles(weights.means(a, 0)),
    "top-1: Student's t over seeds": lambda a, _: over_seeds(a.mean(1)),
    "top-1: Wilson, predictions of all runs pooled": lambda a, _: of_all_answers(a),
}
DIFFERENCE: dict[str, Callable[[Answers, Answers, Weights], bool]] = {
    "difference: **convstudy**": lambda a, b, _: accuracy_difference(a, b).p_value >= 0.05,
    "difference: one t, Satterthwaite's degrees of freedom": lambda a, b, _: one_t_holds_zero(a, b),
    "difference: hierarchical bootstrap, percentiles": bootstrap_holds_zero,
    "difference: paired t test over seeds": lambda a, b, _: paired_t_holds_zero(a, b),
    "difference: McNemar, predictions of all runs pooled": lambda a, b, _: mcnemar_p(a.ravel(), b.ravel()) >= 0.05,
}


if __name__ == "__main__":
    main()
