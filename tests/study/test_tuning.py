"""What is measured before training: threads that there are, the faster memory format; and no trace is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from convstudy.study.runs import tuning
from convstudy.study.runs.tuning import fastest_threads, remembered_threads
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


def test_the_number_is_measured_once_for_a_network_on_a_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    measured: list[int] = []

    def measure() -> int:
        measured.append(len(measured) + 1)
        return measured[-1]

    small, large = {"network": "net", "batch": 8}, {"network": "net", "batch": 16}
    assert [remembered_threads(each, measure) for each in (small, large, small, large)] == [1, 2, 1, 2]
    monkeypatch.setattr(tuning, "processor", lambda: "another")
    assert remembered_threads(small, measure) == 3
    for file in (tmp_path / "cache/threads").iterdir():
        file.write_text("torn")
    assert remembered_threads(small, measure) == 4
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2), raising=False)
    assert remembered_threads(small, lambda: 1) == 1
    monkeypatch.setenv("CONVSTUDY_CACHE", "/dev/null/nowhere")
    assert remembered_threads(small, lambda: 2) == 2
