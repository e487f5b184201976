"""A comparison that may stop at each look: what it concludes, and how often it errs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.statistics import accuracy_difference
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.sequential import (
    Ending,
    Evidence,
    SequentialPlan,
    Standing,
    standing,
    standing_of,
)
from convstudy.statistics.verdict import Verdict

PLAN = SequentialPlan()
NO_MARGIN = SequentialPlan(margin=1e-9)
Scores = npt.NDArray[np.float64]


def answers(right: list[int], images: int = 2000) -> npt.NDArray[np.bool_]:
    return np.arange(images)[None] < np.array(right)[:, None]


def of_scores(scores: Mapping[str, Scores], plan: SequentialPlan) -> Standing:
    """Where a comparison is by the scores of seeds alone, as on endlessly many test images."""

    def evidence(a: str, b: str, n: int) -> Evidence:
        va, vb = (scores[name][:n].var(ddof=1) / n for name in (a, b))
        freedom = (va + vb) ** 2 / ((va**2 + vb**2) / (n - 1))
        return Evidence(float(scores[a][:n].mean() - scores[b][:n].mean()), ErrorParts(0.0, 1e9, va + vb, freedom))

    return standing_of({name: len(values) for name, values in scores.items()}, evidence, plan)


def test_before_the_first_look_nothing_is_said() -> None:
    at = standing({"a": answers([1900, 1901]), "b": answers([1500, 1501])}, PLAN)
    assert (at.seeds, at.next_seeds, at.ending, at.pairs) == (0, 3, None, ())
    assert at.remaining == ("a", "b")


def test_a_clear_difference_ends_at_the_first_look() -> None:
    at = standing({"a": answers([1900, 1901, 1899]), "b": answers([1500, 1501, 1499])}, PLAN)
    assert (at.ending, at.remaining, at.dropped, at.seeds) == (Ending.ONE_LEFT, ("a",), {"b": 3}, 3)
    [pair] = at.pairs
    assert pair.verdict is Verdict.BETTER
    assert pair.value == pytest.approx(0.2)
    assert pair.low > 0.15
    assert pair.p_value < 0.001


def test_equal_networks_are_equivalent_within_the_margin() -> None:
    same = answers([1900, 1901, 1899, 1900])
    at = standing({"a": same, "b": same}, PLAN)
    assert (at.ending, at.pairs[0].verdict) == (Ending.DECIDED, Verdict.EQUIVALENT)
    assert at.remaining == ("a", "b")


def test_the_verdict_p_value_and_interval_agree() -> None:
    stream = np.random.default_rng(3)
    for _ in range(200):
        tables = {name: answers(list(stream.normal(1800, 20, 6).astype(int))) for name in ("a", "b")}
        for pair in standing(tables, NO_MARGIN).pairs:
            assert (pair.p_value < PLAN.level) == (pair.verdict is Verdict.BETTER)
            if pair.verdict is Verdict.BETTER and pair.seeds == 3:
                assert pair.low > 0 or pair.high < 0


def test_few_images_are_named_as_the_limit_with_how_many_would_do() -> None:
    """Two networks of the same few seeds, whose difference no number of seeds shows on 450 images."""
    stream = np.random.default_rng(1)
    easy = stream.random(450) < 0.9
    a, b = (np.tile(easy, (6, 1)) ^ (stream.random(450) < 0.04) for _ in range(2))
    at = standing({"a": a, "b": b}, SequentialPlan(margin=0.005))
    assert at.ending is Ending.HOPELESS_IMAGES
    assert at.images_needed is not None
    assert at.images_needed > 450


def test_a_dropped_network_needs_no_more_seeds() -> None:
    full, few = answers([1900 + step for step in range(6)]), answers([1500, 1501, 1502])
    near = answers([1897 + (-1) ** step * step for step in range(6)])
    at = standing({"a": full, "near": near, "few": few}, PLAN)
    assert at.dropped["few"] == 3
    assert "a" in at.remaining
    assert [pair.seeds for pair in at.pairs if "few" in (pair.a, pair.b)] == [3, 3]


@pytest.mark.parametrize(("sd_a", "sd_b"), [(1.0, 1.0), (1.0, 4.0)])
def test_equal_networks_are_rarely_called_different_whatever_the_looks(sd_a: float, sd_b: float) -> None:
    """5 % at most over all looks, where testing at 5 % after every seed gives 20 %."""
    repetitions, stream = 600, np.random.Generator(np.random.MT19937(11))
    wrong = 0
    for _ in range(repetitions):
        scores = {"a": stream.normal(0, sd_a, 20), "b": stream.normal(0, sd_b, 20)}
        wrong += bool(of_scores(scores, NO_MARGIN).dropped)
    assert wrong / repetitions <= 0.05 + 2 * (0.05 * 0.95 / repetitions) ** 0.5


def test_a_difference_of_two_standard_deviations_takes_few_runs() -> None:
    stream = np.random.Generator(np.random.MT19937(5))
    runs, found = [], 0
    for _ in range(200):
        at = of_scores({"a": stream.normal(2, 1, 20), "b": stream.normal(0, 1, 20)}, NO_MARGIN)
        runs.append(2 * at.seeds)
        found += at.remaining == ("a",)
    assert np.mean(runs) < 16
    assert found >= 195


def test_a_worse_network_may_still_be_shown_to_be_close() -> None:
    plan = SequentialPlan(margin=0.05)
    tables = {"good": answers([1900, 1901, 1899]), "worse": answers([1860, 1861, 1859])}
    at = standing(tables, plan)
    [pair] = at.pairs
    assert (at.remaining, pair.verdict, pair.close) == (("good",), Verdict.BETTER, (True, True))
    assert pair.high < plan.margin
    [far] = standing(tables, SequentialPlan(margin=0.02)).pairs
    assert far.close == (True, False)
    assert far.high > 0.02


def test_a_network_that_is_a_margin_worse_is_rarely_called_close() -> None:
    """5 % at most over all looks; 0.5 % of 400 with four such networks, of which any may be chosen for its cost."""
    repetitions, stream = 300, np.random.Generator(np.random.MT19937(21))
    plan, wrong = SequentialPlan(margin=0.5), 0
    for _ in range(repetitions):
        scores = {"best": stream.normal(0.5, 0.3, 20), "worse": stream.normal(0, 0.3, 20)}
        [pair] = of_scores(scores, plan).pairs
        wrong += pair.close[1]
    assert wrong / repetitions <= 0.05 + 2 * (0.05 * 0.95 / repetitions) ** 0.5


def test_a_network_is_dropped_exactly_when_the_p_value_is_below_the_level() -> None:
    stream, dropped = np.random.Generator(np.random.MT19937(8)), 0
    for _ in range(60):
        at = of_scores({"a": stream.normal(1.5, 1, 20), "b": stream.normal(0, 1, 20)}, NO_MARGIN)
        [pair] = at.pairs
        assert (pair.verdict is Verdict.BETTER) == bool(at.dropped) == (pair.p_value < PLAN.level)
        dropped += bool(at.dropped)
    assert 40 < dropped < 60


def test_two_identical_networks_and_one_without_spread() -> None:
    still = answers([1800] * 5)
    at = standing({"still": still, "same": still}, NO_MARGIN)
    assert at.pairs[0].p_value == 1
    assert not at.dropped
    fixed = accuracy_difference(still, still)
    assert (fixed.low, fixed.high) != (0, 0)


@pytest.mark.parametrize("wrong", [{"first": 1}, {"first": 30}, {"step": 0}, {"level": 0.6}, {"margin": 0.0}])
def test_a_plan_that_does_not_fit_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected 2 <= first <= cap"):
        SequentialPlan(**wrong)  # type: ignore[arg-type]
