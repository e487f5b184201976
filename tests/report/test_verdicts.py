"""The verdicts on several pairs, in sentences."""

from __future__ import annotations

from dataclasses import replace

from convstudy.report.sentences import verdicts_in
from convstudy.statistics.verdict import Verdict
from tests.report.made_up import made_up_findings

RESULTS = made_up_findings(networks=5).results


def test_pairs_of_a_network_that_are_not_comparable_are_one_sentence() -> None:
    leader = RESULTS.models[0].name
    pairs = [pair for pair in RESULTS.comparisons if leader in {pair.a, pair.b}]
    open_ = [replace(pair, verdict=Verdict.NOT_COMPARABLE, better=None) for pair in pairs[1:]]
    (first, said), (_, together) = verdicts_in(RESULTS, [pairs[0], *open_])
    assert first is pairs[0]
    assert said == verdicts_in(RESULTS, pairs)[0][1]
    assert together.startswith(f"{leader} is not comparable yet with ")
    assert all(model.name in together for model in RESULTS.models[2:])
    assert len(verdicts_in(RESULTS, open_[:2])) == 2
    assert verdicts_in(RESULTS, []) == []
