"""`compare --until sure`: seeds are added until the comparison is decided, interrupted or not, and no run is wasted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import convstudy
from convstudy import Recipe
from convstudy.errors import StudyError
from convstudy.report.sentences import replies
from convstudy.statistics.sequential import Ending, Standing
from convstudy.study import ComparisonFolder, read_unfinished, run_states
from convstudy.study.comparisons import until_sure
from convstudy.study.comparisons.import_predictions import import_predictions
from convstudy.study.runs.events import Event, LookTaken, RunEnded, RunStarted, StudyStarted

RECIPE = Recipe(epochs=2, batch_size=16, warmup_epochs=0.5, lr=0.1, crop_padding=0.0)
Arrays = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def arrays() -> Arrays:
    random, labels = np.random.default_rng(0), np.arange(1200) % 3
    images = random.integers(0, 60, (1200, 32, 32)) + 60 * labels[:, None, None]
    return images.astype(np.uint8), labels


class Seeing(nn.Module):
    """Answers by the brightness of the image."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(x.mean((1, 2, 3))[:, None])
        return result


class Confusing(Seeing):
    """Answers as `Seeing` does, but gives up two in ten images, always the same ones."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        lost = (x[:, 0, 0, 0] * 1000).round().long() % 5 == 0
        return torch.where(lost[:, None] & (not self.training), logits.roll(1, 1), logits)


def compare(
    output: Path, seen: list[Event], networks: dict[str, Any] | None = None, **settings: Any
) -> convstudy.ComparisonResult:
    return convstudy.compare(
        networks or {"seeing": Seeing, "confusing": Confusing},
        data=arrays(),
        recipe=RECIPE,
        until="sure",
        device="cpu",
        jobs=1,
        output=output,
        on_event=seen.append,
        **settings,
    )


def runs_done(seen: list[Event]) -> int:
    return sum(isinstance(event, RunEnded) for event in seen)


def test_a_clear_difference_ends_early_and_says_how(tmp_path: Path) -> None:
    seen: list[Event] = []
    found = compare(tmp_path / "out", seen)
    went = found.results.sequential
    assert went is not None
    assert (went.ending, went.remaining, went.looks[:2], went.looks[-1]) == ("one_left", ("seeing",), (3, 4), 20)
    assert went.seeds < 8
    assert runs_done(seen) == 2 * went.seeds
    [pair] = found.pairs
    assert (pair.verdict, pair.better) == ("better", "seeing")
    assert pair.p_value < 0.05
    assert replies(found.results)[1].answer.startswith("Yes: ")
    assert convstudy.open_comparison(tmp_path / "out").results == found.results
    looks = [event for event in seen if isinstance(event, LookTaken)]
    assert [look.seeds for look in looks] == [0, *range(3, went.seeds + 1)]
    assert looks[-1].ended
    again: list[Event] = []
    assert compare(tmp_path / "out", again).results.comparisons == found.results.comparisons
    assert runs_done(again) == 0


def test_runs_are_numbered_up_to_their_total_after_a_network_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Standing(seeds=0, remaining=("seeing", "confusing"), dropped={}, pairs=(), ending=None, next_seeds=3)
    second = replace(first, seeds=3, remaining=("confusing",), dropped={"seeing": 3}, next_seeds=4)
    told = iter([first, second, replace(second, seeds=4, ending=Ending.ONE_LEFT, next_seeds=None)])
    monkeypatch.setattr(until_sure, "standing", lambda *_: next(told))
    seen: list[Event] = []
    compare(tmp_path / "out", seen)
    assert [event.index for event in seen if isinstance(event, RunStarted)] == list(range(1, 8))
    assert [event.total for event in seen if isinstance(event, StudyStarted)] == [6, 7]


def test_two_networks_that_are_the_same_are_equivalent(tmp_path: Path) -> None:
    seen: list[Event] = []
    found = compare(tmp_path / "out", seen, {"one": Seeing, "other": Seeing}, margin=5.0)
    went = found.results.sequential
    assert went is not None
    assert went.ending == "decided"
    assert set(went.remaining) == {"one", "other"}
    assert found.pairs[0].verdict == "equivalent"
    assert "equivalent within 5 percentage points" in found.verdicts[0]


def test_interrupted_it_continues_and_ends_the_same(tmp_path: Path) -> None:
    whole = compare(tmp_path / "whole", [])
    seen: list[Event] = []

    def interrupt(event: Event) -> None:
        seen.append(event)
        if runs_done(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convstudy.compare(
            {"seeing": Seeing, "confusing": Confusing},
            data=arrays(),
            recipe=RECIPE,
            until="sure",
            device="cpu",
            jobs=1,
            output=tmp_path / "out",
            on_event=interrupt,
        )
    folder = ComparisonFolder(tmp_path / "out")
    so_far = read_unfinished(folder).results
    assert so_far.sequential is not None
    assert (so_far.sequential.seeds, so_far.comparisons) == (0, ())  # before the first look nothing is said
    assert {state.state for state in run_states(folder)} == {"done"}
    rest: list[Event] = []
    found = compare(tmp_path / "out", rest)
    assert found.results.comparisons == whole.results.comparisons
    assert found.results.sequential == whole.results.sequential
    assert runs_done(rest) == runs_done(seen + rest) - 3


def test_the_plan_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    compare(tmp_path / "out", [])
    for changed in ({"max_seeds": 40}, {"margin": 2.0}):
        with pytest.raises(StudyError, match="holds another comparison"):
            compare(tmp_path / "out", [], **changed)
    identity = json.loads((tmp_path / "out/comparison.json").read_text())
    assert (identity["until"], identity["max_seeds"], identity["margin"]) == ("sure", 20, 1.0)


def test_hours_end_it_after_a_round(tmp_path: Path) -> None:
    seen: list[Event] = []
    found = compare(tmp_path / "out", seen, {"one": Seeing, "other": Seeing}, margin=0.001, max_hours=1e-9)
    assert runs_done(seen) == 2 * 3
    assert found.results.sequential is not None
    assert found.results.sequential.seeds == 3


def test_predictions_of_other_programs_have_no_place_in_it(tmp_path: Path) -> None:
    compare(tmp_path / "out", [])
    with pytest.raises(StudyError, match="--until sure"):
        import_predictions(
            ComparisonFolder(tmp_path / "out"), tmp_path / "out/seeing/seed-0/predictions.parquet", "elsewhere"
        )


def test_one_network_has_nothing_to_be_sure_of(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="two networks or more"):
        compare(tmp_path / "out", [], {"one": Seeing})
