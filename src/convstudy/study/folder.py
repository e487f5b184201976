"""The folders of runs and comparisons: where everything is, what it belongs to, and how it is written and read back.

study.yaml                 what was asked, for people: `convstudy compare -c` does it again
comparison.json            what was asked, so that nothing of another comparison is mixed in
start.json                 protocol and costs, known before any training: a report can be drawn at any time
budget.json                where a budget is given: what each network's epochs cost, and how many it has
<network>/seed-<n>/        a run; `convstudy train` writes one alone, with what it was asked as train.json, recipe.yaml
    epochs.csv             the metrics of each epoch, written as they come
    model.py               a copy of the user's own file that the network is made from, where there is one
    weights.safetensors    the weights after the last epoch
    predictions.parquet    id (where it lies in the data), label and logits of each test image
    run.json               configuration and measurements: written last, so a folder that has it is complete
    checkpoint.pt          while the run is not complete; and checkpoint-head.pt, of a frozen backbone's epochs
    process.json           the process that works on the run, while it does; left behind where it was killed
    failed.json            the error that ended the run, until it is done again
    lr-<rate>/             a training of a grid of learning rates: epochs.csv, trial.json, weights while they are needed
imported.json              the networks whose predictions were imported, and their seeds
images.npz                 the test images that the report shows, with what the networks answered and where they looked
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

MIXED = ", or --allow-mixed, which marks in the report what is not of one protocol"


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

    @property
    def process(self) -> Path:
        """Which process works on the run, while it does."""
        return self.path / "process.json"

    @property
    def failure(self) -> Path:
        """What ended the run, until it is done again."""
        return self.path / "failed.json"

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
        """What `run.json` holds. Raises: StudyError, where it is torn."""
        path = self.path / "run.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StudyError(
                f"{path} cannot be read ({type(error).__name__}: {error}); take that folder away, and the run is done "
                "again"
            ) from error
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

    def holds(self, identity: dict[str, Any]) -> bool:
        """Whether the folder is that of the comparison with this identity."""
        there = (self.path / "comparison.json").exists()
        return there and dict(flattened(self.identity())) == dict(flattened(identity))

    def check(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Find that the folder is that of the comparison with this identity, or nobody's; or of any, if mixed.

        Raises: StudyError, when it holds something else.
        """
        if not (self.path / "comparison.json").exists():
            refuse_strangers(self.path, "comparison")
        elif not allow_mixed:
            refuse_another(self.path, "comparison", self.identity(), identity)

    def claim(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Make the folder that of the comparison with this identity, or find that it is.

        Raises: as `check`; nothing is written then.
        """
        self.check(identity, allow_mixed=allow_mixed)
        if not self.holds(identity):
            for of_another in ("results.json", "budget.json"):
                (self.path / of_another).unlink(missing_ok=True)
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
    stored, asked = dict(flattened(there)), dict(flattened(here))
    differing = {key for key in stored.keys() | asked.keys() if stored.get(key) != asked.get(key)}
    if differing == {"data.fingerprint"}:
        raise StudyError(
            f"{path} was begun with other images or labels: {there['data']['name']} has changed since; "
            "put the data back as they were, or choose another --output"
        )
    if differing and differing <= {"convstudy", "sources"}:
        raise StudyError(
            f"{path} was begun with another version of convstudy ({_version(there)} there, {_version(here)} here), "
            f"which may give other results; choose another --output{MIXED if kind == 'comparison' else ''}"
        )
    for key in [*asked, *stored]:
        if key in differing:
            raise StudyError(
                f"{path} holds another {kind}: {key} is {stored.get(key, 'not set')} there and "
                f"{asked.get(key, 'not set')} here; choose another --output"
            )


def _version(identity: dict[str, Any]) -> str:
    return f"{identity.get('convstudy', 'unknown')}, sources {identity.get('sources', 'unknown')}"


def flattened(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as names with dots, and their values as JSON.

    >>> dict(flattened({"seed": 1, "recipe": {"lr": 0.1}}))
    {'seed': '1', 'recipe.lr': '0.1'}
    """
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(inner)
