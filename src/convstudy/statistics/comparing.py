"""Networks compared by their answers to the same test images, wherever these come from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convstudy.errors import DataError
from convstudy.statistics.accuracy import Interval
from convstudy.statistics.difference import Difference, accuracy_difference, equivalent_within
from convstudy.statistics.folds import Folds, Sample
from convstudy.statistics.group_intervals import top1_interval
from convstudy.statistics.groups import numbered_groups
from convstudy.statistics.grown import Looks
from convstudy.statistics.multiplicity import holm
from convstudy.statistics.variation import Answers
from convstudy.statistics.verdict import LEVEL, Verdict, better_of, verdict_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class PairDifference:
    """Top-1 of `a` minus top-1 of `b`, with its 95% interval, and what it shows.

    With more than two networks, the intervals of all pairs hold together with 95%.
    """

    a: str
    b: str
    value: float
    low: float
    high: float
    p_value: float  # adjusted by Holm's method with more than two networks
    verdict: Verdict
    better: str | None  # the name of the better network, if one is shown to be
    equivalent_within: float  # the smallest margin within which they are shown to be equal (two one-sided tests)


@dataclass(frozen=True)
class ComparedPredictions:
    """The top-1 of each network with its 95% interval, and the difference of every two."""

    top1: Mapping[str, Interval]
    pairs: tuple[PairDifference, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return a row per pair of networks."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame([{**vars(pair), "verdict": str(pair.verdict)} for pair in self.pairs])


def compare_predictions(
    labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], *, groups: npt.ArrayLike | None = None
) -> ComparedPredictions:
    """Compare networks by their predicted classes: the same intervals and tests as those of a comparison.

    `labels` are the classes of N test images; `predictions` are, by network, the predicted classes, seeds x N, or N for
    one run. Classes are whole numbers or names. `groups` names the group of each image (patient, writer, video), if
    images of a group are not independent of each other. Two networks with one run each are compared as runs only:
    nothing is shown about other seeds.

    Raises: DataError, when predictions or groups are not as many as the labels, or there are none, or one group only.

    >>> labels = np.arange(200) % 4
    >>> sure, unsure = np.tile(labels, (3, 1)), np.tile(labels, (3, 1))
    >>> unsure[:, :60] = (unsure[:, :60] + 1) % 4
    >>> [pair] = compare_predictions(labels, {"a": sure, "b": unsure}).pairs
    >>> pair.better, round(pair.value, 2), pair.p_value < 0.001
    ('a', 0.3, True)
    """
    truth = np.asarray(labels)
    if truth.ndim != 1 or not len(truth):
        raise DataError(f"labels have the shape {truth.shape}; expected the classes of N test images")
    answers = {name: _right(name, np.asarray(given), truth) for name, given in predictions.items()}
    if not answers:
        raise DataError("predictions are empty; expected those of one network or more")
    given = None if groups is None else np.asarray(groups)
    if given is not None and given.shape != truth.shape:
        raise DataError(f"groups have the shape {given.shape}; expected the group of each of {len(truth)} images")
    units = None if given is None else numbered_groups([str(each) for each in given.tolist()])
    if units is not None and not units.any():
        raise DataError("all images are of one group; expected two groups or more")
    top1 = {name: top1_interval(of_one, units) for name, of_one in answers.items()}
    return ComparedPredictions(top1, pairwise(answers, sample=units))


def pairwise(
    answers: Mapping[str, Answers], looks: Looks | None = None, sample: Sample | None = None
) -> tuple[PairDifference, ...]:
    """Compare every two networks by their right answers, seeds x images.

    With more than one pair, p-values are adjusted by Holm's method, and intervals and margins of equivalence by
    Bonferroni's. An interval excludes zero if and only if its p-value is below 0.05: Holm's method shows some
    differences that Bonferroni's does not, and the limits of their intervals are then zero. With `looks`, intervals
    and p-values are adjusted for all looks, too. `sample` are the groups of the images, or the folds of a
    cross-validation, whose repeats are then the rows.

    Source: Holm 1979; Strassburger & Bretz 2008 and Guilbaud 2008 for intervals that agree with it.
    """
    looks = looks or Looks(())
    pairs = list(itertools.combinations(answers, 2))
    level = looks.level / max(len(pairs), 1)
    differences = [accuracy_difference(answers[a], answers[b], 1 - level, sample) for a, b in pairs]
    adjusted = holm([looks.adjusted(difference.p_value) for difference in differences])
    return tuple(
        _pair(a, b, agreeing(replace(found, p_value=p_value)), answers, level, sample)
        for (a, b), found, p_value in zip(pairs, differences, adjusted, strict=True)
    )


def agreeing(found: Difference, level: float = LEVEL) -> Difference:
    """Return the difference with an interval that excludes zero if and only if its p-value is below the level.

    They disagree for Holm's p-values with intervals after Bonferroni, and for McNemar's exact p-value with Tango's
    interval.

    >>> agreeing(Difference(0.02, -0.001, 0.04, 0.03)), agreeing(Difference(0.02, 0.001, 0.04, 0.06))
    (Difference(value=0.02, low=0.0, high=0.04, p_value=0.03), Difference(value=0.02, low=0.0, high=0.04, p_value=0.06))
    """
    if found.p_value < level and found.value:
        return replace(found, low=max(found.low, 0.0)) if found.value > 0 else replace(found, high=min(found.high, 0.0))
    return replace(found, low=min(found.low, 0.0), high=max(found.high, 0.0))


def _pair(
    a: str, b: str, found: Difference, answers: Mapping[str, Answers], level: float, sample: Sample | None
) -> PairDifference:
    runs = sample.runs if isinstance(sample, Folds) else min(len(answers[a]), len(answers[b]))
    verdict = verdict_of(found, seeds=runs)
    return PairDifference(
        a=a,
        b=b,
        value=found.value,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        verdict=verdict,
        better=better_of(a, b, found, verdict),
        equivalent_within=equivalent_within(answers[a], answers[b], level, sample),
    )


def _right(name: str, given: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Answers:
    runs = given[None] if given.ndim == 1 else given
    if runs.ndim != 2 or runs.shape[1] != len(labels) or not len(runs):
        raise DataError(
            f"predictions of {name} have the shape {given.shape}; expected seeds x {len(labels)} predicted classes, as "
            "many as labels"
        )
    right: Answers = runs == labels
    return right
