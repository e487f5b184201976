"""Variance of an accuracy over other seeds and other test images.

A network trained with several seeds and tested on the same images gives a table of right and wrong answers, seeds x
images. Both are samples: of the possible seeds and of the possible images. The mean of the table therefore has two
sources of variance, which are estimated from it as in the analysis of readers and cases in medical imaging (Obuchowski
& Rockette 1995; Hillis 2007), with seeds in place of readers and test images in place of cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Answers = npt.NDArray[np.bool_]  # seeds x images: whether the run with this seed got this image right


@dataclass(frozen=True)
class SeedVariation:
    """What a table of answers says about its seeds.

    `observed` is the observed variance of the mean over seeds: s^2 of the seeds' accuracies divided by their number.
    `interaction` is the share of it that comes from single answers; the variance of the images contains the same share.
    """

    seeds: int
    observed: float
    interaction: float


def image_variance(scores: npt.NDArray[np.float64]) -> float:
    """Return the variance of the mean of one score per image, from sampling images: s^2 / n; zero for one image."""
    return float(scores.var(ddof=1) / len(scores)) if len(scores) > 1 else 0.0


def seed_variation(answers: Answers | npt.NDArray[np.float64]) -> SeedVariation:
    """Return the variance of the mean over seeds, from sampling seeds; zero for a single seed.

    Both values are mean squares of the two-way analysis of variance, for seeds and for the residual, divided by the
    number of answers.
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
    """Subtract from the images' variance the share that the seeds' observed variances contain, too; at least zero.

    The share is subtracted from the images and not from the seeds, whose variance is estimated poorly if they are few.
    """
    return max(image_part - sum(variation.interaction for variation in variations), 0.0)
