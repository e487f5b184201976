"""How often the 95 % intervals hold the truth, and how often the tests give a false alarm.

    uv run python benchmarks/coverage.py

Answers with known truth: an image has a difficulty, a seed has its luck, and a run gets an image right with the
logistic of ability + difficulty + luck (ability 1.5, difficulties with standard deviation 2, so that top-1 is about
75 %). Two networks of equal ability are tested on the same images. Printed as a Markdown table.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit

from convstudy.evaluation import accuracy_difference, accuracy_interval

ABILITY, DIFFICULTY = 1.5, 2.0


def truth(luck: float) -> float:
    """Expected top-1: the mean of the logistic of a normal variable, by quadrature."""
    x = np.linspace(-9, 9, 20_001)
    density = stats.norm.pdf(x)
    return float((density * expit(ABILITY + np.hypot(DIFFICULTY, luck) * x)).sum() / density.sum())


def answers(
    stream: np.random.Generator, difficulty: npt.NDArray[np.float64], seeds: int, luck: float
) -> npt.NDArray[np.bool_]:
    """One network's table of right and wrong answers, seeds x images."""
    ability = ABILITY + luck * stream.normal(size=(seeds, 1))
    right: npt.NDArray[np.bool_] = stream.random((seeds, len(difficulty))) < expit(ability + difficulty)
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    print("| seeds | test images | spread of seeds (points) | top-1 covered | difference covered | false alarms |")
    print("|---|---|---|---|---|---|")
    for seeds in (1, 2, 3, 5, 10):
        for images in (100, 450, 2000):
            for luck in (0.0,) if seeds == 1 else (0.0, 0.1, 0.3):
                print(line(seeds, images, luck, repetitions), flush=True)


def line(seeds: int, images: int, luck: float, repetitions: int) -> str:
    """One line of the table."""
    stream = np.random.default_rng([seeds, images, round(100 * luck)])
    expected = truth(luck)
    covered = both = alarms = 0
    for _ in range(repetitions):
        difficulty = DIFFICULTY * stream.normal(size=images)
        a, b = (answers(stream, difficulty, seeds, luck) for _ in range(2))
        interval, difference = accuracy_interval(a), accuracy_difference(a, b)
        covered += interval.low <= expected <= interval.high
        both += difference.low <= 0 <= difference.high
        alarms += difference.p_value < 0.05
    easy_and_hard = DIFFICULTY * np.random.default_rng(0).normal(size=20_000)
    lucky = [float(expit(ABILITY + luck * step + easy_and_hard).mean()) for step in (-1, 1)]
    spread = 100 * (lucky[1] - lucky[0]) / 2
    shares = " | ".join(f"{100 * count / repetitions:.1f} %" for count in (covered, both, alarms))
    return f"| {seeds} | {images} | {spread:.1f} | {shares} |"


if __name__ == "__main__":
    main()
