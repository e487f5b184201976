"""Counting tools, each called as documented with one image; the functions return the MACs that the tool reports."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import count

Shape = tuple[int, ...]


def ours(network: nn.Module, shape: Shape) -> float:
    return count(network, shape).totals.macs


def torchinfo(network: nn.Module, shape: Shape) -> float:
    device = next(network.parameters()).device
    result = importlib.import_module("torchinfo").summary(network, input_size=(1, *shape), verbose=0, device=device)
    return float(result.total_mult_adds)


def fvcore(network: nn.Module, shape: Shape) -> float:
    analysis = importlib.import_module("fvcore.nn").FlopCountAnalysis(network, image(network, shape))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return float(analysis.total())


def ptflops(network: nn.Module, shape: Shape) -> float:
    tool = importlib.import_module("ptflops")
    macs, _ = tool.get_model_complexity_info(
        network,
        shape,
        print_per_layer_stat=False,
        as_strings=False,
        verbose=False,
        backend="aten",
        input_constructor=lambda shape: image(
            network, shape
        ),  # its own input is uninitialized memory, which can be very slow
    )
    return float(macs)


def calflops(network: nn.Module, shape: Shape) -> float:
    tool = importlib.import_module("calflops")
    _, macs, _ = tool.calculate_flops(
        network, input_shape=(1, *shape), print_results=False, print_detailed=False, output_as_string=False
    )
    return float(macs)


def thop(network: nn.Module, shape: Shape) -> float:
    macs, _ = importlib.import_module("thop").profile(network, inputs=(image(network, shape),), verbose=False)
    return float(macs)


def torchscan(network: nn.Module, shape: Shape) -> float:
    info = importlib.import_module("torchscan").crawl_module(network, shape)
    return float(info["totals"]["macs"]["known_value"])


def torchlens(network: nn.Module, shape: Shape) -> float:
    trace = importlib.import_module("torchlens").trace(network, image(network, shape))
    return float(sum(int(kind["forward"]) for kind in trace.macs_by_op_type.values()))


def flop_counter(network: nn.Module, shape: Shape) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image(network, shape))
    return float(counter.get_total_flops()) / 2


def image(network: nn.Module, shape: Shape) -> torch.Tensor:
    return torch.zeros(1, *shape, device=next(network.parameters()).device)


Tool = Callable[[nn.Module, Shape], float]
TOOLS: dict[str, tuple[Tool, str]] = {
    "convstudy": (ours, "convstudy"),
    "torchinfo": (torchinfo, "torchinfo"),
    "fvcore": (fvcore, "fvcore.nn"),
    "ptflops": (ptflops, "ptflops"),
    "calflops": (calflops, "calflops"),
    "thop": (thop, "thop"),
    "torchscan": (torchscan, "torchscan"),
    "torchlens": (torchlens, "torchlens"),
    "FlopCounterMode": (flop_counter, "torch"),
}


@contextmanager
def silence() -> Iterator[None]:
    """Suppress the output and the warnings of a tool."""
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), warnings.catch_warnings(action="ignore"):
        yield


def available() -> dict[str, str | None]:
    """Return each tool with None, or with the reason if it cannot be imported."""
    found: dict[str, str | None] = {}
    for tool, (_, module) in TOOLS.items():
        try:
            with silence():
                importlib.import_module(module)
            found[tool] = None
        except ImportError as error:
            found[tool] = f"skipped: {error}"
    return found
