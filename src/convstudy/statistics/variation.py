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
class SeedVariation:
    """What a table of answers says of its seeds.

    `observed` is the variance of the mean over seeds as it is seen: s^2 of the seeds' accuracies over their number.
    `interaction` is the share of it that comes from single answers; the images' variance holds the same share.
    """

    seeds: int
    observed: float
    interaction: float


def image_variance(scores: npt.NDArray[np.float64]) -> float:
    """Variance of the mean of one score an image, from sampling images: s^2 / n. Zero for a single image."""
    return float(scores.var(ddof=1) / len(scores)) if len(scores) > 1 else 0.0


def seed_variation(answers: Answers | npt.NDArray[np.float64]) -> SeedVariation:
    """Variance of the mean over seeds, from sampling seeds; nothing where there is one seed.

    The two are the mean squares of the two-way analysis of variance for seeds and for the residual, over the number of
    answers.
    """
    seeds, images = answers.shape
    if seeds == 1:
        return SeedVariation(1, 0.0, 0.0)
    observed = float(answers.mean(1).var(ddof=1) / seeds)
    if images == 1:
        return SeedVariation(seeds, observed, 0.0)
    residual = answers - answers.mean(0) - answers.mean(1, keepdims=True) + answers.mean()
    interaction = float((residual**2).sum() / ((seeds - 1) * (images - 1)) / (seeds * images))
    return SeedVariation(seeds, observed, interaction)


def cleared(image_part: float, variations: list[SeedVariation]) -> float:
    """The images' variance without the share that the seeds' observed variances hold, too; not below zero.

    It is taken from the images and not from the seeds, for few seeds estimate theirs badly enough.
    """
    return max(image_part - sum(variation.interaction for variation in variations), 0.0)
