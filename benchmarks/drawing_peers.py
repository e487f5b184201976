"""Benchmark of drawing: convstudy beside tensorgami and torchview, each drawing every layer of torchvision's networks.

    uv run --with tensorgami --with torchview python benchmarks/drawing_peers.py

torchview needs the program `dot`. CPU seconds (of this process and its children) from a built network to the text of
an SVG, the fastest of `--repetitions`; the bytes of the SVG; the size of the smallest text when the picture is fitted
into a page of 700 x 990 px; and how many connections between layers with weights are missing: pairs of convolutions and
dense layers of which the second takes what comes from the first, without another one between them. The right number
is that of torch.fx, which none of the three uses. Nothing is folded, in any of the three.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import fx, nn

from convstudy.analysis import Inputs
from convstudy.drawing import draw_graph
from convstudy.drawing.layers import WEIGHTED
from convstudy.study import network_at_inputs

PAGE = (700, 990)
SIZE = (1, 3, 224, 224)
NETWORKS = ("alexnet", "vgg16", "resnet34", "resnet152", "googlenet", "densenet121", "mobilenet_v3_large")
Drawn = tuple[str, set[tuple[Any, Any]]]  # the SVG, and pairs of layers with weights


def connections(sources: Mapping[Any, Iterable[Any]], weighted: set[Any]) -> set[tuple[Any, Any]]:
    """Return the pairs of layers with weights of which the second takes what comes from the first."""
    reached: dict[Any, set[Any]] = {}

    def before(node: Any) -> set[Any]:
        if node not in reached:
            reached[node] = set()
            for source in sources.get(node, ()):
                reached[node] |= {source} if source in weighted else before(source)
        return reached[node]

    return {(source, node) for node in weighted for source in before(node)}


def by_fx(network: nn.Module) -> int:
    """Return how many connections torch.fx finds."""
    traced = fx.symbolic_trace(network)
    sources = {node: node.all_input_nodes for node in traced.graph.nodes}
    modules = dict(network.named_modules())
    kinds = (nn.Conv2d, nn.Linear)
    weighted = {n for n in sources if n.op == "call_module" and isinstance(modules[str(n.target)], kinds)}
    return len(connections(sources, weighted))


def by_convstudy(network: nn.Module) -> Drawn:
    """Draw all layers."""
    at = network_at_inputs(network, Inputs((SIZE[1:],)))
    picture = draw_graph("network", at.graph(), level="layers")
    drawn = picture.layers.expanded(picture.scene.edges)
    sources: dict[Any, list[Any]] = {}
    for source, node in drawn:
        sources.setdefault(node, []).append(source)
    weighted = {number for number, layer in picture.layers.layers.items() if layer.kind in WEIGHTED}
    return picture.svg, connections(sources, weighted)


def by_tensorgami(network: nn.Module) -> Drawn:
    """Draw all operators, where nothing is folded."""
    import tensorgami  # noqa: PLC0415

    figure = tensorgami.draw(network, torch.zeros(SIZE, device="meta"), level="operators")
    with tempfile.TemporaryDirectory() as folder:
        figure.save(f"{folder}/network.svg")
        svg = Path(folder, "network.svg").read_text(encoding="utf-8")
    sources: dict[Any, list[Any]] = {}
    for edge in figure.graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    weighted = {node.id for node in figure.graph.nodes if node.op in {"Conv2d", "Linear", "conv2d", "linear"}}
    return svg, connections(sources, weighted)


def by_torchview(network: nn.Module) -> Drawn:
    """Draw all modules."""
    import torchview  # noqa: PLC0415

    graph = torchview.draw_graph(network, input_size=SIZE, device="meta", depth=99, expand_nested=True, mode="eval")
    svg = graph.visual_graph.pipe("svg").decode()
    sources: dict[Any, list[Any]] = {}
    for source, node in graph.edge_list:
        sources.setdefault(node.node_id, []).append(source.node_id)
    every = {node.node_id: node.name for edge in graph.edge_list for node in edge}
    return svg, connections(sources, {each for each, name in every.items() if name in {"Conv2d", "Linear"}})


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the programs that it has run."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def page_font(svg: str) -> float:
    """Return the size of the smallest text when the picture is fitted into a page."""
    box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg)
    assert box is not None
    scale = min(PAGE[0] / float(box[1]), PAGE[1] / float(box[2]), 1)
    sizes = re.findall(r'font-size[=:]\s*"?([\d.]+)', svg) + re.findall(r"font:\s*([\d.]+)px", svg)
    return min(map(float, sizes)) * scale if sizes else float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=NETWORKS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    tools: dict[str, Callable[[nn.Module], Drawn]] = {
        "convstudy": by_convstudy,
        "tensorgami": by_tensorgami,
        "torchview": by_torchview,
    }
    print("| network | tool | seconds | bytes | page font, px | connections missing |\n|---|---|---|---|---|---|")
    for name in asked.only:
        with torch.device("meta"):
            network = torchvision.models.get_model(name).eval()
        right = by_fx(network)
        for tool, draw in tools.items():
            fastest = float("inf")
            try:
                for _ in range(asked.repetitions):
                    started = cpu_seconds()
                    svg, found = draw(network)
                    fastest = min(fastest, cpu_seconds() - started)
            except Exception as error:
                print(f"| {name} | {tool} | {type(error).__name__}: {str(error)[:80]} | | | |", flush=True)
                continue
            numbers = f"{fastest:.2f} | {len(svg.encode()):,} | {page_font(svg):.1f} | {right - len(found)} of {right}"
            print(f"| {name} | {tool} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
