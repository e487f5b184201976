"""What a program has used when the first step of an optimizer ends, in whichever of its processes that is.

`start_watched` starts a program whose processes all watch their own optimizers. Nothing is imported for it but psutil,
and that only after the first step, so that the program imports PyTorch in its own way.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

ROOT, RESULT, STEPS = "FIRST_STEP_ROOT", "FIRST_STEP_RESULT", "FIRST_STEP_STEPS"  # variables of the environment
OPTIMIZER = "torch.optim.optimizer"
START_UP = "import first_step; first_step.watch()"


def start_watched(command: Sequence[str], steps: int) -> dict[str, float]:
    """Run a Python command until an optimizer has made so many steps in one of its processes, and end it.

    Returns: `seconds` and `cpu` (of all processes) until the first step has ended, and `bytes`: the peak of the first
    process plus the private memory of the others and their files in memory, after the last step.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(START_UP)
        result = Path(folder) / "result.json"
        paths = [folder, str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            RESULT: str(result),
            STEPS: str(steps),
        }
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, env=environment)
        if not result.exists():
            raise RuntimeError(f"{' '.join(command)} made no {steps} steps:\n{done.stderr}")
        found: dict[str, float] = json.loads(result.read_text())
        return found


def watch() -> None:
    """Watch the optimizers of this process, once it imports them."""
    os.environ.setdefault(ROOT, str(os.getpid()))
    sys.meta_path.insert(0, _AtImport())


class _AtImport(MetaPathFinder):
    """Registers the hook when PyTorch's optimizers are imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != OPTIMIZER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def executed(module: Any) -> None:
            execute(module)
            module.register_optimizer_step_post_hook(_Steps())

        loader.exec_module = executed
        return spec


class _Steps:
    """Counts steps; after the first one it notes time and CPU time, and after the last one it ends the program."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.made = 0

    def __call__(self, *_: object) -> None:
        import psutil  # noqa: PLC0415 - see above

        now = time.time()
        self.made += 1
        root = psutil.Process(int(os.environ[ROOT]))
        if self.made == 1:
            others = root.children(recursive=True)
            self.first = {"seconds": now - root.create_time(), "cpu": sum(map(_cpu_seconds, (root, *others)))}
        if self.made == int(os.environ[STEPS]):
            others = root.children(recursive=True)
            held = _peak(root.pid) + sum(map(_private, others))
            draft = Path(os.environ[RESULT] + f".{os.getpid()}")
            draft.write_text(json.dumps({**self.first, "bytes": held}))
            draft.replace(os.environ[RESULT])
            for process in (root, *others):
                os.kill(process.pid, signal.SIGKILL)


def _cpu_seconds(process: Any) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _peak(process: int) -> int:
    """Return the largest resident memory that a process of Linux has had, in bytes."""
    return _kilobytes(f"/proc/{process}/status", "VmHWM:")


def _private(process: Any) -> int:
    """Return the memory that a process has for itself, and its share of files in memory, in bytes."""
    return int(process.memory_full_info().uss) + _kilobytes(f"/proc/{process.pid}/smaps_rollup", "Pss_Shmem:")


def _kilobytes(file: str, key: str) -> int:
    lines = Path(file).read_text().splitlines()
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
