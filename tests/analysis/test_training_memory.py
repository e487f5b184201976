"""The predicted memory of a training step against what torch really keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from convstudy.analysis.training_memory import OPTIMIZER_VALUES, training_memory
from convstudy.errors import RecipeError, UnknownNameError
from tests.analysis.networks import Net


def really_saved(network: nn.Module, x: Tensor) -> int:
    """Bytes of all storages that autograd keeps for the backward pass, but for those of the weights and buffers."""
    known = {tensor.untyped_storage().data_ptr() for tensor in [*network.parameters(), *network.buffers()]}
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages.setdefault(tensor.untyped_storage().data_ptr(), tensor.untyped_storage())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = network(x)
    assert output is not None
    return sum(storage.nbytes() for pointer, storage in storages.items() if pointer not in known)


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = checkpoint(self.block, x, use_reentrant=False)
        return output


def vit(**options: float) -> nn.Module:
    network: nn.Module = torchvision.models.VisionTransformer(32, 8, 2, 2, hidden_dim=16, mlp_dim=32, **options)
    return network


NETWORKS = {
    "net": (Net, 32),
    "resnet18": (torchvision.models.resnet18, 64),
    "resnet50": (torchvision.models.resnet50, 32),
    "densenet121": (torchvision.models.densenet121, 32),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, 64),
    "squeezenet1_1": (torchvision.models.squeezenet1_1, 64),
    "shufflenet_v2_x0_5": (torchvision.models.shufflenet_v2_x0_5, 64),
    "vit": (vit, 32),
    "vit with dropout": (lambda: vit(attention_dropout=0.1), 32),
    "checkpointed": (Checkpointed, 16),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_saved_activations_are_what_torch_saves(name: str, training: bool) -> None:
    build, size = NETWORKS[name]
    network = build().train(training)
    predicted = training_memory(network, (3, size, size), batch_size=3, training=training)
    assert predicted.saved_activations == really_saved(network, torch.rand(3, 3, size, size))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_a_batch_of_one_image_is_normalised_by_its_own_statistics(name: str) -> None:
    """As in any batch, norms keep the mean and the deviation that they took, where there is more than one position."""
    network = torchvision.models.get_model(name).train()
    assert training_memory(network, (3, 64, 64)).saved_activations == really_saved(network, torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("sgd", lambda weights: torch.optim.SGD(weights, 0.1)),
        ("momentum", lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.9)),
        ("nesterov", lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.9, nesterov=True)),
        ("rmsprop", torch.optim.RMSprop),
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
    ],
)
def test_weights_gradients_and_optimizer(name: str, optimizer: Callable[..., torch.optim.Optimizer]) -> None:
    network = Net()
    network.conv1.requires_grad_(False)
    steps = optimizer(network.parameters())
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    steps.step()
    states = [value for state in steps.state.values() for value in state.values() if isinstance(value, Tensor)]
    memory = training_memory(network, (3, 32, 32), batch_size=2, optimizer=name)
    assert memory.optimizer == sum(state.nbytes for state in states if state.dim())  # the count of steps aside
    assert memory.gradients == sum(weight.grad.nbytes for weight in network.parameters() if weight.grad is not None)
    assert memory.weights == 62_006 * 4
    assert memory.peak == memory.weights + memory.gradients + memory.optimizer + memory.saved_activations
    assert set(OPTIMIZER_VALUES) == {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"}


def test_it_grows_with_the_batch_and_is_told_by_layer() -> None:
    one, eight = (training_memory(Net(), (3, 32, 32), batch_size=size) for size in (1, 8))
    assert eight.saved_activations == 8 * one.saved_activations
    assert sum(eight.saved_by_layer.values()) == eight.saved_activations
    assert eight.saved_by_layer["conv1"] == 8 * 3 * 32 * 32 * 4


def test_settings_that_cannot_be() -> None:
    with pytest.raises(RecipeError, match="batch_size is 0"):
        training_memory(Net(), (3, 32, 32), batch_size=0)
    with pytest.raises(UnknownNameError, match=r"'nesterow'.*'nesterov'"):
        training_memory(Net(), (3, 32, 32), optimizer="nesterow")
