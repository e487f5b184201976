"""SECURITY.md: each promise names tests that exist."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from convstudy.cli.report import ReportFormat, _write_page
from convstudy.report import pdf
from tests.conftest import ROOT


def test_each_promise_has_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("## What is promised")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    for row in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert tests, row
        for file, name in tests:
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), name


FAULTY = {  # the last version with a known fault that matters here
    "pillow": "11.2.1",  # CVE-2025-48379: buffer overflow
    "jinja2": "3.1.5",  # CVE-2025-27516: sandbox breakout
    "torch": "2.5.1",  # CVE-2025-32434: code runs in torch.load with weights_only
    "filelock": "3.20.2",  # CVE-2026-22701: a link in the place of a lock
}


def test_versions_with_known_faults_are_excluded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {found.name: found.specifier for found in map(Requirement, project["dependencies"])}
    for name, version in FAULTY.items():
        assert version not in needed[name]
    audit = (ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8")
    assert "cron:" in audit
    assert "pip-audit" in audit


def test_a_report_printed_by_root_says_that_there_is_no_sandbox(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def prints(words: list[str], draft: Path) -> None:
        asked.append(words)
        draft.write_bytes(b"%PDF")

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(pdf, "_run", prints)
    for root in (True, False):
        monkeypatch.setattr(os, "geteuid", lambda root=root: 0 if root else 1000)
        _write_page(lambda page: None, tmp_path / "report.pdf", ReportFormat.pdf)
        assert ("--no-sandbox" in asked[-1]) == ("sandbox" in capsys.readouterr().err) == root
