"""Folding of batch normalization into the preceding convolutions: fewer passes over the activations, same outputs."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_weights

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(network: nn.Module) -> nn.Module:
    """Return `network` for evaluation with each batch normalization folded into the preceding convolution.

    The outputs equal those of `network` in evaluation mode up to rounding. `network` itself is unchanged; layers that
    are not folded share the memory of its parameters. A network that torch.fx cannot trace is returned as it is.

    Source: Jacob et al. 2018, section 3.2: with fixed running statistics, w' = w * gamma / sqrt(var + eps).

    >>> import torch
    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()).eval()
    >>> [type(layer).__name__ for layer in folded(network).children()]
    ['Conv2d', 'Identity', 'ReLU']
    """
    try:
        graph = fx.Tracer().trace(_copied(network))
        copied = _copied(network)
    except Exception:  # raised by torch.fx, by copying, or by the network's own code
        return network
    for path, path_of_norm in _pairs(copied, graph):
        layer: Any = copied.get_submodule(path)
        norm: Any = copied.get_submodule(path_of_norm)
        fused = fuse_conv_bn_weights(  # without the copy that `fuse_conv_bn_eval` makes first
            layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        layer.weight, layer.bias = map(_Constant, fused)
        copied.set_submodule(path_of_norm, nn.Identity())
    return copied


class _Constant(nn.Parameter):
    """A parameter that is shared by all copies of its network, of which `blocked` makes two."""

    def __new__(cls, value: Tensor) -> _Constant:
        return super().__new__(cls, value.detach(), requires_grad=False)

    def __deepcopy__(self, memo: object) -> _Constant:
        return self


def _copied(network: nn.Module) -> nn.Module:
    """Copy the network in evaluation mode with constants for parameters, which share their memory."""
    return copy.deepcopy(network, {id(parameter): _Constant(parameter) for parameter in network.parameters()}).eval()


def _pairs(network: nn.Module, graph: fx.Graph) -> list[tuple[str, str]]:
    """List the paths of each convolution whose output goes only into a batch normalization, with that layer's path."""
    called = Counter(node.target for node in graph.nodes if node.op == "call_module")
    read = [str(node.target) for node in graph.nodes if node.op == "get_attr"]  # tensors used outside of their layer
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
    """Return whether both are torch's own layers, with running statistics, and nothing else uses their tensors."""
    if type(convolution) not in CONVOLUTIONS or type(norm) not in NORMS or norm.running_mean is None:
        return False
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in (convolution, norm)):
        return False
    owners = Counter(id(tensor) for _, tensor in network.named_parameters(remove_duplicate=False))
    shared = any(owners[id(tensor)] > 1 for layer in (convolution, norm) for tensor in layer.parameters())
    return not shared and not parametrize.is_parametrized(convolution)
