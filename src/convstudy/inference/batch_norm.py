"""Batch normalisation folded into the convolutions before it: fewer passes over the activations, the same outputs."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from torch import fx, nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(network: nn.Module) -> nn.Module:
    """`network` for evaluation, with each batch normalisation in the weights of the convolution before it.

    The outputs are those of `network` in evaluation mode, but for rounding. `network` itself is left as it is; layers
    that are not folded share its parameters. A network that torch.fx cannot follow is given back.

    Source: Jacob et al. 2018, section 3.2: with the running statistics fixed, w' = w * gamma / sqrt(var + eps).

    >>> import torch
    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()).eval()
    >>> [type(layer).__name__ for layer in folded(network).children()]
    ['Conv2d', 'Identity', 'ReLU']
    """
    try:
        graph = fx.Tracer().trace(_copied(network))
        copied = _copied(network)
    except Exception:  # of torch.fx, of copying, or of the network's own code
        return network
    for convolution, norm in _pairs(copied, graph):
        layers: Any = copied.get_submodule(convolution), copied.get_submodule(norm)
        fused = fuse_conv_bn_eval(*layers)
        copied.set_submodule(convolution, fused)
        copied.set_submodule(norm, nn.Identity())
    return copied


def _copied(network: nn.Module) -> nn.Module:
    """The same layers in evaluation mode, with the same parameters: only what holds them is copied, and buffers."""
    return copy.deepcopy(network, {id(parameter): parameter for parameter in network.parameters()}).eval()


def _pairs(network: nn.Module, graph: fx.Graph) -> list[tuple[str, str]]:
    """Paths of each convolution whose output goes into a batch normalisation and nowhere else."""
    called = Counter(node.target for node in graph.nodes if node.op == "call_module")
    read = [str(node.target) for node in graph.nodes if node.op == "get_attr"]  # as a tensor, outside of its layer
    found = []
    for node in graph.nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or list(before.users) != [node]:
            continue
        paths = str(before.target), str(node.target)
        alone = all(called[path] == 1 and not any(name.startswith(f"{path}.") for name in read) for path in paths)
        if alone and _can_be_folded(network, *map(network.get_submodule, paths)):
            found.append(paths)
    return found


def _can_be_folded(network: nn.Module, convolution: nn.Module, norm: nn.Module) -> bool:
    """Whether both are torch's own layers, with running statistics, and no other code or layer uses their tensors."""
    if type(convolution) not in CONVOLUTIONS or type(norm) not in NORMS or norm.running_mean is None:
        return False
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in (convolution, norm)):
        return False
    owners = Counter(id(tensor) for _, tensor in network.named_parameters(remove_duplicate=False))
    shared = any(owners[id(tensor)] > 1 for layer in (convolution, norm) for tensor in layer.parameters())
    return not shared and not parametrize.is_parametrized(convolution)
