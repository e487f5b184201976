"""Networks ranked over data sets: Demsar's own example as comparisons, from their folders to the page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.drawing.scene import Group, Line
from convstudy.report.charts.ranks import critical_difference_diagram
from convstudy.report.ranks import csv, html, latex, markdown, verdict
from convstudy.study import ComparisonFolder, rank, write_findings
from convstudy.study.comparisons.results import DataFinding, Findings
from tests.conftest import Said
from tests.report.made_up import NASTY_NETWORK, made_up_findings
from tests.report.page import chart, parse
from tests.report.page import said as said_of

NETWORKS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = """
0.763 0.768 0.771 0.798   0.599 0.591 0.590 0.569   0.954 0.971 0.968 0.967   0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898   0.936 0.931 0.916 0.931   0.661 0.668 0.609 0.685   0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875   1.000 1.000 1.000 1.000   0.940 0.962 0.965 0.962   0.619 0.666 0.614 0.669
0.972 0.981 0.97501 0.975   0.957 0.978 0.946 0.970
"""  # Demsar 2006, Table 6: four variants of C4.5 on 14 data sets; a figure is added where ranks 2 and 3 are printed
ROWS = [[float(value) for value in AUC.split()[start : start + 4]] for start in range(0, 56, 4)]


@pytest.fixture(scope="module")
def made_up() -> Findings:
    return replace(made_up_findings(networks=4, seeds=1, test_images=20), mistaken=(), disagreed=())


def comparison(
    root: Path,
    findings: Findings,
    name: str,
    top1: list[float],
    networks: tuple[str, ...],
    problems: tuple[DataFinding, ...] = (),
) -> Path:
    """A finished comparison on a data set of its own; its results are all that a ranking reads."""
    models = tuple(
        replace(model, name=network, top1=replace(model.top1, mean=value))
        for model, network, value in zip(findings.results.models, networks, top1, strict=False)
    )
    protocol = findings.results.protocol
    data = replace(protocol.data, name=name, fingerprint=f"sha256:{name}", findings=problems)
    results = replace(findings.results, models=models, comparisons=(), protocol=replace(protocol, data=data))
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "comparison.json").write_text('{"models": [], "folders": [], "seeds": []}')
    write_findings(ComparisonFolder(folder), replace(findings, results=results))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, made_up: Findings) -> list[Path]:
    root = tmp_path_factory.mktemp("sets")
    return [comparison(root, made_up, f"set-{number}", row, NETWORKS) for number, row in enumerate(ROWS)]


def test_demsars_example(folders: list[Path]) -> None:
    """Demsar 2006, section 3.2.2: mean ranks 3.143, 2.000, 2.893, 1.964; 9.28, F = 3.69, CD = 1.25."""
    ranking = rank(folders)
    assert list(ranking.networks) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert [round(mean, 3) for mean in ranking.test.mean_ranks] == [1.964, 2.0, 2.893, 3.143]
    assert list(ranking.data[0].ranks) == [1, 3, 2, 4]
    differ, best = verdict(ranking)
    assert re.findall(r"\b[\d.]+\b", differ)[:3] == ["4", "14", "3.69"]  # networks, data sets, F
    assert "p = 0.01" in differ
    assert best.startswith("C4.5+m+cf ")
    assert "1.96" in best
    assert "not shown to rank better than C4.5+m, C4.5+cf and C4.5" in best
    assert "1.25 ranks" in best
    assert len(verdict(ranking)) == 2
    assert ranking.to_json()["test"]["chi_square"] == pytest.approx(9.28, abs=0.005)


def test_the_diagram_is_demsars(folders: list[Path]) -> None:
    ranking = rank(folders)
    scene, means = critical_difference_diagram(ranking), ranking.test.mean_ranks
    groups = [mark for mark in scene.marks if isinstance(mark, Group)]
    elbows = [mark for group in groups for mark in group.marks if isinstance(mark, Line) and len(mark.points) == 3]
    places = [elbow.points[0][0] for elbow in elbows]
    slope, offset = np.polyfit(means, places, 1)
    np.testing.assert_allclose(offset + slope * np.array(means), places, atol=1e-6)
    assert slope < 0  # the best rank is on the right
    ends = [elbow.points[2][0] for elbow in elbows]
    assert ends == [scene.width, scene.width, 0, 0]  # the better half ends at the right
    down = [elbow.points[1][1] for elbow in elbows]
    assert down[0] < down[1] == down[2] > down[3]  # nearer the edge, higher up: no line crosses another
    (bar,) = (mark for group in groups if group.title.startswith("no difference") for mark in group.marks)
    assert isinstance(bar, Line)
    assert abs(bar.points[0][0] - bar.points[1][0]) == pytest.approx(abs(slope) * (means[3] - means[0]), abs=8)
    lines = [mark for mark in scene.marks if isinstance(mark, Line)]
    critical = next(
        line for line in lines if line.points[0][1] == line.points[1][1] < places[0] and line is not lines[0]
    )
    across = abs(critical.points[1][0] - critical.points[0][0])
    assert across / abs(slope) == pytest.approx(1.25, abs=0.005)


def test_the_page_says_all_of_it_in_words(folders: list[Path]) -> None:
    page = parse(html(rank(folders), "convstudy report a b"))
    assert page.all("h2")[0].attributes["id"] == "ranks-of-networks"
    words = chart(page, "ranks").attributes["aria-label"] or ""
    assert "C4.5+m+cf 1.96, C4.5+m 2.00, C4.5+cf 2.89, C4.5 3.14. " in words
    assert words.endswith(" C4.5+m+cf, C4.5+m, C4.5+cf, C4.5.")
    table = page.all("table")[0]
    assert table.rows()[0] == ["set-0", "79.8%rank 1", "76.8%rank 3", "77.1%rank 2", "76.3%rank 4", "1", "20"]
    assert page.one("code", id="command").text == "convstudy report a b"
    assert "C4.5+m+cf: mean rank 1.96" in said_of(page, "ranks")


def test_documents_have_the_tables(folders: list[Path]) -> None:
    ranking = rank(folders)
    assert "| mean rank  |" in markdown(ranking)
    assert latex(ranking).count(r"\begin{tabular}") == 2
    assert csv(ranking).splitlines()[:2] == ["data,network,top1,rank", "set-0,C4.5+m+cf,0.798,1.0"]


def test_where_friedman_shows_nothing_one_bar_joins_all(tmp_path: Path, made_up: Findings) -> None:
    rows = [[0.5, 0.6, 0.7], [0.7, 0.6, 0.5], [0.6, 0.5, 0.7]]
    names = ("a", "b", NASTY_NETWORK)
    ranking = rank([comparison(tmp_path, made_up, f"set-{n}", row, names) for n, row in enumerate(rows)])
    assert not ranking.shown
    assert ranking.groups == ((0, 1, 2),)
    assert verdict(ranking)[0].startswith("No difference shown")
    assert re.findall(r"\d+", verdict(ranking)[2]) == ["3", "5"]  # data sets: these, and what would be enough
    page = parse(html(ranking, "convstudy report"))
    assert not page.all("nets")  # a name stays text
    assert "Friedman's test shows none" in page.one("figcaption").text


def test_the_same_order_everywhere_has_an_infinite_f(tmp_path: Path, made_up: Findings) -> None:
    folders = [comparison(tmp_path, made_up, f"set-{n}", [0.9, 0.8, 0.1], ("a", "b", "c")) for n in range(5)]
    ranking = rank(folders)
    assert math.isinf(ranking.test.f_statistic)
    assert ranking.to_json()["test"]["f_statistic"] is None
    assert "same order on every data set, p < 0.001 by permutation" in verdict(ranking)[0]
    assert verdict(ranking)[1].startswith("a ")
    assert "1.00: shown to rank better than c, but not shown to" in verdict(ranking)[1]


def test_a_leak_in_one_data_set_is_told(tmp_path: Path, made_up: Findings) -> None:
    leak = DataFinding("leak", "2 images are in train, too", True, ())
    folders = [
        comparison(tmp_path, made_up, f"set-{n}", [0.9, 0.8, 0.1], ("a", "b", "c"), (leak,) * n) for n in range(2)
    ]
    page = parse(html(rank(folders), "convstudy report"))
    assert [notice.text for notice in page.all("div", role="alert")] == ["set-1: 2 images are in train, too."]


def test_the_command(convstudy: Callable[..., Said], tmp_path: Path, made_up: Findings) -> None:
    for name, networks in {"one": "abc", "two": "abc", "other": "abd", "pair": "ab", "pair-2": "ab"}.items():
        comparison(tmp_path, made_up, name, [0.9, 0.8, 0.1], tuple(networks))
    said = convstudy("report", "one", "two")
    assert (said.status, said.out) == (0, "ranks.html\n")
    page = parse((tmp_path / "ranks.html").read_text())
    assert page.one("code", id="command").text == "convstudy report one two --output ranks.html"
    printed = {kind: convstudy("report", "one", "two", "--format", kind).out for kind in ("json", "csv", "markdown")}
    assert json.loads(printed["json"])["networks"] == ["a", "b", "c"]
    assert printed["csv"].startswith("data,network,top1,rank\none,a,0.9,1.0\n")
    assert printed["markdown"].startswith("# 3 networks on 2 data sets\n")
    for words, message in {
        ("one", "one"): "one and one both use one; a ranking counts each data set once, so remove one of them",
        ("one", "other"): "c is compared in one but not in other; a ranking needs the same networks in each",
        ("pair", "pair-2"): "pair compares only a and b; a ranking needs three or more networks",
        ("one", "nowhere"): "nowhere holds no comparison",
    }.items():
        said = convstudy("report", *words)
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert said.err.startswith(f"error: {message}")
    (tmp_path / "two/results.json").unlink()
    assert "two holds a comparison that is not finished" in convstudy("report", "one", "two").err
