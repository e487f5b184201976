"""A comparison as Markdown, LaTeX and PDF."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from convstudy.errors import ToolError
from convstudy.report import write_figures
from convstudy.report.document import latex, markdown, pair_frame
from convstudy.report.html import write_html
from convstudy.report.latex import LatexTable, latex_table
from convstudy.report.pdf import BROWSERS, write_pdf
from convstudy.report.sentences import verdict
from convstudy.statistics.verdict import Verdict
from tests.report.made_up import NASTY_NETWORK, made_up_findings

FINDINGS = made_up_findings(networks=3)


def tables(text: str) -> list[pd.DataFrame]:
    """The tables of a Markdown text, read back."""
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    read = [pd.read_csv(io.StringIO(block), sep="|", dtype=str).iloc[1:, 1:-1] for block in blocks]
    return [table.rename(columns=str.strip).map(str.strip) for table in read]


def escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def test_markdown_has_the_verdicts_the_tables_and_the_command() -> None:
    text = markdown(FINDINGS)
    results, speed, pairs, measures = tables(text)
    assert speed["95th percentile, ms"].tolist() == ["12.3", "0.631", "–"]
    assert speed["inference, images/s"].tolist() == ["413", "20,788", "–"]
    assert speed["batch size"].tolist() == ["16", "1,024", "–"]
    assert speed["training memory"].tolist() == ["1.20 GB", "3.35 MB", "–"]
    assert results["network"].tolist() == ["resnet34", "net", NASTY_NETWORK.replace("<", "&lt;")]
    assert results["parameters"].tolist()[:2] == ["21,283,530", "61,706"]
    assert pairs["difference, pp"].tolist()[0] == "−2.1"
    assert measures["log loss, nats"].str.fullmatch(r"0\.\d{3} ± 0\.\d{3} \(0\.\d{3} to [01]\.\d{3}\)").all()
    assert measures["calibration error, %"].str.fullmatch(r"\d\.\d ± \d\.\d").all()  # no interval is honest
    for pair in FINDINGS.results.comparisons:
        assert f"- {escaped(verdict(pair, pairs=len(FINDINGS.results.comparisons)))}" in text
    assert FINDINGS.results.protocol.command in text
    assert (
        "- **2 test images are also in the training set**\n- the training set has 500 images of 1 and 20 of 2" in text
    )
    assert "Unfinished" not in text
    assert "Unfinished: 2 runs still missing." in markdown(replace(FINDINGS, unfinished=2))


def test_the_tables_of_pairs_say_the_verdict() -> None:
    kinds = (Verdict.EQUIVALENT, Verdict.RUNS_ONLY, Verdict.NOT_COMPARABLE)
    pairs = [
        replace(pair, verdict=kind, better=None) for pair, kind in zip(FINDINGS.results.comparisons, kinds, strict=True)
    ]
    results = replace(FINDINGS.results, comparisons=tuple(pairs))
    assert pair_frame(results)["better"].tolist() == ["equivalent", "these runs only", "not comparable yet"]


def test_latex_has_no_character_that_latex_reads_otherwise() -> None:
    text = latex(FINDINGS)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4
    assert r"my/$<$nets$>$/small.py:Deep\&Narrow & 94.2 & 93.0 to 95.3 & 1.20 & \ge 36.6 & 8.31 & 1.73" in text
    assert "resnet34 & 97.7 & 96.5 to 98.8 & 21.3 & 1159 & 61.3 & 9.83" in text
    assert r"95\% CI" in text
    assert text.isascii()


def test_latex_tables_have_labels_of_their_own_and_fit_the_text() -> None:
    labels = re.findall(r"\\label{(.*)}", latex(FINDINGS))
    assert labels == ["tab:digits-results", "tab:digits-speed", "tab:digits-pairs", "tab:digits-measures"]
    wide = latex_table(
        LatexTable(["network", *(f"a long head {n}" for n in range(9))], [["net", *"123456789"]], "", "t")
    )
    assert r"\resizebox{\linewidth}{!}{\begin{tabular}" in wide
    narrow = latex_table(LatexTable(["network", "a"], [["net", "1.5"], ["other", "–"]], "", "t"))
    assert "resizebox" not in narrow
    assert "S[table-format=1.1]" in narrow
    assert "other & {--}" in narrow


@pytest.mark.slow
def test_latex_compiles_the_tables_without_an_overfull_line(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("LaTeX is not installed")
    (tmp_path / "tables.tex").write_text(latex(FINDINGS), encoding="utf-8")
    write_figures(FINDINGS, tmp_path / "figures")
    packages = r"\usepackage{booktabs,siunitx,graphicx}"
    body = r"\input{tables}\noindent\includegraphics[width=\linewidth]{figures/intervals}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_figures_are_files_named_as_what_they_show(tmp_path: Path) -> None:
    written = [path.name for path in write_figures(FINDINGS, tmp_path)]
    assert sorted(written) == sorted(path.name for path in tmp_path.iterdir())
    assert {"intervals.svg", "intervals.pdf", "cost-macs.svg", "confusion-1-resnet34.pdf", "classes.svg"} <= set(
        written
    )
    assert (tmp_path / "intervals.pdf").read_bytes().startswith(b"%PDF-")
    root = ElementTree.fromstring((tmp_path / "intervals.svg").read_text(encoding="utf-8"))
    assert root.get("width") == "460"  # px: 345 pt
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_figures(FINDINGS, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_one_seed_has_no_deviation() -> None:
    text = markdown(made_up_findings(networks=1, seeds=1))
    assert "±" not in text
    assert "## Pairwise" not in text


@pytest.mark.browser
def test_a_browser_prints_the_report(tmp_path: Path) -> None:
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip("no browser of the Chromium family is installed")
    write_html(FINDINGS, tmp_path / "report.html", paper="letter")
    write_pdf(tmp_path / "report.html", tmp_path / "report.pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert re.search(rb"/MediaBox \[0 0 612(\.0*)? 792", content)  # 8.5 x 11 inches
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_without_a_browser_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("convstudy.report.pdf.MACOS", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="PDF needs Chromium or Chrome"):
        write_pdf(tmp_path / "report.html", tmp_path / "report.pdf")


def test_a_browser_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'cannot open display' >&2\nexit 1\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ToolError, match="did not print the report: cannot open display"):
        write_pdf(tmp_path / "report.html", tmp_path / "report.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["chromium"]
