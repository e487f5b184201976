"""Folds of a cross-validation: each image once, each class in proportion, and what belongs together in one fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.data import ImageSet, load
from convstudy.data.folds import fold_numbers, in_fold
from convstudy.data.in_memory import load_given
from convstudy.data.parting import Parting
from convstudy.errors import DataError


def images_of(labels: list[int], groups: tuple[str, ...] = ()) -> ImageSet:
    pixels = np.arange(len(labels), dtype=np.uint16).view(np.uint8).reshape(len(labels), 1, 1, 2)
    return ImageSet(pixels, np.array(labels, np.int64), tuple(map(str, range(len(labels)))), groups=groups)


@given(st.lists(st.integers(4, 30), min_size=2, max_size=4), st.integers(2, 7), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_every_fold_has_its_share_of_every_class(counts: list[int], folds: int, repeat: int) -> None:
    whole = images_of([label for label, count in enumerate(counts) for _ in range(count)])
    found = fold_numbers(whole, folds, repeat)
    assert found.tolist() == fold_numbers(whole, folds, repeat).tolist()
    for label, count in enumerate(counts):
        sizes = np.bincount(found[whole.labels == label], minlength=folds)
        assert sizes.max() - sizes.min() <= 1, (count, sizes)
    sizes = np.bincount(found, minlength=folds)
    assert sizes.max() - sizes.min() <= len(counts)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1)), min_size=20, max_size=40), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_groups_are_tested_together(drawn: list[tuple[int, int]], folds: int) -> None:
    rows = [(label, f"p{group}") for group, (size, label) in enumerate(drawn) for _ in range(size)]
    labels, groups = zip(*rows, strict=True)
    whole = images_of(list(labels), groups)
    try:
        found = fold_numbers(whole, folds, 0)
    except DataError as error:
        assert str(folds) in str(error)  # noqa: PT017
        return
    assert all(len(set(found[np.array(groups) == group].tolist())) == 1 for group in set(groups))
    sizes = np.bincount(found, minlength=folds)
    assert sizes.max() - sizes.min() <= 24  # two of the largest groups


def test_repeats_are_other_partitions_and_seeds_are_folds() -> None:
    labels = np.arange(60) % 3
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    data = load_given((images, labels), folds=5)
    assert data.train.ids == data.test.ids
    assert not any("also in" in note for note in data.notes)
    first, second = ([in_fold(data, 5, seed) for seed in seeds] for seeds in (range(5), range(5, 10)))
    for repeat in (first, second):
        assert sorted(name for part in repeat for name in part.test.ids) == sorted(data.train.ids)
        for part in repeat:
            assert sorted(part.train.ids + part.test.ids) == sorted(data.train.ids)
            assert np.bincount(part.test.labels).tolist() == [4, 4, 4]
    assert [part.test.ids for part in first] != [part.test.ids for part in second]


def test_data_with_parts_are_not_folded(tmp_path: Path) -> None:
    images, labels = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=255 - images, y_test=labels)
    with pytest.raises(DataError, match="test set"):
        load(str(tmp_path / "a.npz"), parting=Parting(whole=True))
    np.savez(tmp_path / "b.npz", x_train=images, y_train=labels, x_val=255 - images, y_val=labels)
    with pytest.raises(DataError, match="validation set"):
        load(str(tmp_path / "b.npz"), parting=Parting(whole=True))


def test_classes_that_are_too_small_are_refused() -> None:
    with pytest.raises(DataError, match="folds is 5, but class 1 has 2 different images"):
        fold_numbers(images_of([0] * 30 + [1] * 2), 5, 0)
    with pytest.raises(DataError, match="folds is 5, but only 4 groups"):
        fold_numbers(images_of([0, 1] * 20, tuple(f"p{place // 10}" for place in range(40))), 5, 0)
