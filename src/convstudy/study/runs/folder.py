"""The folders of runs and comparisons: their layout, and how the files of a run are written and read.

study.yaml                 the plan, repeated by `convstudy compare -c`; not written if networks or data were objects
comparison.json            the identity: everything that affects the results, so that comparisons are not mixed
start.json                 protocol, environment, networks with their costs, and the conditions expected of each run
looks.json                 with a fixed number of seeds: the numbers of seeds at which results were seen
costs.json                 measured speed and memory of each network (`MeasuredCost`); null if it could not be measured
budget.json                with a budget only: the cost of an epoch and the number of epochs of each network
<network>/seed-<n>/        a run; `convstudy train` writes a single one
    train.json             of `convstudy train` only: identity and plan
    recipe.yaml            of `convstudy train` only: the recipe
    range-test.csv, .svg   of a learning-rate range test only: its table, and a plot of it
    epochs.csv             the metrics of each epoch, updated after every epoch
    model.<suffix>         a copy of the user's file that defines the network, if there is one
    seen-images.npz        a number per training and validation image, made of its pixels, by which `convstudy evaluate`
                           knows images that the run was trained on
    weights.safetensors    the weights that training ends with
    predictions.parquet    id (path or position in the data), label, group if there are any, and logits of each
                           test image; of imported predictions without scores the predicted class in place of the
                           logits
    run.json               written last, so that a folder with this file is complete: the run's conditions
                           (`Conditions`), lr, preprocessing, whether the network then normalizes its input
                           once more, data (`DataRecord`), notes, top1, with `convstudy train` measured speed and
                           memory (`MeasuredCost`), and with a grid of learning rates its trials (`Trial`); sizes and
                           digests of the files above, its own digest, and the signature of the user who trained it
    checkpoint.pt          until the run is complete; checkpoint-head.pt for the epochs with a frozen backbone
    .claim-<n>             the process that performs the run (`study.runs.claim`), until the run is complete
    process.json           while a process works on the run: host, pid, start time; it remains if that is killed
    failed.json            the error and traceback that ended the run; deleted when the run is repeated
    lr-<rate>/             one training of a grid of learning rates: epochs.csv, trial.json, weights until the run ends
    tensorboard/, wandb/, mlflow-run.txt   of experiment trackers, if requested
imported.json              the networks whose predictions were imported, with folders and seeds; the run.json of such a
                           run holds model, seed, and the name and sha256 of the imported file and of its content;
                           many logits are in its logits.npy, and the predicted classes in predictions.parquet
images.npz                 the test images that the report shows, with the networks' answers and activation maps
NAME.svg                   the drawing of a network, which the report shows
results.json, results.csv, report.html
digests.json               sizes and digests of start.json, costs.json, images.npz, results.json and results.csv
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lazy_loader
import numpy as np
import numpy.typing as npt

from convstudy.files import DRAFTS, whole_file, write_json
from convstudy.processes import first
from convstudy.study.runs.claim import clear
from convstudy.study.runs.digests import AGAIN, READ_BY_REPORTS, check_files, check_record, sealed
from convstudy.study.runs.record_file import as_record, reading, without_controls
from convstudy.study.runs.result import Logits, OnlyClasses, RunResult, StoredLogits
from convstudy.study.runs.run_record import RunRecord
from convstudy.training import Epoch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from torch import nn

    from convstudy.data import ImageSet
else:
    pd = lazy_loader.load("pandas")  # takes half a second, and no run needs it before its end


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """Checkpoint of the training."""
        return self.path / "checkpoint.pt"

    @property
    def head_checkpoint(self) -> Path:
        """Checkpoint of the epochs that train only the last linear layer, before the whole network is trained."""
        return self.path / "checkpoint-head.pt"

    def trial(self, lr: float) -> RunFolder:
        """Return the folder of one training of a grid of learning rates."""
        return RunFolder(self.path / f"lr-{lr!r}")

    @property
    def trials(self) -> tuple[RunFolder, ...]:
        """Folders of the grid's trainings that have started, in the order of their learning rates."""
        started = sorted(self.path.glob("lr-*"), key=lambda path: float(path.name.removeprefix("lr-")))
        return tuple(RunFolder(path) for path in started)

    @property
    def complete(self) -> bool:
        """Whether the run is finished."""
        return (self.path / "run.json").exists()

    @property
    def process(self) -> Path:
        """File that names the process that works on the run."""
        return self.path / "process.json"

    @property
    def seen(self) -> Path:
        """Fingerprints of the training and validation images."""
        return self.path / "seen-images.npz"

    @property
    def failure(self) -> Path:
        """File with the error that ended the run."""
        return self.path / "failed.json"

    def tidy(self) -> None:
        """Remove what a process left that was killed after the run was complete."""
        clear(self.path)
        for left in (self.process, *self.path.glob(DRAFTS)):
            left.unlink(missing_ok=True)

    def _written(self, name: str) -> AbstractContextManager[Path]:
        """Write a file of this folder, which is there: one that was moved away is not made anew."""
        return whole_file(self.path / name, new_folder=False)

    def write(
        self,
        network: nn.Module,
        epochs: Sequence[Epoch],
        test: ImageSet,
        logits: npt.NDArray[np.float32],
        record: dict[str, Any],
    ) -> None:
        """Write the files of a finished run, `run.json` last; then delete the checkpoints.

        If several processes train together, the first one writes; the same holds for `write_epochs`.
        """
        from safetensors.torch import save_model  # noqa: PLC0415 - imports torch, which takes seconds

        def write() -> None:
            with self._written("weights.safetensors") as draft:
                save_model(network, str(draft))
            self._write_epochs(epochs)
            self.write_predictions(test.ids, test.labels, logits, test.groups)
            write_json(self.path / "run.json", sealed(record, self.path), new_folder=False)
            unfinished = self.path.glob(DRAFTS)  # of processes that were killed while they wrote
            for outdated in (self.checkpoint, self.head_checkpoint, *unfinished):
                outdated.unlink(missing_ok=True)
            for trial in self.trials:  # the weights of the best trial are those of the run
                (trial.path / "weights.safetensors").unlink(missing_ok=True)

        first(write)

    def write_predictions(
        self,
        ids: Sequence[str],
        labels: npt.NDArray[np.int64],
        logits: npt.NDArray[np.float32] | OnlyClasses,
        groups: Sequence[str] = (),
    ) -> None:
        """Write id, label, group if there are any, and logits of each test image, or its predicted class only."""
        if isinstance(logits, OnlyClasses):
            answers = pd.DataFrame({"prediction": logits.predictions})
        else:
            answers = pd.DataFrame(logits, columns=[f"logit_{index}" for index in range(logits.shape[1])])
        answers.insert(0, "id", list(ids))
        answers.insert(1, "label", labels)
        if groups:
            answers.insert(2, "group", list(groups))
        with (
            self._written("predictions.parquet") as draft,
            draft.open("wb") as file,
        ):  # any name, also not UTF-8
            answers.to_parquet(file, index=False)

    def write_many_logits(self, logits: StoredLogits) -> None:
        """Copy the file of logits that are too many for the columns of a table."""
        with self._written(self._logits.name) as draft:
            shutil.copyfile(logits.path, draft)

    @property
    def _logits(self) -> Path:
        return self.path / "logits.npy"

    def write_epochs(self, epochs: Sequence[Epoch]) -> None:
        """Write the metrics of the epochs so far."""
        first(lambda: self._write_epochs(epochs))

    def _write_epochs(self, epochs: Sequence[Epoch]) -> None:
        with self._written("epochs.csv") as draft:
            pd.DataFrame([asdict(epoch) for epoch in epochs]).to_csv(draft, index=False)

    def record(self) -> dict[str, Any]:
        """Return the content of `run.json` (`RunRecord`).

        Raises: StudyError, if it is not valid JSON, does not have its digest, or values are of another type.
        """
        path = self.path / "run.json"
        with reading(path, AGAIN):
            text = path.read_text(encoding="utf-8")
            record: dict[str, Any] = json.loads(without_controls(text))
            check_record(record, path)
            as_record(RunRecord, text)
        return record

    def epochs_so_far(self) -> tuple[Epoch, ...]:
        """Return the metrics of the finished epochs."""
        if not (self.path / "epochs.csv").exists():
            return ()
        path = self.path / "epochs.csv"
        with reading(path, AGAIN), path.open(newline="", encoding="utf-8") as file:
            names, *rows = filter(None, csv.reader(file))
            return tuple(_epoch(names, row) for row in rows)

    def check(self) -> None:
        """Check the files of a finished run that reports read. Raises: StudyError, with the first damaged one."""
        check_files(self.path, self.record(), READ_BY_REPORTS)

    def read(self) -> RunResult:
        """Return the learning curve and the test predictions of the run. Raises: StudyError, if a file is damaged."""
        from pyarrow import parquet  # noqa: PLC0415 - as pandas

        record = self.record()
        with reading(self.path, AGAIN):
            check_files(self.path, record, READ_BY_REPORTS)
            file = parquet.ParquetFile(self.path.absolute() / "predictions.parquet")
            answers = file.read([name for name in file.schema_arrow.names if name != "id"])  # which take most memory
            return RunResult(
                model=record["model"],
                seed=record["seed"],
                epochs=self.epochs_so_far(),
                labels=answers["label"].to_numpy().astype(np.int64, copy=False),
                logits=self._logits_of(answers, record),
                groups=tuple(answers["group"].to_pylist()) if "group" in answers.column_names else (),
            )

    def _logits_of(self, answers: pa.Table, record: dict[str, Any]) -> Logits:
        """Return the logits of the test images; many logits stay in their file until they are needed."""
        names = answers.column_names
        if "prediction" not in names:
            logits = [answers[name].to_numpy() for name in names if name.startswith("logit_")]
            return np.stack(logits).astype(np.float32, copy=False).T
        shape = len(answers), int(record["imported"]["classes"])
        if self._logits.exists():
            return StoredLogits(self._logits, shape)
        return OnlyClasses(answers["prediction"].to_numpy().astype(np.int64, copy=False), shape)


def _epoch(names: Sequence[str], row: Sequence[str]) -> Epoch:
    """Return one line of `epochs.csv`, in which NaN is empty."""
    values = {name: float(value) if value else math.nan for name, value in zip(names, row, strict=True)}
    return Epoch(**values | {"epoch": int(row[names.index("epoch")])})  # type: ignore[arg-type]
