"""What a person asks of a comparison, answered from answers whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convstudy.report.sentences import intervals, replies, verdict_in
from convstudy.statistics import accuracy_interval, size_needed
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.conclusion import conclusion
from convstudy.study.comparisons.design import compare_pairs
from convstudy.study.comparisons.findings import without_unhealthy
from convstudy.study.comparisons.health import HealthFinding, HealthKind
from convstudy.study.comparisons.results import Accuracy, DataDescription, ModelResult, Protocol, Results

IMAGES = 2000
DATA = DataDescription(
    name="made up",
    source="made up",
    class_names=("0", "1"),
    image_shape=(3, 32, 32),
    train=100,
    validation=10,
    test=IMAGES,
    mean=(0.5,) * 3,
    std=(0.25,) * 3,
    notes=(),
    fingerprint="",
)
PROTOCOL = Protocol(data=DATA, recipe={}, seeds=(0, 1, 2), command="convstudy")


def answering(*right: int) -> Answers:
    """A run a number: so many of the images right, always the first ones."""
    return np.arange(IMAGES)[None] < np.array(right)[:, None]


def model(name: str, macs: int, of_one: Answers) -> ModelResult:
    """The result of a network with these MACs and answers."""
    interval = accuracy_interval(of_one)
    per_seed = tuple(float(value) for value in of_one.mean(1))
    top1 = Accuracy(interval.value, interval.low, interval.high, per_seed)
    return ModelResult(name=name, parameters=100, macs=macs, activation_size=100, input_shape=(3, 32, 32), top1=top1)


def asked(networks: dict[str, tuple[int, Answers]]) -> dict[str, str]:
    """The questions on networks with these MACs and answers, and the answers to them."""
    return {reply.question: reply.answer for reply in replies(_with_health(networks))}


def _with_health(networks: dict[str, tuple[int, Answers]], *health: HealthFinding) -> Results:
    models = [model(name, macs, of_one) for name, (macs, of_one) in networks.items()]
    answers = {name: of_one for name, (_, of_one) in networks.items()}
    pairs = without_unhealthy(compare_pairs(answers), health)
    return Results(
        models=tuple(models),
        comparisons=pairs,
        protocol=PROTOCOL,
        environment={},
        conclusion=conclusion(models, pairs, answers),
        health=health,
    )


def test_a_clear_case() -> None:
    said = asked({"small": (10, answering(1700, 1690, 1710)), "large": (30, answering(1900, 1895, 1905))})
    assert said["Which network is best?"].startswith("large has the highest top-1, 95.0% (95% CI ")
    assert said["Is that sure?"] == "Yes: large is shown to be better than the other network (p < 0.001)."
    assert said["Which is the cheapest network that is at most 1 percentage point worse than the best?"] == (
        "large itself: no cheaper network is shown to be that close."
    )


def test_a_cheaper_network_that_is_as_good() -> None:
    said = asked({"small": (10, answering(1900, 1901, 1899)), "large": (30, answering(1902, 1901, 1900))})
    assert said["Is that sure?"].startswith(
        "No: large is not shown to be better than small. A study of this size shows"
    )
    assert "the observed difference is 0.1 pp" in said["Is that sure?"]
    assert "On a new seed, large is expected to beat small on these test images with" in said["Is that sure?"]
    cheapest = said["Which is the cheapest network that is at most 1 percentage point worse than the best?"]
    assert cheapest.startswith(
        "small, with 3.0 times fewer MACs than large: it is shown to be at most 1 percentage point worse (p"
    )


def test_some_beaten_and_some_not() -> None:
    networks = {"a": answering(1700, 1702), "b": answering(1899, 1901), "c": answering(1901, 1903)}
    said = asked({name: (10, answers) for name, answers in networks.items()})
    assert said["Is that sure?"].startswith(
        "c is shown to be better than a, but not shown to be better than b. A study"
    )


def test_seeds_that_scatter_show_nothing() -> None:
    said = asked({"a": (10, answering(1500, 1900)), "b": (20, answering(1600, 1880))})
    assert said["Which is the cheapest network that is at most 1 percentage point worse than the best?"] == (
        "No network is shown to be within 1 percentage point of the best one; more seeds or more test "
        "images are needed."
    )


def test_no_study_shows_a_difference_of_more_than_all_images() -> None:
    said = asked({"a": (10, answering(400, 1900)), "b": (20, answering(300, 1880))})["Is that sure?"]
    assert "A study of this size is too small to show any difference; the observed one is 3.0 pp." in said


def test_one_run_each_is_never_sure_and_never_better() -> None:
    answers = {"a": answering(1000), "b": answering(1900)}
    [pair] = compare_pairs(answers)
    assert pair.p_value < 0.001
    assert (pair.verdict, pair.better) == ("runs_only", None)
    said = asked({name: (10, of_one) for name, of_one in answers.items()})["Is that sure?"]
    assert said.startswith("Unknown: ")


def test_nothing_is_said_of_the_cheapest_of_single_runs() -> None:
    """The cheaper run is as good as the other one; as networks they may differ."""
    said = asked({"small": (10, answering(1900)), "large": (30, answering(1901))})
    assert said["Which is the cheapest network that is at most 1 percentage point worse than the best?"].startswith(
        "Unknown"
    )


def test_a_network_that_did_not_train_leaves_everything_unknown() -> None:
    networks = {"small": (10, answering(1900, 1899)), "large": (30, answering(1901, 1900))}
    finding = HealthFinding(kind=HealthKind.ONE_CLASS, model="small")
    said = [reply.answer for reply in replies(_with_health(networks, finding))]
    assert [answer.startswith("Unknown") for answer in said] == [False, True, True]


def test_the_seeds_that_are_needed_are_those_for_the_margin() -> None:
    said = asked({"a": (10, answering(1700, 1720, 1740)), "b": (20, answering(1730, 1750, 1765))})["Is that sure?"]
    found = size_needed(answering(1700, 1720, 1740), answering(1730, 1750, 1765), 0.01)
    assert found is not None
    assert f"about {found.seeds} seeds per network (95% CI {found.fewest} to " in said


@pytest.mark.parametrize("networks", [0, 1])
def test_there_is_nothing_to_ask_of_one_network(networks: int) -> None:
    assert asked(dict([("a", (10, answering(1890)))][:networks])) == {}


def test_networks_of_the_same_top1_are_both_named() -> None:
    said = asked({"a": (10, answering(1800, 1840)), "b": (20, answering(1820, 1820)), "c": (20, answering(900, 910))})
    best = said["Which network is best?"]
    assert all(part in best for part in ("a and b", "91.0%"))
    assert "c" not in best.split()


def test_more_seeds_are_not_asked_for_where_the_images_forbid_it() -> None:
    stream = np.random.default_rng(0)
    rows = [np.tile(stream.random(200) < 0.8, (3, 1)) for _ in range(2)]
    rows[0][0, 0], rows[1][1, 1] = ~rows[0][0, 0], ~rows[1][1, 1]
    said = list(asked({"a": (10, rows[0]), "b": (20, rows[1])}).values())
    assert "test images cannot show" in said[1]
    assert "more test images" in said[2]
    assert "seeds" not in said[2]


def test_one_run_against_several_is_not_called_one_run_each() -> None:
    networks = {"a": (10, answering(1700)), "b": (20, answering(1750, 1752, 1754))}
    results = _with_health(networks)
    said = verdict_in(results, results.comparisons[0])
    assert "1 and 3 runs" in said
    assert "One run each" not in said
    assert "no other seeds" in intervals(results)


def test_nothing_is_the_cheapest_where_costs_are_unknown() -> None:
    networks = {"a": (10, answering(1800, 1801, 1799)), "b": (20, answering(1900, 1901, 1899))}
    results = _with_health(networks)
    unknown = tuple(replace(each, macs=None) for each in results.models)
    assert replies(replace(results, models=unknown))[2].answer == "Unknown: the MACs of a and b are not known."
    partly = (replace(results.models[0], macs=None), results.models[1])
    assert "MACs of a are not known" in replies(replace(results, models=partly))[2].answer
