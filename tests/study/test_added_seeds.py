"""Seeds added to a finished comparison: only they are trained, and the earlier look is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import convstudy
from convstudy import Recipe
from convstudy.errors import StudyError
from convstudy.report.sentences import level
from convstudy.statistics.grown import Looks
from convstudy.study import ComparisonFolder, read_unfinished
from convstudy.study.runs.events import Event, RunEnded
from tests.study.test_until_sure import Confusing, Seeing, arrays, runs_done

RECIPE = Recipe(epochs=2, batch_size=16, warmup_epochs=0.5, lr=0.1, crop_padding=0.0)


def compare(output: Path, seeds: int, seen: list[Event], **settings: Any) -> convstudy.ComparisonResult:
    networks = {"seeing": Seeing, "confusing": Confusing}
    own: dict[str, Any] = {"recipe": RECIPE, "device": "cpu", "jobs": 1, "output": output, "on_event": seen.append}
    return convstudy.compare(networks, data=arrays(), seeds=seeds, **(own | settings))


def test_only_the_added_seeds_are_trained_and_the_look_before_is_counted(tmp_path: Path) -> None:
    first = compare(tmp_path / "out", 2, [])
    assert first.results.looks is None
    seen: list[Event] = []
    grown = compare(tmp_path / "out", 4, seen)
    assert runs_done(seen) == 2 * 2
    assert [len(model.top1.per_seed) for model in grown.results.models] == [4, 4]
    assert grown.results.looks is not None
    assert grown.results.looks.seeds == (2, 4)
    assert grown.results.looks.level == pytest.approx(Looks((2, 4)).level)
    fresh = compare(tmp_path / "fresh", 4, []).pairs[0]
    pair = grown.pairs[0]
    assert fresh.difference == pair.difference
    assert pair.p_value == pytest.approx(Looks((2, 4)).adjusted(fresh.p_value))
    assert pair.low < fresh.low
    assert f"{100 * Looks((2, 4)).total:.1f}%" in level(grown.results)
    assert level(grown.results) in (tmp_path / "out/report.html").read_text()
    assert convstudy.open_comparison(tmp_path / "out").results == grown.results
    again = compare(tmp_path / "out", 4, [])
    assert again.results == grown.results
    assert json.loads((tmp_path / "out/looks.json").read_text()) == [2, 4]


def test_while_seeds_are_added_no_verdict_is_shown(tmp_path: Path) -> None:
    compare(tmp_path / "out", 2, [])
    seen: list[Event] = []

    def interrupt(event: Event) -> None:
        seen.append(event)
        if isinstance(event, RunEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path / "out", 3, seen, on_event=interrupt)
    so_far = read_unfinished(ComparisonFolder(tmp_path / "out"))
    assert (so_far.unfinished, so_far.results.comparisons, so_far.results.conclusion) == (1, (), None)
    assert len(so_far.results.models) == 2
    done = compare(tmp_path / "out", 3, [])
    assert done.results.looks is not None
    assert done.results.looks.seeds == (2, 3)


def test_a_look_at_a_part_of_the_runs_is_none(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, RunEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path / "out", 2, [], on_event=interrupt)
    assert compare(tmp_path / "out", 3, []).results.looks is None  # two seeds were never seen together


def test_other_settings_and_fewer_seeds_are_refused(tmp_path: Path) -> None:
    compare(tmp_path / "out", 3, [])
    with pytest.raises(StudyError, match=r"3 seeds per network, and seeds is 2.* Set `seeds` to 3 or more"):
        compare(tmp_path / "out", 2, [])
    for changed in ({"first_seed": 1}, {"recipe": RECIPE.__class__(epochs=3)}, {"until": "sure"}):
        with pytest.raises(StudyError, match="holds another comparison"):
            compare(tmp_path / "out", 5, [], **changed)


def test_one_seed_is_no_look_at_networks(tmp_path: Path) -> None:
    compare(tmp_path / "out", 1, [])
    assert compare(tmp_path / "out", 2, []).results.looks is None
