"""Images in class folders, a small network of the user's own, and a run that was trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import Said

SMALL = """
from torch import nn

class Small(nn.Sequential):
    def __init__(self, num_classes, in_channels=3):
        super().__init__(
            nn.Conv2d(in_channels, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(64, num_classes),
        )
"""
COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}


def write_images(root: Path, count: int = 12, size: tuple[int, int] = (24, 20), seed: int = 0) -> Path:
    """`count` noisy photographs of each of three colours, in class folders."""
    stream = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        folder = root / name
        folder.mkdir(parents=True)
        for index in range(count):
            pixels = np.array(colour) + stream.normal(0, 60, (size[1], size[0], 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
    return root


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Class folders with parts, beside `small.py`."""
    (tmp_path / "small.py").write_text(SMALL)
    write_images(tmp_path / "pictures/train")
    write_images(tmp_path / "pictures/test", count=5, seed=1)
    return tmp_path / "pictures"


@pytest.fixture
def run(convstudy: Callable[..., Said], pictures: Path) -> Path:
    """The folder of a run, relative to where commands run."""
    words = ("--data", "pictures", "--epochs", "1", "--device", "cpu", "--threads", "1", "--output", "out")
    said = convstudy("train", "small.py:Small", *words)
    assert said.status == 0, said.err
    return Path("out")
