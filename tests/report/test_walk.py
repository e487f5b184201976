"""A network explained in one page, and its layer table as a page: every number is there, and nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import convstudy as package
from convstudy.report import layer_document
from tests.conftest import Said
from tests.report.page import parse

Convstudy = Callable[..., Said]


def test_every_layer_is_explained_in_a_page(convstudy: Convstudy) -> None:
    table = package.summary("net")
    page = parse(convstudy("explain", "net", "--format", "html").out)
    assert [each.text for each in page.all("h3")] == [row.path for row in table]
    steps = page.all("ol", class_="steps")[0].all("li")
    assert "(5·5·3 + 1)·6 = 456" in steps[1].text
    assert "parameters, MACs 0" in steps[0].text
    assert f"{table.totals.macs:,}" in page.text
    assert len(page.all("svg")) == 1
    assert page.all("script") == []


def test_a_walk_in_markdown_has_a_heading_for_each_layer(convstudy: Convstudy) -> None:
    lines = convstudy("explain", "lecture", "--format", "markdown").out.splitlines()
    headings = [line.split()[2] for line in lines if line.startswith("## ") and line[3].isdigit()]
    assert headings == [row.path for row in package.summary("lecture")]
    row = next(line for line in lines if "(400 + 1)·120" in line)
    assert [cell.strip() for cell in row.split("|")[1:4]] == ["parameters", "(400 + 1)·120", "48,120"]


def test_a_walk_in_text_has_every_formula(convstudy: Convstudy) -> None:
    said = convstudy("explain", "lecture")
    assert said.status == 0
    assert [f"({n} + 1)·{m}" in said.out for n, m in ((400, 120), (120, 84), (84, 10))] == [True] * 3
    assert "62,958" in said.out


def test_one_layer_has_no_page(convstudy: Convstudy) -> None:
    refused = convstudy("explain", "net", "conv1", "--format", "html")
    assert refused.status == 2
    assert "conv1" in refused.err


def test_names_are_escaped() -> None:
    table = package.summary("net")
    page = layer_document.html(table, "<script>alert(1)</script>")
    assert "<script>" not in page
    assert parse(page).all("h1")[0].text == "<script>alert(1)</script>"


@pytest.mark.parametrize("command", [("summary", "net"), ("explain", "net")])
def test_a_page_fetches_nothing(convstudy: Convstudy, command: tuple[str, ...]) -> None:
    page = convstudy(*command, "--format", "html").out
    assert page.startswith("<!doctype html>")
    assert re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*", page) == []
    assert "@import" not in page


def test_a_summary_is_a_page_with_a_table(convstudy: Convstudy) -> None:
    page = parse(convstudy("summary", "net", "--format", "html").out)
    table = package.summary("net")
    rows = page.all("tbody")[0].all("tr")
    assert [row.all("th")[0].text for row in rows] == [row.path for row in table]
    assert f"{table.totals.parameters:,}" in page.all("tfoot")[0].text
    assert page.all("title")[0].text.startswith("net")
