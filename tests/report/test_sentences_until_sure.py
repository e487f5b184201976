"""How a comparison until sure ended, in a sentence, with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.report.sentences import intervals, is_shown, p_values, replies, seeds_used, verdict
from convstudy.statistics.sequential import Ending
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.results import Conclusion, PairResult, Results, SequentialOutcome
from tests.study.test_conclusion import PROTOCOL, answering, model

PAIR = PairResult(
    a="a", b="b", difference=0.0002, low=-0.01, high=0.01, p_value=0.9, verdict=Verdict.EQUIVALENT, level=0.05
)
LOOKS = tuple(range(3, 21))


def ended(ending: Ending, *, images_needed: int | None = None, dropped: dict[str, int] | None = None) -> str:
    return replies(results(ending, images_needed, dropped or {}))[1].answer


def results(ending: Ending, images_needed: int | None = None, dropped: dict[str, int] | None = None) -> Results:
    models = (model("a", 10, answering(1800, 1801, 1802)), model("b", 20, answering(1800, 1801, 1802, 1803, 1804)))
    went = SequentialOutcome(
        looks=LOOKS,
        level=0.05,
        seeds=5,
        remaining=("a", "b"),
        dropped=dropped or {},
        ending=ending,
        images_needed=images_needed,
    )
    return Results(
        models=models,
        comparisons=(PAIR,),
        protocol=replace(PROTOCOL, until="sure", seeds=tuple(range(5))),
        environment={},
        conclusion=Conclusion(best="b", beaten=(), margin=0.01, cheapest="a", cheapest_p=None),
        sequential=went,
    )


def test_what_is_equivalent_is_said_and_who_was_dropped() -> None:
    said = ended(Ending.DECIDED, dropped={"c": 4})
    assert "a and b are shown to be equivalent within 1 percentage point" in said
    assert "not to be the best: c (after 4 seeds)" in said
    assert "18 possible looks" in said


@pytest.mark.parametrize("ending", [Ending.CAP, Ending.HOPELESS_SEEDS, Ending.HOPELESS_IMAGES])
def test_what_limits_it_and_what_would_help(ending: Ending) -> None:
    assert "12,345 test images" in ended(ending, images_needed=12_345)
    if ending is not Ending.HOPELESS_IMAGES:
        assert "--max-seeds" in ended(ending)


def test_the_level_is_that_of_runs_that_train() -> None:
    said = ended(Ending.ONE_LEFT)
    assert "None of 3 runs per network failed" in said
    assert "63%" in said


def test_networks_with_different_numbers_of_seeds() -> None:
    assert seeds_used(results(Ending.DECIDED)) == "3 to 5 seeds"


def test_a_report_of_an_unfinished_study_counts_the_seeds_that_it_has() -> None:
    planned = replace(results(Ending.DECIDED), protocol=replace(PROTOCOL, seeds=tuple(range(10))), sequential=None)
    assert seeds_used(planned) == "3 to 5 seeds"
    one = replace(planned, models=(model("a", 10, answering(1800)), model("b", 20, answering(1800))))
    assert "single seed" in intervals(one)
    assert "McNemar" in p_values(one)
    assert "other seeds (initialization" in intervals(planned)


def test_a_difference_that_rounds_to_nothing_is_not_called_0() -> None:
    assert "leads by less than 0.1 percentage points" in verdict(PAIR)
    assert is_shown(PAIR)
    assert not is_shown(replace(PAIR, verdict=Verdict.UNDECIDED))


def test_intervals_of_single_pairs_are_called_so() -> None:
    """Among several pairs, an interval may exclude zero although no difference is shown."""
    pair = replace(PAIR, low=0.01, high=0.03, difference=0.02, p_value=0.09, verdict=Verdict.UNDECIDED)
    assert "95% CI of this pair alone 1.0 to 3.0, p = 0.09" in verdict(pair, pairs=28, together=False)
    assert "alone" not in verdict(pair, pairs=1, together=False)
