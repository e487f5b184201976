"""Training images that `prepare` reorders in place: nothing else of the data changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import DataSet, load
from convstudy.data.interleaving import is_interleaved
from convstudy.data.parting import Parting
from convstudy.study.comparisons import prepare as module
from convstudy.study.comparisons.prepare import prepare
from convstudy.study.plans.plan import Plan


@pytest.fixture
def colors(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "colors.npz", x_train=images, y_train=np.arange(60) % 2)
    return tmp_path / "colors.npz"


@pytest.mark.parametrize("folds", [None, 3])
def test_the_data_stay_the_same(colors: Path, folds: int | None) -> None:
    plan = Plan(("net", "lenet5"), data=str(colors), seeds=3, folds=folds, device="cpu")
    data = prepare(plan).data
    assert is_interleaved(data.train.images)
    assert data.fingerprint == load(str(colors), parting=Parting(whole=folds is not None)).fingerprint
    for part in (data.train, data.test):
        assert replace(part).digests == part.digests  # computed anew
    assert (data.test is data.train) == (folds is not None)


def test_images_that_another_set_uses_are_left_as_they_are(colors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(str(colors))
    shared = replace(loaded, test=replace(loaded.train))

    def found(*_: object, **__: object) -> DataSet:
        return shared

    pixels = loaded.train.images.copy()
    monkeypatch.setattr(module, "load", found)
    data = prepare(Plan(("net", "lenet5"), data=str(colors), seeds=1, device="cpu")).data
    assert data.train.images is shared.train.images
    np.testing.assert_array_equal(data.test.images, pixels)
