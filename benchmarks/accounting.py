"""Benchmark of full layer tables: seconds, added memory and MACs of convstudy and of other counting tools.

    uv run --group benchmarks python benchmarks/accounting.py

Every measurement runs in a separate process. Added memory is the increase of the peak resident memory, after the
network has been built and the tool has been warmed up on a small one (Linux only). Each measurement is repeated for
some seconds, at least twice; the fastest run counts, in CPU time on one thread, so that other programs have
little effect. `built` starts from a network on the CPU. `name` includes building the network: convstudy builds without
allocation, other tools on the meta device or, marked `*`, on the CPU if they do not support that. Tools that are not
installed are reported and skipped.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from convstudy.analysis import unallocated
from peers import TOOLS, available, silence

SIZES = {"resnet34": 224, "vgg16": 224, "efficientnet_b7": 600, "vit_l_16": 224}
STARTS = {
    "built": "From a built network on the CPU (goal: a fifth of the time of the fastest other tool)",
    "name": "From the name, including building (goal: two thirds of the time of the fastest other tool on meta)",
}


@dataclass(frozen=True)
class Measured:
    """Result of one tool on one network: the fastest run in seconds, added memory in MB, and reported MACs."""

    seconds: float
    megabytes: float | None
    macs: float


Results = dict[tuple[str, str], Measured | str]


@dataclass(frozen=True)
class Work:
    """A measurement to make: network, tool, whether the network is built before, device, and minimum seconds."""

    name: str
    tool: str
    start: str
    device: str
    seconds: float

    def build(self) -> nn.Module:
        """Build the network in evaluation mode; if that is measured, convstudy does not allocate its weights."""
        options = {"image_size": SIZES[self.name]} if self.name.startswith("vit") else {}
        if self.start == "name" and self.tool == "convstudy":
            with unallocated():
                network = torchvision.models.get_model(self.name, **options)
        else:
            with torch.device(self.device):
                network = torchvision.models.get_model(self.name, **options)
        evaluated: nn.Module = network.eval()
        return evaluated


def measure(work: Work) -> Measured:
    """Run a tool on a network; return the memory of the first run and the time of the fastest one."""
    torch.set_num_threads(1)
    run, shape = TOOLS[work.tool][0], (3, SIZES[work.name], SIZES[work.name])
    network = work.build() if work.start == "built" else None
    with torch.device(work.device):
        small = torchvision.models.resnet18(num_classes=10).eval()  # with most of the operations of the others
    run(small, (3, 32, 32))
    before, added, macs = resident("VmRSS"), None, 0.0
    seconds: list[float] = []
    reset_peak()
    ends = time.perf_counter() + work.seconds
    while len(seconds) < 2 or time.perf_counter() < ends:
        begin = time.process_time()
        macs = run(network or work.build(), shape)
        seconds.append(time.process_time() - begin)
        peak = resident("VmHWM")
        added = added if added is not None else peak - before if peak is not None and before is not None else None
    return Measured(min(seconds), added, macs)


def resident(field: str) -> float | None:
    """Return the resident memory in MB: current (VmRSS) or peak (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1000


def reset_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def json_of(**work: Any) -> str:
    """Return one measurement as JSON; if the tool fails, its error."""
    with silence():
        try:
            return json.dumps(asdict(measure(Work(**work))))
        except BaseException as error:
            return json.dumps(f"{type(error).__name__}: {error}".splitlines()[0][:80])


def measured(work: Work, limit: float) -> Measured | str:
    """Measure in a separate interpreter; return a text if the tool failed or exceeded the limit."""
    call = f"import accounting; print(accounting.json_of(**{asdict(work)!r}))"
    command = [sys.executable, "-W", "ignore", "-c", call]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=limit, check=True
        )
    except subprocess.TimeoutExpired:
        return f"more than {limit:.0f} s"
    except subprocess.CalledProcessError as error:
        return f"exit status {error.returncode}"
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer if isinstance(answer, str) else Measured(**answer)


def results(start: str, models: list[str], tools: list[str], *, seconds: float, limit: float) -> Results:
    """Measure every tool on every network; a tool that fails on the meta device is measured on the CPU."""
    found: Results = {}
    for name in models:
        for tool in tools:
            device = "meta" if start == "name" else "cpu"
            result = measured(Work(name, tool, start, device, seconds), limit)
            if isinstance(result, str) and device == "meta":
                result, device = measured(Work(name, tool, start, "cpu", seconds), limit), "cpu"
            label = f"{tool}*" if start == "name" and device == "cpu" else tool
            found[name, label] = result
            print(start, name, label, result, file=sys.stderr, flush=True)
    return found


def print_tables(found: Results, models: list[str]) -> None:
    """Print the tables of seconds, memory and MACs, the ratio to the fastest other tool, and the failures."""
    for title, text in (("seconds, added MB", cost_text), ("MACs", macs_text)):
        print(f"| {title} | " + " | ".join(models) + " |\n|---|" + "---|" * len(models))
        for tool in dict.fromkeys(tool for _, tool in found):
            print(f"| {tool} | " + " | ".join(text(found.get((name, tool))) for name in models) + " |")
        print()
    for name in models:
        ours = found[name, "convstudy"]
        peers = {
            tool: each.seconds
            for (other, tool), each in found.items()
            if isinstance(each, Measured) and other == name and tool != "convstudy" and not tool.endswith("*")
        }
        if peers and isinstance(ours, Measured):
            fastest = min(peers, key=lambda tool: peers[tool])
            print(f"- {name}: {ours.seconds / peers[fastest]:.3f} of the time of the fastest other tool, {fastest}")
    print("\n".join(f"- {name}, {tool}: {text}" for (name, tool), text in found.items() if isinstance(text, str)))


def cost_text(result: Measured | str | None) -> str:
    if not isinstance(result, Measured):
        return "–"
    return f"{result.seconds:.4f}" + (f", {result.megabytes:.1f}" if result.megabytes is not None else "")


def macs_text(result: Measured | str | None) -> str:
    return f"{result.macs:,.0f}" if isinstance(result, Measured) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--seconds", type=float, default=4.0, help="minimum time of each measurement")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds after which a tool is stopped")
    options = parser.parse_args()
    machine = platform.processor() or platform.machine()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {machine}, one thread")
    reasons = {tool: reason for tool, reason in available().items() if tool in options.tools}
    print("\n".join(f"{tool}: {reason}" for tool, reason in reasons.items() if reason))
    for start, title in STARTS.items():
        tools = [tool for tool, reason in reasons.items() if not reason]
        found = results(start, options.models, tools, seconds=options.seconds, limit=options.limit)
        print(f"### {title}\n")
        print_tables(found, options.models)


if __name__ == "__main__":
    main()
