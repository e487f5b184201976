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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.torch import save_model
from torch import nn

from convstudy.data import ImageSet
from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.processes import first
from convstudy.study.runs.result import RunResult
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
        test: ImageSet,
        logits: npt.NDArray[np.float32],
        record: dict[str, Any],
    ) -> None:
        """Write what a finished run leaves, `run.json` last; then delete the checkpoints, which it no longer needs.

        Of several processes that train together, the first one writes; this holds for `write_epochs`, too.
        """

        def write() -> None:
            with whole_file(self.path / "weights.safetensors") as draft:
                save_model(network, str(draft))
            self._write_epochs(epochs)
            answers = pd.DataFrame(logits, columns=[f"logit_{index}" for index in range(logits.shape[1])])
            answers.insert(0, "id", list(test.ids))
            answers.insert(1, "label", test.labels)
            with whole_file(self.path / "predictions.parquet") as draft:
                answers.to_parquet(draft, index=False)
            write_json(self.path / "run.json", record)
            for checkpoint in (self.checkpoint, self.head_checkpoint):
                checkpoint.unlink(missing_ok=True)
            for trial in self.trials:  # the best one's weights are the run's
                (trial.path / "weights.safetensors").unlink(missing_ok=True)

        first(write)

    def write_epochs(self, epochs: Sequence[Epoch]) -> None:
        """Write the metrics of the epochs so far."""
        first(lambda: self._write_epochs(epochs))

    def _write_epochs(self, epochs: Sequence[Epoch]) -> None:
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
