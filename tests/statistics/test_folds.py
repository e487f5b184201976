"""Cross-validation: Nadeau & Bengio's variance, and the tests and intervals that rest on it."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.statistics import accuracy_difference, noninferiority, pairwise, size_needed, top1_interval
from convstudy.statistics.difference import difference_error
from convstudy.statistics.folds import Folds, fold_error
from convstudy.statistics.power import detectable_difference
from convstudy.statistics.variation import image_variance


def table(
    repeats: int = 2, folds: int = 5, images: int = 100, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, Folds]:
    stream = np.random.Generator(np.random.MT19937(0))
    a, b = (stream.random((repeats, images)) < share for share in (0.8, 0.7))
    of = np.stack([stream.permutation(np.arange(images) % folds) for _ in range(repeats)])
    return a, b, Folds(of)


def test_the_variance_is_nadeau_and_bengio_s() -> None:
    """For independent answers, the two terms together are about theirs; the first one is exactly theirs."""
    a, b, folds = table(images=100_000)
    values = a.astype(float) - b
    means = [values[repeat][folds.of[repeat] == fold].mean() for repeat in range(2) for fold in range(5)]
    parts = fold_error(values, folds)
    assert parts.seeds == pytest.approx(np.var(means, ddof=1) / 10)
    assert (parts.seeds_freedom, round(parts.images_freedom)) == (9, 99_999)
    single = np.mean([image_variance(row) for row in values])
    assert parts.images == pytest.approx(5 / 4 * single)
    assert parts.images == pytest.approx(np.var(means, ddof=1) / 4, rel=1.2)


def test_groups_are_the_units() -> None:
    a, b, folds = table()
    grouped = Folds(folds.of, np.arange(100) // 10)
    values = (a.astype(float) - b)[:, np.arange(100) // 10 * 10]  # all images of a group answer alike
    assert fold_error(values, grouped).images > 5 * fold_error(values, folds).images
    assert fold_error(values, grouped).images_freedom == pytest.approx(9)


def test_everything_takes_folds() -> None:
    a, b, folds = table(images=400)
    parts = fold_error(a.astype(float) - b, folds)
    value = float(a.mean() - b.mean())
    found = accuracy_difference(a, b, sample=folds)
    assert (found.value, found.p_value) == (value, parts.p_value(value))
    assert found.high - found.low == pytest.approx(2 * parts.margin(0.025))
    [pair] = pairwise({"a": a, "b": b}, sample=folds)
    assert (pair.p_value, pair.low) == (found.p_value, found.low)
    top1 = top1_interval(a, folds)
    assert top1.low < a.mean() < top1.high
    assert top1.high - top1.low == pytest.approx(2 * fold_error(a.astype(float), folds).margin(0.025), rel=0.05)
    assert size_needed(a, b, 0.01, sample=folds) is None
    assert 0.02 < detectable_difference(difference_error(a, b, folds)) < 0.3
    assert [each.shown for each in noninferiority([a, b], 0.3, sample=folds)] == [True, True]


def test_one_repeat_is_no_single_run() -> None:
    a, b, folds = table(repeats=1, images=2000)
    [pair] = pairwise({"a": a, "b": b}, sample=folds)
    assert pair.verdict == "better"
    assert pair.better == "a"


def test_equal_answers_have_an_interval() -> None:
    a, _, folds = table()
    found = accuracy_difference(a, a, sample=folds)
    assert found.p_value == 1
    assert found.high > 0.01
    assert top1_interval(np.ones((1, 100), bool), Folds(folds.of[:1])).low < 0.97
