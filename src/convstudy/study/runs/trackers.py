"""Experiment trackers: runs logged to TensorBoard, Weights & Biases and MLflow through their own libraries.

`epochs.csv` is written in any case. The files of a tracker are also in the run's folder, if the tracker allows that.
"""

from __future__ import annotations

import importlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from types import ModuleType
from typing import Any, Protocol

from convstudy.errors import StudyError, UnknownNameError
from convstudy.study.runs.events import EpochEnded, Event, OnEvent, RunEnded, RunStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.training import Epoch


class Tracker(Protocol):
    """Log of one run in one tracker. When a run is resumed, its earlier epochs are logged again."""

    def begin(self, folder: RunFolder, name: str, settings: dict[str, Any]) -> None: ...
    def log(self, values: dict[str, float], epoch: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in `tensorboard/` of the run's folder; rewritten when a run is resumed, to avoid duplicates."""

    def __init__(self) -> None:
        _needed("tensorboard")
        self._tensorboard = importlib.import_module("torch.utils.tensorboard")

    def begin(self, folder: RunFolder, name: str, settings: dict[str, Any]) -> None:
        log_dir = folder.path / "tensorboard"
        shutil.rmtree(log_dir, ignore_errors=True)
        self._writer = self._tensorboard.SummaryWriter(str(log_dir))
        lines = "\n".join(f"| {key} | {value} |" for key, value in settings.items())
        self._writer.add_text(name, f"| setting | value |\n|---|---|\n{lines}")

    def log(self, values: dict[str, float], epoch: int) -> None:
        for key, value in values.items():
            self._writer.add_scalar(key, value, epoch)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run in the project `convstudy`, or WANDB_PROJECT; WANDB_MODE=offline works without a network."""

    def __init__(self) -> None:
        self._wandb = _needed("wandb")

    def begin(self, folder: RunFolder, name: str, settings: dict[str, Any]) -> None:
        run_id = sha256(f"{folder.path.resolve()} {sorted(settings.items())}".encode()).hexdigest()[:16]
        project = {} if "WANDB_PROJECT" in os.environ else {"project": "convstudy"}
        folder.path.mkdir(parents=True, exist_ok=True)
        self._run = self._wandb.init(
            **project, id=run_id, name=name, dir=str(folder.path), config=settings, resume="allow"
        )

    def log(self, values: dict[str, float], epoch: int) -> None:
        self._run.log(values, step=epoch)

    def close(self) -> None:
        self._run.finish()


class MLflow:
    """A run in the experiment `convstudy`, or MLFLOW_EXPERIMENT_NAME, at MLFLOW_TRACKING_URI."""

    def __init__(self) -> None:
        self._mlflow = _needed("mlflow")

    def begin(self, folder: RunFolder, name: str, settings: dict[str, Any]) -> None:
        if "MLFLOW_EXPERIMENT_NAME" not in os.environ:
            self._mlflow.set_experiment("convstudy")
        stored = folder.path / "mlflow-run.txt"
        run = self._mlflow.start_run(run_id=stored.read_text().strip() if stored.exists() else None, run_name=name)
        if not stored.exists():
            folder.path.mkdir(parents=True, exist_ok=True)
            stored.write_text(f"{run.info.run_id}\n", encoding="utf-8")
            self._mlflow.log_params(settings)

    def log(self, values: dict[str, float], epoch: int) -> None:
        self._mlflow.log_metrics(values, step=epoch)

    def close(self) -> None:
        self._mlflow.end_run()


TRACKERS: Mapping[str, Callable[[], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


def open_trackers(names: Sequence[str]) -> tuple[Tracker, ...]:
    """Return the trackers of these names, each once.

    Raises: UnknownNameError, for an unknown tracker; StudyError, if its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UnknownNameError("tracker", name, TRACKERS)
    return tuple(TRACKERS[name]() for name in dict.fromkeys(names))


@contextmanager
def logged(
    trackers: Sequence[Tracker], folder: RunFolder, settings: dict[str, Any], on_event: OnEvent
) -> Iterator[OnEvent]:
    """Yield an `on_event` that forwards every event and logs those of one run to the trackers; close them at the end.

    Raises: StudyError, if a tracker cannot start.
    """
    begun: list[Tracker] = []

    def take(event: Event) -> None:
        on_event(event)
        if isinstance(event, RunStarted):
            for tracker in trackers:
                _begin(tracker, folder, f"{event.model}, seed {event.seed}", settings)
                begun.append(tracker)
        elif isinstance(event, EpochEnded):
            _log(begun, _metrics(event.epoch), event.epoch.epoch)
        elif isinstance(event, RunEnded) and begun:
            _log(begun, {"top1/test": folder.record()["top1"]}, len(folder.epochs_so_far()))

    try:
        yield take
    finally:
        for tracker in begun:
            tracker.close()


def _begin(tracker: Tracker, folder: RunFolder, name: str, settings: dict[str, Any]) -> None:
    try:
        tracker.begin(folder, name, settings)
    except Exception as error:  # of a tracker's library or its server
        raise StudyError(f"the tracker {_name(tracker)} cannot start: {_reason(error)}") from error


def _metrics(epoch: Epoch) -> dict[str, float]:
    return {
        "loss/train": epoch.train_loss,
        "loss/validation": epoch.validation_loss,
        "top1/train": epoch.train_top1,
        "top1/validation": epoch.validation_top1,
        "lr": epoch.lr,
        "seconds": epoch.seconds,
    }


def _log(begun: list[Tracker], values: dict[str, float], epoch: int) -> None:
    for tracker in list(begun):
        try:
            tracker.log(values, epoch)
        except Exception as error:  # such as a server that is not reachable: training continues without the tracker
            begun.remove(tracker)
            text = f"the tracker {_name(tracker)} stopped at epoch {epoch}: {_reason(error)}"
            warnings.warn(f"{text}; training continues, and epochs.csv has every epoch", stacklevel=2)


def _name(tracker: Tracker) -> str:
    return next(name for name, kind in TRACKERS.items() if type(tracker) is kind)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level of dotted names.

    >>> flat({"seed": 1, "recipe": {"lr": 0.1}})
    {'seed': 1, 'recipe.lr': 0.1}
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _needed(package: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == package
        problem = "is not installed" if absent else f"cannot be imported ({error})"
        raise StudyError(
            f"`log` {package} needs the package {package}, which {problem}; run `pip install convstudy[{package}]`",
            setting="log",
        ) from None
