"""Runs that did not train are named for what they are, and others are left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.study.comparisons.health import HealthKind, health_of, may_fail, of_inputs
from convstudy.study.runs.result import RunResult
from convstudy.training import Epoch

CLASSES, IMAGES = 4, 400
LABELS = np.arange(IMAGES) % CLASSES


def epochs(*, train: float = 0.9, losses: tuple[float, ...] = (1.0, 0.5, 0.45), top1: float = 0.9) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(number, 0.01, loss, train, loss, top1 - 0.02 * (len(losses) - number), 1.0)
        for number, loss in enumerate(losses, start=1)
    )


def run(seed: int, right: float, *, one: int | None = None, history: tuple[Epoch, ...] | None = None) -> RunResult:
    random = np.random.default_rng(seed)
    answers = np.where(random.random(IMAGES) < right, LABELS, (LABELS + random.integers(1, CLASSES, IMAGES)) % CLASSES)
    if one is not None:
        answers = np.full(IMAGES, one)
    logits = np.eye(CLASSES, dtype=np.float32)[answers]
    past = epochs() if history is None else history
    return RunResult(model="net", seed=seed, epochs=past, labels=LABELS, logits=logits)


def kinds(runs: list[RunResult], records: list[dict[str, Any]] | None = None) -> list[HealthKind]:
    return [finding.kind for finding in health_of("net", runs, records or [{}] * len(runs))]


STEADY = epochs(losses=(1.0, 0.5, 0.49))


def test_a_network_that_trained_has_nothing() -> None:
    assert kinds([run(seed, 0.9, history=STEADY) for seed in range(3)]) == []


def test_chance_level() -> None:
    [finding] = health_of("net", [run(seed, 0.25, history=epochs(train=0.26)) for seed in range(3)], [{}] * 3)
    assert (finding.kind, finding.blocks, finding.seeds) == (HealthKind.CHANCE, True, (0, 1, 2))
    assert finding.values["chance"] == 0.25


def test_one_class_answered() -> None:
    assert kinds([run(seed, 0, one=2, history=epochs(train=0.3)) for seed in range(2)]) == [HealthKind.ONE_CLASS]


def test_training_learns_and_validation_does_not() -> None:
    """Seen: MobileNetV3 after 8 epochs, training top-1 70%, one class answered in validation."""
    found = health_of("net", [run(seed, 0, one=1, history=epochs(train=0.7)) for seed in range(3)], [{}] * 3)
    assert [finding.kind for finding in found] == [HealthKind.NOT_VALIDATING]
    assert found[0].values["train_top1"] == pytest.approx(0.7)
    assert found[0].blocks


def test_most_images_of_one_class_are_rightly_answered_so() -> None:
    labels = np.zeros(IMAGES, np.int64)
    labels[:20] = 1
    good = RunResult(model="net", seed=0, epochs=STEADY, labels=labels, logits=np.eye(2, dtype=np.float32)[labels])
    assert kinds([good]) == []


def test_statistics_that_have_not_arrived() -> None:
    records = [{"stale_statistics": True}, {"stale_statistics": False}]
    assert kinds([run(seed, 0.9, history=STEADY) for seed in range(2)], records) == [HealthKind.STALE_STATISTICS]


def test_still_improving_at_the_end() -> None:
    falling = epochs(losses=(2.0, 1.5, 1.0))
    [finding] = health_of("net", [run(0, 0.6, history=falling)], [{}])
    assert (finding.kind, finding.blocks) == (HealthKind.UNDERTRAINED, True)
    level = (falling[0], falling[1], Epoch(3, 0.01, 1.0, 0.9, 1.0, falling[1].validation_top1, 1.0))
    assert kinds([run(0, 0.6, history=level)]) == []  # its accuracy no longer rises
    assert kinds([run(0, 0.6, history=falling[:1])]) == []  # of one epoch nothing is known


def test_over_fitting_does_not_block() -> None:
    [finding] = health_of("net", [run(0, 0.8, history=epochs(losses=(1.0, 0.5, 0.8)))], [{}])
    assert (finding.kind, finding.blocks) == (HealthKind.OVERFITTING, False)
    assert (finding.values["validation_loss"], finding.values["lowest"]) == (0.8, 0.5)


def test_one_seed_that_fails_where_its_siblings_do_not() -> None:
    runs = [run(0, 0.9, history=STEADY), run(1, 0, one=0, history=STEADY), run(2, 0.9, history=STEADY)]
    [finding] = health_of("net", runs, [{}] * 3)
    assert (finding.kind, finding.seeds, finding.blocks) == (HealthKind.FAILED_SEED, (1,), False)


def test_the_end_of_a_grid() -> None:
    grid = {"lr_grid": [0.01, 0.1, 1.0]}
    runs = [run(seed, 0.9, history=STEADY) for seed in range(3)]
    edge = [{**grid, "lr": 1.0}, {**grid, "lr": 1.0}, {**grid, "lr": 0.1}]
    assert kinds(runs, edge) == [HealthKind.GRID_EDGE]
    assert kinds(runs, [{**grid, "lr": 0.1}] * 3) == []


def test_other_sides_under_one_recipe() -> None:
    assert of_inputs({"net": 32, "lenet5": 32}) == ()
    [finding] = of_inputs({"net": 32, "googlenet": 224})
    assert (finding.kind, finding.model, finding.blocks) == (HealthKind.INPUT_SIZES, None, False)


def test_imported_runs_without_a_history() -> None:
    assert kinds([run(0, 0.9, history=())]) == []
    assert kinds([run(0, 0.25, history=())]) == [HealthKind.CHANCE]


@pytest.mark.parametrize(("runs", "share"), [(1, 0.95), (3, 0.63), (5, 0.45), (10, 0.26)])
def test_how_many_may_fail_although_none_did(runs: int, share: float) -> None:
    assert may_fail(runs) == pytest.approx(share, abs=0.005)


def test_images_in_groups_are_not_independent_answers() -> None:
    """40 of 100 right where a class has 25: more than chance, unless all of them are in 4 of 10 groups."""
    labels = np.arange(100) % CLASSES
    answers = np.where(np.arange(100) < 40, labels, (labels + 1) % CLASSES)
    logits = np.eye(CLASSES, dtype=np.float32)[answers]
    alone = RunResult(model="net", seed=0, epochs=(), labels=labels, logits=logits)
    grouped = replace(alone, groups=tuple(f"p{place // 10}" for place in range(100)))
    scattered = replace(alone, groups=tuple(f"p{place % 10}" for place in range(100)))
    assert [kinds([each]) for each in (alone, grouped, scattered)] == [[], [HealthKind.CHANCE], []]
