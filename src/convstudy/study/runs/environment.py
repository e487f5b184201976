"""Where a comparison ran: the device it uses, the versions and the hardware."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from convstudy.errors import StudyError
from convstudy.processes import Place, place

PACKAGES = ("convstudy", "torch", "torchvision", "numpy", "scipy", "statsmodels", "scikit-learn")


def choose_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one, else Apple's MPS, else the CPU.

    Raises: StudyError, when the device is not there.

    Of several processes each gets a GPU of its own, where there are GPUs; else they share the CPU.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if not place().alone:
        return _device_of_several(name, place())
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, available in there.items() if available))
    kind = name.partition(":")[0]
    if kind not in there:
        raise StudyError(f"--device is '{name}'; expected auto, cpu, cuda, cuda:N or mps")
    if not there[kind]:
        raise StudyError(
            f"--device is '{name}', but torch sees no {kind} device here; `--device auto` takes what there is"
        )
    return torch.device(name)


def _device_of_several(name: str, here: Place) -> torch.device:
    gpus = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and not gpus):
        return torch.device("cpu")
    if name not in {"auto", "cuda"}:
        raise StudyError(f"--device is '{name}'; expected auto, cuda or cpu, for {here.world} processes share the work")
    if here.local_world > gpus:
        raise StudyError(
            f"{here.local_world} processes need a GPU each, and torch sees {gpus} here; "
            f"{f'--nproc-per-node {gpus}' if gpus else '--device cpu'} takes what there is"
        )
    return torch.device("cuda", torch.cuda.current_device())


def make_deterministic(device: torch.device) -> None:
    """Ask for the same bits from the same seed. The CPU gives them as it is."""
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)


def describe(device: torch.device, threads: int, jobs: int) -> dict[str, str | int]:
    """Versions and hardware, for the record."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads of a run": threads,
        "runs side by side": jobs,
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
