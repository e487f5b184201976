"""The Python blocks of README and documents, executed: small networks and data, one seed and one epoch."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import convstudy
from tests.test_documents import DOCUMENTS, HOMEWORK

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
BLOCKS = {path.name: blocks for path in DOCUMENTS if (blocks := BLOCK.findall(path.read_text(encoding="utf-8"))) != []}
QUIET = {"device": "cpu", "threads": 1, "on_event": lambda _: None}
SMALL = {"resnet18": "lecture"}


class MyNet(nn.Sequential):
    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, num_classes)
        )


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        pooled: Tensor = self.head(self.embedding(input_ids).mean(1))
        return pooled if pixel_values is None else pooled + pixel_values.mean((1, 2, 3))[:, None]


class Detector(nn.Module):
    def forward(self, images: list[Tensor]) -> list[Tensor]:
        return [image.mean() for image in images]


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the blocks take as given, in a folder with the files that they name."""
    monkeypatch.chdir(tmp_path)
    stream, labels = np.random.default_rng(0), np.arange(40) % 2
    images = (stream.integers(0, 60, (40, 32, 32, 3)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        for path in (f"path/to/images/{'ab'[label]}/{number}.png", f"photographs/{number}.jpg"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    Path("homework.tsv").write_text(HOMEWORK)
    answers = {name: stream.integers(0, 2, (2, 40)) for name in ("predictions_a", "predictions_b")}
    networks = {"my_network": convstudy.network("resnet18"), "my_clip": Tokens(), "my_transformer": Tokens()}
    return {"MyNet": MyNet, "images": images, "labels": labels, "my_detector": Detector(), **networks, **answers}


def shortened(call: Callable[..., Any], made: list[Path], **fixed: Any) -> Callable[..., Any]:
    """The same call with small networks, one seed and one epoch; its folder is noted."""

    def short(networks: Any, **given: Any) -> Any:
        if isinstance(networks, dict):
            networks = {name: SMALL.get(network, network) for name, network in networks.items()}
        recipe = convstudy.Recipe(epochs=1, batch_size=16, warmup_epochs=0)
        result = call(networks, **{**given, **fixed, **QUIET, "recipe": recipe})
        made.append(result.path)
        return result

    return short


@pytest.mark.slow
@pytest.mark.parametrize("document", BLOCKS)
def test_the_python_of_the_documents_runs(
    document: str, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparisons: list[Path] = []
    runs: list[Path] = []
    monkeypatch.setattr(convstudy, "compare", shortened(convstudy.compare, comparisons, seeds=1, jobs=1))
    monkeypatch.setattr(convstudy, "train", shortened(convstudy.train, runs))
    opening = {"open_comparison": comparisons, "open_run": runs}
    for name, made in opening.items():
        usual = getattr(convstudy, name)
        monkeypatch.setattr(convstudy, name, lambda _, usual=usual, made=made: usual(made[-1]))
    for block in BLOCKS[document]:
        if find_spec("transformers") is None:
            block = block.replace('convstudy.summary("hf:clip")\n', "")  # noqa: PLW2901
        exec(compile(block, document, "exec"), {**names, "torch": torch})
