"""Which networks nobody beats in both: accuracy and a cost."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> tuple[int, ...]:
    """The places that no other dominates: none is as cheap and as good, and cheaper or better. Cheapest first.

    Source: Pareto 1906; as a record of networks, Canziani et al. 2016.

    >>> pareto_front([1, 3, 2, 4], [0.90, 0.95, 0.89, 0.95])  # the third is worse than the first, the fourth dearer
    (0, 1)
    """
    by_cost = sorted(range(len(costs)), key=lambda place: (costs[place], -values[place]))
    front: list[int] = []
    for place in by_cost:
        same = bool(front) and costs[place] == costs[front[-1]] and values[place] == values[front[-1]]
        if not front or same or values[place] > values[front[-1]]:
            front.append(place)
    return tuple(front)
