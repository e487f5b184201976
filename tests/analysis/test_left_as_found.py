"""A counted network is exactly what it was: modes, devices, buffers, hooks, keys, attributes, random states."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from convstudy.analysis import count
from convstudy.errors import ModelError, ShapeError


class Untidy(nn.Module):
    """Changes everything that it can while it runs."""

    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(4, 4)
        self.log: list[int] = []
        self.runs = 0
        self.error: BaseException | None = None
        self.register_buffer("total", torch.zeros(1))
        self.norm.weight.requires_grad_(False)
        self.dropout.eval()
        self.register_forward_hook(lambda *_: None)

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        self.log.append(self.runs)
        self.total += 1
        self.added = x
        self.norm.momentum = 0.5
        random.random()
        np.random.rand()  # noqa: NPY002
        torch.rand(3)
        x = self.dropout(self.norm(x)) + torch.rand_like(x)
        if self.error:
            raise self.error
        output: Tensor = self.lstm(x[0])[0]
        return output


def state(network: nn.Module) -> list[Any]:
    """Everything that can be told apart from outside; tensors by their identity and their values."""
    modules = [
        (
            path,
            id(module),
            module.training,
            {name: id(value) for name, value in vars(module).items()},
            repr(vars(module)),
        )
        for path, module in network.named_modules()
    ]
    tensors = [
        (name, id(value), str(value.device), value.tolist(), value._version)
        for name, value in [*network.named_parameters(), *network.named_buffers()]
    ]
    hooks = [dict(torch_modules._global_forward_hooks), dict(torch_modules._global_forward_pre_hooks)]
    states = [torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())]  # noqa: NPY002
    return [modules, tensors, hooks, states, torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled()]


@pytest.fixture(params=[True, False])
def network(request: pytest.FixtureRequest) -> Iterator[Untidy]:
    network = Untidy().train(request.param)
    network.dropout.train(not request.param)
    yield network
    assert network.runs == 0


@pytest.mark.parametrize("training", [True, False, None])
def test_after_a_count(network: Untidy, training: bool | None) -> None:
    before = state(network)
    count(network, (3, 4, 4), training=training)
    assert state(network) == before


@pytest.mark.parametrize(
    ("error", "raised"), [(ValueError("shape"), ShapeError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_after_an_error_and_after_control_c(network: Untidy, error: BaseException, raised: type[BaseException]) -> None:
    network.error = error
    before = state(network)
    with pytest.raises(raised):
        count(network, (3, 4, 4), training=True)
    assert state(network) == before


def test_after_an_error_that_is_not_of_the_input(network: Untidy) -> None:
    network.error = TypeError()
    before = state(network)
    assert "TypeError" in count(network, (3, 4, 4), training=True).failure
    assert state(network) == before


class Outside(nn.Module):
    """Keeps layers in a plain list and counters in a plain object, unseen by torch, and writes to them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)]
        self.counter = SimpleNamespace(steps=torch.zeros((), dtype=torch.long), parts=torch.zeros(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        self.counter.steps += 1
        self.counter.parts[0].copy_(x.sum())
        torch._foreach_sub_([self.counter.parts], 1)
        torch.add(self.counter.parts, 1, out=self.counter.parts)
        return x


@pytest.mark.parametrize("training", [True, False])
def test_tensors_that_belong_to_no_module_are_read_and_not_written(training: bool) -> None:
    network = Outside()
    held = [*network.layers[1].buffers(), network.counter.steps, network.counter.parts]
    before = [tensor.tolist() for tensor in held]
    table = count(network, (3, 8, 8), training=training)
    assert [tensor.tolist() for tensor in held] == before
    assert (table.totals.macs, table.totals.parameters) == (4 * 6 * 6 * 27, 0)


def test_what_a_network_calculates_from_its_own_numbers_is_calculated() -> None:
    class Calculates(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            steps = torch.zeros(3, device="cpu")
            steps[0] = 2.0
            steps += 1.0
            return x.repeat(1, int(steps.sum() * torch.tensor(0.5, device="cpu") + 1))

    assert count(Calculates(), (4,)).output_shapes == ((4 * 3,),)  # (3 + 1 + 1)/2 + 1, cut to 3


def test_a_counted_network_gives_the_same_logits() -> None:
    network = torchvision.models.resnet18().eval()
    x = torch.rand(1, 3, 32, 32)
    before = network(x)
    count(network, (3, 32, 32), training=True)
    assert torch.equal(network(x), before)


def test_a_network_on_the_meta_device() -> None:
    with torch.device("meta"):
        network = torchvision.models.resnet18()
    assert count(network, (3, 32, 32)).totals == count(torchvision.models.resnet18(), (3, 32, 32)).totals


def test_lazy_layers_are_refused() -> None:
    with pytest.raises(ModelError, match="lazy layers"):
        count(nn.Sequential(nn.LazyConv2d(8, 3)), (3, 8, 8))


def test_torchscript_is_refused() -> None:
    with warnings.catch_warnings(action="ignore"):
        scripted = torch.jit.script(nn.Linear(3, 4))
    with pytest.raises(ModelError, match="TorchScript"):
        count(scripted, (3,))


def test_a_compiled_network_is_the_network_inside() -> None:
    network = nn.Sequential(nn.Linear(3, 4))
    compiled = torch.compile(network)
    assert isinstance(compiled, nn.Module)
    assert count(compiled, (3,)) == count(network, (3,))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ModelError, match=r"torch\.nn\.Module.*function"):
        count(lambda x: x, (3,))  # type: ignore[arg-type]


def test_no_input_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"count\(network, \(3, 32, 32\)\)"):
        count(nn.Linear(3, 4))


def test_half_precision() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    single, half = count(network, (3, 8, 8)).totals, count(network.half(), (3, 8, 8)).totals
    assert half.macs == single.macs
    assert 2 * half.activation_bytes == single.activation_bytes
    assert 2 * half.parameter_bytes == single.parameter_bytes


def test_one_image_in_training_where_a_norm_has_one_value_a_channel() -> None:
    """torch refuses this with real statistics; what is counted does not depend on them."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))
    assert count(network, (3, 8, 8), training=True).output_shapes == ((3, 1, 1),)


def test_nothing_is_allocated() -> None:
    """A network of 400 TB: it cannot be counted but without its memory."""
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(10**7, 10**7))
    assert count(network, (10**7,)).totals.macs == 10**14
