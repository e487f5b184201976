"""Data that change between runs: what was begun with others is not gone on with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy.errors import StudyError
from convstudy.study import Plan
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.prepare import prepare
from convstudy.study.comparisons.single_run import prepare_run


def save(path: Path, seed: int) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(path)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(8):
            save(tmp_path / "pets" / name / f"{index}.png", 10 * label + index)
    return tmp_path / "pets"


CHANGES: dict[str, Callable[[Path], object]] = {
    "an image": lambda root: save(root / "cat" / "3.png", 99),
    "a label": lambda root: (root / "cat" / "7.png").rename(root / "dog" / "8.png"),
    "one more": lambda root: save(root / "dog" / "8.png", 99),
    "one fewer": lambda root: (root / "dog" / "7.png").unlink(),
    "a class": lambda root: (root / "dog").rename(root / "hound"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_comparison_and_a_run_refuse_changed_data(change: str, pets: Path, tmp_path: Path) -> None:
    plan = Plan(("net",), data=str(pets), seeds=1, device="cpu", input_size=32)
    comparison, run = ComparisonFolder(tmp_path / "comparison"), tmp_path / "run"
    comparison.claim(prepare(plan).identity())
    prepare_run(plan, run, threads=1).claim()
    CHANGES[change](pets)
    claims: dict[Path, Callable[[], None]] = {
        comparison.path: lambda: comparison.claim(prepare(plan).identity()),
        run: lambda: prepare_run(plan, run, threads=1).claim(),
    }
    for folder, claim in claims.items():
        with pytest.raises(StudyError) as raised:
            claim()
        assert str(raised.value).startswith(f"{folder} was started with other images or labels: pets ")
        assert raised.value.setting == "output"


def test_the_same_images_in_other_files_go_on(pets: Path, tmp_path: Path) -> None:
    plan = Plan(("net",), data=str(pets), seeds=1, device="cpu", input_size=32)
    comparison = ComparisonFolder(tmp_path / "comparison")
    comparison.claim(prepare(plan).identity())
    image = Image.open(pets / "cat" / "0.png")
    image.save(pets / "cat" / "0.png", compress_level=1)
    os.utime(pets / "cat" / "1.png", (0, 0))
    comparison.claim(prepare(plan).identity())
