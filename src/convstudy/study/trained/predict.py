"""A trained network's answers for new images."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from convstudy.data.file_names import is_image_name
from convstudy.data.image_tree import files_below
from convstudy.errors import DataError, StudyError
from convstudy.inference import predict
from convstudy.study.models.preprocessing import Preprocessing

IMAGES_AT_A_TIME = 1024  # decoded together, so that a large folder needs little memory


@dataclass(frozen=True)
class Answer:
    """What a network says of one image: classes with their probabilities, the likeliest first."""

    path: Path
    ranked: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        return self.ranked[0][0]


def image_files(words: Sequence[str]) -> list[Path]:
    """Return the image files that files, folders and patterns name, each once, in the order of the words.

    A folder stands for the images in it and below it, hidden ones left out. Raises: DataError, when a word names none.

    >>> image_files(["no/such.png"])
    Traceback (most recent call last):
    convstudy.errors.DataError: no/such.png is not there; expected an image, a folder of images or a pattern
    """
    return list(dict.fromkeys(path for word in words for path in _named(word)))


def _named(word: str) -> Iterator[Path]:
    path = Path(word)
    if path.is_file():
        yield path
        return
    found = _below(path) if path.is_dir() else _matching(word)
    if not path.is_dir() and not found:
        raise DataError(f"{word} is not there; expected an image, a folder of images or a pattern")
    images = [image for image in found if image.is_file() and is_image_name(image.name)]
    if not images:
        raise DataError(f"{word} has no images; expected files such as .jpg or .png")
    yield from images


def _below(folder: Path) -> list[Path]:
    return sorted(files_below(folder))


def _matching(pattern: str) -> list[Path]:
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207, it leaves hidden files out, as a shell does
    return [Path(name) for name in sorted(found)]


def answers(
    network: nn.Module,
    paths: Sequence[Path],
    *,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    topk: int,
    device: torch.device,
) -> Iterator[Answer]:
    """The network's answers for image files, in their order, the `topk` likeliest classes each.

    Raises: DataError, with the name of an image that cannot be decoded; StudyError, when `topk` is below 1.
    """
    if topk < 1:
        raise StudyError(f"--topk is {topk}; expected a whole number from 1 on")
    for start in range(0, len(paths), IMAGES_AT_A_TIME):
        chunk = paths[start : start + IMAGES_AT_A_TIME]
        images = preprocessing.resident(preprocessing.read(chunk), np.zeros(len(chunk), np.int64), device)
        yield from _ranked(predict(network, images), chunk, class_names, topk)


def answers_for_arrays(
    network: nn.Module,
    images: npt.NDArray[Any],
    *,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    topk: int,
    device: torch.device,
) -> tuple[Answer, ...]:
    """Return the network's answers for N x H x W (x channels) or N x channels x H x W numbers, as `answers` does.

    The `path` of an answer is the image's row. Raises: DataError, for an array of another shape or range.
    """
    sized = preprocessing.prepare(images)
    resident = preprocessing.resident(sized, np.zeros(len(sized), np.int64), device)
    return tuple(_ranked(predict(network, resident), map(Path, map(str, range(len(sized)))), class_names, topk))


def _ranked(logits: Tensor, paths: Iterable[Path], class_names: Sequence[str], topk: int) -> Iterator[Answer]:
    likeliest = logits.softmax(1).topk(min(topk, len(class_names)))
    for path, values, places in zip(paths, likeliest.values.tolist(), likeliest.indices.tolist(), strict=True):
        yield Answer(path, tuple((class_names[place], value) for place, value in zip(places, values, strict=True)))
