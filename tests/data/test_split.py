"""Splitting and resizing against scikit-learn's promise, Pillow and NumPy."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split
from torchvision.transforms.v2 import functional as tv

from convstudy.data import ImageSet, pixel_statistics, resize, split_validation
from convstudy.data.alike import connected
from convstudy.data.resizing import resized
from convstudy.data.split import smaller
from convstudy.data.stratified import stratified
from convstudy.errors import DataError


def images_of(labels: list[int]) -> ImageSet:
    count = len(labels)
    pixels = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return ImageSet(pixels, np.array(labels, np.int64), tuple(map(str, range(count))))


def needed(counts: list[int], share: float) -> float:
    """How many images beyond the proportion it takes for each part to have one of each class."""
    return sum(max(0, 1 - min(share, 1 - share) * count) for count in counts)


@given(st.lists(st.integers(2, 40), min_size=2, max_size=5), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_split_is_a_stratified_partition(counts: list[int], seed: int) -> None:
    whole = images_of([label for label, count in enumerate(counts) for _ in range(count)])
    train, validation = split_validation(whole, seed=seed)
    assert sorted(train.ids + validation.ids, key=int) == list(whole.ids)
    for part in (train, validation):
        assert set(part.labels.tolist()) == set(range(len(counts)))
        assert [int(name) for name in part.ids] == part.images.reshape(-1).tolist()
        assert [int(whole.labels[int(name)]) for name in part.ids] == part.labels.tolist()
    share = max(round(0.1 * len(whole)), len(counts)) / len(whole)
    assert len(validation) == round(share * len(whole))
    for label, count in enumerate(counts):
        assert abs((validation.labels == label).sum() - share * count) <= 1 + needed(counts, share)
    again = split_validation(whole, seed=seed)
    assert again[1].ids == validation.ids


def test_another_seed_gives_another_split() -> None:
    whole = images_of([0, 1] * 40)
    assert split_validation(whole, seed=0)[1].ids != split_validation(whole, seed=1)[1].ids


@given(st.lists(st.integers(0, 30), min_size=20, max_size=120), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_equal_images_are_never_parted(pictures: list[int], seed: int) -> None:
    pictures = [*pictures, *range(31)]  # so that each class has several different ones
    pixels = np.array(pictures, np.uint8).reshape(-1, 1, 1, 1)
    labels = np.array(pictures, np.int64) % 3
    whole = ImageSet(pixels, labels, tuple(map(str, range(len(labels)))))
    train, validation = split_validation(whole, seed=seed)
    assert not set(train.images.ravel()) & set(validation.images.ravel())
    assert sorted(train.ids + validation.ids, key=int) == list(whole.ids)
    assert set(train.labels) == set(validation.labels) == {0, 1, 2}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=6, max_size=40), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_equal_images_with_labels_that_disagree_are_kept_together_or_refused(
    shown: list[tuple[int, int]], seed: int
) -> None:
    """A class with one picture alone, which must be in both parts, is the exception."""
    shown = [(picture, label) for picture, label in shown if len({p for p, its in shown if its == label}) > 1]
    labels = np.array([label for _, label in shown], np.int64)
    pixels = np.array([picture for picture, _ in shown], np.uint8).reshape(-1, 1, 1, 1)
    whole = ImageSet(pixels, labels, tuple(map(str, range(len(labels)))))
    if len(labels) == 0:
        return
    try:
        train, validation = split_validation(whole, seed=seed)
    except DataError as error:
        assert "too few to split" in str(error) or "shares its images with other classes" in str(error)  # noqa: PT017
        return
    assert not set(train.images.ravel()) & set(validation.images.ravel())
    assert set(train.labels) == set(validation.labels) == set(labels)
    assert sorted(train.ids + validation.ids, key=int) == list(whole.ids)


def test_classes_that_cannot_be_parted_are_refused() -> None:
    """Three classes, each of two of three pictures: whichever goes, a class has none left on one side."""
    pixels = np.array([0, 1, 1, 2, 2, 0] * 3, np.uint8).reshape(-1, 1, 1, 1)
    whole = ImageSet(pixels, np.array([0, 0, 1, 1, 2, 2] * 3), tuple(map(str, range(18))))
    with pytest.raises(DataError, match=r"class . shares its images with other classes"):
        split_validation(whole, seed=0)


def test_a_class_of_equal_images_is_split_all_the_same() -> None:
    whole = ImageSet(np.zeros((20, 1, 2, 2), np.uint8), np.arange(20) % 2, tuple(map(str, range(20))))
    train, validation = split_validation(whole, seed=0)
    assert (len(train), len(validation)) == (18, 2)


@given(st.lists(st.integers(2, 30), min_size=2, max_size=9), st.floats(0, 1), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_choice_is_scikit_learn_s(counts: list[int], share: float, random: Random) -> None:
    strata = [label for label, count in enumerate(counts) for _ in range(count)]
    random.shuffle(strata)
    count = round(len(counts) + share * (len(strata) - 2 * len(counts)))
    seed = random.randrange(1000)
    _, chosen = train_test_split(list(range(len(strata))), test_size=count, stratify=strata, random_state=seed)
    assert stratified(np.array(strata), count, seed).tolist() == chosen


@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 999))
@settings(max_examples=100, deadline=None)
def test_what_is_connected_is_scipy_s(count: int, links: int, seed: int) -> None:
    pairs = np.random.default_rng(seed).integers(0, count, (2, links))
    graph = coo_array((np.ones(links, bool), (pairs[0], pairs[1])), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    assert connected(count, pairs).tolist() == first[component].tolist()


def test_a_class_with_one_image_cannot_be_split() -> None:
    with pytest.raises(DataError, match="class 1 has one image, so no validation set can be split off"):
        split_validation(images_of([0] * 10 + [1]), seed=0)


@pytest.mark.parametrize("processor", ["AVX512", "DEFAULT"])
@pytest.mark.parametrize("shape", [(5, 3, 32, 32), (1, 3, 20, 31), (7, 1, 8, 8), (0, 3, 9, 9)])
def test_resizing_is_torchvision_s(shape: tuple[int, ...], processor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: processor)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for side in (4, 8, 29, 64):
        theirs = tv.resize(torch.from_numpy(images), [side, side], antialias=True)
        assert np.array_equal(resized(images, side), theirs.numpy())


@pytest.mark.parametrize("side", [16, 64])
def test_resizing_is_pillow_s_to_rounding(side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    ours = resize(pixels, side)
    for image, small in zip(pixels, ours, strict=True):
        pillow = Image.fromarray(image.transpose(1, 2, 0)).resize((side, side), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(pillow).transpose(2, 0, 1).astype(int) - small).max() <= 1
    assert ours.dtype == np.uint8
    assert resize(pixels, 32) is pixels


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_statistics_are_numpy_s(seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 2, 4, 5), dtype=np.uint8)
    mean, std = pixel_statistics(pixels)
    assert mean == pytest.approx((pixels / 255).mean((0, 2, 3)))
    assert std == pytest.approx((pixels / 255).std((0, 2, 3)))


@given(st.lists(st.integers(6, 40), min_size=2, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_a_smaller_training_part_keeps_the_classes_in_proportion(counts: list[int], draw: st.DataObject) -> None:
    whole = images_of([label for label, count in enumerate(counts) for _ in range(count)])
    asked = draw.draw(st.integers(2 * len(counts), len(whole) - len(counts)))
    part = smaller(whole, asked)
    assert len(part) == len(set(part.ids)) == asked
    assert smaller(whole, asked).ids == part.ids
    share = asked / len(whole)
    for label, count in enumerate(counts):
        extra = sum(max(0, 2 - share * each) + max(0, 1 - (1 - share) * each) for each in counts)
        assert 2 <= (part.labels == label).sum() <= count - 1
        assert abs((part.labels == label).sum() - share * count) <= 1 + extra
    assert part.labels.tolist() == [int(whole.labels[int(name)]) for name in part.ids]


def test_a_unit_that_is_given_back_is_made_up_for() -> None:
    """Of 6 and 18 images scikit-learn would leave none of the first class behind, and two of the second."""
    part = smaller(images_of([0] * 6 + [1] * 18), 22)
    assert np.bincount(part.labels).tolist() == [5, 17]


def test_two_images_of_each_class_are_left_for_the_validation_split() -> None:
    """In proportion, one of the 25 images would be of the second class, and no validation part could be split off."""
    whole = images_of([0] * 100 + [1] * 4)
    part = smaller(whole, 25, ("cat", "dog"))
    assert np.bincount(part.labels).tolist() == [23, 2]
    assert len(split_validation(part, seed=0)[1]) == 2
    assert np.bincount(smaller(whole, 25, ("cat", "dog"), least=1).labels).tolist() == [24, 1]


def test_the_class_that_is_too_small_for_a_smaller_part_is_named() -> None:
    with pytest.raises(DataError, match=r"train_images is 20.* dog "):
        smaller(images_of([0] * 100 + [1] * 2), 20, ("cat", "dog"))
    same = images_of([0] * 100 + [1] * 9)
    same.images[100:] = 255  # all equal but one: two pictures, of which one stays behind
    same.images[100] = 254
    with pytest.raises(DataError, match=r"train_images is 20.* dog "):
        smaller(same, 20, ("cat", "dog"))


@pytest.mark.parametrize("asked", [-1, 0, 3, 79, 500])
def test_a_smaller_training_part_that_cannot_be(asked: int) -> None:
    with pytest.raises(DataError, match=rf"train_images is {asked}; expected 4 to 78"):
        smaller(images_of([0, 1] * 40), asked)
