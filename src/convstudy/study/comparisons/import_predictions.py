"""Runs from elsewhere join a comparison: their predictions on the same test images are all that is needed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.statistics import accuracy_interval
from convstudy.study.comparisons.conclude import compare_pairs, seed_by_seed
from convstudy.study.comparisons.conclusion import conclusion
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.predictions_file import OutsidePredictions, read_predictions
from convstudy.study.comparisons.results import Accuracy, DataDescription, Findings, ModelResult, Protocol, Results
from convstudy.study.comparisons.results_file import read_findings, read_imported_runs, write_findings
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.result import RunResult
from convstudy.wording import plural

IMPORTED = "imported"


def import_predictions(folder: ComparisonFolder, file: Path, model: str, *, seed: int | None = None) -> Findings:
    """Add predictions to a finished comparison, or to a new folder, as a run of `model`; conclude again from all runs.

    The file is as `read_predictions` has it. Its images must be those of the comparison's test part, by id, in any
    order, with the same labels. `seed` tells apart several runs of one network; without one the next number is taken.

    Raises: StudyError, when the file cannot be read, or does not fit the folder.
    """
    there = read_findings(folder) if (folder.path / "results.json").exists() else None
    _refuse(folder, there, model)
    known = there.results.protocol.data.class_names if there else None
    predictions = read_predictions(file, known)
    if there:
        predictions = _in_order(file, predictions, _ids(folder), there.runs[0])
    register = folder.imported()
    seeds: list[int] = register.setdefault(model, {"folder": _folder_name(model), "seeds": []})["seeds"]
    number = seed if seed is not None else max(seeds, default=-1) + 1
    if number in seeds:
        raise StudyError(f"{folder.path} holds a run of {model} with seed {number} already; give another --seed")
    findings = there or _empty(folder, file, predictions)
    if there is None:
        folder.claim({IMPORTED: True, "models": [], "folders": [], "seeds": []})
    _write(folder.run(register[model]["folder"], number), file, model, number, predictions)
    seeds.append(number)
    seeds.sort()
    write_json(folder.path / "imported.json", register)
    joined = with_imported(findings, folder)
    write_findings(folder, joined)
    return joined


def with_imported(findings: Findings, folder: ComparisonFolder) -> Findings:
    """The findings of a folder's own runs together with those of its imported ones."""
    register = folder.imported()
    if not register:
        return findings
    own = tuple(model for model in findings.results.models if model.name not in register)
    runs = tuple(run for run in findings.runs if run.model not in register) + read_imported_runs(folder)
    models = own + tuple(_result(name, [run for run in runs if run.model == name]) for name in register)
    answers = {
        model.name: np.stack([run.logits.argmax(1) == run.labels for run in runs if run.model == model.name])
        for model in models
    }
    pairs = compare_pairs(answers)
    protocol = findings.results.protocol
    if not own:
        most = max(len(of_one) for of_one in answers.values())
        protocol = replace(protocol, seeds=tuple(range(most)))
    results = replace(
        findings.results,
        models=models,
        comparisons=pairs,
        protocol=protocol,
        conclusion=conclusion(models, pairs, answers),
        omnibus=seed_by_seed(runs),
    )
    return replace(findings, results=results, runs=runs)


def _refuse(folder: ComparisonFolder, there: Findings | None, model: str) -> None:
    if not model.strip():
        raise StudyError("--model is empty; expected a name for the network that made the predictions")
    if there is None and folder.path.exists() and any(folder.path.iterdir()):
        raise StudyError(f"{folder.path} holds no finished comparison; finish it, or choose another --output")
    if there and model in folder.identity()["models"]:
        raise StudyError(f"{folder.path} has runs of its own of {model}; give the imported network another --model")


def _ids(folder: ComparisonFolder) -> list[str]:
    """The test images of the folder's runs, in their order."""
    first = next(iter(sorted(folder.path.glob("*/seed-*/predictions.parquet"))))
    return [str(each) for each in pd.read_parquet(first, columns=["id"])["id"]]


def _in_order(file: Path, predictions: OutsidePredictions, ids: list[str], first: RunResult) -> OutsidePredictions:
    """The predictions in the order of the comparison's test images."""
    place = {name: number for number, name in enumerate(predictions.ids)}
    missing = [name for name in ids if name not in place]
    if missing or len(place) != len(ids):
        strange = sorted(set(place) - set(ids))
        which = f"{missing[0]} is missing" if missing else f"{strange[0]} is not one of them"
        raise StudyError(
            f"{file} has {plural(len(place), 'image')}; expected the comparison's {plural(len(ids), 'test image')} by "
            f"their ids (predictions.parquet of any run lists them): {which}"
        )
    order = np.array([place[name] for name in ids])
    labels = predictions.labels[order]
    differ = np.flatnonzero(labels != first.labels)
    if len(differ):
        at = int(differ[0])
        raise StudyError(
            f"{file} has label {labels[at]} for {ids[at]}; the comparison has {first.labels[at]} "
            f"({plural(len(differ), 'label')} {'differs' if len(differ) == 1 else 'differ'}): "
            "are the classes numbered in another order?"
        )
    return replace(predictions, ids=tuple(ids), labels=labels, logits=predictions.logits[order])


def _write(run: RunFolder, file: Path, model: str, seed: int, predictions: OutsidePredictions) -> None:
    answers = pd.DataFrame(predictions.logits, columns=[f"logit_{k}" for k in range(predictions.logits.shape[1])])
    answers.insert(0, "id", list(predictions.ids))
    answers.insert(1, "label", predictions.labels)
    with whole_file(run.path / "predictions.parquet") as draft:
        answers.to_parquet(draft, index=False)
    with whole_file(run.path / "epochs.csv") as draft:
        draft.write_text("epoch\n", encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    source: dict[str, Any] = {"file": file.name, "sha256": digest, "scored": predictions.scored}
    write_json(run.path / "run.json", {"model": model, "seed": seed, IMPORTED: source})


def _result(name: str, runs: list[RunResult]) -> ModelResult:
    answers = np.stack([run.logits.argmax(1) == run.labels for run in runs])
    interval = accuracy_interval(answers)
    per_seed = tuple(float(value) for value in answers.mean(1))
    top1 = Accuracy(interval.value, interval.low, interval.high, per_seed)
    return ModelResult(
        name=name,
        parameters=None,
        macs=None,
        activation_size=None,
        input_shape=None,
        top1=top1,
        metrics=metrics_of(runs),
    )


def _empty(folder: ComparisonFolder, file: Path, predictions: OutsidePredictions) -> Findings:
    """The findings of a folder that holds nothing but imported predictions."""
    digest = hashlib.sha256(json.dumps([predictions.ids, predictions.labels.tolist()]).encode()).hexdigest()
    data = DataDescription(
        name=folder.path.resolve().name,
        source=f"predictions in {file.name}",
        class_names=predictions.class_names,
        image_shape=(),
        train=0,
        validation=0,
        test=len(predictions.ids),
        mean=(),
        std=(),
        notes=("The networks were trained elsewhere: how, and what they were selected on, is not known here.",),
        fingerprint=f"sha256:{digest}",
    )
    command = f"convstudy import {file.name} --model NAME --output {folder.path.name}"
    protocol = Protocol(data=data, recipe={}, seeds=(0,), command=command)
    return Findings(Results(models=(), comparisons=(), protocol=protocol, environment={}), (), ())


def _folder_name(model: str) -> str:
    return f"{IMPORTED}-{re.sub(r'[^A-Za-z0-9._-]+', '-', model).strip('.-') or 'network'}"
