"""`compare --folds`: every image is tested once per repeat, and the verdict allows for overlapping training sets."""

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
from convstudy.errors import DataError, StudyError
from convstudy.report.document import markdown
from convstudy.report.html import html
from convstudy.statistics import accuracy_difference
from convstudy.statistics.folds import Folds
from convstudy.study import ComparisonFolder, read_unfinished, run_states
from convstudy.study.comparisons.import_predictions import import_predictions
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.events import Event, RunEnded
from tests.conftest import Said

RECIPE = Recipe(epochs=2, batch_size=16, warmup_epochs=0.5, lr=0.1, crop_padding=0.0)


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


def arrays(images: int = 121) -> Any:
    stream, labels = np.random.default_rng(0), np.arange(images) % 2
    levels = (
        stream.integers(0, 90, (images, 8, 8)) + 60 * labels[:, None, None] + stream.integers(0, 60, (images, 1, 1))
    )
    return levels.astype(np.uint8), labels


def compare(output: Path, on_event: Callable[[Event], None] = lambda _: None, **settings: Any) -> Any:
    given = {"data": arrays(), "folds": 2, "repeats": 2} | settings
    networks = {"seeing": Seeing, "other": Other}
    return convstudy.compare(networks, recipe=RECIPE, device="cpu", jobs=1, output=output, on_event=on_event, **given)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> convstudy.ComparisonResult:
    """Two networks, two folds, two repeats."""
    found: convstudy.ComparisonResult = compare(tmp_path_factory.mktemp("whole") / "out")
    return found


def answers_of(folder: Path, name: str, folds: int, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Right answers and folds, repeats x images, in the order of the ids, from the files of the runs."""
    rows, of = [], []
    for repeat in range(repeats):
        seeds = range(repeat * folds, (repeat + 1) * folds)
        tables = [pd.read_parquet(folder / name / f"seed-{seed}/predictions.parquet") for seed in seeds]
        table = pd.concat([part.assign(fold=fold) for fold, part in enumerate(tables)]).sort_values("id")
        assert table["id"].is_unique
        rows.append(table.filter(like="logit_").to_numpy().argmax(1) == table["label"].to_numpy())
        of.append(table["fold"].to_numpy())
    return np.stack(rows), np.stack(of)


def test_every_image_is_tested_once_per_repeat(whole: convstudy.ComparisonResult) -> None:
    found, results = whole, whole.results
    assert (results.protocol.folds, results.protocol.repeats, results.protocol.seeds) == (2, 2, tuple(range(4)))
    assert (results.protocol.data.test, results.protocol.data.train, results.protocol.data.validation) == (121, 54, 6)
    right, of = zip(*(answers_of(whole.path, name, 2, 2) for name in ("seeing", "other")), strict=True)
    assert right[0].shape == (2, 121)
    assert (of[0] == of[1]).all()
    assert (of[0][0] != of[0][1]).any()
    by_hand = accuracy_difference(right[0], right[1], sample=Folds(of[0]))
    [pair] = found.pairs
    assert (pair.difference, pair.p_value) == pytest.approx((by_hand.value, by_hand.p_value))
    assert (pair.low, pair.high) == pytest.approx((by_hand.low, by_hand.high))
    assert (pair.chance, pair.needed) == (None, None)
    assert results.models[0].top1.per_seed == pytest.approx(right[0].mean(1))
    assert results.models[0].top1.low < results.models[0].top1.mean < results.models[0].top1.high
    assert len(found.findings.runs) == 8
    assert convstudy.open_comparison(whole.path).results == results
    wrong = (~right[0]).sum(0) + (~right[1]).sum(0)
    assert [image.wrong for image in found.findings.mistaken] == sorted(wrong[wrong > 0], reverse=True)[:24]
    for text in (str(found), markdown(found.findings), html(found.findings)):
        assert "2-fold cross-validation, repeated 2 times, of 121 test images" in " ".join(text.split())


def test_killed_in_the_middle_it_continues_and_ends_the_same(tmp_path: Path, whole: convstudy.ComparisonResult) -> None:
    seen: list[Event] = []

    def interrupt(event: Event) -> None:
        seen.append(event)
        if sum(isinstance(each, RunEnded) for each in seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path / "out", interrupt)
    folder = ComparisonFolder(tmp_path / "out")
    assert len([state for state in run_states(folder) if state.state == "done"]) == 5
    so_far = read_unfinished(folder)
    assert so_far.unfinished == 3
    assert len(so_far.runs) == 4  # of the first repeat, which is whole
    assert [len(model.top1.per_seed) for model in so_far.results.models] == [1, 1]
    assert compare(tmp_path / "out").results.comparisons == whole.results.comparisons


def test_before_a_repeat_is_whole_nothing_is_said(tmp_path: Path) -> None:
    seen: list[Event] = []

    def interrupt(event: Event) -> None:
        seen.append(event)
        if sum(isinstance(each, RunEnded) for each in seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path / "out", interrupt)
    so_far = read_unfinished(ComparisonFolder(tmp_path / "out"))
    assert (so_far.results.models, so_far.results.comparisons, so_far.unfinished) == ((), (), 6)
    html(so_far)


def test_groups_are_tested_together(tmp_path: Path) -> None:
    found = compare(tmp_path / "out", group_by=r"(/\d*)\d$", repeats=1, data=arrays(300))
    assert found.results.protocol.data.test_groups == 30
    first = pd.read_parquet(tmp_path / "out/seeing/seed-0/predictions.parquet")
    second = pd.read_parquet(tmp_path / "out/seeing/seed-1/predictions.parquet")
    assert not set(first["group"]) & set(second["group"])
    assert "in 30 groups" in " ".join(str(found).split())


def test_other_folds_are_another_study(whole: convstudy.ComparisonResult) -> None:
    with pytest.raises(StudyError, match="holds another comparison"):
        compare(whole.path, folds=4, repeats=1)
    with pytest.raises(StudyError, match="cross-validation"):
        import_predictions(ComparisonFolder(whole.path), whole.path / "seeing/seed-0/predictions.parquet", "theirs")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"until": "sure"}, "until is sure"),
        ({"seeds": 5}, "seeds is 5, .* 10 per network"),
        ({"train_images": 50}, "train_images is 50"),
        ({"first_seed": 3}, "first_seed is 3"),
        ({"folds": None}, "repeats is 2"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_what_cannot_be_combined_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        Plan.from_dict({"models": ["net", "lenet5"], "folds": 5, "repeats": 2, **settings})


def test_folds_and_repeats_decide_the_number_of_runs() -> None:
    plan = Plan(("net", "lenet5"), folds=5, repeats=2)
    assert plan.seeds == 10
    assert Plan.from_dict(plan.to_dict()) == plan
    assert "--folds 5 --repeats 2" in plan.command()


def test_data_with_a_test_part_are_refused(tmp_path: Path) -> None:
    images, labels = arrays()
    with pytest.raises(DataError, match="test set"):
        compare(tmp_path / "out", data={"train": (images, labels), "test": (255 - images, labels)})
    with pytest.raises(StudyError, match="split already"):
        compare(tmp_path / "out", data=convstudy.load_data((images, labels)))
    with pytest.raises(DataError, match="folds is 2, but class 1 has 3 different images"):
        compare(tmp_path / "out", data=(images[:40], np.array([0] * 37 + [1] * 3)))
    assert not (tmp_path / "out").exists()


def test_the_command_line_cross_validates(convstudy: Callable[..., Said], tmp_path: Path) -> None:
    images, labels = arrays(60)
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    words = ("--data", "data.npz", "--epochs", "1", "--device", "cpu", "--jobs", "1", "--output", "out")
    said = convstudy("compare", "net", "lenet5", *words, "--folds", "2")
    assert said.status == 0, said.err
    assert "2-fold cross-validation of 60 test images" in " ".join(said.out.split())
    record = json.loads((tmp_path / "out/net/seed-1/run.json").read_text())
    assert (record["folds"], record["data"]["folds"], record["train_images"]) == (2, 2, 27)
    tested = pd.read_parquet(tmp_path / "out/net/seed-1/predictions.parquet")
    again = convstudy("evaluate", "out/net/seed-1")
    assert again.status == 0, again.err
    assert f"top-1 {100 * record['top1']:.1f}%" in again.out
    assert "30 images" in again.out
    assert len(tested) == 30
    watched = convstudy("watch", "out", "--once")
    assert watched.status == 0, watched.err
    refused = convstudy("compare", "net", "lenet5", *words[:-1], "new", "--folds", "2", "--until", "sure")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "--folds" in refused.err
