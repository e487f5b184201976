"""Environment of a comparison: device, package versions and hardware."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from convstudy.errors import StudyError
from convstudy.processes import Place, place
from convstudy.wording import plural

PACKAGES = ("convstudy", "torch", "torchvision", "numpy", "scipy", "statsmodels", "scikit-learn")


def choose_device(name: str) -> torch.device:
    """Return the torch device of a name; `auto` is the GPU if there is one, else Apple's MPS, else the CPU.

    If several processes train together, each gets its own GPU; without GPUs, they share the CPU.

    Raises: StudyError, if the name is unknown or the device is not available.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if not place().alone:
        return _device_of_several(name, place())
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, usable in available.items() if usable))
    kind = name.partition(":")[0]
    if kind not in available:
        raise StudyError(f"device is '{name}'; expected auto, cpu, cuda, cuda:N or mps", setting="device")
    if not available[kind]:
        raise StudyError(
            f"device is '{name}', but torch finds no {kind} device on this machine; `device` auto uses what is "
            "available",
            setting="device",
        )
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise StudyError(f"device is '{name}'; expected auto, cpu, cuda, cuda:N or mps", setting="device") from error
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if device.index is not None and device.index >= count:
        raise StudyError(
            f"device is '{name}', but this machine has {plural(count, f'{kind} device')}, numbered from 0",
            setting="device",
        )
    return device


def _device_of_several(name: str, here: Place) -> torch.device:
    gpus = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and not gpus):
        return torch.device("cpu")
    if name not in {"auto", "cuda"}:
        raise StudyError(
            f"device is '{name}'; expected auto, cuda or cpu, because {here.world} processes train together",
            setting="device",
        )
    if here.local_world > gpus:
        advice = f"start torchrun with --nproc-per-node {gpus}" if gpus else "set `device` to cpu"
        raise StudyError(
            f"{here.local_world} processes need one GPU each, but torch finds {gpus} on this machine; {advice}",
            setting="device",
        )
    return torch.device("cuda", torch.cuda.current_device())


def make_deterministic(device: torch.device) -> None:
    """Make torch compute the same bits from the same seed on a GPU; on the CPU it does so by default."""
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)


def describe(device: torch.device, threads: int, jobs: int, processes: int) -> dict[str, str | int]:
    """Return the date, package versions and hardware, for the results of a comparison."""
    return {
        "date": datetime.datetime.now().astimezone().date().isoformat(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "threads_per_run": threads,
        **({"processes_per_run": processes} if processes > 1 else {}),
        "parallel_runs": jobs,
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def processor() -> str:
    """Return the model name of the processor, or its architecture where the system does not say it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
