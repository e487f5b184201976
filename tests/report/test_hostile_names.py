"""Sixteen hostile names of networks and of classes, in everything that is drawn, opened in headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

from convstudy.analysis import Inputs
from convstudy.data import inspect_folder
from convstudy.drawing import draw_graph
from convstudy.errors import DIRECTIONS
from convstudy.report import document, ranks
from convstudy.report.contact_sheet import write_contact_sheet
from convstudy.report.html import write_html
from convstudy.report.ranks import write_ranks
from convstudy.statistics import friedman
from convstudy.study import network_at_inputs
from convstudy.study.comparisons.ranking import RankedData, Ranking
from convstudy.study.comparisons.results import Findings
from convstudy.study.models.opening import open_model
from tests.report import made_up
from tests.report.made_up import made_up_findings
from tests.report.test_browser import browser

__all__ = ["browser"]
Anything = TypeVar("Anything")

HOSTILE = (
    "<script>window.ran=1</script>",
    "</script><script>window.ran=1</script>",
    '"><img src=x onerror=window.ran=1>',
    "' onmouseover='window.ran=1' x='",
    "<svg/onload=window.ran=1>",
    "]]></text><script>window.ran=1</script>",
    "<!--<script>window.ran=1//-->",
    "[/b][bold red]net[/bold red]",
    r"\input{/etc/passwd}\write18{touch x} $x^2$ %{~}",
    "[net](javascript:window.ran=1)![i](http://a.example/i.png)",
    "gpj\u202eexe.\u2066net\u2069",
    "net\x1b[2J\x1b]0;title\x07\r\nnet\u2028net",
    "\"';`net`|net**net**",
    "=cmd|' /C calc'!A0",
    "../../../etc/pass\x00wd",
    "{{ 7 * 7 }}{% include 'x' %} %{x} &lt;b&gt; None",
)
HARMLESS = tuple(f"a harmless network {letter}" for letter in "abcdefghijklmnop")
CONTROLS = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{''.join(DIRECTIONS)}]")
COUNTED = """() => {
  const found = {};
  for (const element of document.querySelectorAll("*")) {
    if (element.closest(".chart svg")) continue;
    const names = [...element.attributes].map((each) => each.name).sort();
    const kind = [element.tagName, ...names].join(" ");
    found[kind] = (found[kind] ?? 0) + 1;
  }
  return found;
}"""
IN_CHARTS = """() => [...new Set([...document.querySelectorAll(".chart *")].map((element) => element.tagName))]"""
LINKS = """() => [...document.querySelectorAll("[href], [src], [xlink\\\\:href]")].map(
  (element) => element.getAttribute("href") ?? element.getAttribute("src") ?? "x"
)"""


def renamed(value: Anything, names: Mapping[str, str]) -> Anything:
    """Return a record in which every text that is one of these names is another one, at any depth."""
    found: Any = value
    if isinstance(value, str):
        found = names.get(value, value)
    elif is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: renamed(getattr(value, field.name), names) for field in fields(value) if field.init}
        found = replace(value, **changes)
    elif isinstance(value, tuple) and not hasattr(value, "_fields"):
        found = tuple(renamed(each, names) for each in value)
    elif isinstance(value, dict):
        found = {renamed(key, names): renamed(each, names) for key, each in value.items()}
    return found  # type: ignore[no-any-return]


def findings(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> Findings:
    """A comparison of four networks with four of the names each, on ten classes, of which the last has the rest."""
    monkeypatch.setattr(made_up, "CLASSES", (*names[:9], " ".join(names[9:])))
    made = made_up_findings(networks=4, seeds=2)
    given = {model.name: " ".join(names[place::4]) for place, model in enumerate(made.results.models)}
    return replace(renamed(made, given), drawings={name: drawing(name) for name in given.values()})


def drawing(name: str) -> str:
    at = network_at_inputs(open_model("net", trained=False), Inputs(), classes=10)
    return draw_graph(name, at.graph(), level="overview").svg


def ranking(names: tuple[str, ...]) -> Ranking:
    scores = np.array([np.linspace(0.9, 0.6, len(names))] * 6)
    top1, places = tuple(scores[0].tolist()), tuple(float(place + 1) for place in range(len(names)))
    data = [
        RankedData(folder=name, name=name, seeds=3, test_images=100, top1=top1, ranks=places, command=name)
        for name in names[:6]
    ]
    return Ranking(names, tuple(data), friedman(scores))


def images(folder: Path, names: tuple[str, ...]) -> Path:
    for number, name in enumerate(names):
        own = folder / name.replace("/", "\N{DIVISION SLASH}").replace("\0", "\\0").lstrip(".")
        own.mkdir(parents=True)
        for index in range(2):
            pixels = np.full((4, 4, 3), 10 * number + index, np.uint8)
            Image.fromarray(pixels).save(own / f"{own.name[:40]}{index}.png")
    return folder


def opened(page: Page, path: Path) -> dict[str, Any]:
    """Open a file, and return the kinds of its elements with their attributes, and how many there are of each."""
    asked: list[str] = []
    complaints: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url.partition("#")[0] == path.as_uri():
            route.continue_()
        else:
            asked.append(route.request.url[:200])
            route.abort()

    def listen(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    page.route("**/*", answer)
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(path.as_uri())
    assert page.evaluate("window.ran") is None
    assert (asked, complaints) == ([], [])
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.evaluate(LINKS))
    kinds: dict[str, Any] = page.evaluate(COUNTED)
    shown = "document.body ? document.title + document.body.innerText : document.documentElement.textContent"
    assert CONTROLS.search(page.evaluate(shown)) is None
    return kinds | {"charts": sorted(page.evaluate(IN_CHARTS))}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["report.html", "ranks.html", "sheet.html", "net.svg"])
def test_names_are_text_in_a_browser(
    browser: Browser, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """No script runs, nothing is asked for, and there is no element that harmless names do not have."""
    found: list[dict[str, Any]] = []
    for names in (HARMLESS, HOSTILE):
        path = tmp_path / f"{len(found)}" / kind
        path.parent.mkdir()
        match kind:
            case "report.html":
                write_html(findings(monkeypatch, names), path)
            case "ranks.html":
                write_ranks(ranking(names), path, f"convstudy report {names[0]}")
            case "sheet.html":
                write_contact_sheet(inspect_folder(images(path.parent / "data", names)), path)
            case _:
                path.write_text(drawing("".join(names)), encoding="utf-8")
        found.append(opened(page, path))
    assert found[0] == found[1]


def test_names_are_text_in_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch, HOSTILE)
    for text in (document.markdown(found), ranks.markdown(ranking(HOSTILE))):
        lines = text.partition("## Reproduce")[0]
        assert CONTROLS.search(lines) is None
        assert not re.search(r"<[a-zA-Z!/]", lines)
        assert "](" not in lines.replace("]\\(", "")
        assert "**net**" not in lines
    for text in (document.latex(found), ranks.latex(ranking(HOSTILE))):
        assert CONTROLS.search(text) is None
        commands = set(re.findall(r"\\[A-Za-z]+", text))
        assert not commands & {r"\input", r"\write"}
        assert not re.search(r"(?<!\\)%", text.partition("\n")[2])  # after the packages that it needs
    table = ranks.csv(ranking(HOSTILE))
    assert not re.search(r"(^|,)=cmd", table, re.MULTILINE)
