"""The size of gradients by depth."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from convstudy.findings.compared import Compared
from convstudy.findings.finding import Cell, Column, FigureTable, Unit
from convstudy.study import Preprocessing
from convstudy.study.models.preprocessing import at_input
from convstudy.training import stream_seed
from convstudy.training.initialization import initialize
from convstudy.training.objective import objective
from convstudy.training.seeds import generator

IMAGES = 128  # of the batch on which gradients are measured


@dataclass(frozen=True)
class LayerGradient:
    """The L2 norm of the loss's gradient with respect to the weights of one convolution or linear layer."""

    path: str
    norm: float


def gradient_norms(network: nn.Module, images: Tensor, labels: Tensor) -> list[LayerGradient]:
    """Return the gradient norm of each convolution and linear layer, in the order of the forward pass.

    `images` are N x C x H x W, `labels` N classes. The loss is that of training, with auxiliary classifiers, in
    training mode; the network itself is not changed.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    >>> found = gradient_norms(net, torch.ones(2, 1, 4, 4), torch.tensor([0, 1]))
    >>> [layer.path for layer in found], all(layer.norm >= 0 for layer in found)
    (['0', '2'], True)
    """
    network = copy.deepcopy(network).train()
    order: dict[str, nn.Module] = {}
    for path, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda module, *_, path=path: order.setdefault(path, module) and None)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)  # of dropout
        loss, _ = objective(network(images), labels, 0.0)
        loss.backward()  # type: ignore[no-untyped-call]
    gradients = {path: module.get_parameter("weight").grad for path, module in order.items()}
    return [LayerGradient(path, float(grad.norm())) for path, grad in gradients.items() if grad is not None]


def initial_network(compared: Compared, name: str, seed: int) -> nn.Module:
    """Return the network of a run before its first step: the same weights that the run started from."""
    comparison = compared.claimed.comparison
    [entrant] = [each for each in comparison.entrants if each.name == name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initialisation"))
        network = comparison.build(entrant)
    initialize(network, comparison.recipe_of(name).init, generator(seed, "initialisation"))
    return network.to(comparison.device)


def training_batch(compared: Compared, name: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return the first training images at a network's input, normalized as in its run: N x C x H x W and N."""
    comparison = compared.claimed.comparison
    preprocessing: Preprocessing = compared.trained(name, seed).preprocessing
    data = at_input(comparison.data, preprocessing.input_shape).train
    resident = preprocessing.resident(data.images[:IMAGES], data.labels[:IMAGES], comparison.device)
    return resident.normalized(resident.images), resident.labels


def gradients_by_depth(compared: Compared, names: Sequence[str]) -> FigureTable:
    """Return the median gradient norm of the first, middle and last third of the layers of each network.

    Side branches are not layers of the main path; their influence on its gradients is what is measured.
    """
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        for when, of in (("before training", initial_network), ("after training", Compared.network)):
            thirds = []
            for seed in compared.claimed.comparison.seeds:
                images, labels = training_batch(compared, name, seed)
                norms = main_path(gradient_norms(of(compared, name, seed), images, labels))
                thirds.append(by_thirds([layer.norm for layer in norms]))
            first, middle, last = (sum(values) / len(values) for values in zip(*thirds, strict=True))
            rows.append((name, when, first, middle, last, first / last if last else None))
    return FigureTable(
        title="Gradient norms by depth: median over the layers of each third, mean over the runs",
        columns=(
            Column("network"),
            Column("when"),
            Column("first third", Unit.NUMBER),
            Column("middle", Unit.NUMBER),
            Column("last third", Unit.NUMBER),
            Column("first / last", Unit.NUMBER),
        ),
        rows=tuple(rows),
        labels=2,
    )


def main_path(layers: Sequence[LayerGradient]) -> list[LayerGradient]:
    """Return the layers that are not part of a side branch."""
    return [layer for layer in layers if not layer.path.startswith("sides.")]


def by_thirds(norms: Sequence[float]) -> tuple[float, float, float]:
    """Return the median of the first, the middle and the last third.

    >>> by_thirds([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (1.5, 3.5, 5.5)
    """
    third = max(len(norms) // 3, 1)
    return median(norms[:third]), median(norms[third:-third] or norms), median(norms[-third:])
