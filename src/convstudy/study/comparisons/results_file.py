"""Findings on disk: written whole, read back for the report and for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.images_file import with_images, write_images
from convstudy.study.comparisons.results import (
    Accuracy,
    DataDescription,
    DataFinding,
    Findings,
    Layer,
    Metric,
    ModelResult,
    Omnibus,
    PairResult,
    Protocol,
    Reply,
    Results,
)
from convstudy.study.runs.result import RunResult


def write_findings(folder: ComparisonFolder, findings: Findings) -> None:
    """Write `images.npz`, `results.csv` and, last, `results.json`."""
    write_images(folder, findings)
    with whole_file(folder.path / "results.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        rows = [_flat_row(model) for model in findings.results.models]
        writer = csv.DictWriter(file, list({column: None for row in rows for column in row}))
        writer.writeheader()
        writer.writerows(rows)
    write_json(folder.path / "results.json", asdict(findings.results))


def read_results(folder: ComparisonFolder) -> Results:
    """Read the results of a finished comparison. Raises: StudyError, as `read_findings`."""
    folder.identity()
    path = folder.path / "results.json"
    if not path.exists():
        raise StudyError(f"{folder.path} holds a comparison that is not finished; run its `convstudy compare` again")
    with _readable(folder):
        return results_from_json(json.loads(path.read_text(encoding="utf-8")))


def read_findings(folder: ComparisonFolder) -> Findings:
    """Read a finished comparison. Raises: StudyError, when there is none or a file cannot be read."""
    results = read_results(folder)
    with _readable(folder):
        findings = Findings(results, _runs(folder, folder.identity()), (), layers=read_layers(folder))
        return with_images(findings, folder)


@contextmanager
def _readable(folder: ComparisonFolder) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{folder.path} cannot be read ({type(error).__name__}: {error}); run its `convstudy compare` again"
        ) from error


def read_layers(folder: ComparisonFolder) -> dict[str, tuple[Layer, ...]]:
    """The layers of each network as they were counted; none where they were not stored."""
    if not folder.start.exists():
        return {}
    stored = json.loads(folder.start.read_text(encoding="utf-8"))["layers"]
    return {
        name: tuple(Layer(**{**row, "output_shape": tuple(row["output_shape"])}) for row in rows)
        for name, rows in stored.items()
    }


def results_from_json(value: dict[str, Any]) -> Results:
    """The records behind a `results.json`."""
    models = tuple(
        ModelResult(
            **{
                **model,
                "input_shape": model["input_shape"] and tuple(model["input_shape"]),
                "uncounted": tuple(model["uncounted"]),
                "lrs": tuple(model.get("lrs", ())),
                "metrics": {name: _metric(metric) for name, metric in model.get("metrics", {}).items()},
                "top1": Accuracy(**{**model["top1"], "per_seed": tuple(model["top1"]["per_seed"])}),
            }
        )
        for model in value["models"]
    )
    return Results(
        models,
        tuple(_pair(pair) for pair in value["comparisons"]),
        protocol_from_json(value["protocol"]),
        value["environment"],
        tuple(Reply(**reply) for reply in value["questions"]),
        tuple(Omnibus(**test) for test in value.get("omnibus", ())),
    )


def protocol_from_json(value: dict[str, Any]) -> Protocol:
    """The record behind the `protocol` of a `results.json`."""
    return Protocol(
        **{
            **value,
            "data": _data(value["data"]),
            "seeds": tuple(value["seeds"]),
            "lr_grid": tuple(value.get("lr_grid", ())),
            "mixed": tuple(value.get("mixed", ())),
        }
    )


def _data(value: dict[str, Any]) -> DataDescription:
    plain: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in value.items()}
    found = value.get("findings")
    return DataDescription(
        **{
            **plain,
            "findings": None if found is None else tuple(_data_finding(each) for each in found),
            "class_counts": {part: tuple(counts) for part, counts in value.get("class_counts", {}).items()},
        }
    )


def _data_finding(value: dict[str, Any]) -> DataFinding:
    return DataFinding(**{**value, "examples": tuple(tuple(group) for group in value["examples"])})


def _pair(value: dict[str, Any]) -> PairResult:
    return PairResult(**{**value, "chance": value["chance"] and tuple(value["chance"])})


def _metric(value: dict[str, Any]) -> Metric:
    return Metric(**{**value, "per_seed": tuple(value["per_seed"])})


def _flat_row(model: ModelResult) -> dict[str, str | int | float | None]:
    top1 = model.top1
    return {
        "name": model.name,
        "input": "x".join(str(length) for length in model.input_shape or ()),
        "parameters": model.parameters,
        "macs": model.macs,
        "activation_size": model.activation_size,
        "top1_mean": top1.mean,
        "top1_low": top1.low,
        "top1_high": top1.high,
        **{f"top1_seed_{seed}": value for seed, value in enumerate(top1.per_seed)},
        **{f"{name}_{part}": value for name, metric in model.metrics.items() for part, value in _limits(metric)},
        "train_seconds": model.train_seconds,
        "images_per_second": model.images_per_second,
        "latency_ms": model.latency_ms,
        "latency_p95_ms": model.latency_p95_ms,
        "inference_images_per_second": model.inference_images_per_second,
        "inference_batch_size": model.inference_batch_size,
        "training_step_bytes": model.training_step_bytes,
    }


def _limits(metric: Metric) -> list[tuple[str, float]]:
    """The mean, and the limits where there are any."""
    parts = (("mean", metric.mean), ("low", metric.low), ("high", metric.high))
    return [(part, value) for part, value in parts if value is not None]


def _runs(folder: ComparisonFolder, identity: dict[str, Any]) -> tuple[RunResult, ...]:
    runs = [folder.run(model, seed) for model in identity["folders"] for seed in identity["seeds"]]
    return (*(run.read() for run in runs), *read_imported_runs(folder))


def read_imported_runs(folder: ComparisonFolder) -> tuple[RunResult, ...]:
    """The runs whose predictions were imported, network by network."""
    runs = [folder.run(network["folder"], seed) for network in folder.imported().values() for seed in network["seeds"]]
    return tuple(replace(run.read(), scored=run.record()["imported"]["scored"]) for run in runs)
