"""No verdict over a network that did not train: the finding is named, in the terminal, the results and the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Said

Convstudy = Callable[..., Said]
OWN = """
from torch import nn

class Forgetful(nn.Sequential):
    '''Learns, but its running statistics hardly move from 0 and 1, as those of MobileNet in short trainings.'''

    def __init__(self, num_classes, in_channels=1):
        layers = []
        for channels, width in ((in_channels, 16), (16, 16)):
            layers += [nn.Conv2d(channels, width, 3, stride=2), nn.BatchNorm2d(width, momentum=1e-4), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.LazyLinear(num_classes))
        import torch
        self.eval()(torch.zeros(2, in_channels, 32, 32))
        self.train()
        with torch.no_grad():
            for layer in self:
                if isinstance(layer, nn.Conv2d):
                    layer.weight *= 30

class Dead(nn.Module):
    '''Answers the same whatever it sees.'''

    def __init__(self, num_classes, in_channels=1):
        super().__init__()
        self.bias = nn.Parameter(__import__("torch").zeros(num_classes))

    def forward(self, x):
        return self.bias.expand(len(x), -1) + 0 * x.mean((1, 2, 3), keepdim=False)[:, None]
"""
WORDS = ("--seeds", "2", "--device", "cpu", "--jobs", "1", "--output", "out", "--epochs", "6", "--lr", "0.01")


def results(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "out/results.json").read_text())
    return found


@pytest.fixture(autouse=True)
def own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)


def test_statistics_that_have_not_arrived_are_recomputed_and_recorded(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "own.py:Forgetful", "net", *WORDS)
    assert said.status == 0, said.err
    for seed in (0, 1):
        record = json.loads((tmp_path / f"out/own.py-Forgetful/seed-{seed}/run.json").read_text())
        assert (record["recomputed_statistics"], record["stale_statistics"]) == (True, False)
    top1 = {model["name"]: model["top1"]["mean"] for model in results(tmp_path)["models"]}
    assert top1["own.py:Forgetful"] > 0.5
    assert "stale_statistics" not in {found["kind"] for found in results(tmp_path)["health"]}


def test_left_as_they_are_they_give_no_verdict(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "own.py:Forgetful", "net", *WORDS, "--bn-recompute", "never")
    assert said.status == 0, said.err
    found = {each["kind"]: each["model"] for each in results(tmp_path)["health"]}
    assert found["stale_statistics"] == "own.py:Forgetful"
    [pair] = results(tmp_path)["comparisons"]
    assert (pair["verdict"], pair["better"]) == ("not_comparable", None)
    words = " ".join(said.out.split())
    assert "is better than" not in words
    assert "running statistics of batch normalization" in words
    page = (tmp_path / "out/report.html").read_text()
    assert page.index("running statistics of batch normalization") < page.index('aria-label="Verdict"')


def test_a_network_that_answers_one_class(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "own.py:Dead", "net", *WORDS)
    assert said.status == 0, said.err
    found = {each["kind"] for each in results(tmp_path)["health"] if each["model"] == "own.py:Dead"}
    assert found == {"one_class"}
    assert results(tmp_path)["comparisons"][0]["verdict"] == "not_comparable"
    assert "Is that sure? Unknown" in " ".join(said.out.split())
