"""A single run as findings, of which a report is made."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from convstudy.data import DataSet
from convstudy.data.folds import in_fold
from convstudy.errors import ConvstudyError, StudyError
from convstudy.study.comparisons.activation_maps import with_maps
from convstudy.study.comparisons.data_description import describe_data
from convstudy.study.comparisons.findings import findings_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import Findings, Protocol
from convstudy.study.comparisons.results_file import read_findings, read_start
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.comparisons.single_run import REQUEST
from convstudy.study.models.entering import entrant
from convstudy.study.models.entrant import Entrant
from convstudy.study.plans.plan import Plan
from convstudy.study.trained.open_run import TrainedRun

RECORDED = {"device": "device", "threads": "threads_per_run", "processes": "processes", "convstudy": "convstudy"}


def read_run(run: TrainedRun) -> Findings:
    """Return the findings from one finished run: its results, its data, and the test images that it misclassifies.

    They cover this run only. A network whose code must not or cannot be run has no counts and no activation maps.

    Raises: DataError, if the run's data cannot be loaded; StudyError, if they have changed or a file is damaged.
    """
    seed = int(run.record["seed"])
    data = _data_of(run, seed)
    counted, known = _entrant(run)
    protocol = Protocol(
        data=describe_data(data, seed),
        recipe=dict(run.record["recipe"]),
        seeds=(seed,),
        command=_command(run, seed),
        validation_split=data.validation is None,
        lr_grid=tuple(run.record["lr_grid"]),
    )
    environment = {name: run.record[key] for key, name in RECORDED.items() if key in run.record}
    found = findings_of([counted], {(run.name, seed): run.folder}, protocol, environment)
    answers = GivenAnswers(data.test, found.runs)
    found = replace(found, mistaken=answers.most_mistaken(), layers={run.name: counted.layers} if known else {})
    if known:
        return with_maps(found, {run.name: run.folder})
    models = tuple(replace(each, parameters=None, macs=None, activation_size=None) for each in found.results.models)
    return replace(found, results=replace(found.results, models=models))


def findings_about(run: TrainedRun) -> Findings:
    """Return what is known about a run: the findings of its finished comparison, or else those from the run alone.

    Raises: as `read_run` and `read_findings`.
    """
    folder = ComparisonFolder(run.folder.path.resolve().parent.parent)
    if all((folder.path / name).exists() for name in ("comparison.json", "results.json")):
        found = read_findings(folder)
        if any(each.model == run.name and each.seed == run.record["seed"] for each in found.runs):
            return found
    return read_run(run)


def _data_of(run: TrainedRun, seed: int) -> DataSet:
    found = run.given_data or run.data.load()
    if found.fingerprint != run.data.fingerprint:
        raise StudyError(
            f"{run.data.words} has changed since this run was trained, so its test images are not those of the report; "
            "restore the data, or train again"
        )
    return found if run.data.folds is None else in_fold(found, run.data.folds, seed)


def _entrant(run: TrainedRun) -> tuple[Entrant, bool]:
    """Return the run's network as an entrant, and whether it could be counted."""
    shape, classes = run.preprocessing.input_shape, len(run.class_names)
    try:
        return replace(entrant(run.model(), shape, classes), name=run.name), True
    except ConvstudyError:
        return Entrant(
            name=run.name,
            folder="",
            code="",
            input_shape=shape,
            num_classes=classes,
            parameters=0,
            macs=0,
            activation_size=0,
        ), False


def _command(run: TrainedRun, seed: int) -> str:
    """Return the command that trains the run again; of a run in a comparison, that of the comparison."""
    request = run.folder.path / REQUEST
    if request.exists():
        plan = Plan.from_dict(json.loads(request.read_text(encoding="utf-8"))["plan"])
        return (
            plan.command().replace("convstudy compare", "convstudy train", 1).replace(f" --seeds {plan.seeds}", "", 1)
        )
    start = read_start(ComparisonFolder(run.folder.path.parent.parent))
    if start.protocol is not None:
        return start.protocol.command
    return shlex.join(["convstudy", "train", run.name, "--data", run.data.words, "--seed", str(seed)])
