"""The metrics beside top-1, against scikit-learn; what is stored of them; Cochran's Q, seed by seed."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics

from convstudy.study import ComparisonFolder, write_findings
from convstudy.study.comparisons.design import compare_pairs
from convstudy.study.comparisons.findings import seed_by_seed
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.results import Results
from convstudy.study.runs.record_file import as_record
from convstudy.study.runs.result import RunResult
from tests.report.made_up import made_up_findings

FINDINGS = made_up_findings(networks=3)


def logits_of(run: RunResult) -> npt.NDArray[np.float64]:
    assert isinstance(run.logits, np.ndarray)
    return run.logits.astype(np.float64)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_means_are_those_of_scikit_learn_and_lie_in_their_intervals(place: int) -> None:
    model = FINDINGS.results.models[place]
    runs = [run for run in FINDINGS.runs if run.model == model.name]
    labels, tables = runs[0].labels, [softmax(logits_of(run), axis=1) for run in runs]
    expected = {
        "top5": [sklearn_metrics.top_k_accuracy_score(labels, table, k=5) for table in tables],
        "balanced_accuracy": [sklearn_metrics.balanced_accuracy_score(labels, table.argmax(1)) for table in tables],
        "macro_f1": [sklearn_metrics.f1_score(labels, table.argmax(1), average="macro") for table in tables],
        "log_loss": [sklearn_metrics.log_loss(labels, table) for table in tables],
    }
    for name, values in expected.items():
        metric = model.metrics[name]
        np.testing.assert_allclose(metric.per_seed, values, rtol=1e-9)
        assert metric.mean == pytest.approx(np.mean(values))
        assert metric.low is not None
        assert metric.high is not None
        assert metric.low < metric.mean < metric.high
    error = model.metrics["calibration_error"]
    assert (error.low, error.high) == (None, None)


def test_without_probabilities_nothing_is_said_that_needs_them() -> None:
    runs = [replace(run, scored=False) for run in FINDINGS.runs if run.model == "net"]
    assert list(metrics_of(runs)) == ["balanced_accuracy", "macro_f1"]
    few = [
        replace(run, labels=run.labels % 3, logits=logits_of(run)[:, :3].astype(np.float32))
        for run in FINDINGS.runs
        if run.model == "net"
    ]
    assert "top5" not in metrics_of(few)


def test_results_come_back_from_json_as_they_were_and_are_columns_of_the_csv(tmp_path: Path) -> None:
    assert as_record(Results, json.dumps(asdict(FINDINGS.results))) == FINDINGS.results
    write_findings(ComparisonFolder(tmp_path), FINDINGS)
    with (tmp_path / "results.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    metric = FINDINGS.results.models[0].metrics["log_loss"]
    assert [float(row[f"log_loss_{part}"]) for part in ("mean", "low", "high")] == [
        metric.mean,
        metric.low,
        metric.high,
    ]
    assert "calibration_error_mean" in row
    assert "calibration_error_low" not in row


def run(model: str, seed: int, right: npt.NDArray[np.bool_]) -> RunResult:
    logits = np.stack([right, ~right], axis=1).astype(np.float32)
    return RunResult(model=model, seed=seed, epochs=(), labels=np.zeros(len(right), np.int64), logits=logits)


def test_cochrans_q_takes_the_seeds_that_every_network_has() -> None:
    """The drugs of SAS's documentation of PROC FREQ, example 3.9: Q = 8.4706 with 2 degrees of freedom, p = 0.0145."""
    counts = {"FFF": 6, "FFU": 16, "FUF": 2, "FUU": 4, "UFF": 2, "UFU": 4, "UUF": 6, "UUU": 6}
    patients = np.array([[letter == "F" for letter in key] for key, count in counts.items() for _ in range(count)])
    runs = [run(name, seed, patients[:, place]) for place, name in enumerate("ABC") for seed in (0, 1)]
    tests = seed_by_seed([*runs, run("A", 7, patients[:, 0])])
    assert [test.seed for test in tests] == [0, 1]
    assert [round(tests[0].statistic, 4), tests[0].degrees_of_freedom, round(tests[0].p_value, 4)] == [
        8.4706,
        2,
        0.0145,
    ]
    assert seed_by_seed(runs[:4]) == ()  # two networks have McNemar's test


def test_effect_sizes_of_single_runs_are_cohens() -> None:
    pair = made_up_findings(networks=2, seeds=1)
    answers = {
        name: np.array([r.predictions == r.labels for r in pair.runs if r.model == name])
        for name in ("net", "resnet34")
    }
    (compared,) = compare_pairs(answers)
    only_a, only_b = (answers["net"] & ~answers["resnet34"]).sum(), (~answers["net"] & answers["resnet34"]).sum()
    assert compared.cohens_g == pytest.approx(only_a / (only_a + only_b) - 0.5)
    difference = answers["net"][0].astype(float) - answers["resnet34"][0]
    assert compared.standardized == pytest.approx(difference.mean() / difference.std(ddof=1))
