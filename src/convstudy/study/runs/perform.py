"""One run, from the random initialization of its network to its predictions on the test set."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from convstudy.data.folds import in_fold
from convstudy.inference import ResidentImages, predict_together
from convstudy.processes import agreed, first
from convstudy.study.models.preprocessing import Preprocessing
from convstudy.study.models.weights_origin import classifier_note
from convstudy.study.runs.cost import measured_cost
from convstudy.study.runs.events import OnEvent, RunEnded, RunStarted, RunTested
from convstudy.study.runs.inputs import RunInputs
from convstudy.study.runs.lr_search import search_lr
from convstudy.study.runs.source_copy import keep_source
from convstudy.study.runs.stages import stages, train_stages
from convstudy.study.runs.statistics_check import StatisticsCheck, check_statistics
from convstudy.study.runs.status import noted_failure, noted_process
from convstudy.study.runs.task import Task
from convstudy.study.runs.trained import Trained
from convstudy.study.runs.writing import writing_into
from convstudy.training.parallel import batch_normalization_sees, share_buffers


def perform(task: Task, on_event: OnEvent) -> None:
    """Train from the checkpoint or from the start, then open the test set once, and write the run's folder.

    The weights that training ends with are tested: nothing is selected on the test set.

    Raises: DivergedError, with network, seed, epoch and step; StudyError, if the folder cannot be written; ModelError,
    for an error in the network's own code.
    """
    if task.folds is not None:
        task = replace(task, data=in_fold(task.data, task.folds, task.seed))
    with noted_failure(task.folder, task.title), writing_into(task.folder.path), noted_process(task.folder):
        keep_source(task.opened.words, task.folder.path)
        inputs, training, validation = RunInputs.of(task)
        agreed(lambda: on_event(_started(task, len(training))))
        trained = _train(task, inputs, training, validation, on_event)
        checked = check_statistics(task, trained.network, tuple(trained.epochs), training, validation)
        inputs.seen.write(task.folder.seen)
        _test(trained, checked, inputs.resident(task.data.test), len(training), on_event)
    on_event(RunEnded(index=task.index))


def _started(task: Task, train_images: int) -> RunStarted:
    return RunStarted(
        index=task.index,
        model=task.model,
        seed=task.seed,
        epochs=task.recipe.epochs * max(len(task.lr_grid), 1),
        steps_per_epoch=-(-train_images // task.recipe.batch_size),
    )


def _train(
    task: Task, inputs: RunInputs, training: ResidentImages, validation: ResidentImages, on_event: OnEvent
) -> Trained:
    if task.lr_grid:
        return search_lr(task, inputs.network, training, validation, on_event)
    network = inputs.network()
    done = train_stages(task, stages(task, network, training, validation), on_event)
    return Trained(
        task=task, network=network, lr=task.recipe.lr, epochs=done.epochs, seconds=done.seconds, notes=done.notes
    )


def _test(
    trained: Trained, checked: StatisticsCheck, test: ResidentImages, train_images: int, on_event: OnEvent
) -> None:
    """Open the test set once, and write the files of the finished run."""
    task, network = trained.task, trained.network
    share_buffers(network)
    logits = predict_together(network, test).numpy().astype(np.float32)
    channels, side, _ = task.input_shape
    record = {
        **task.record(),
        "named": task.opened.named,
        "words": task.opened.words,
        "lr": trained.lr,
        "preprocessing": Preprocessing(
            in_channels=channels,
            image_side=task.origin.image_side,
            input_side=side,
            mean=test.mean,
            std=test.std,
            white=task.data.white,
        ).to_json(),
        "data": asdict(task.origin),
        "batch_normalization": batch_normalization_sees(network, task.on, task.processes),
        "stale_statistics": checked.stale,
        "recomputed_statistics": checked.recomputed,
        "transform_input": bool(getattr(network, "transform_input", False)),
        "notes": [*filter(None, [classifier_note(task.opened, task.data.class_names)]), *task.notes, *trained.notes],
        "top1": float((logits.argmax(1) == task.data.test.labels).mean()),
        "train_images": train_images,
        "train_seconds": trained.seconds,
        "images_per_second": train_images * trained.all_epochs / trained.seconds,
        **(first(lambda: measured_cost(trained, train_images)).to_dict() if task.measures_cost else {}),
        "trials": [asdict(trial) for trial in trained.trials],
    }
    agreed(lambda: on_event(RunTested(index=task.index)))  # which finds out whether the run is still this process's
    task.folder.write(network.cpu(), trained.epochs, task.data.test, logits, record)
