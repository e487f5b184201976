"""Training through torch.compile: the same training, of the network's own weights, and one line where it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule

from convstudy.errors import ToolError
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.zoo import build
from tests.training.made_up import close, images, plain_network, weights

RECIPE = Recipe(epochs=2, batch_size=8, lr=0.05, ema_decay=0.9, compile=True)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def trained(recipe: Recipe) -> dict[str, Tensor]:
    model = plain_network()
    train(model, TrainingBatches(images(36), recipe, seed=1), images(16))
    return weights(model)


def through(backend: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch.compile hand its graphs to `backend`: inductor takes half a minute and a compiler of C++."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))


def test_the_steps_run_what_is_compiled_and_move_the_networks_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def backend(graph: GraphModule, given: list[Tensor]) -> Callable[..., object]:
        def run(*arguments: Tensor) -> object:
            sizes.append(max(len(each) for each in arguments if isinstance(each, Tensor) and each.ndim == 4))
            return graph.forward(*arguments)

        return run

    through(backend, monkeypatch)
    found = trained(RECIPE)
    assert len(sizes) == 2 * 5  # steps; neither validation nor the average of the weights
    plain = trained(replace(RECIPE, compile=False))
    assert len(sizes) == 2 * 5
    assert list(found) == list(plain)
    assert close(found, plain, 1e-5)


def test_the_network_as_it_is_written_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with pooling before ReLU, which plain steps in channels-last do."""
    graphs: list[GraphModule] = []

    def backend(graph: GraphModule, given: list[Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    through(backend, monkeypatch)
    recipe = replace(RECIPE, epochs=1, channels_last=True)
    for name in ("net", "alexnet"):  # with functions, and with sequences of modules
        network = build(name, num_classes=2, in_channels=1)
        before = len(graphs)
        train(network, TrainingBatches(images(8, side=64 if name == "alexnet" else 32), recipe, seed=1), None)
        assert len(graphs) > before


def test_what_cannot_be_compiled_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def backend(graph: GraphModule, given: list[Tensor]) -> Callable[..., object]:
        raise RuntimeError("there is no compiler\nfor this")

    through(backend, monkeypatch)
    with pytest.raises(ToolError, match=r"there is no compiler for this"):
        trained(RECIPE)
