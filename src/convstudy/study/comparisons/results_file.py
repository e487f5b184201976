"""Files of a comparison's results, for the report and for other programs."""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import whole_file, write_json
from convstudy.study.comparisons.design import design_of
from convstudy.study.comparisons.drawings import drawings_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.images_file import with_images, write_images
from convstudy.study.comparisons.results import Findings, Metric, ModelResult, Results
from convstudy.study.comparisons.start import Start, layers_of
from convstudy.study.runs.record_file import read_record, reading
from convstudy.study.runs.result import RunResult
from convstudy.wording import reason_of, spreadsheet_text


def write_findings(folder: ComparisonFolder, findings: Findings) -> None:
    """Write `images.npz`, `results.csv` and, last, `results.json`."""
    with folder.sealing("images.npz", "results.csv", "results.json"):
        _write(folder, findings)


def _write(folder: ComparisonFolder, findings: Findings) -> None:
    write_images(folder, findings)
    with whole_file(folder.path / "results.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        rows = [_flat_row(model) for model in findings.results.models]
        writer = csv.DictWriter(file, list({column: None for row in rows for column in row}))
        writer.writeheader()
        writer.writerows(rows)
    write_json(folder.path / "results.json", asdict(findings.results))


AGAIN = "repeat the command that wrote it, in another folder if it is from another version of convstudy"


def read_results(folder: ComparisonFolder) -> Results:
    """Read the results of a finished comparison. Raises: StudyError, as `read_findings`."""
    folder.identity()
    path = folder.path / "results.json"
    if not path.exists():
        raise StudyError(
            f"{folder.path} holds a comparison that is not finished; repeat its `convstudy compare` command"
        )
    folder.require_undamaged(path.name)
    return read_record(Results, path, AGAIN)


def read_findings(folder: ComparisonFolder) -> Findings:
    """Read a finished comparison. Raises: StudyError, if there is none or a file cannot be read."""
    results = read_results(folder)
    try:
        with reading(folder.path, AGAIN):
            runs = _runs(folder, folder.identity())
            start = read_start(folder)
            drawings = drawings_of(folder, start)
            findings = Findings(results=results, runs=runs, layers=layers_of(start), drawings=drawings)
            return with_images(findings, folder)
    except OSError as error:
        raise StudyError(f"{folder.path} cannot be read ({reason_of(error)}); {AGAIN}") from error


def read_start(folder: ComparisonFolder) -> Start:
    """Return what was stored before any training; empty if nothing was, as when all predictions were imported.

    Raises: StudyError, if the file cannot be read.
    """
    folder.require_undamaged(folder.start.name)
    return read_record(Start, folder.start, AGAIN) if folder.start.exists() else Start()


def _flat_row(model: ModelResult) -> dict[str, str | int | float | None]:
    top1 = model.top1
    return {
        "name": spreadsheet_text(model.name),
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
    """Return the mean, and the limits if there are any."""
    parts = (("mean", metric.mean), ("low", metric.low), ("high", metric.high))
    return [(part, value) for part, value in parts if value is not None]


def _runs(folder: ComparisonFolder, identity: dict[str, Any]) -> tuple[RunResult, ...]:
    own = dict(zip(identity["folders"], identity["folders"], strict=True))
    runs = design_of(identity.get("until", "seeds")).counted(folder, own, identity["seeds"])
    return (*(run.read() for run in runs.values()), *read_imported_runs(folder))


def read_imported_runs(
    folder: ComparisonFolder, register: dict[str, dict[str, Any]] | None = None
) -> tuple[RunResult, ...]:
    """Return the runs whose predictions were imported, network by network, by `register` or by imported.json."""
    networks = (folder.imported() if register is None else register).values()
    runs = [folder.run(network["folder"], seed) for network in networks for seed in network["seeds"]]
    return tuple(replace(run.read(), scored=run.record()["imported"]["scored"]) for run in runs)
