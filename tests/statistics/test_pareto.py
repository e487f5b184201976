"""The Pareto front against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convstudy.statistics import pareto_front

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8)


@given(POINTS)
def test_a_network_is_on_the_front_or_beaten_by_one_that_is(points: list[tuple[int, int]]) -> None:
    accuracies, costs = zip(*points, strict=True)
    front = pareto_front(costs, accuracies)
    for index, (accuracy, cost) in enumerate(points):
        beaten = any(
            accuracies[i] >= accuracy and costs[i] <= cost and (accuracies[i], costs[i]) != (accuracy, cost)
            for i in front
        )
        assert beaten != (index in front)
    assert [costs[i] for i in front] == sorted(costs[i] for i in front)
    assert [accuracies[i] for i in front] == sorted(accuracies[i] for i in front)
