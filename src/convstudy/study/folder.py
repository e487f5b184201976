"""The folders of runs and comparisons: where everything is, what it belongs to, and how it is written and read back.

study.yaml                 what was asked, for people: `convstudy compare -c` does it again
comparison.json            what was asked, so that nothing of another comparison is mixed in
start.json                 protocol and costs, known before any training: a report can be drawn at any time
budget.json                where a budget is given: what each network's epochs cost, and how many it has
<network>/seed-<n>/        a run; `convstudy train` writes one alone, with what it was asked as train.json, recipe.yaml
    epochs.csv             the metrics of each epoch, written as they come
    model.py               a copy of the user's own file that the network is made from, where there is one
    weights.safetensors    the weights after the last epoch
    predictions.parquet    id, label and logits of each test image
    run.json               configuration and measurements: written last, so a folder that has it is complete
    checkpoint.pt          while the run is not complete
    lr-<rate>/             a training of a grid of learning rates: epochs.csv, trial.json, weights while they are needed
imported.json              the networks whose predictions were imported, and their seeds
mistaken.npz               the test images most often mistaken
results.json  results.csv  report.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.torch import save_model
from torch import nn

from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.study.results import RunResult
from convstudy.training import Epoch


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def head_checkpoint(self) -> Path:
        """Of the epochs in which the last linear layer is trained alone, before the whole network is."""
        return self.path / "checkpoint-head.pt"

    def trial(self, lr: float) -> RunFolder:
        """Of one training of a grid of learning rates."""
        return RunFolder(self.path / f"lr-{lr!r}")

    @property
    def trials(self) -> tuple[RunFolder, ...]:
        """Of the trainings of a grid that have begun, in the order of their learning rates."""
        begun = sorted(self.path.glob("lr-*"), key=lambda path: float(path.name.removeprefix("lr-")))
        return tuple(RunFolder(path) for path in begun)

    @property
    def complete(self) -> bool:
        return (self.path / "run.json").exists()

    def write(
        self,
        network: nn.Module,
        epochs: Sequence[Epoch],
        ids: Sequence[str],
        labels: npt.NDArray[np.int64],
        logits: npt.NDArray[np.float32],
        record: dict[str, Any],
    ) -> None:
        """Write what a finished run leaves, `run.json` last; then the checkpoint is no longer needed."""
        with whole_file(self.path / "weights.safetensors") as draft:
            save_model(network, str(draft))
        self.write_epochs(epochs)
        answers = pd.DataFrame(logits, columns=[f"logit_{index}" for index in range(logits.shape[1])])
        answers.insert(0, "id", list(ids))
        answers.insert(1, "label", labels)
        with whole_file(self.path / "predictions.parquet") as draft:
            answers.to_parquet(draft, index=False)
        write_json(self.path / "run.json", record)
        for checkpoint in (self.checkpoint, self.head_checkpoint):
            checkpoint.unlink(missing_ok=True)
        for trial in self.trials:  # the best one's are the run's
            (trial.path / "weights.safetensors").unlink(missing_ok=True)

    def write_epochs(self, epochs: Sequence[Epoch]) -> None:
        """Write the metrics of the epochs so far."""
        with whole_file(self.path / "epochs.csv") as draft:
            pd.DataFrame([asdict(epoch) for epoch in epochs]).to_csv(draft, index=False)

    def record(self) -> dict[str, Any]:
        """What `run.json` holds."""
        record: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return record

    def epochs_so_far(self) -> tuple[Epoch, ...]:
        """The metrics of the epochs that have ended."""
        if not (self.path / "epochs.csv").exists():
            return ()
        epochs = pd.read_csv(self.path / "epochs.csv").to_dict("records")
        return tuple(Epoch(**{str(key): value for key, value in epoch.items()}) for epoch in epochs)

    def read(self) -> RunResult:
        """The run's learning curve and test answers."""
        record = self.record()
        answers = pd.read_parquet(self.path / "predictions.parquet")
        return RunResult(
            record["model"],
            record["seed"],
            self.epochs_so_far(),
            answers["label"].to_numpy(np.int64),
            answers.filter(like="logit_").to_numpy(np.float32),
        )


@dataclass(frozen=True)
class ComparisonFolder:
    """The folder of one comparison."""

    path: Path

    @property
    def start(self) -> Path:
        """What is known before any training."""
        return self.path / "start.json"

    @property
    def budget(self) -> Path:
        """What each network gets of the budget."""
        return self.path / "budget.json"

    def run(self, model_folder: str, seed: int) -> RunFolder:
        return RunFolder(self.path / model_folder / f"seed-{seed}")

    def check(self, identity: dict[str, Any]) -> None:
        """Find that the folder is that of the comparison with this identity, or nobody's.

        Raises: StudyError, when it holds something else.
        """
        if (self.path / "comparison.json").exists():
            refuse_another(self.path, "comparison", self.identity(), identity)
        else:
            refuse_strangers(self.path, "comparison")

    def claim(self, identity: dict[str, Any]) -> None:
        """Make the folder that of the comparison with this identity, or find that it is.

        Raises: as `check`; nothing is written then.
        """
        self.check(identity)
        if not (self.path / "comparison.json").exists():
            write_json(self.path / "comparison.json", identity)

    def imported(self) -> dict[str, dict[str, Any]]:
        """The networks whose predictions were imported: of each its folder and its seeds."""
        path = self.path / "imported.json"
        register: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return register

    def identity(self) -> dict[str, Any]:
        """What `comparison.json` holds. Raises: StudyError, when there is no comparison here."""
        path = self.path / "comparison.json"
        if not path.exists():
            raise StudyError(f"{self.path} holds no comparison; expected a folder that `convstudy compare` has written")
        try:
            identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StudyError(f"{path} cannot be read ({error}); choose another --output") from error
        return identity


def refuse_strangers(path: Path, kind: str) -> None:
    """Raises: StudyError, when there is anything at `path` already."""
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise StudyError(f"{path} is there and holds no {kind}; choose another --output")


def refuse_another(path: Path, kind: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Raises: StudyError, with the first choice in which what a folder holds differs from what is asked."""
    stored, asked = dict(_flat(there)), dict(_flat(here))
    differing = {key for key in stored.keys() | asked.keys() if stored.get(key) != asked.get(key)}
    if differing == {"data.fingerprint"}:
        raise StudyError(
            f"{path} was begun with other images or labels: {there['data']['name']} has changed since; "
            "put the data back as they were, or choose another --output"
        )
    for key in [*asked, *stored]:
        if key in differing:
            raise StudyError(
                f"{path} holds another {kind}: {key} is {stored.get(key, 'not set')} there and "
                f"{asked.get(key, 'not set')} here; choose another --output"
            )


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(inner)
