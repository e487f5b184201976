"""The time that the runs of a study still take: each network at its own speed, as soon as it has been measured."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run that has not ended: the part of it that was done here, in so many seconds, and the part that is left."""

    model: str
    seconds: float
    done: float  # fraction of the run
    left: float  # fraction of the run


@dataclass(kw_only=True)
class StudyPace:
    """What is still to do in a study, and how long it took so far.

    `macs` are the predicted multiply-accumulates of one run of each network, which count until it is measured.

    >>> pace = StudyPace(waiting=["small", "large", "small"], macs={"small": 1.0, "large": 5.0})
    >>> pace.started("small")
    >>> pace.ended(Running(model="small", seconds=10.0, done=1.0, left=0.0))
    >>> pace.seconds_left([])  # 50 for the large run, predicted, and 10
    60.0
    """

    waiting: Sequence[str] = ()  # the networks of the runs that have not started, in order
    macs: Mapping[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # of the runs that ended, by network
    fractions: dict[str, float] = field(default_factory=dict)  # of a run, of these
    at_once: int = 1  # most runs seen at the same time

    def started(self, model: str) -> None:
        """Note that a run has started."""
        waiting = list(self.waiting)
        if model in waiting:
            waiting.remove(model)
        self.waiting = waiting

    def ended(self, run: Running) -> None:
        """Note that a run has ended."""
        self.seconds, self.fractions = self._with([run])

    def _with(self, runs: Collection[Running]) -> tuple[dict[str, float], dict[str, float]]:
        seconds, fractions = dict(self.seconds), dict(self.fractions)
        for run in runs:
            seconds[run.model] = seconds.get(run.model, 0.0) + run.seconds
            fractions[run.model] = fractions.get(run.model, 0.0) + run.done
        return seconds, fractions

    def seconds_left(self, running: Collection[Running]) -> float | None:
        """Return the seconds until all runs have ended, or None as long as nothing was measured.

        The runs that wait are taken to start in order, each when a running one ends.
        """
        self.at_once = max(self.at_once, len(running))
        seconds, fractions = self._with(running)
        pace = {model: seconds[model] / done for model, done in fractions.items() if done > 0}
        if not pace:
            return None
        for model in {*self.waiting, *(run.model for run in running)} - pace.keys():
            pace[model] = self._predicted(model, pace)
        ends = [run.left * pace[run.model] for run in running] + [0.0] * (self.at_once - len(running))
        heapq.heapify(ends)
        for model in self.waiting:
            heapq.heapreplace(ends, ends[0] + pace[model])
        return max(ends)

    def _predicted(self, model: str, measured: Mapping[str, float]) -> float:
        """Return the seconds of a run of a network that was not measured: as the others, by MACs where they are known.

        >>> StudyPace(macs={"small": 1.0, "large": 5.0})._predicted("large", {"small": 10.0})
        50.0
        """
        known = [name for name in measured if self.macs.get(name)]
        if self.macs.get(model) and known:
            return self.macs[model] * sum(measured[name] for name in known) / sum(self.macs[name] for name in known)
        return sum(measured.values()) / len(measured)
