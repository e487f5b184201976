"""The classic findings: their statistics, their measurements, and one of them repeated in small."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from torch import nn

from convstudy.findings import FINDINGS, Setting, identity, reproduce, trends
from convstudy.findings.differences import above, not_above, welch
from convstudy.findings.finding import Answer, Outcome, Statement
from convstudy.findings.gradients import gradient_norms
from convstudy.findings.inserted_blocks import KINDS, LectureBlock, branch_share, with_blocks, zeroed
from convstudy.study import OnEvent
from convstudy.study.runs.events import Event, RunStarted
from convstudy.zoo import build
from tests.conftest import Said

SEVEN = ["degradation", "identity", "side-branches", "bottleneck", "trends", "assignment", "classics"]


def test_each_of_the_seven_can_be_repeated() -> None:
    assert list(FINDINGS) == SEVEN
    assert all(hasattr(import_module(f"convstudy.findings.{name.replace('-', '_')}"), "reproduce") for name in FINDINGS)


def test_an_interval_is_that_of_statsmodels() -> None:
    a, b = [0.31, 0.36, 0.29, 0.40], [0.12, 0.10, 0.15]
    found = welch("error", a, b)
    means = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    assert [found.low, found.high] == pytest.approx(means.tconfint_diff(usevar="unequal"))
    assert found.p_value == pytest.approx(means.ttest_ind(usevar="unequal")[1])
    assert (above(found), not_above(found)) == (Answer.YES, Answer.NO)


def test_a_single_run_decides_nothing() -> None:
    found = welch("error", [0.9], [0.1])
    assert found.value == pytest.approx(0.8)
    assert found.low is None
    assert (above(found), not_above(found)) == (Answer.UNDECIDED, Answer.UNDECIDED)


def test_runs_that_cannot_be_compared_decide_nothing() -> None:
    found = replace(welch("accuracy", [0.9, 0.91, 0.92], [0.1, 0.11, 0.12]), comparable=False)
    assert (above(found), not_above(found)) == (Answer.UNDECIDED, Answer.UNDECIDED)


@pytest.mark.parametrize(
    ("answers", "whole"),
    [("yes yes", "yes"), ("yes no", "no"), ("yes not decided", "not decided"), ("not decided no", "no")],
)
def test_a_finding_shows_if_all_of_its_statements_do(answers: str, whole: str) -> None:
    each = [Answer.UNDECIDED if word == "?" else Answer(word) for word in answers.replace("not decided", "?").split()]
    statements = tuple(Statement(text="", answer=answer) for answer in each)
    assert Outcome(finding="", quick=True, statements=statements, tables=()).answer == Answer(whole)


def test_gradient_norms_are_those_of_a_regression_worked_out_by_hand() -> None:
    linear = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(linear.weight)
    [found] = gradient_norms(linear, torch.tensor([[3.0, 4.0]]), torch.tensor([0]))
    assert found.norm == pytest.approx(
        (2 * (0.5 * 5) ** 2) ** 0.5
    )  # softmax is 1/2 each: gradient (-1/2, 1/2) x (3, 4)
    assert linear.weight.grad is None


@pytest.mark.parametrize("block", ["residual", "plain"])
def test_blocks_that_start_at_zero_are_the_identity_with_a_shortcut_only(block: str) -> None:
    network, images = build("resnet20", num_classes=10, in_channels=1).eval(), torch.randn(3, 1, 16, 16)
    logits = with_blocks(network, KINDS[block, "zero"], 2, seed=0).network(images)
    assert torch.equal(logits, network(images)) is (block == "residual")
    assert torch.equal(logits, network.get_parameter("fc.bias").expand(3, 10)) is (block == "plain")


def test_a_branch_that_is_zero_has_no_share() -> None:
    network, images = build("resnet20", num_classes=10, in_channels=1).eval(), torch.randn(3, 1, 16, 16)
    assert branch_share(with_blocks(network, lambda channels: zeroed(LectureBlock(channels)), 1, seed=0), images) == 0
    assert branch_share(with_blocks(network, LectureBlock, 1, seed=0), images) > 0.1


def test_the_convolutions_of_vgg16_and_its_last_pooling_are_counted() -> None:
    pooling, convolutions, _, channels = trends.network_trends("vgg16")
    assert (convolutions.tested, channels.tested, convolutions.holds) == (13, 13, True)  # Table 1: 13 of 16 layers
    assert pooling.tested == 6  # five of Table 1, and the one that adapts other inputs
    assert trends.network_trends("lenet5")[0].holds is False  # its sub-sampling layers are trained (section II.B)


@pytest.mark.slow
def test_a_finding_is_repeated_once_and_then_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = {"epochs": 1, "batch_size": 32, "lr": 0.05, "warmup_epochs": 0.0}
    monkeypatch.setattr(identity, "QUICK", {"input_size": 8, "train_images": 60, "seeds": 2, "recipe": recipe})
    monkeypatch.setattr(identity, "ADDED", (1,))
    monkeypatch.setattr(identity, "DECAYS", (0.0, 1.0))
    monkeypatch.setattr(identity, "EPOCHS_AGAIN", {True: 1})
    started: list[Event] = []

    def note(event: Event) -> None:
        started.extend([event] if isinstance(event, RunStarted) else [])

    first, again = (reproduce("identity", _small(tmp_path, note)) for _ in range(2))
    assert first == again
    assert len(started) == 2
    assert first.statements[0].answer is Answer.YES
    assert first.statements[0].counted == (2 * 449, 2 * 449)


def _small(folder: Path, on_event: OnEvent) -> Setting:
    return Setting(folder=folder, quick=True, display=lambda: nullcontext(on_event), jobs=1, device="cpu")


def test_the_command_lists_the_findings_and_writes_a_page(convstudy: Callable[..., Said]) -> None:
    listed = convstudy("reproduce").out
    assert [name for name in SEVEN if name not in listed] == []
    said = convstudy("reproduce", "trends", "--output", "out", "--format", "json")
    assert said.status == 0, said.err
    record = json.loads(said.out)
    assert (record["finding"], record["answer"]) == ("trends", "no")
    assert convstudy("reproduce", "degredation").status == 2


def test_answers_are_compared_image_by_image() -> None:
    before = np.ones((3, 200), bool)
    after = before.copy()
    after[:, :100] = False
    inserted = {
        (block, start, number): before if block == "residual" else after
        for block, start in KINDS
        for number in identity.ADDED
    }
    found = identity.costs(before, inserted)
    assert [each.answer for each in found] == [Answer.YES] * 4
