"""Images and labels in memory: the common form of every source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.decoding import White
from convstudy.data.interleaving import interleave, is_interleaved
from convstudy.data.memory import is_mapped, rows_of
from convstudy.data.pixels import resize
from convstudy.data.rows import Rows
from convstudy.data.streamed import Streamed
from convstudy.errors import DataError
from convstudy.wording import plural


def digest(image: npt.NDArray[np.uint8]) -> bytes:
    """Return a digest of an image, C x H x W: equal pixels have equal digests."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=32).digest()


@dataclass(frozen=True)
class ImageSet:
    """One part of a data set."""

    images: npt.NDArray[np.uint8]  # N x C x H x W; or Streamed or Rows, which behave like such an array
    labels: npt.NDArray[np.int64]  # N, each in 0..classes-1
    ids: tuple[str, ...]  # a stable name per image that says where it is: its path, or "x_train/17"
    loaded: npt.NDArray[np.uint64] | None = None  # N, the fingerprints, if the images were changed since they were read
    groups: tuple[str, ...] = ()  # the group of each image (patient, writer, video); empty: images are independent
    kin: npt.NDArray[np.int64] | None = None  # a number per image that near-duplicates share; None: there are none

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """A digest per image: equal pixels have equal digests."""
        if isinstance(self.images, Streamed) and self.images.digests:
            return tuple(self.images.digests)
        return tuple(map(digest, self.images))

    @property
    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """A number per image, made of its pixels as they were read: equal pixels have equal numbers."""
        if self.loaded is not None:
            return self.loaded
        return np.frombuffer(b"".join(each[:8] for each in self.digests), "<u8").astype(np.uint64)

    def changed(self, images: npt.NDArray[np.uint8]) -> ImageSet:
        """Return the set with other pixels, such as resized ones; it keeps its fingerprints."""
        return self if images is self.images else replace(self, images=images, loaded=self.fingerprints)

    def chosen(self, indices: npt.NDArray[np.int64]) -> ImageSet:
        """Return the images at `indices`, in that order."""
        digests = vars(self).get("digests")
        known = self.loaded is not None or digests is not None  # they need not be computed again
        found = ImageSet(
            rows_of(self.images, indices),
            self.labels[indices],
            tuple(self.ids[index] for index in indices),
            self.fingerprints[indices] if known else None,
            tuple(self.groups[index] for index in indices) if self.groups else (),
            None if self.kin is None else self.kin[indices],
        )
        if digests is not None:
            vars(found)["digests"] = tuple(digests[index] for index in indices)
        return found

    def sharing(self) -> ImageSet:
        """Return the same set; those that are chosen from it share its images instead of copying them."""
        if isinstance(self.images, Streamed | Rows):
            return self
        images: Any = Rows(self.images, np.arange(len(self)))
        return self._held_in(images)

    def interleaved(self) -> ImageSet:
        """Return the same set with its images reordered in place for training in channels-last (see `interleave`).

        Images of one channel need not be, and those of a file or a stream are left as they are.
        """
        plain = isinstance(self.images, np.ndarray) and not is_mapped(self.images)
        if not (plain and self.images.flags.c_contiguous and self.images.flags.writeable and self.images.shape[1] > 1):
            return self
        _ = self.digests  # of the pixels in their usual order, which is faster
        return self._held_in(interleave(self.images))

    def _held_in(self, images: npt.NDArray[np.uint8]) -> ImageSet:
        """Return the same set with the same pixels in another array; what is known of them stays known."""
        found = replace(self, images=images, loaded=self.fingerprints)
        if "digests" in vars(self):
            vars(found)["digests"] = self.digests
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle stores: interleaved images as N x H x W x C, which it can pass on without a copy."""
        state = dict(vars(self))
        if is_interleaved(self.images):
            state |= {"images": self.images.transpose(0, 2, 3, 1), "interleaved": True}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state.pop("interleaved", False):
            state["images"] = state["images"].transpose(0, 3, 1, 2)
        vars(self).update(state)

    @property
    def num_groups(self) -> int | None:
        """Number of groups of images; None if images are independent."""
        return len(set(self.groups)) or None


@dataclass(frozen=True)
class DataSet:
    """Images of named classes in parts that share no image."""

    name: str
    source: str  # one sentence: what it is and where it was read from
    class_names: tuple[str, ...]
    train: ImageSet
    validation: ImageSet | None
    test: ImageSet
    horizontal_flip: bool  # whether a horizontally flipped image keeps its class
    notes: tuple[str, ...] = ()  # what was done to the images and the parts
    skipped: tuple[str, ...] = ()  # images that could not be decoded
    white: White | None = None  # of images of more than 8 bits, if there are any
    named: bool = True  # whether a name or a path loads it again; not if it was given as an object

    @property
    def in_channels(self) -> int:
        return int(self.train.images.shape[1])

    @property
    def side(self) -> int:
        return int(self.train.images.shape[2])

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over class names, images and labels of all parts."""
        whole = hashlib.sha256("\0".join(self.class_names).encode())
        for part in (self.train, self.validation, self.test):
            if part is not None:
                whole.update(repr(part.images.shape).encode())
                whole.update(b"".join(part.digests))
                whole.update(np.ascontiguousarray(part.labels).data)
                whole.update("\0".join(part.groups).encode())
        return whole.hexdigest()


@dataclass(frozen=True, kw_only=True)
class EvaluationSet:
    """Images on which a trained network is evaluated."""

    name: str
    class_names: tuple[str, ...]
    images: ImageSet
    is_test: bool  # False for all images of data that have no test set
    notes: tuple[str, ...] = ()  # what was done to the images


def to_evaluate(data: DataSet, *, is_test: bool) -> EvaluationSet:
    """Return the test set of data, or all of their images."""
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    images = data.test if is_test else together(parts)
    return EvaluationSet(name=data.name, class_names=data.class_names, images=images, is_test=is_test, notes=data.notes)


def together(parts: Sequence[ImageSet]) -> ImageSet:
    """Return the images of several sets as one."""
    if len(parts) == 1:
        return parts[0]
    return ImageSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(name for part in parts for name in part.ids),
        np.concatenate([part.fingerprints for part in parts]),
        tuple(name for part in parts for name in part.groups),
    )


def numbered(part: str, count: int) -> tuple[str, ...]:
    """Return ids for images without names: where they come from, and their row.

    >>> numbered("test", 2)
    ('test/0', 'test/1')
    """
    return tuple(f"{part}/{index}" for index in range(count))


def names_of(labels: npt.NDArray[np.int64], where: str) -> tuple[str, ...]:
    """Return class names for labels without names: the numbers from 0 to the largest label.

    Raises: DataError, if there are more classes than images, so that some have none.

    >>> names_of(np.array([2, 0, 1, 1]), "x.npz")
    ('0', '1', '2')
    """
    largest = int(labels.max())
    if largest >= len(labels):
        raise DataError(
            f"{where} has the label {largest} for {plural(len(labels), 'image')}; "
            "expected labels 0, 1, 2, ... without gaps"
        )
    return tuple(map(str, range(largest + 1)))


def at_side(data: DataSet, side: int) -> DataSet:
    """Return the same data with every image resized to side x side."""

    def resized(part: ImageSet) -> ImageSet:
        return part.changed(resize(part.images, side))

    if data.side == side:
        return data
    validation = None if data.validation is None else resized(data.validation)
    return replace(data, train=resized(data.train), validation=validation, test=resized(data.test))
