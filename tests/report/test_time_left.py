"""The time left of simulated studies of unequal networks: right to a fifth after the first tenth."""

from __future__ import annotations

import pytest

from convstudy.report.terminal.time_left import Running, StudyPace

SECONDS = {"small": 10.0, "middle": 35.0, "large": 240.0}  # of a run, in truth
MACS = {"small": 1.0, "middle": 6.0, "large": 15.0}  # small networks do fewer MACs a second


def estimates(seeds: int, jobs: int) -> list[tuple[float, float]]:
    """Run a study second by second; return the seconds passed and the estimate of those left."""
    queue = [model for _ in range(seeds) for model in SECONDS]
    pace = StudyPace(waiting=tuple(queue), macs=MACS)
    running: list[tuple[str, float]] = []
    found, now = [], 0.0
    while queue or running:
        while queue and len(running) < jobs:
            pace.started(queue[0])
            running.append((queue.pop(0), now))
        now += 1.0
        for model, since in list(running):
            if now - since >= SECONDS[model]:
                running.remove((model, since))
                pace.ended(Running(model=model, seconds=SECONDS[model], done=1.0, left=0.0))
        at = [(model, now - since) for model, since in running]
        left = pace.seconds_left(
            [
                Running(model=model, seconds=passed, done=passed / SECONDS[model], left=1 - passed / SECONDS[model])
                for model, passed in at
            ]
        )
        assert left is not None
        found.append((now, left))
    return found


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_after_a_tenth_the_time_left_is_right_to_a_fifth(seeds: int, jobs: int) -> None:
    found = estimates(seeds, jobs)
    total = found[-1][0]
    after = [(now, left) for now, left in found if total / 10 <= now <= total * 0.8]
    assert len(after) > 10
    assert all(abs(left - (total - now)) <= 0.2 * total for now, left in after)
    now, left = after[0]
    assert left == pytest.approx(total - now, rel=0.2)


def test_nothing_measured_is_nothing_said() -> None:
    assert StudyPace(waiting=["net"] * 3, macs={"net": 1.0}).seconds_left([]) is None


def test_a_single_run_is_not_shared_among_idle_workers() -> None:
    pace = StudyPace(at_once=4)
    assert pace.seconds_left([Running(model="net", seconds=10.0, done=0.5, left=0.5)]) == pytest.approx(10.0)
