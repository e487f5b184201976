"""The test part is sealed: none of its images reaches a batch of training or validation, whatever the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from convstudy.data import DataSet, ImageSet, load, memory
from convstudy.inference import ResidentImages
from convstudy.study.runs.parts import training_parts
from convstudy.training import Recipe, TrainingBatches

SIDE = 4
Pictures = Sequence[tuple[int, int]]  # of each image what it shows, and its label
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def pixels(picture: int) -> np.ndarray:
    return np.random.default_rng(picture).integers(0, 256, (SIDE, SIDE), np.uint8)


def class_folders(root: Path, pictures: Pictures) -> str:
    for place, (picture, label) in enumerate(pictures):
        folder = root / "images" / f"class-{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(picture)).save(folder / f"{place}.png")
    return str(root / "images")


def csv(root: Path, pictures: Pictures) -> str:
    class_folders(root, pictures)
    rows = [f"images/class-{label}/{place}.png,{label}" for place, (_, label) in enumerate(pictures)]
    (root / "list.csv").write_text("\n".join(["filename,label", *rows]))
    return str(root / "list.csv")


def npz(root: Path, pictures: Pictures) -> str:
    images = np.stack([pixels(picture) for picture, _ in pictures])
    np.savez(root / "arrays.npz", x=images, y=np.array([label for _, label in pictures]))
    return str(root / "arrays.npz")


SOURCES: dict[str, Callable[[Path, Pictures], str]] = {"folders": class_folders, "csv": csv, "npz": npz}


@st.composite
def pictures(draw: st.DrawFn) -> Pictures:
    """Two or three classes with pictures of their own, and copies of any of them, in any class."""
    classes = draw(st.integers(2, 3))
    own = [(10 * label + number, label) for label in range(classes) for number in range(draw(st.integers(3, 8)))]
    shown = [picture for picture, _ in own]
    copies = draw(st.lists(st.tuples(st.sampled_from(shown), st.integers(0, classes - 1)), max_size=12))
    return draw(st.permutations(own + copies))


def resident(part: ImageSet) -> ResidentImages:
    """With a mean and standard deviation that leave the bytes as they are."""
    device = torch.device("cpu")
    channels = part.images.shape[1]
    return ResidentImages.of(part.images, part.labels, mean=(0.0,) * channels, std=(1 / 255,) * channels, device=device)


def shown_in(batch: Tensor) -> list[bytes]:
    return [image.round().to(torch.uint8).numpy().tobytes() for image in batch]


def in_batches(data: DataSet, seed: int, batch_size: int, world: int = 1) -> tuple[list[bytes], list[bytes]]:
    """The images of all training batches of an epoch, in all processes, and of the validation batches."""
    train, validation = map(resident, training_parts(data, seed))
    recipe = Recipe(batch_size=batch_size, crop_padding=0, horizontal_flip=False)
    batches = TrainingBatches(train, recipe, seed)
    trained = [
        image
        for rank in range(world)
        for batch, _ in batches.epoch(1, rank=rank, world=world)
        for image in shown_in(batch)
    ]
    return trained, [image for batch, _ in validation.batches(batch_size) for image in shown_in(batch)]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("mapped", [False, True])
@given(pictures=pictures(), seed=st.integers(0, 5), batch_size=st.integers(2, 9), world=st.integers(1, 2))
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
def test_no_test_image_reaches_training_or_validation(
    source: str, mapped: bool, tmp_path: Path, pictures: Pictures, seed: int, batch_size: int, world: int
) -> None:
    root = tmp_path / "data"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        if mapped:
            patch.setattr(memory, "free_memory", lambda: 0)
            patch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
        data = load(SOURCES[source](root, pictures))
        trained, validated = in_batches(data, seed, batch_size, world)
    tested = {image.tobytes() for image in data.test.images}
    assert tested
    assert tested.isdisjoint(trained)
    assert tested.isdisjoint(validated)
    assert not [note for note in data.notes if "test images are in" in note]
    everything = sorted(pixels(picture).tobytes() for picture, _ in pictures)
    assert sorted([*trained, *validated, *(image.tobytes() for image in data.test.images)]) == everything  # each once


@given(
    count=st.integers(4, 40),
    batch_size=st.integers(2, 12),
    seed=st.integers(0, 9),
    world=st.integers(1, 3),
    epoch=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_each_image_is_seen_once_an_epoch_by_one_of_the_processes(
    count: int, batch_size: int, seed: int, world: int, epoch: int
) -> None:
    images = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 1, SIDE, SIDE), np.uint8)
    part = ImageSet(images, np.arange(count) % 2, tuple(map(str, range(count))))
    recipe = Recipe(batch_size=batch_size, crop_padding=0, horizontal_flip=True)
    seen = [
        int(image[0, 0, 0].round())
        for rank in range(world)
        for batch, _ in TrainingBatches(resident(part), recipe, seed).epoch(epoch, rank=rank, world=world)
        for image in batch
    ]
    assert sorted(seen) == list(range(count))


@given(chosen=st.lists(st.integers(0, 19), min_size=1, max_size=8, unique=True), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_a_batch_is_augmented_as_its_images_are(chosen: list[int], seed: int) -> None:
    """An epoch in batches of any size, image by image, is the epoch in one batch."""
    part = ImageSet(
        np.stack([pixels(picture)[None] for picture in range(20)]), np.arange(20) % 2, tuple(map(str, range(20)))
    )
    augmented = {"crop_padding": 0.25, "horizontal_flip": True, "erasing": 0.5, "augment": "trivialaugment"}

    def epoch(batch_size: int) -> Tensor:
        recipe = Recipe(batch_size=batch_size, **augmented)  # type: ignore[arg-type]
        return torch.cat([batch for batch, _ in TrainingBatches(resident(part), recipe, seed).epoch(1)])

    assert torch.equal(epoch(20)[chosen], epoch(len(chosen) + 1)[chosen])


def test_a_test_part_that_was_brought_with_copies_is_told(tmp_path: Path) -> None:
    for part, shown in (("train", range(8)), ("val", (20, 21)), ("test", (3, 30, 20, 4))):
        for label in (0, 1):
            class_folders(tmp_path / "part", [(100 * label + picture, label) for picture in shown])
        (tmp_path / "part" / "images").rename(tmp_path / part)
    notes = load(str(tmp_path)).notes
    assert any(note.startswith("4 of 8 test images are also in the training set") for note in notes)
    assert any(note.startswith("2 of 8 test images are also in the validation set") for note in notes)
