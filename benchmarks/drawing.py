"""Benchmark of `convstudy draw`: its ten properties, over torchvision's classifiers and the networks of convstudy.

    uv run python benchmarks/drawing.py
    uv run python benchmarks/drawing.py --only resnet34 torchvision:densenet121 --log drawing.jsonl

Coverage, seconds (tracing and drawing, on one thread), the page font (the smallest text when the picture is fitted into
a page of 700 x 990 px), collisions in Helvetica and in DejaVu Sans, crossings, truth (drawn edges, expanded, against
the traced ones), sizes, and the smallest text at a width of 3.25 in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torchvision

import convstudy
from convstudy.analysis import Inputs
from convstudy.drawing import draw_graph
from convstudy.drawing.collisions import (
    boxes_outside,
    crossings,
    escaping_texts,
    lines_through_boxes,
    overlapping_texts,
)
from convstudy.drawing.overview import volume
from convstudy.study import network_at_inputs
from convstudy.zoo import ARCHITECTURES

PAGE = (700, 990)
LEVELS = ("overview", "blocks", "layers")
LEAST = {"overview": 7, "blocks": 7, "layers": 6}
SLOW = 10  # seconds


def measured(name: str) -> dict[str, Any]:
    """Draw one network at all levels, and measure the pictures."""
    started = time.perf_counter()
    at = network_at_inputs(name, Inputs())
    graph = at.graph()
    found: dict[str, Any] = {"network": name, "trace": time.perf_counter() - started, "nodes": len(graph.nodes)}
    summary = convstudy.summary(name).totals
    for level in LEVELS:
        started = time.perf_counter()
        picture = draw_graph(at.name, graph, level=level)
        svg = picture.svg
        seconds = time.perf_counter() - started
        scene, layers = picture.scene, picture.layers
        drawn = layers.expanded(scene.edges)
        scale = min(PAGE[0] / scene.width, PAGE[1] / scene.height, 1)
        narrow = draw_graph(at.name, graph, level=level, width="3.25in")
        found[level] = {
            "seconds": seconds,
            "size": [round(scene.width), round(scene.height)],
            "page font": min(text.size for text in scene.texts()) * scale,
            "missing": len(layers.edges - drawn) if level != "overview" else 0,
            "invented": len(drawn - layers.edges),
            "collisions": sum(
                len(overlapping_texts(scene, wide=wide)) + len(escaping_texts(scene, wide=wide))
                for wide in (False, True)
            )
            + len(lines_through_boxes(scene))
            + len(boxes_outside(scene)),
            "crossings": len(crossings(scene)),
            "bytes": len(svg.encode()),
            "same": svg == draw_graph(at.name, graph, level=level).svg,
            "points at 3.25 in": narrow.smallest_text,
        }
    totals = picture.layers.totals
    found["totals"] = (totals["parameters"], totals["macs"]) == (summary.parameters, summary.macs)
    every = picture.layers.layers.values()
    found["dense"] = sum(volume(each).width for each in every if each.kind == "fc" and each.side == 1) / sum(
        volume(each).width for each in every
    )
    return found


def import_seconds() -> float:
    """Return the CPU seconds that importing the drawing takes, beside modules that every program has."""
    code = (
        "import time, convstudy, dataclasses, pathlib, re, typing; t = time.process_time(); "
        "import convstudy.drawing; print(time.process_time() - t)"
    )
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))


def shown(rows: list[dict[str, Any]], asked: int) -> None:
    """Print the figures of all networks."""
    print(f"1  drawn at three levels: {len(rows)} of {asked}")
    seconds = [row["trace"] + row[level]["seconds"] for row in rows for level in LEVELS]
    print(f"   seconds, traced and drawn: at most {max(seconds):.2f} (bar {SLOW})")
    for level in LEVELS:
        fonts = sorted((row[level]["page font"], row["network"]) for row in rows)
        enough = sum(font >= LEAST[level] for font, _ in fonts)
        worst = ", ".join(f"{name} {font:.1f}" for font, name in fonts[:3])
        print(f"2  {level}: page font >= {LEAST[level]} px for {enough} of {len(rows)}; smallest: {worst}")
    total: Counter[str] = Counter()
    for row in rows:
        for level in LEVELS:
            total.update({key: row[level][key] for key in ("missing", "invented", "collisions", "crossings")})
            total["not the same bytes"] += not row[level]["same"]
            total["below 7 pt at 3.25 in"] += row[level]["points at 3.25 in"] < 6.995
    print(f"3  edges missing: {total['missing']}, invented: {total['invented']}")
    print(f"4  collisions: {total['collisions']}, crossings: {total['crossings']}")
    print(f"6  dense layers, share of the width: at most {max(row['dense'] for row in rows):.3f}")
    print(f"7  totals equal to the summary: {sum(row['totals'] for row in rows)} of {len(rows)}")
    largest = max((row["layers"]["bytes"], row["network"]) for row in rows)
    print(f"8  largest SVG: {largest[1]}, {largest[0]:,} bytes")
    print(f"9  pictures with text below 7 pt at 3.25 in: {total['below 7 pt at 3.25 in']} of {3 * len(rows)}")
    print(f"10 pictures not the same twice: {total['not the same bytes']}")
    drawing = max((row[level]["seconds"], row["network"], row["nodes"]) for row in rows for level in LEVELS)
    print(f"   slowest drawing: {drawing[1]}, {drawing[2]} nodes, {drawing[0]:.3f} s; import {import_seconds():.3f} s")


def main() -> None:
    """Measure, log and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    known = [f"torchvision:{name}" for name in torchvision.models.list_models(module=torchvision.models)]
    names = asked.only or [*known, *ARCHITECTURES]
    rows = []
    for name in names:
        try:
            rows.append(measured(name))
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}")
            continue
        if asked.log:
            with asked.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(rows[-1]) + "\n")
    shown(rows, len(names))


if __name__ == "__main__":
    main()
