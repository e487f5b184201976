"""Time to write the report of a large study, and its size: 20 networks x 10 seeds, 10,000 test images.

    uv run python benchmarks/report_drawing.py

The runs are simulated and stored as those of a comparison. `convstudy report` is timed in a separate process, from its
start to the complete file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from convstudy.data import ImageSet
from convstudy.data.image_set import numbered
from convstudy.study import ComparisonFolder, RunFolder, write_findings
from convstudy.study.comparisons.activation_maps import LARGEST_SIDE, MOST_MAPS
from convstudy.study.comparisons.findings import findings_of
from convstudy.study.comparisons.results import (
    ActivationMap,
    DataDescription,
    Findings,
    MapSource,
    Protocol,
    ShownImage,
)
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.models.entrant import Entrant
from convstudy.training import Epoch

CLASSES = tuple(f"class {number}" for number in range(10))
EPOCHS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--images", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = ComparisonFolder(Path(root) / "study")
        started = time.perf_counter()
        make(folder, asked.networks, asked.seeds, asked.images)
        print(f"results computed and stored in {time.perf_counter() - started:.1f} s")
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "convstudy", "report", folder.path], check=True, capture_output=True)
        seconds = time.perf_counter() - started
        size = (folder.path / "report.html").stat().st_size
    what = f"{asked.networks} networks x {asked.seeds} seeds on {asked.images:,} images"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(f"{what}: report written in {seconds:.1f} s ({cpu:.1f} CPU-seconds), {size / 1e6:.2f} MB")


def make(folder: ComparisonFolder, networks: int, seeds: int, images: int) -> None:
    """Write a finished comparison on color images of 32 x 32, with the maximum number of activation maps."""
    random = np.random.default_rng(0)
    labels = random.integers(0, len(CLASSES), images)
    names = [f"network-{number:02}" for number in range(networks)]
    runs = {(name, seed): folder.run(name, seed) for seed in range(seeds) for name in names}
    folder.claim({"models": names, "folders": names, "seeds": list(range(seeds))})
    hard = random.normal(0, 1, images)
    for place, ((name, seed), run) in enumerate(runs.items()):
        write_run(run, name, seed, labels, hard, np.random.default_rng(place))
    entrants = [
        Entrant(
            name=name,
            folder=name,
            code="",
            input_shape=(3, 32, 32),
            num_classes=len(CLASSES),
            parameters=270_000,
            macs=40_000_000,
            activation_size=600_000,
        )
        for name in names
    ]
    data = DataDescription(
        name="made up",
        source="made up",
        class_names=CLASSES,
        image_shape=(3, 32, 32),
        train=45_000,
        validation=5_000,
        test=images,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        notes=(),
        fingerprint="",
        findings=(),
    )
    protocol = Protocol(data=data, recipe={"epochs": EPOCHS}, seeds=tuple(range(seeds)), command="convstudy")
    found = findings_of(entrants, runs, protocol, {})
    write_findings(folder, with_images(found, labels, names, random))


def write_run(
    run: RunFolder,
    name: str,
    seed: int,
    labels: npt.NDArray[np.int64],
    hard: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    logits = random.normal(0, 1, (len(labels), len(CLASSES))).astype(np.float32)
    logits[np.arange(len(labels)), labels] += (3.5 - hard).astype(np.float32)
    answers = pd.DataFrame(logits, columns=[f"logit_{number}" for number in range(len(CLASSES))])
    answers.insert(0, "id", list(numbered("test", len(labels))))
    answers.insert(1, "label", labels)
    run.path.mkdir(parents=True)
    answers.to_parquet(run.path / "predictions.parquet", index=False)
    run.write_epochs([Epoch(n, 0.1, 2 / n, 0.5, 2 / n, 1 - 1 / n, 10.0) for n in range(1, EPOCHS + 1)])
    measured = {"train_seconds": 500.0, "images_per_second": 4_500.0, "latency_ms": 1.0, "lr": 0.1, "lr_grid": []}
    (run.path / "run.json").write_text(json.dumps({"model": name, "seed": seed, **measured}))


def with_images(
    found: Findings, labels: npt.NDArray[np.int64], names: list[str], random: np.random.Generator
) -> Findings:
    pixels = random.integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    answers = GivenAnswers(ImageSet(pixels, labels, numbered("test", len(labels))), found.runs)
    most = max(MOST_MAPS // (2 * len(names)), 1)

    def mapped(images: tuple[ShownImage, ...]) -> tuple[ShownImage, ...]:
        side = (LARGEST_SIDE, LARGEST_SIDE)
        maps = [ActivationMap(name, 0, random.integers(0, 256, side, dtype=np.uint8)) for name in names]
        return tuple(replace(image, maps=tuple(maps) if n < most else ()) for n, image in enumerate(images))

    return replace(
        found,
        mistaken=mapped(answers.most_mistaken()),
        disagreed=mapped(answers.most_disagreed()),
        disagreements=int(answers.differing().sum()),
        map_sources=tuple(MapSource(name, layer="layer4") for name in names),
    )


if __name__ == "__main__":
    main()
