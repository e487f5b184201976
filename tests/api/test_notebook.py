"""The Python interface in a notebook, executed: networks of a cell, arrays, a path, a built network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest

from tests.conftest import Said

SETUP = """
import numpy as np
import torch
from torch import nn
import convstudy
from convstudy import Recipe

class Cell(nn.Module):
    def __init__(self, num_classes, in_channels=1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, 3)
        self.head = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))

recipe = Recipe(epochs=2, batch_size=16, warmup_epochs=0.5)
arrays = np.load("arrays.npz")
images, labels = arrays["images"], arrays["labels"]
"""
BY_ARRAYS = """
found = convstudy.compare({"Cell": Cell, "lecture": "lecture"}, data=(images, labels), seeds=2, recipe=recipe, jobs=2,
                          device="cpu", output="by-arrays")
found
"""
BY_PATH = """
torch.manual_seed(0)
built = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 3))
run = convstudy.train(built, data="arrays.npz", recipe=recipe, threads=1, device="cpu", output="by-path")
print(run)
print(run.predict(images[:2])[0].label, run.evaluate().images)
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nbformat.NotebookNode]:
    folder = tmp_path_factory.mktemp("notebook")
    random, labels = np.random.default_rng(0), np.arange(60) % 3
    images = (random.integers(0, 60, (60, 32, 32)) + 90 * labels[:, None, None]).astype(np.uint8)
    np.savez(folder / "arrays.npz", images=images, labels=labels)
    v4: Any = nbformat.v4
    cells = [v4.new_code_cell(source) for source in (SETUP, BY_ARRAYS, BY_PATH)]
    notebook = v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    return folder, client.execute()


def said(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_networks_of_a_cell_are_compared_as_on_the_command_line(
    executed: tuple[Path, nbformat.NotebookNode], convstudy: Callable[..., Said], tmp_path: Path
) -> None:
    folder, notebook = executed
    _, by_arrays, _ = notebook.cells
    shown = [output for output in by_arrays.outputs if output.output_type == "execute_result"]
    assert "<table" in shown[0].data["text/html"]
    assert "Cell" in shown[0].data["text/html"]
    (tmp_path / "cell.py").write_text(SETUP[: SETUP.index("recipe =")])
    words = ("--data", str(folder / "arrays.npz"), "--seeds", "2", "--epochs", "2", "--batch-size", "16")
    flags = ("--warmup-epochs", "0.5", "--device", "cpu", "--output", "out")
    done = convstudy("compare", "cell.py:Cell", "lecture", *words, *flags)
    assert done.status == 0, done.err
    for here, there in (("Cell", "cell.py-Cell"), ("lecture", "lecture")):
        for seed in (0, 1):
            mine, its = folder / "by-arrays" / here / f"seed-{seed}", tmp_path / "out" / there / f"seed-{seed}"
            assert (mine / "weights.safetensors").read_bytes() == (its / "weights.safetensors").read_bytes()


def test_a_built_network_is_trained_on_a_path(executed: tuple[Path, nbformat.NotebookNode]) -> None:
    folder, notebook = executed
    text = said(notebook.cells[2])
    assert "Sequential, seed 0: top-1 " in text
    assert text.splitlines()[-1].endswith(" 15")
    assert (folder / "by-path/run.json").exists()
