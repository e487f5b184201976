"""The Pareto front of accuracy and cost."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> tuple[int, ...]:
    """Return the indices of the points that no other point dominates, cheapest first.

    A point dominates another if it is at least as cheap and as good, and cheaper or better.

    Source: Pareto 1906; for networks, Canziani et al. 2016.

    >>> pareto_front([1, 3, 2, 4], [0.90, 0.95, 0.89, 0.95])  # the fourth costs more than the second
    (0, 1)
    """
    by_cost = sorted(range(len(costs)), key=lambda place: (costs[place], -values[place]))
    front: list[int] = []
    for place in by_cost:
        same = bool(front) and costs[place] == costs[front[-1]] and values[place] == values[front[-1]]
        if not front or same or values[place] > values[front[-1]]:
            front.append(place)
    return tuple(front)
