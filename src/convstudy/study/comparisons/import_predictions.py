"""Import of runs that were trained elsewhere, given by their predictions on the same test images."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from convstudy.data.cache import ScratchFile, room_for
from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.statistics import top1_interval
from convstudy.statistics.groups import Groups
from convstudy.statistics.grown import Looks
from convstudy.study.comparisons.conclusion import conclusion
from convstudy.study.comparisons.design import compare_pairs
from convstudy.study.comparisons.findings import seed_by_seed, without_unhealthy
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.health import health_of
from convstudy.study.comparisons.image_groups import groups_of
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.predictions_file import OutsidePredictions, read_predictions
from convstudy.study.comparisons.results import Accuracy, DataDescription, Findings, ModelResult, Protocol, Results
from convstudy.study.comparisons.results_file import read_findings, read_imported_runs, write_findings
from convstudy.study.plans.plan import LARGEST_SEED
from convstudy.study.runs.claim import is_claim
from convstudy.study.runs.digests import sealed
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import OUTPUT, require_text
from convstudy.study.runs.result import Logits, OnlyClasses, RunResult, StoredLogits, highest
from convstudy.wording import plural, shortened

IMPORTED = "imported"
LONGEST_NAME = 100  # letters of a network's name in that of its folder; file systems take 255
Register = dict[str, dict[str, Any]]  # content of imported.json


def import_predictions(folder: ComparisonFolder, file: Path, model: str, *, seed: int | None = None) -> Findings:
    """Add predictions as a run of `model` to a finished comparison or a new folder; return the updated findings.

    `read_predictions` describes the file. It must have the images of the comparison's test set, by id, in any order,
    and the same labels. `seed` distinguishes several runs of one network; by default it is the next free number.
    Another process that imports into the folder, or concludes its comparison, is waited for.

    Raises: StudyError, if the file cannot be read or does not fit the folder.
    """
    _refuse_other_content(folder)  # before anything is written
    with folder.alone():
        return _add(folder, file, model, seed)


def _existing(folder: ComparisonFolder) -> Findings | None:
    """Return the findings of the folder's comparison; None if an import into a new folder ended before its end."""
    findings = read_findings(folder) if (folder.path / "results.json").exists() else None
    return findings if findings and findings.runs else None


def _add(folder: ComparisonFolder, file: Path, model: str, seed: int | None) -> Findings:
    existing = _existing(folder)
    _check_target(folder, existing, model)
    class_names = existing.results.protocol.data.class_names if existing else None
    if existing:
        ids = _ids(folder)
        truth = dict(zip(ids, existing.runs[0].labels.tolist(), strict=True))
        predictions = read_predictions(file, class_names, truth)
        predictions = _in_order(file, predictions, ids, existing.runs[0])
    else:
        predictions = read_predictions(file)
    register = folder.imported()
    name = _own_folder(folder, register, existing, model)
    seeds: list[int] = register.setdefault(model, {"folder": name, "seeds": []})["seeds"]
    number = seed if seed is not None else max(seeds, default=-1) + 1
    if not 0 <= number <= LARGEST_SEED:
        raise StudyError(f"seed is {number}; expected a whole number from 0 to {LARGEST_SEED:,}", setting="seed")
    if number in seeds:
        raise StudyError(
            f"{folder.path} already holds a run of {model} with seed {number}; choose another `seed`", setting="seed"
        )
    content = _content(predictions)
    _refuse_same(folder, file, model, content, [folder.run(name, each) for each in seeds])
    findings = existing or _empty(folder, file, predictions)
    if existing is None:
        folder.claim({IMPORTED: True, "models": [], "folders": [], "seeds": []})
    source = {
        "file": file.name,
        "sha256": _sha256(file),
        "content": content,
        "scored": predictions.scored,
        "classes": predictions.logits.shape[1],
    }
    _write(folder.run(name, number), predictions, {"model": model, "seed": number, IMPORTED: source})
    seeds.append(number)
    seeds.sort()
    joined = with_imported(findings, folder, register)
    write_findings(folder, joined)
    write_json(folder.path / "imported.json", register)  # last, so that the same import repeats one that was killed
    return joined


def with_imported(findings: Findings, folder: ComparisonFolder, register: Register | None = None) -> Findings:
    """Return the findings with the imported runs of the folder added, which are in `register` or imported.json."""
    register = folder.imported() if register is None else register
    if not register:
        return findings
    answered = {run.model for run in findings.runs}  # not those of an import that was killed before it was registered
    own = tuple(model for model in findings.results.models if model.name not in register and model.name in answered)
    runs = tuple(run for run in findings.runs if run.model not in register) + read_imported_runs(folder, register)
    groups = groups_of(runs)
    models = own + tuple(_result(name, [run for run in runs if run.model == name], groups) for name in register)
    answers = {model.name: np.stack([run.right for run in runs if run.model == model.name]) for model in models}
    health = tuple(finding for finding in findings.results.health if finding.model not in register)
    for name in register:
        of_one = [run for run in runs if run.model == name]
        health += health_of(name, of_one, [{}] * len(of_one))
    looks = Looks(findings.results.looks.seeds) if findings.results.looks else None
    protocol = findings.results.protocol
    pairs = without_unhealthy(compare_pairs(answers, looks, groups, protocol.margin), health)
    if not own:
        most_runs = max(len(network_answers) for network_answers in answers.values())
        protocol = replace(protocol, seeds=tuple(range(most_runs)))
    results = replace(
        findings.results,
        models=models,
        comparisons=pairs,
        protocol=protocol,
        conclusion=conclusion(models, pairs, answers, protocol.margin, looks, groups),
        omnibus=seed_by_seed(runs),
        health=health,
    )
    return replace(findings, results=results, runs=runs)


def _refuse_other_content(folder: ComparisonFolder) -> None:
    """Refuse a folder that no comparison has begun in. Raises: StudyError, if there is other content."""
    require_text(str(folder.path.absolute()), OUTPUT)
    if folder.path.exists() and not folder.path.is_dir():
        raise StudyError(f"{folder.path} is not a folder; choose another `output`", setting=OUTPUT)
    content = list(folder.path.iterdir()) if folder.path.exists() else []  # listed once: others may be at work
    if content and not any(is_claim(path) or path.name == "comparison.json" for path in content):
        raise _not_finished(folder)


def _not_finished(folder: ComparisonFolder) -> StudyError:
    return StudyError(
        f"{folder.path} holds no finished comparison; finish it, or choose another `output`", setting=OUTPUT
    )


def _check_target(folder: ComparisonFolder, existing: Findings | None, model: str) -> None:
    """Check that predictions of `model` can be added to the folder. Raises: StudyError, if they cannot."""
    require_text(model, "model")
    if not model.strip():
        raise StudyError("model is empty; expected a name for the network that made the predictions", setting="model")
    if existing is None and not _begun(folder) and not _empty_folder(folder.path):
        raise _not_finished(folder)
    if existing and existing.results.sequential:
        raise StudyError(
            f"{folder.path} was trained with --until sure, and the number of its seeds followed from its own networks "
            "only; choose another `output`",
            setting=OUTPUT,
        )
    if existing and existing.results.protocol.folds is not None:
        raise StudyError(
            f"{folder.path} is a cross-validation, whose folds other programs do not know; choose another `output`",
            setting=OUTPUT,
        )
    if existing and model in folder.identity()["models"]:
        raise StudyError(
            f"{folder.path} has its own runs of {model}; choose another `model` name for the imported network",
            setting="model",
        )


def _empty_folder(path: Path) -> bool:
    """Return whether a folder holds nothing, except the claims of processes that write into it in turn."""
    return all(map(is_claim, path.iterdir()))


def _begun(folder: ComparisonFolder) -> bool:
    """Return whether the folder belongs to a first import that did not end."""
    comparison = folder.path / "comparison.json"
    return comparison.exists() and IMPORTED in folder.identity() and not folder.imported()


def _ids(folder: ComparisonFolder) -> list[str]:
    """Return the ids of the test images of the folder's runs, in their order."""
    first = next(iter(sorted(folder.path.glob("*/seed-*/predictions.parquet"))))
    return [str(each) for each in pd.read_parquet(first.absolute(), columns=["id"])["id"]]


def _in_order(file: Path, predictions: OutsidePredictions, ids: list[str], first: RunResult) -> OutsidePredictions:
    """Return the predictions in the order of the comparison's test images.

    Raises: StudyError, if images are missing or unknown, or labels differ from those of the `first` run.
    """
    positions = {name: number for number, name in enumerate(predictions.ids)}
    missing = [name for name in ids if name not in positions]
    if missing or len(positions) != len(ids):
        unknown = sorted(set(positions) - set(ids))
        problem = (
            f"{shortened(missing[0], 80)} is missing" if missing else f"{shortened(unknown[0], 80)} is not one of them"
        )
        raise StudyError(
            f"{file} has {plural(len(positions), 'image')}; expected the comparison's "
            f"{plural(len(ids), 'test image')} by their ids (predictions.parquet of any run lists them): {problem}"
        )
    order = np.array([positions[name] for name in ids])
    labels = predictions.labels[order]
    differing = np.flatnonzero(labels != first.labels)
    if len(differing):
        index = int(differing[0])
        image = shortened(ids[index], 80)
        raise StudyError(
            f"{file} has label {labels[index]} for {image}; the comparison has {first.labels[index]} "
            f"({plural(len(differing), 'label')} {'differs' if len(differing) == 1 else 'differ'}); check the order "
            "of the classes"
        )
    return replace(
        predictions, ids=tuple(ids), labels=labels, logits=_sorted(predictions.logits, order), groups=first.groups
    )


def _sorted(logits: Logits, order: npt.NDArray[np.int64]) -> Logits:
    """Return the logits in another order of the images; they are not copied if the order is the same."""
    if (order == np.arange(len(order))).all():
        return logits
    if isinstance(logits, OnlyClasses):
        return replace(logits, predictions=logits.predictions[order])
    if not isinstance(logits, StoredLogits):
        return logits[order]
    with room_for("the scores"):
        rearranged, rows = replace(logits, path=ScratchFile().path), iter(np.argsort(order).tolist())
        with rearranged.writing() as write:
            for batch in logits.batches():
                for image in batch:
                    write(next(rows), 0, image[None])
    logits.path.unlink()
    return rearranged


def _content(predictions: OutsidePredictions) -> str:
    """Return a digest of what is predicted of each image."""
    logits = predictions.logits
    digest = hashlib.sha256(json.dumps(predictions.ids).encode())
    if isinstance(logits, StoredLogits):
        for batch in logits.batches():
            digest.update(batch.data)
    else:
        values = logits.predictions if isinstance(logits, OnlyClasses) else logits
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _refuse_same(folder: ComparisonFolder, file: Path, model: str, content: str, runs: Sequence[RunFolder]) -> None:
    """Refuse predictions that the folder already holds as another seed: two seeds differ, and one counts once.

    Raises: StudyError, with that seed.
    """
    for run in runs:
        record = run.record()
        if record[IMPORTED].get("content") == content:
            raise StudyError(
                f"{file} has the same predictions as seed {record['seed']} of {model} in {folder.path}; one run counts "
                "once, so import the predictions of another training"
            )


def _write(run: RunFolder, predictions: OutsidePredictions, record: dict[str, Any]) -> None:
    run.path.mkdir(parents=True, exist_ok=True)
    logits = predictions.logits
    if isinstance(logits, StoredLogits):
        run.write_many_logits(logits)
        stored, logits = logits, OnlyClasses(highest(logits), logits.shape)
        stored.path.unlink()
    run.write_predictions(predictions.ids, predictions.labels, logits, predictions.groups)
    with whole_file(run.path / "epochs.csv") as draft:
        draft.write_text("epoch\n", encoding="utf-8")
    write_json(run.path / "run.json", sealed(record, run.path))


def _result(name: str, runs: list[RunResult], groups: Groups | None) -> ModelResult:
    answers = np.stack([run.right for run in runs])
    interval = top1_interval(answers, groups)
    per_seed = tuple(float(value) for value in answers.mean(1))
    top1 = Accuracy(interval.value, interval.low, interval.high, per_seed)
    return ModelResult(
        name=name,
        parameters=None,
        macs=None,
        activation_size=None,
        input_shape=None,
        top1=top1,
        metrics=metrics_of(runs, groups),
    )


def _empty(folder: ComparisonFolder, file: Path, predictions: OutsidePredictions) -> Findings:
    """Return the findings of a new folder, to which only imported predictions will be added."""
    digest = hashlib.sha256(json.dumps([predictions.ids, predictions.labels.tolist()]).encode()).hexdigest()
    data = DataDescription(
        name=folder.path.resolve().name,
        source=f"predictions in {file.name}",
        class_names=predictions.class_names,
        image_shape=(),
        train=0,
        validation=0,
        test=len(predictions.ids),
        test_groups=len(set(predictions.groups)) or None,
        mean=(),
        std=(),
        notes=("The networks were trained elsewhere; how they were trained and selected is not known.",),
        fingerprint=f"sha256:{digest}",
    )
    command = f"convstudy import {file.name} --model NAME --output {folder.path.name}"
    protocol = Protocol(data=data, recipe={}, seeds=(0,), command=command)
    return Findings(results=Results(models=(), comparisons=(), protocol=protocol, environment={}), runs=())


def _own_folder(folder: ComparisonFolder, register: Register, existing: Findings | None, model: str) -> str:
    """Return the name of the folder for the runs of `model`. Raises: StudyError, if another network has that folder."""
    if model in register:
        return str(register[model]["folder"])
    name = _folder_name(model)
    owners = {other["folder"].lower(): known for known, other in register.items()}
    if existing:
        identity = folder.identity()
        owners |= dict(zip(map(str.lower, identity["folders"]), identity["models"], strict=True))
    owner = owners.get(name.lower())
    for run in (folder.path / name).glob("seed-*/run.json"):  # of an import that was killed before it was registered
        owner = owner or RunFolder(run.parent).record().get("model")
    if owner not in {None, model}:
        raise StudyError(
            f"the folder {folder.path / name} for {model} holds the runs of {owner}; choose another `model` name",
            setting="model",
        )
    return name


def _folder_name(model: str) -> str:
    """Return a folder name for a network, with a digest of the name if letters of it cannot be kept.

    >>> _folder_name("their-mlp"), _folder_name("their mlp"), _folder_name("α"), _folder_name("β")
    ('imported-their-mlp', 'imported-their-mlp-2126dbae', 'imported-network-3e32da96', 'imported-network-2245c1c8')
    """
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip(".-")[:LONGEST_NAME]
    digest = "" if kept == model else f"-{hashlib.sha256(model.encode(errors='surrogateescape')).hexdigest()[:8]}"
    return f"{IMPORTED}-{kept or 'network'}{digest}"
