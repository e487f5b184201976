"""Coverage of timm: how many of its models are counted fully, with unknown operations, or not at all.

    uv run --extra timm python benchmarks/timm_models.py

Each model is built without weights and counted at the input size of its configuration. It is counted fully if every
operation has a formula and the number of parameters equals torch's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import time
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import timm
import torch
from torch import nn

from convstudy.analysis import LayerTable, count, unallocated


@dataclass(frozen=True)
class Outcome:
    """Outcome for one model: whether it was counted, the time, and the reason if not."""

    name: str
    family: str
    fate: str
    seconds: float
    reason: str = ""


def outcome(name: str) -> Outcome:
    """Build and count one model."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    family, started = timm.models.model_entrypoint(name).__module__.rpartition(".")[2], time.perf_counter()
    try:
        table, parameters = counted(name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        return Outcome(name, family, "fails", time.perf_counter() - started, reason)
    seconds = time.perf_counter() - started
    if table.totals.parameters != parameters:
        return Outcome(name, family, "fails", seconds, f"{table.totals.parameters} parameters, torch has {parameters}")
    if table.uncounted:
        reason = ", ".join(sorted({unknown.operation for unknown in table.uncounted}))
        return Outcome(name, family, "unknown operation", seconds, reason)
    return Outcome(name, family, "full", seconds)


def counted(name: str) -> tuple[LayerTable, int]:
    """Return the table of a model, and the number of its parameters according to torch."""
    network = built(name)
    config = timm.models.get_pretrained_cfg(name)
    size = config.input_size if config else (3, 224, 224)
    return count(network, tuple(size)), sum(parameter.numel() for parameter in network.parameters())


def built(name: str) -> nn.Module:
    """Build a model, if possible without allocation; a few models read the values of their weights when built."""
    try:
        with unallocated():
            network: nn.Module = timm.create_model(name)
    except Exception:
        network = timm.create_model(name)
    return network


def print_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Print the table of counts, the times, and each model that was not counted fully."""
    found = sorted(outcomes, key=lambda each: each.name)
    fates = Counter(each.fate for each in found)
    families = {each.family for each in found}
    seconds = [each.seconds for each in found]
    print("| models | families | counted fully | with an unknown operation | failed |\n|---|---|---|---|---|")
    print(f"| {len(found)} | {len(families)} | {fates['full']} | {fates['unknown operation']} | {fates['fails']} |\n")
    slowest = max(found, key=lambda each: each.seconds)
    print(
        f"Seconds per model, including building: median {median(seconds):.2f}, "
        f"longest {slowest.seconds:.1f} ({slowest.name}), total {sum(seconds):.0f}."
    )
    for each in found:
        if each.fate != "full":
            print(f"- `{each.name}` ({each.family}): {each.fate}: {each.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="", help="a pattern, as for timm.list_models")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    names = timm.list_models(options.models)
    print(f"timm {timm.__version__}, torch {torch.__version__}, Python {platform.python_version()}\n")
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        print_outcomes(pool.imap_unordered(outcome, names, chunksize=4))


if __name__ == "__main__":
    main()
