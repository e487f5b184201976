"""Benchmark of `convstudy draw`: its ten properties, over torchvision's classifiers and the networks of convstudy.

    uv run python benchmarks/drawing.py
    uv run python benchmarks/drawing.py --only resnet34 torchvision:densenet121 --log drawing.jsonl
    uv run --group test python benchmarks/drawing.py --browser /usr/bin/chromium

Coverage, CPU seconds (tracing and drawing, on one thread), the page font (the smallest text when the picture is fitted
into a page of 700 x 990 px), collisions in Helvetica and in DejaVu Sans, crossings, truth (drawn edges, expanded,
against the traced ones), how far repeated blocks are folded, sizes, and the smallest text at a width of 3.25 in. With
`--browser`, Chromium renders each SVG, and the places of its text there are compared: labels on each other, and labels
that are wider than their box.
"""

from __future__ import annotations

import argparse
import json
import re
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
LEAST = {"overview": 7, "blocks": 7, "layers": 7}
SLOW = 10  # seconds
LARGE = 500  # nodes
FOLDED = {  # the most volumes and opened blocks at the default level
    "torchvision:resnet152": (15, 3),
    "torchvision:densenet121": (16, 2),
    "torchvision:googlenet": (18, 1),
    "torchvision:vit_b_16": (4, 1),
}


def measured(name: str, pictures: list[tuple[str, str]]) -> dict[str, Any]:
    """Draw one network at all levels, measure the pictures, and add them to a list."""
    started = time.process_time()
    at = network_at_inputs(name, Inputs())
    graph = at.graph()
    found: dict[str, Any] = {"network": name, "trace": time.process_time() - started, "nodes": len(graph.nodes)}
    summary = convstudy.summary(name).totals
    for level in LEVELS:
        started = time.process_time()
        picture = draw_graph(at.name, graph, level=level)
        svg = picture.svg
        pictures.append((f"{name} {level}", svg))
        seconds = time.process_time() - started
        started = time.process_time()
        again = draw_graph(at.name, graph, level=level).svg
        seconds = min(seconds, time.process_time() - started)
        scene, layers = picture.scene, picture.layers
        drawn = layers.expanded(scene.edges)
        scale = min(PAGE[0] / scene.width, PAGE[1] / scene.height, 1)
        narrow = draw_graph(at.name, graph, level=level, width="3.25in")
        texts = scene.texts()
        found[level] = {
            "volumes": sum(bool(re.fullmatch(r"\d+(×\d+)*", t.text)) and t.fill == "muted" for t in texts),
            "opened": sum(bool(re.search(r", \d+×", text.text)) and text.bold for text in texts),
            "seconds": seconds,
            "size": [round(scene.width), round(scene.height)],
            "page font": min(text.size for text in texts) * scale,
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
            "same": svg == again,
            "points at 3.25 in": narrow.smallest_text,
        }
    totals = picture.layers.totals
    found["totals"] = (totals["parameters"], totals["macs"]) == (summary.parameters, summary.macs)
    every = picture.layers.layers.values()
    found["dense"] = sum(volume(each).width for each in every if each.kind == "fc" and each.side == 1) / sum(
        volume(each).width for each in every
    )
    return found


MEASURE = """() => [...document.querySelectorAll("text")].map((text) => {
  const found = text.getBoundingClientRect(), size = parseFloat(getComputedStyle(text).fontSize);
  const scale = found.width / (text.hasAttribute("transform") ? text.getBBox().height : text.getBBox().width);
  const base = text.ownerSVGElement.getBoundingClientRect().top + scale * text.getAttribute("y");
  const turned = text.hasAttribute("transform"), middle = (found.left + found.right) / 2, group = text.closest("g");
  const rect = group && group.querySelector("rect"), box = rect && rect.getBoundingClientRect();
  return {
    text: text.textContent,
    left: turned ? middle - 0.47 * size * scale : found.left,
    right: turned ? middle + 0.47 * size * scale : found.right,
    top: turned ? found.top : base - 0.72 * size * scale,
    foot: turned ? found.bottom : base + 0.21 * size * scale,
    escapes: box ? found.left < box.left - 0.05 || found.right > box.right + 0.05 : false,
  };
})"""


def in_browser(pictures: list[tuple[str, str]], browser: Path) -> None:
    """Print how many labels are on each other or wider than their box where a browser renders the pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    overlapping, escaping, labels = [], [], 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(browser), args=["--no-sandbox"])
        page = chromium.new_page()
        for name, svg in pictures:
            page.set_content(f"<!doctype html>{svg}")
            found = sorted(page.evaluate(MEASURE), key=lambda box: box["left"])
            labels += len(found)
            escaping += [(name, box["text"]) for box in found if box["escapes"]]
            for number, one in enumerate(found):
                for two in found[number + 1 :]:
                    if two["left"] >= one["right"] - 0.05:
                        break
                    if min(one["foot"], two["foot"]) - max(one["top"], two["top"]) > 0.05:
                        overlapping.append((name, one["text"], two["text"]))
        version = chromium.version
        chromium.close()
    print(f"   Chromium {version}: {len(pictures)} pictures, {labels} labels, {len(overlapping)} pairs on each other,")
    print(f"   {len(escaping)} wider than their box {[*overlapping, *escaping][:3] or ''}")


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
    print(f"   CPU seconds, traced and drawn: at most {max(seconds):.2f} (bar {SLOW})")
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
    for row in rows:
        if row["network"] in FOLDED:
            drawn, most = row["blocks"], FOLDED[row["network"]]
            print(f"5  {row['network']}: {drawn['volumes']} volumes, {drawn['opened']} opened blocks (at most {most}),")
            print(f"   {drawn['size'][0]} x {drawn['size'][1]} px; all layers: {row['layers']['bytes']:,} bytes")
    print(f"6  dense layers, share of the width: at most {max(row['dense'] for row in rows):.3f}")
    print(f"7  totals equal to the summary: {sum(row['totals'] for row in rows)} of {len(rows)}")
    largest = max((row["layers"]["bytes"], row["network"]) for row in rows)
    print(f"8  largest SVG: {largest[1]}, {largest[0]:,} bytes")
    print(f"9  pictures with text below 7 pt at 3.25 in: {total['below 7 pt at 3.25 in']} of {3 * len(rows)}")
    print(f"10 pictures not the same twice: {total['not the same bytes']}")
    for what, some in (
        (f"of at most {LARGE} nodes", [row for row in rows if row["nodes"] <= LARGE]),
        ("of all", rows),
    ):
        took = max((row[level]["seconds"], row["network"], row["nodes"]) for row in some for level in LEVELS)
        print(f"   slowest drawing {what}: {took[1]}, {took[2]} nodes, {took[0]:.3f} CPU seconds")
    print(f"   import: {import_seconds():.3f} CPU seconds")


def main() -> None:
    """Measure, log and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--log", type=Path)
    parser.add_argument("--browser", type=Path, help="path of Chromium, which then renders all pictures, too")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    known = [f"torchvision:{name}" for name in torchvision.models.list_models(module=torchvision.models)]
    names = asked.only or [*known, *ARCHITECTURES]
    rows = []
    pictures: list[tuple[str, str]] = []
    for name in names:
        try:
            rows.append(measured(name, pictures))
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}")
            continue
        if asked.log:
            with asked.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(rows[-1]) + "\n")
    shown(rows, len(names))
    if asked.browser:
        in_browser(pictures, asked.browser)


if __name__ == "__main__":
    main()
