"""Seconds, added memory and MACs of one full layer table: ours against the tools that people use, in one run.

    uv run --group benchmarks python benchmarks/accounting.py

Every measurement is made in a process of its own, so that a tool's memory is its own: the peak of the resident memory
over what it was before, with the network built and the tool warmed up on a small one (Linux; elsewhere it is left out).
Of several repetitions the fastest counts. `built` starts from a network on the CPU; `name` from nothing, building
included: ours without allocating, a peer on the meta device where it can, else on the CPU. A tool that is not installed
is skipped, and said so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import count, unallocated

SIZES = {"resnet34": 224, "vgg16": 224, "efficientnet_b7": 600, "vit_l_16": 224}
Shape = tuple[int, int, int]


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
        network, shape, print_per_layer_stat=False, as_strings=False, verbose=False, backend="aten"
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


@dataclass(frozen=True)
class Measured:
    """One tool on one network: the fastest run in seconds, the memory it added in MB, the MACs that it says."""

    seconds: float
    megabytes: float | None
    macs: float


def build(name: str, tool: str, start: str) -> nn.Module:
    """A network in evaluation: on the CPU if it is given built, else where the tool works without its weights."""
    options = {"image_size": SIZES[name]} if name.startswith("vit") else {}
    if start == "name" and tool == "convstudy":
        with unallocated():
            network = torchvision.models.get_model(name, **options)
    else:
        with torch.device("meta" if start == "name" else "cpu"):
            network = torchvision.models.get_model(name, **options)
    evaluated: nn.Module = network.eval()
    return evaluated


def small(start: str) -> nn.Module:
    """A network to warm a tool up on, with most of the operations of the others."""
    with torch.device("meta" if start == "name" else "cpu"):
        return torchvision.models.resnet18(num_classes=10).eval()  # type: ignore[no-any-return]


def measure(name: str, tool: str, start: str, repeat: int) -> Measured:
    """Run a tool on a network; the first run's memory, the fastest run's time."""
    shape = (3, SIZES[name], SIZES[name])
    network = build(name, tool, "built") if start == "built" else None
    TOOLS[tool][0](small(start), (3, 32, 32))
    before, seconds, macs, added = resident("VmRSS"), [], 0.0, None
    reset_peak()
    for _ in range(repeat):
        begin = time.perf_counter()
        macs = TOOLS[tool][0](network or build(name, tool, start), shape)
        seconds.append(time.perf_counter() - begin)
        peak = resident("VmHWM")
        added = added if added is not None else peak - before if peak is not None and before is not None else None
    return Measured(min(seconds), added, macs)


def resident(field: str) -> float | None:
    """Resident memory in MB: now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1000


def reset_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


@contextmanager
def silence() -> Iterator[None]:
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), warnings.catch_warnings(action="ignore"):
        yield


def child(connection: Connection, *work: Any) -> None:
    with silence():
        try:
            connection.send(measure(*work))
        except BaseException as error:  # whatever a tool dies of is its result
            connection.send(f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"[:60])


def measured(*work: Any, limit: float) -> Measured | str:
    """Measure in a process of its own; a text where the tool failed or took too long."""
    if work[1] == "torchlens":  # it refuses to work in a process that multiprocessing has started
        return measured_apart(*work, limit=limit)
    receiving, sending = multiprocessing.Pipe(duplex=False)
    way: Any = multiprocessing.get_context("fork")
    process = way.Process(target=child, args=(sending, *work))
    process.start()
    answer = receiving.recv() if receiving.poll(limit) else f"more than {limit:.0f} s"
    process.kill()
    process.join()
    result: Measured | str = answer
    return result


def measured_apart(*work: Any, limit: float) -> Measured | str:
    """The same in an interpreter of its own, which writes the record on one line."""
    call = f"import accounting; accounting.torch.set_num_threads(1); print(accounting.json_of{work!r})"
    command = [sys.executable, "-W", "ignore", "-c", call]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=limit + 30, check=True
        )
    except subprocess.TimeoutExpired:
        return f"more than {limit:.0f} s"
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip().splitlines()[-1][:60]
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def json_of(*work: Any) -> str:
    """One measurement as JSON."""
    with silence():
        return json.dumps(asdict(measure(*work)))


def available() -> dict[str, str | None]:
    """Each tool, with the reason when it is not there."""
    found: dict[str, str | None] = {}
    for tool, (_, module) in TOOLS.items():
        try:
            with silence():
                importlib.import_module(module)
            found[tool] = None
        except ImportError as error:
            found[tool] = f"skipped: {error}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a tool is stopped")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, {platform.processor() or platform.machine()}, 1 thread, best of {options.repeat}"
    )
    tools = available()
    for tool, reason in tools.items():
        if reason:
            print(f"{tool}: {reason}")
    for start in ("built", "name"):
        print(f"\n{'network':<16}{'from':<7}{'tool':<17}{'seconds':>9}{'x ours':>8}{'MB added':>10}{'MACs':>17}")
        for name in options.models:
            reference = None
            for tool in (tool for tool, reason in tools.items() if not reason):
                result = measured(name, tool, start, options.repeat, limit=options.limit)
                if isinstance(result, str):
                    print(f"{name:<16}{start:<7}{tool:<17}  {result}")
                    continue
                reference = reference or result.seconds
                memory = f"{result.megabytes:>10.1f}" if result.megabytes is not None else f"{'-':>10}"
                ratio = result.seconds / reference
                print(
                    f"{name:<16}{start:<7}{tool:<17}{result.seconds:>9.4f}{ratio:>8.1f}{memory}{result.macs:>17,.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
