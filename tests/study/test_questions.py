"""What a person asks of a comparison, answered from answers whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.statistics import accuracy_interval
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.conclude import compare_pairs
from convstudy.study.comparisons.questions import questions
from convstudy.study.comparisons.results import Accuracy, ModelResult

IMAGES = 2000


def answering(*right: int) -> Answers:
    """A run a number: so many of the images right, always the first ones."""
    return np.arange(IMAGES)[None] < np.array(right)[:, None]


def asked(networks: dict[str, tuple[int, Answers]]) -> dict[str, str]:
    """The questions on networks with these MACs and answers, and the answers to them."""
    models = []
    for name, (macs, of_one) in networks.items():
        interval = accuracy_interval(of_one)
        per_seed = tuple(float(value) for value in of_one.mean(1))
        top1 = Accuracy(interval.value, interval.low, interval.high, per_seed)
        models.append(ModelResult(name, 100, macs, 100, (3, 32, 32), top1, 1.0, 1.0, 1.0))
    answers = {name: of_one for name, (_, of_one) in networks.items()}
    replies = questions(models, compare_pairs(answers), answers)
    return {reply.question: reply.answer for reply in replies}


def test_a_clear_case() -> None:
    said = asked({"small": (10, answering(1700, 1690, 1710)), "large": (30, answering(1900, 1895, 1905))})
    assert said["Which is best?"].startswith("large has the highest top-1, 95.0 % (95 % interval ")
    assert said["Is that sure?"] == "Yes: it is shown to be better than the other (p < 0.001 or less)."
    assert said["Which is the cheapest that is at most 1 point worse than the best?"] == (
        "large itself: no cheaper network is shown to be that close."
    )


def test_a_cheaper_network_that_is_as_good() -> None:
    said = asked({"small": (10, answering(1900, 1901, 1899)), "large": (30, answering(1902, 1901, 1900))})
    assert said["Is that sure?"].startswith("No: it is not shown to be better than small. A study of this size shows")
    assert "seen were 0.1 points" in said["Is that sure?"]
    assert "Trained once more, it beats small with a chance of" in said["Is that sure?"]
    cheapest = said["Which is the cheapest that is at most 1 point worse than the best?"]
    assert cheapest.startswith("small with 3.0 times fewer MACs than large: it is shown to be at most 1 point worse (p")


def test_some_beaten_and_some_not() -> None:
    networks = {"a": answering(1700, 1702), "b": answering(1899, 1901), "c": answering(1901, 1903)}
    said = asked({name: (10, answers) for name, answers in networks.items()})
    assert said["Is that sure?"].startswith(
        "It is shown to be better than a, but not shown to be better than b. A study"
    )


def test_seeds_that_scatter_show_nothing() -> None:
    said = asked({"a": (10, answering(1500, 1900)), "b": (20, answering(1600, 1880))})
    assert said["Which is the cheapest that is at most 1 point worse than the best?"] == (
        "None is shown to be within 1 point of the best, whichever that is; more seeds or more test images would tell."
    )


def test_no_study_shows_a_difference_of_more_than_all_images() -> None:
    said = asked({"a": (10, answering(400, 1900)), "b": (20, answering(300, 1880))})["Is that sure?"]
    assert "A study of this size is too small to show any difference; seen were 3 points." in said


def test_with_one_seed_nothing_is_said_of_other_seeds() -> None:
    said = asked({"a": (10, answering(1890)), "b": (20, answering(1900))})["Is that sure?"]
    assert "chance" not in said
    assert "seeds" not in said


@pytest.mark.parametrize("networks", [0, 1])
def test_there_is_nothing_to_ask_of_one_network(networks: int) -> None:
    assert asked(dict([("a", (10, answering(1890)))][:networks])) == {}
