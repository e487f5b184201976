"""A comparison on images in groups: its intervals, what it says of its images, and its identity."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from torch import Tensor, nn

import convstudy
from convstudy import Recipe
from convstudy.errors import StudyError
from convstudy.report.document import markdown
from convstudy.report.html import html
from convstudy.statistics import accuracy_difference, numbered_groups, pairwise, top1_interval
from convstudy.study import ComparisonFolder, read_unfinished
from convstudy.study.comparisons.import_predictions import import_predictions
from tests.conftest import Said

RECIPE = Recipe(epochs=1, batch_size=16, warmup_epochs=0.5, lr=0.1, crop_padding=0.0)
TENS = r"(\d*)\d$"  # ten rows of the arrays


class Seeing(nn.Module):
    """Answers by the brightness of the image."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(x.mean((1, 2, 3))[:, None])
        return result


class Other(Seeing):
    pass


def arrays() -> Any:
    """100 groups of ten images, which share a brightness; the first ten rows, numbered 0 to 9, are left out."""
    stream, labels = np.random.default_rng(0), np.arange(1010) // 10 % 2
    images = (
        stream.integers(0, 60, (1010, 8, 8))
        + 60 * labels[:, None, None]
        + stream.integers(0, 90, 101)[np.arange(1010) // 10, None, None]
    )
    return images.astype(np.uint8), labels


def compare(output: Path, seeds: int = 2, **settings: Any) -> convstudy.ComparisonResult:
    return convstudy.compare(
        {"seeing": Seeing, "other": Other},
        data=arrays(),
        recipe=RECIPE,
        seeds=seeds,
        device="cpu",
        jobs=1,
        output=output,
        on_event=lambda _: None,
        group_by=settings.pop("group_by", r"(/\d*)\d$"),
        **settings,
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_intervals_are_those_of_groups(tmp_path: Path, seeds: int) -> None:
    found = compare(tmp_path / "out", seeds)
    answers = pd.read_parquet(tmp_path / "out/seeing/seed-0/predictions.parquet")
    groups = numbered_groups(list(answers["group"]))
    assert found.results.protocol.data.test_groups == groups.max() + 1 >= 20
    assert found.results.protocol.data.test == len(groups) == 10 * (groups.max() + 1)
    right = {
        name: np.stack([run.predictions == run.labels for run in found.findings.runs if run.model == name])
        for name in ("seeing", "other")
    }
    [pair] = found.pairs
    by_hand = accuracy_difference(right["seeing"], right["other"], sample=groups)
    assert (pair.low, pair.high, pair.p_value) == (by_hand.low, by_hand.high, by_hand.p_value)
    top1 = top1_interval(right["seeing"], groups)
    assert (found.results.models[0].top1.low, found.results.models[0].top1.high) == (top1.low, top1.high)
    assert convstudy.open_comparison(tmp_path / "out").results == found.results


def test_what_images_are_assumed_to_be_is_said_everywhere(tmp_path: Path) -> None:
    found = compare(tmp_path / "out")
    data = found.results.protocol.data
    stored = json.loads((tmp_path / "out/results.json").read_text())
    assert stored["protocol"]["data"]["test_groups"] == data.test_groups
    said = f"{data.test} test images in {data.test_groups} groups"
    for text in (str(found), markdown(found.findings), html(found.findings)):
        assert said in " ".join(text.split())
    alone = compare(tmp_path / "alone", group_by=None)
    assert alone.results.protocol.data.test_groups is None
    for text in (str(alone), markdown(alone.findings), html(alone.findings)):
        assert "test images, taken as independent" in " ".join(text.split())


def test_another_grouping_is_another_study(tmp_path: Path) -> None:
    compare(tmp_path / "out", 1)
    with pytest.raises(StudyError, match=r"group_by is .* there and .* here"):
        compare(tmp_path / "out", 1, group_by=None)
    with pytest.raises(StudyError, match=r"group_by is .* there and .* here"):
        compare(tmp_path / "out", 1, group_by=r"(/\d?)")
    assert read_unfinished(ComparisonFolder(tmp_path / "out")).results.protocol.data.test_groups


def test_predictions_of_other_programs_are_compared_by_the_same_groups(tmp_path: Path) -> None:
    own = compare(tmp_path / "out")
    file = tmp_path / "theirs.csv"
    theirs = pd.read_parquet(tmp_path / "out/other/seed-1/predictions.parquet")
    theirs.drop(columns="group").to_csv(file, index=False)
    found = import_predictions(ComparisonFolder(tmp_path / "out"), file, "theirs")
    pairs = {(pair.a, pair.b): pair for pair in found.results.comparisons}
    groups = numbered_groups(list(theirs["group"]))
    answers = {
        name: np.stack([run.right for run in found.runs if run.model == name]) for name in ("seeing", "other", "theirs")
    }
    [expected] = [pair for pair in pairwise(answers, sample=groups) if (pair.a, pair.b) == ("seeing", "other")]
    assert pairs["seeing", "other"].low == expected.low < own.pairs[0].low  # one of three pairs
    run = next(run for run in found.runs if run.model == "theirs")
    top1 = top1_interval((run.predictions == run.labels)[None], groups)
    assert found.results.models[-1].top1.low == top1.low
    theirs.to_csv(file, index=False)
    alone = import_predictions(ComparisonFolder(tmp_path / "new"), file, "theirs")
    assert alone.results.models[0].top1.low == top1.low
    assert alone.results.protocol.data.test_groups == groups.max() + 1


def test_until_sure_looks_at_groups(tmp_path: Path) -> None:
    found = compare(tmp_path / "out", until="sure", max_seeds=3)
    groups = numbered_groups(found.findings.runs[0].groups)
    right = {
        name: np.stack([run.predictions == run.labels for run in found.findings.runs if run.model == name])
        for name in ("seeing", "other")
    }
    plan = convstudy.statistics.SequentialPlan(cap=3)
    at = convstudy.statistics.standing(right, plan, groups)
    assert at.pairs[0].p_value == found.pairs[0].p_value
    assert (at.pairs[0].low, at.pairs[0].high) == (found.pairs[0].low, found.pairs[0].high)


def test_data_that_are_loaded_already_have_their_groups(tmp_path: Path) -> None:
    data = convstudy.load_data(arrays(), group_by=r"(/\d*)\d$")
    assert data.data_set.test.num_groups
    with pytest.raises(StudyError, match="group_by"):
        convstudy.compare([Seeing], data=data, group_by="folder", output=tmp_path / "out")


def test_the_command_line_groups_and_evaluates(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    images, labels = arrays()
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    words = ("--data", "data.npz", "--epochs", "1", "--device", "cpu", "--threads", "1", "--train-images", "300")
    said = convstudy("train", "lenet5", *words, "--group-by", r"(/\d*)\d$", "--output", "out")
    assert said.status == 0, said.err
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["data"]["group_by"] == r"(/\d*)\d$"
    assert " groups)" in " ".join(said.out.split())
    again = convstudy("evaluate", "out")
    assert again.status == 0, again.err
    groups = pd.read_parquet(tmp_path / "out/predictions.parquet")["group"]
    assert f"{len(groups)} images" in " ".join(again.out.split())
    wrong = convstudy("train", "lenet5", *words, "--group-by", "(", "--output", "wrong")
    assert (wrong.status, wrong.err.count("\n")) == (2, 1)
    assert "--group-by" in wrong.err
    assert not (tmp_path / "wrong").exists()
