"""The answer on top of a report recommends what the verdicts show, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from convstudy.report.card import Card, card
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.results import Conclusion, Findings
from tests.report.made_up import NASTY_NETWORK, made_up_findings

FINDINGS = made_up_findings(networks=3)


def answered(better: Mapping[tuple[str, str], str], *, cheapest: str | None = None, **other: Any) -> Card:
    """The card of a study whose pairs have these verdicts."""
    pairs = tuple(
        replace(
            pair,
            better=better.get((pair.a, pair.b)),
            verdict=Verdict.BETTER if better.get((pair.a, pair.b)) else other.get("verdict", Verdict.UNDECIDED),
        )
        for pair in FINDINGS.results.comparisons
    )
    beaten = tuple(pair.b if pair.a == "resnet34" else pair.a for pair in pairs if pair.better == "resnet34")
    found = Conclusion(best="resnet34", beaten=beaten, margin=0.01, cheapest=cheapest, cheapest_p=0.01)
    results = replace(FINDINGS.results, comparisons=pairs, conclusion=found)
    return card(replace(FINDINGS, results=results), "runs/a", {"resnet34": "resnet34/seed-1", "net": "net/seed-0"})


ALL = {("net", "resnet34"): "resnet34", ("resnet34", NASTY_NETWORK): "resnet34"}


def test_the_best_is_recommended_if_it_is_shown_to_be_better_than_every_other() -> None:
    found = answered(ALL)
    assert found.headline.startswith("Use resnet34: it is more accurate than the other 2 networks")
    assert found.shown
    assert [step.command for step in found.steps] == [
        "convstudy predict runs/a/resnet34/seed-1 photo.jpg",
        "convstudy compare --config runs/a/study.yaml --output runs/a --seeds 5",
        "convstudy export runs/a/resnet34/seed-1",
    ]


def test_a_cheap_network_is_recommended_if_it_is_shown_to_be_nearly_as_good() -> None:
    found = answered({}, cheapest="net")
    assert found.headline == "Use net: at most 1 percentage point worse than the best, with 2,782 times fewer MACs"
    assert found.model == "net"
    assert "runs/a/net/seed-0" in found.steps[0].command
    both = answered(ALL, cheapest="net")
    assert both.headline.startswith("Use resnet34, the most accurate, or net: at most 1 percentage point worse")
    assert both.costs.startswith("resnet34: ")
    assert both.costs.endswith(f" {found.costs}")


def test_the_undecided_is_called_undecided() -> None:
    found = answered({("net", "resnet34"): "resnet34"})
    assert found.headline == f"Undecided between resnet34 and {NASTY_NETWORK}"
    assert not found.shown
    assert "resnet34 is shown to be better than net, but not shown to be better than" in found.sure


@pytest.mark.parametrize("verdict", [Verdict.RUNS_ONLY, Verdict.NOT_COMPARABLE])
def test_one_run_and_failed_training_have_no_best(verdict: Verdict) -> None:
    found = answered({}, verdict=verdict, cheapest="net")
    assert not found.shown
    assert found.headline.startswith("No ")
    assert "Use" not in found.headline
    assert found.sure.startswith("Unknown")


def test_an_unfinished_study_has_no_answer() -> None:
    found = card(replace(FINDINGS, unfinished=2))
    assert found.headline == "No answer yet: 2 runs still missing"
    assert not found.shown
    assert found.steps[0].command == FINDINGS.results.protocol.command
    assert card(made_up_findings(networks=0, seeds=1, unfinished=6)).headline == "No run has finished yet"


def test_one_run_of_one_network_says_nothing_about_other_seeds() -> None:
    found = card(made_up_findings(networks=1, seeds=1))
    assert found.headline.endswith("in one run")
    assert "not other seeds" in found.sure


def test_imported_predictions_have_no_cost_and_no_run_to_use() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("parameters", "macs", "latency_ms", "train_seconds"))
    results = FINDINGS.results
    data = replace(results.protocol.data, train=0)
    models = tuple(replace(model, **nothing) for model in results.models)
    results = replace(results, models=models, protocol=replace(results.protocol, data=data))
    found = card(Findings(results=results, runs=FINDINGS.runs), "runs/a")
    assert "imported" in found.costs
    assert not found.steps
    assert [fact.name.partition(" ")[0] for fact in found.facts] == ["Top-1", "Difference", "Evidence"]


def test_leaks_and_mixed_protocols_are_said() -> None:
    results = FINDINGS.results  # of data with a leak
    assert "Test images were used in training" in card(FINDINGS).sure
    clean = replace(results.protocol, data=replace(results.protocol.data, findings=()))
    assert "Test images" not in card(replace(FINDINGS, results=replace(results, protocol=clean))).sure
    mixed = replace(clean, mixed=("net, seed 0: recipe.lr is 0.1 there and 0.05 in the study",))
    found = card(replace(FINDINGS, results=replace(results, protocol=mixed)))
    assert (found.shown, found.headline) == (False, "No answer: the runs were made under different protocols")
    assert found.sure.startswith("Unknown")
