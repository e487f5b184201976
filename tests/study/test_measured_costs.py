"""Speed and memory of a comparison's networks are measured after all runs, and never decide whether it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import convstudy
from convstudy.study.runs.events import CostMeasurement, Event, RunEnded
from convstudy.training import Recipe
from tests.conftest import Said

ONCE = Recipe(epochs=1, warmup_epochs=0)
OWN = """
import os, signal
from torch import nn

class OneByOne(nn.Module):
    def __init__(self, num_classes, in_channels=1):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 32 * 32, num_classes))

    def forward(self, x):
        if not self.training and len(x) == 1 and x.device.type == "cpu" and "MEASURED" in os.environ:
            FAIL
        return self.layers(x)
"""


def test_networks_are_measured_one_after_another_when_all_runs_have_ended(tmp_path: Path) -> None:
    events: list[Event] = []
    found = convstudy.compare(
        ["net", "lenet5"], seeds=2, recipe=ONCE, jobs=2, output=tmp_path / "out", on_event=events.append
    )
    kinds = [event for event in events if isinstance(event, CostMeasurement | RunEnded)]
    assert [isinstance(event, RunEnded) for event in kinds] == [True] * 4 + [False] * 2
    stored = json.loads((tmp_path / "out/costs.json").read_text())
    assert {model.name: model.latency_ms for model in found.results.models} == {
        name: cost["latency_ms"] for name, cost in stored.items()
    }
    record = json.loads((tmp_path / "out/net/seed-0/run.json").read_text())
    assert not set(record) & set(stored["net"])

    events.clear()
    again = convstudy.compare(["net", "lenet5"], seeds=2, recipe=ONCE, output=tmp_path / "out", on_event=events.append)
    assert not any(isinstance(event, CostMeasurement) for event in events)
    assert again.results.models[0].latency_ms == found.results.models[0].latency_ms


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is of Unix")
@pytest.mark.parametrize(
    ("fail", "jobs"), [("os.kill(os.getpid(), signal.SIGKILL)", "2"), ('raise ValueError("no")', "1")]
)
def test_a_network_that_cannot_be_measured_has_no_costs(
    convstudy: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: str, jobs: str
) -> None:
    (tmp_path / "own.py").write_text(OWN.replace("FAIL", fail))
    words = ("own.py:OneByOne", "--seeds", "2", "--epochs", "1", "--warmup-epochs", "0", "--output", "out")
    monkeypatch.setenv("MEASURED", "1")
    said = convstudy("compare", *words, "--jobs", jobs)
    assert said.status == 0, said.err
    assert json.loads((tmp_path / "out/costs.json").read_text()) == {"own.py:OneByOne": None}
    [model] = json.loads((tmp_path / "out/results.json").read_text())["models"]
    assert model["latency_ms"] is model["training_step_bytes"] is None
    assert convstudy("verify", "out").status == 0
