"""Networks that no other one beats in accuracy at no higher cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def pareto_front(accuracies: Sequence[float], costs: Sequence[float]) -> tuple[int, ...]:
    """The indices of the networks that no other one dominates, the cheapest first.

    A network dominates another when it is at least as accurate at no higher cost, and better in one of the two. Equal
    networks do not dominate each other. Which network is ahead is taken as measured, sure or not.

    Raises: ValueError, when the lengths differ or a value is not a number.

    >>> pareto_front([0.90, 0.92, 0.91], costs=[1.0, 5.0, 8.0])
    (0, 1)
    """
    if len(accuracies) != len(costs) or any(isnan(value) for value in (*accuracies, *costs)):
        raise ValueError(f"a Pareto front needs an accuracy and a cost of each network; got {accuracies} and {costs}")
    points = list(zip(accuracies, costs, strict=True))

    def is_dominated(accuracy: float, cost: float) -> bool:
        return any(
            other_accuracy >= accuracy and other_cost <= cost and (other_accuracy, other_cost) != (accuracy, cost)
            for other_accuracy, other_cost in points
        )

    front = [index for index, point in enumerate(points) if not is_dominated(*point)]
    return tuple(sorted(front, key=lambda index: (costs[index], index)))
