"""Learning-rate range test before the first step of a run; its table is stored in the run's folder."""

from __future__ import annotations

import csv

from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.inputs import RunInputs
from convstudy.study.runs.stages import stages
from convstudy.study.runs.task import Task
from convstudy.training import LearningRateRange, learning_rate_range
from convstudy.training.initialization import initialize
from convstudy.training.seeds import generator

TABLE, PICTURE = "range-test.csv", "range-test.svg"  # in the run's folder
LEAST_FALL = 0.005  # fraction by which the loss must fall; the smoothed loss varies by less
COLUMNS = ["lr", "smoothed_loss"]


def rate_of(found: LearningRateRange) -> float:
    """Return the learning rate to train with: the suggested one, rounded to two digits, its actual precision.

    Raises: StudyError, if the loss did not fall at any learning rate.

    >>> rate_of(LearningRateRange((0.01, 0.123, 1.0), (2.3, 1.9, 4.0)))
    0.012
    """
    if not found.fall >= LEAST_FALL:
        raise StudyError(
            "the range test found no learning rate: the loss did not fall at any that was tested, as "
            f"{PICTURE} in the run's folder shows; set `lr` to a number",
            setting="lr",
        )
    return float(f"{found.suggestion:.2g}")


def found_range(task: Task) -> LearningRateRange:
    """Return the range test of a run: the stored one, or one run now on the training set."""
    path = task.folder.path / TABLE
    if path.exists():
        return _read(task.folder)
    found = _tested(task)
    with whole_file(path, new_folder=False) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(zip(found.lrs, found.losses, strict=True))
    return found


def _tested(task: Task) -> LearningRateRange:
    inputs, training, validation = RunInputs.of(task)
    stage = next(stages(task, inputs.network(), training, validation))
    initialize(stage.trained, task.recipe.init, generator(task.seed, "initialisation"))
    return learning_rate_range(stage.trained, stage.batches)


def _read(folder: RunFolder) -> LearningRateRange:
    path = folder.path / TABLE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(float(row[COLUMNS[0]]), float(row[COLUMNS[1]])) for row in csv.DictReader(file)]
        lrs, losses = zip(*rows, strict=True)
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path} is not a valid table of a range test; delete it to repeat the test") from error
    return LearningRateRange(lrs, losses)
