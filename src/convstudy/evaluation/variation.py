"""How much an accuracy would move with other seeds and other test images.

A network trained with several seeds and tested on the same images gives a table of right and wrong answers, seeds x
images. Both are samples: of the seeds one could have used, and of the images one could have met. The mean of the table
therefore has two sources of variance, which are estimated from it as in the analysis of readers and cases in medical
imaging (Obuchowski & Rockette 1995; Hillis 2007), with seeds for readers and test images for cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Answers = npt.NDArray[np.bool_]  # seeds x images: whether the run with this seed got this image right


@dataclass(frozen=True)
class Variation:
    """Estimated variance of a mean accuracy, or of a difference of two, and its degrees of freedom."""

    variance: float
    degrees_of_freedom: float


def image_variance(scores: npt.NDArray[np.float64]) -> float:
    """Variance of the mean of one score an image, from sampling images: s^2 / n. Zero for a single image."""
    return float(scores.var(ddof=1) / len(scores)) if len(scores) > 1 else 0.0


def seed_variance(answers: Answers) -> tuple[float, float]:
    """Variance of the mean over seeds, from sampling seeds: as observed, and with the images' share taken out.

    The observed variance of the seeds' accuracies holds a share that comes from the interaction of seeds and images;
    it is part of `image_variance` already, so it is subtracted here, but not below zero (Hillis 2007).

    >>> seed_variance(np.array([[True, True, False, False], [True, False, True, False]]))
    (0.0, 0.0)
    """
    seeds, images = answers.shape
    if seeds == 1:
        return 0.0, 0.0
    observed = float(answers.mean(1).var(ddof=1) / seeds)
    if images == 1:
        return observed, observed
    residual = answers - answers.mean(0) - answers.mean(1, keepdims=True) + answers.mean()
    interaction = float((residual**2).sum() / ((seeds - 1) * (images - 1)) / (seeds * images))
    return observed, max(observed - interaction, 0.0)


def combine(image_part: float, images: int, seed_parts: list[tuple[int, float, float]]) -> Variation:
    """Sum the variances; give Satterthwaite's degrees of freedom.

    `seed_parts` has, for each network, its number of seeds and what `seed_variance` gave. The denominators take the
    observed seed variance: the degrees of freedom come out rather too low than too high.

    Source: Satterthwaite 1946; Hillis 2007.
    """
    variance = image_part + sum(cleared for _, _, cleared in seed_parts)
    spread = image_part**2 / max(images - 1, 1)
    spread += sum(observed**2 / (seeds - 1) for seeds, observed, _ in seed_parts if seeds > 1)
    return Variation(variance, variance**2 / spread if spread > 0 else float(max(images - 1, 1)))
