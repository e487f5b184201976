"""Predictions of a trained network for new images."""

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

IMAGES_AT_A_TIME = 1024  # decoded together; limits the memory that a large folder needs


@dataclass(frozen=True)
class Answer:
    """Prediction for one image: the most likely classes with their probabilities, in descending order."""

    path: Path  # of the image file; of an image in memory, its row
    ranked: tuple[tuple[str, float], ...]  # empty for a file that cannot be decoded
    problem: str = ""  # why the file cannot be decoded

    @property
    def label(self) -> str | None:
        """The most likely class; None for a file that cannot be decoded."""
        return self.ranked[0][0] if self.ranked else None

    @property
    def probability(self) -> float | None:
        """The probability of the most likely class; None for a file that cannot be decoded."""
        return self.ranked[0][1] if self.ranked else None


def image_files(words: Sequence[str]) -> list[Path]:
    """Return the image files given as files, folders or patterns, each once, in the order of the words.

    A folder stands for all images in it and its subfolders, except hidden ones.

    Raises: DataError, if a word matches no image.

    >>> image_files(["no/such.png"])
    Traceback (most recent call last):
    convstudy.errors.DataError: no/such.png does not exist; expected an image, a folder of images or a pattern
    """
    return list(dict.fromkeys(path for word in words for path in _images_of(word)))


def _images_of(word: str) -> Iterator[Path]:
    path = Path(word)
    if path.is_file():
        yield path
        return
    found = _visible_files(path) if path.is_dir() else _matching(word)
    if not path.is_dir() and not found:
        raise DataError(f"{word} does not exist; expected an image, a folder of images or a pattern")
    images = [image for image in found if image.is_file() and is_image_name(image.name)]
    if not images:
        if not path.is_dir() and path in found:
            raise DataError(f"{word} is not a regular file; expected an image, a folder of images or a pattern")
        raise DataError(f"{word} contains no images; expected files such as .jpg or .png")
    yield from images


def _visible_files(folder: Path) -> list[Path]:
    return sorted(files_below(folder))


def _matching(pattern: str) -> list[Path]:
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207, it skips hidden files, as a shell does
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
    """Yield the network's predictions for image files, in their order, with the `topk` most likely classes each.

    A file that cannot be decoded is an answer with a `problem` in place of classes.

    Raises: StudyError, if `topk` is below 1; DataError, after the last answer, if not a single file can be decoded.
    """
    _check_topk(topk)
    first, decoded = "", 0
    for start in range(0, len(paths), IMAGES_AT_A_TIME):
        chunk = paths[start : start + IMAGES_AT_A_TIME]
        images, problems = preprocessing.read(chunk)
        good = [path for path in chunk if path not in problems]
        found: dict[Path, Answer] = {path: Answer(path, (), problem) for path, problem in problems.items()}
        if good:
            resident = preprocessing.resident(images, np.zeros(len(good), np.int64), device)
            found |= {answer.path: answer for answer in _ranked(predict(network, resident), good, class_names, topk)}
        first = first or next((f"{path} cannot be decoded: {problem}" for path, problem in problems.items()), "")
        decoded += len(good)
        yield from (found[path] for path in chunk)
    if first and not decoded:
        more = f" ({len(paths):,} such images in total)" if len(paths) > 1 else ""
        raise DataError(f"{first}{more}; remove or repair it")


def answers_for_arrays(
    network: nn.Module,
    images: npt.NDArray[Any],
    *,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    topk: int,
    device: torch.device,
) -> tuple[Answer, ...]:
    """Return the network's predictions for N x H x W (x channels) or N x channels x H x W numbers, as `answers` does.

    The `path` of an answer is the image's row.

    Raises: DataError, if the array has another shape or range; StudyError, if `topk` is below 1.
    """
    _check_topk(topk)
    sized = preprocessing.prepare(images)
    resident = preprocessing.resident(sized, np.zeros(len(sized), np.int64), device)
    return tuple(_ranked(predict(network, resident), map(Path, map(str, range(len(sized)))), class_names, topk))


def _check_topk(topk: int) -> None:
    if topk < 1:
        raise StudyError(f"topk is {topk}; expected a whole number, 1 or more", setting="topk")


def _ranked(logits: Tensor, paths: Iterable[Path], class_names: Sequence[str], topk: int) -> Iterator[Answer]:
    likeliest = logits.softmax(1).topk(min(topk, len(class_names)))
    for path, values, places in zip(paths, likeliest.values.tolist(), likeliest.indices.tolist(), strict=True):
        yield Answer(path, tuple((class_names[place], value) for place, value in zip(places, values, strict=True)))
