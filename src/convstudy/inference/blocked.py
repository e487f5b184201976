"""oneDNN's blocked memory layout on a CPU: faster convolutions with the same outputs."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stderr
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.optimization import optimize_for_inference
from torch.nn.modules.utils import _pair

ROUNDING = 1e-4  # tolerated difference, relative to the largest output, from another order of summation


def blocked(network: nn.Module, images: Tensor) -> nn.Module:
    """Return `network` for evaluation with its convolutions, and the layers between them, in oneDNN's blocked layout.

    The weights are converted once, and activations stay blocked from layer to layer, whereas torch converts both for
    each convolution. Both networks answer `images`, B x C x H x W float32, to check that the outputs are the same up to
    rounding. A network that torch cannot convert, or whose outputs differ, is returned as it is, and so is one on a
    GPU.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).eval()
    >>> other = blocked(network, torch.zeros(1, 3, 8, 8))
    >>> other is network, torch.allclose(other(torch.ones(1, 3, 8, 8)), network(torch.ones(1, 3, 8, 8)), atol=1e-5)
    (False, True)
    """
    if images.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return network
    try:
        with torch.inference_mode(), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's oneDNN layers use torch.jit, which is deprecated
            other = optimize_for_inference(_traced(network), SETTINGS)
            same = _equal(other(images), network(images))
    except Exception:  # raised by torch.fx, by oneDNN, or by the network's own code
        return network
    return other if same else network


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0, atol=ROUNDING * float(other.abs().max()))


def _traced(network: nn.Module) -> fx.GraphModule:
    """Return the traced network without layers that do nothing in evaluation, for which activations would return to
    torch's layout.

    Adaptive pooling stays in torch's layout, because oneDNN has none for windows of different sizes.
    """
    traced = fx.symbolic_trace(network)
    for node in traced.graph.nodes:
        layer: Any = traced.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, nn.Identity | nn.Dropout):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            node.op, node.target = "call_function", torch.ops.aten.adaptive_avg_pool2d
            node.args, node.kwargs = (node.args[0], _pair(layer.output_size)), {}
    traced.recompile()
    return traced


def _pays(graph: Any) -> bool:
    """Return whether a sequence of layers is worth the two layout changes at its ends: more than one layer."""
    return len(graph.nodes) > 1


SETTINGS = {"conv_bn_fuse": False, "remove_dropout": False, "mkldnn_layout_optimize": {"heuristic": _pays}}
