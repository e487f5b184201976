"""Large arrays reach another process unchanged, and without being copied."""

from __future__ import annotations

import os
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Thread

import numpy as np
import pytest

from convstudy.data import ImageSet
from convstudy.data.image_set import numbered
from convstudy.shared_memory import LARGE, new_array
from convstudy.study.runs.handover import Parcel, Sender


def handed_over(sender: Sender, value: object) -> Parcel:
    ours, theirs = Pipe()
    assert isinstance(ours, Connection)
    assert isinstance(theirs, Connection)
    with ours, theirs:
        sending = Thread(target=sender.send, args=(ours, value, os.getpid()))
        sending.start()
        parcel = Parcel.received(theirs)
        sending.join()
        return parcel


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, LARGE), np.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_a_large_array_is_put_into_one_file_for_all_and_nobody_else_sees_what_is_written(images: np.ndarray) -> None:
    sender = Sender()
    value = {"images": images, "labels": np.arange(10), "name": "digits"}
    parcels = [handed_over(sender, value) for _ in range(2)]
    assert len(sender._copies) == 1
    assert all(len(parcel.content) < LARGE for parcel in parcels)
    sender.close()
    first, second = (parcel.opened() for parcel in parcels)
    np.testing.assert_array_equal(first["images"], images)
    np.testing.assert_array_equal(first["labels"], value["labels"])
    assert type(first["images"]) is np.ndarray
    first["images"][:] = 0
    np.testing.assert_array_equal(second["images"], images)
    assert images.any()


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_parts_and_other_orders_of_an_array_arrive_as_they_are(images: np.ndarray) -> None:
    sender = Sender()
    for value in (images[1:], images.T, images[:, ::2], images[:0]):
        got = handed_over(sender, value).opened()
        np.testing.assert_array_equal(got, value)
        assert got.shape == value.shape
    sender.close()


def test_without_files_in_memory_arrays_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("convstudy.study.runs.handover.LARGE", 100)
    sender = Sender()
    value = np.arange(1000)
    parcel = handed_over(sender, value)
    assert parcel.large == ()
    np.testing.assert_array_equal(parcel.opened(), value)


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_images_that_are_in_a_file_in_memory_are_not_copied(images: np.ndarray) -> None:
    whole = new_array((300, 3, 40, 40))
    whole[:] = np.resize(images, whole.shape)
    sender = Sender()
    train = ImageSet(whole[100:], np.zeros(200, np.int64), numbered("train", 200))
    for sent in (train, train.interleaved()):
        expected = sent.images.copy()
        got = handed_over(sender, sent).opened()
        np.testing.assert_array_equal(got.images, expected)
        assert got.images.strides == sent.images.strides
        assert got.ids == sent.ids
        got.images[:] = 0
        np.testing.assert_array_equal(sent.images, expected)
    assert not sender._copies
    np.testing.assert_array_equal(whole[:100], np.resize(images, whole.shape)[:100])  # another part of the file
