"""SECURITY.md: each promise names tests that exist."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_each_promise_has_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("## What is promised")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    for row in rows:
        files = re.findall(r"`(tests/[\w/.]+)`", row)
        assert files
        assert all((ROOT / file).is_file() for file in files)
