"""What is measured before training: threads that there are, the faster memory format; and no trace is left."""

from __future__ import annotations

import os

import pytest
import torch

from convstudy.study.runs import tuning
from convstudy.study.runs.tuning import fastest_threads
from convstudy.zoo import build


def test_measuring_leaves_the_random_state_and_the_threads() -> None:
    torch.manual_seed(5)
    before, count = torch.get_rng_state(), torch.get_num_threads()
    found = fastest_threads(lambda: build("net", num_classes=10, in_channels=3), (3, 32, 32), 10, 8)
    assert found >= 1
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == count


@pytest.mark.parametrize(
    ("seconds", "fastest"),
    [({1: 0.1, 2: 0.2, 4: 0.3, 6: 0.4}, 1), ({1: 0.4, 2: 0.2, 4: 0.1, 6: 0.3}, 4), ({1: 2.0}, 6)],
)
def test_the_fastest_is_taken(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], fastest: int) -> None:
    now = [1]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(6), raising=False)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: now.__setitem__(0, count))
    monkeypatch.setattr(tuning, "_seconds", lambda *_: seconds[now[0]])
    assert fastest_threads(lambda: build("net", num_classes=10, in_channels=3), (3, 32, 32), 10, 8) == fastest
