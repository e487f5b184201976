"""`convstudy compare --dry-run`: cost and reach of a comparison before any run, and the ledger that they come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Said

from convstudy.data.cache import cache_folder
from convstudy.report.sentences import opened
from convstudy.statistics.grown import Looks
from convstudy.statistics.power import LEVEL, PairVariance, detectable_difference
from convstudy.study import ComparisonFolder, Results, read_findings
from convstudy.study.comparisons.ledger import spreads
from convstudy.study.runs.record_file import as_record

Convstudy = Callable[..., Said]
TRAINING, VALIDATION, TEST = 1213, 135, 449
RECIPE = ("--epochs", "1", "--warmup-epochs", "0", "--train-images", "200", "--device", "cpu", "--jobs", "1")
RUN = ("compare", "net", "lecture", "--seeds", "2", *RECIPE, "--output", "out")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_costs_are_those_of_all_runs_and_nothing_is_written(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("compare", "net", "lecture", "--dry-run", "--format", "json", "--lr-grid", "0.01,0.03")
    assert said.status == 0, said.err
    found = json.loads(said.out)
    assert list(tmp_path.iterdir()) == []
    assert (found["seeds"], found["runs"], found["done"]) == ([3, 3], [6, 6], 0)
    net = found["networks"][0]
    passes = 2 * 6 * (3 * TRAINING + VALIDATION) + TEST
    assert (net["name"], net["epochs"], net["trainings"]) == ("net", 6, 2)
    assert net["macs"] == 416_520 * passes
    assert found["macs"] == [3 * sum(each["macs"] for each in found["networks"])] * 2
    assert net["num_bytes"] > 4 * 61_706
    assert found["seconds"][0] > 0
    [pair] = found["pairs"]
    assert pair["known_from"] == "assumed"
    expected = PairVariance(0.1, (1e-4, 1e-4), (0, 0)).error(3, TEST)
    assert pair["difference"] == pytest.approx(detectable_difference(expected, LEVEL))
    assert pair["images_alone"] < pair["difference"]
    assert pair["images_for_margin"] > TEST


def test_without_networks_it_is_the_default_study(convstudy: Convstudy) -> None:
    found = json.loads(convstudy("compare", "--dry-run", "--format", "json", "--train-images", "100").out)
    assert [(each["name"], each["epochs"]) for each in found["networks"]] == [("net", 5), ("resnet34", 5)]
    assert (found["seeds"], found["margin"]) == ([3, 3], 0.03)


def test_it_fits_a_terminal_and_says_what_is_assumed(convstudy: Convstudy) -> None:
    said = convstudy("compare", "net", "lecture", "plain20", "--dry-run", "--until", "sure", "--max-seeds", "5")
    assert said.status == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    words = " ".join(said.out.split())
    assert "9 to 15 runs" in words
    assert words.count("assumed") == 3


def test_with_earlier_runs_it_uses_their_spread_and_counts_only_what_is_missing(
    convstudy: Convstudy, tmp_path: Path
) -> None:
    assert convstudy(*RUN).status == 0
    before = sorted(path.name for path in tmp_path.rglob("*"))
    said = convstudy(*(word if word != "2" else "4" for word in RUN), "--dry-run", "--format", "json")
    found = json.loads(said.out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert (found["runs"], found["done"], found["pairs"][0]["known_from"]) == ([4, 4], 4, "earlier runs")
    runs = read_findings(ComparisonFolder(tmp_path / "out")).runs
    right: dict[str, list[Any]] = {run.model: [] for run in runs}
    for run in runs:
        right[run.model].append(run.predictions == run.labels)
    [spread] = spreads({name: np.stack(rows) for name, rows in right.items()})
    assert found["pairs"][0]["seed_sds"] == pytest.approx([value**0.5 for value in spread.variance.seeds])
    error = replace(spread.variance, images=max(spread.variance.images, 1 / TEST)).error(4, TEST)
    after_a_look = detectable_difference(error, Looks((2, 4)).level)
    assert found["pairs"][0]["difference"] == pytest.approx(after_a_look)
    other = json.loads(convstudy("compare", "lecture", "plain20", *RECIPE, "--dry-run", "--format", "json").out)
    assert other["pairs"][0]["known_from"] == "other networks"


def test_json_is_of_a_dry_run_only(convstudy: Convstudy) -> None:
    said = convstudy("compare", "net", "--format", "json")
    assert (said.status, said.err.startswith("error: --format is json")) == (2, True)


def read(folder: Path) -> Results:
    return as_record(Results, (folder / "results.json").read_text())


def test_comparisons_on_the_same_test_images_are_counted(convstudy: Convstudy, tmp_path: Path, cache: Path) -> None:
    words = ("compare", "lecture", *RECIPE, "--seeds")
    first = convstudy(*words, "1", "--output", "out")
    assert "comparison on these test images" not in " ".join(first.out.split())
    assert read(tmp_path / "out").test_set is not None
    other = convstudy(*words, "1", "--output", "other", "--lr", "0.02")
    second = read(tmp_path / "other").test_set
    assert second is not None
    assert second.comparison == 2
    assert "2nd comparison on these test images" in " ".join(other.out.split())
    assert "2nd comparison on these test images" in (tmp_path / "other/report.html").read_text()
    for seeds, folder in (("1", "out"), ("1", "again"), ("2", "out")):  # resumed, repeated, more seeds: the same one
        assert convstudy(*words, seeds, "--output", folder).status == 0
        found = read(tmp_path / folder).test_set
        assert found is not None
        assert found.comparison == 1
    assert len(list(cache.glob("ledger/*/*.json"))) == 2
    for torn in cache.glob("ledger/*/*.json"):
        torn.write_text("{")
    assert convstudy(*words, "1", "--output", "other", "--lr", "0.02").status == 0


def test_a_cache_that_cannot_be_written_is_no_error(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "file/below"))
    assert cache_folder() == tmp_path / "file/below"
    said = convstudy(*RUN)
    assert (said.status, said.err) == (0, "")
    found = read(tmp_path / "out")
    assert found.test_set is not None
    assert (found.test_set.comparison, opened(found)) == (1, "")
