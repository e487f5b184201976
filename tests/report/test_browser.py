"""The report in headless Chromium: it draws, sorts, follows the color scheme and asks nobody for anything."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from convstudy.report.html import write_html
from convstudy.report.pdf import BROWSERS, MACOS
from convstudy.report.ranks import write_ranks
from convstudy.statistics import friedman
from convstudy.study.comparisons.ranking import RankedData, Ranking
from tests.report.made_up import NASTY_NETWORK, made_up_findings

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = 390, 1280
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, (*BROWSERS, MACOS))), None)
    if program is None:
        absent = f"no browser is installed: looked for {', '.join(BROWSERS)}"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "report.html"
    write_html(made_up_findings(networks=3), path)
    return path


@pytest.fixture
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The report, opened without a network; at the end nothing may have been asked for and nothing complained of."""
    width, scheme = cast("tuple[int, Scheme]", getattr(request, "param", (DESKTOP, "light")))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url == report.as_uri():
            route.continue_()
        else:
            asked.append(route.request.url[:200])
            route.abort()

    def listen(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    page.route("**/*", answer)
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    yield page
    context.close()
    assert not asked
    assert not complaints


def first_column(page: Page) -> list[str]:
    return page.locator("table").first.locator("tbody th").all_inner_texts()


def color_of(page: Page, variable: str) -> str:
    """What a CSS variable is in the scheme of the moment, as the browser writes colors."""
    return str(
        page.evaluate(
            "name => { const e = document.createElement('i'); e.style.color = `var(${name})`; document.body.append(e);"
            "const c = getComputedStyle(e).color; e.remove(); return c; }",
            variable,
        )
    )


def curve_color(page: Page) -> str:
    line = page.locator("#curve-validation-top1 g.n0 path").first
    return str(line.evaluate("line => getComputedStyle(line).stroke"))


def test_one_cost_is_shown_at_a_time(page: Page) -> None:
    shown = page.locator(".menu figure:visible")
    expect(shown).to_have_count(1)
    expect(shown.locator(".charts")).to_have_id("cost-macs")
    page.locator("#choose-macs").focus()
    page.keyboard.press("ArrowRight")
    expect(shown.locator(".charts")).to_have_id("cost-parameters")
    page.get_by_text("Latency per image, ms").first.click()
    expect(shown.locator(".charts")).to_have_id("cost-latency")


def test_a_chart_is_saved_as_a_file(page: Page, tmp_path: Path) -> None:
    heads = {"SVG": b"<svg ", "PNG": b"\x89PNG"}
    for kind, head in heads.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save the chart intervals as {kind}").click()
        download.value.save_as(tmp_path / kind)
        assert download.value.suggested_filename == f"intervals.{kind.lower()}"
        saved = (tmp_path / kind).read_bytes()
        assert saved.startswith(head)
        assert kind == "PNG" or b'xmlns="http://www.w3.org/2000/svg"' in saved


def test_a_class_name_runs_no_script(page: Page) -> None:
    assert page.evaluate("window.broken") is None


def test_tables_sort_by_click_and_by_key(page: Page) -> None:
    assert first_column(page) == ["resnet34", "net", NASTY_NETWORK]
    header = page.locator("th", has_text="Parameters").first
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    assert first_column(page) == ["resnet34", NASTY_NETWORK, "net"]
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert first_column(page) == ["net", NASTY_NETWORK, "resnet34"]
    names = page.locator("th", has_text="Network").first
    names.get_by_role("button").focus()
    page.keyboard.press("Space")
    assert first_column(page) == [NASTY_NETWORK, "net", "resnet34"]
    assert page.locator("table").first.locator("th[aria-sort]:not([aria-sort=none])").count() == 1


def test_the_legend_hides_and_shows_a_network(page: Page) -> None:
    button = page.get_by_role("button", name="resnet34", exact=True)
    shown = page.locator("#curve-loss g:visible")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(shown).to_have_count(2)
    button.click()
    expect(shown).to_have_count(3)


@pytest.mark.parametrize("page", [(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "dark")], indirect=True)
def test_the_page_never_scrolls_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tables = page.locator(".scroll").first
    inside = tables.evaluate("region => region.scrollWidth > region.clientWidth")
    assert inside == (page.viewport_size == {"width": PHONE, "height": 900})
    assert tables.get_attribute("tabindex") == "0"
    for chart in page.locator(".chart:visible").all():
        assert chart.evaluate("chart => chart.querySelector('svg').clientWidth <= chart.clientWidth")
    expect(page.locator("#intervals svg:visible")).to_have_count(1)


def test_charts_follow_the_colour_scheme_when_it_changes(page: Page) -> None:
    light = (curve_color(page), color_of(page, "--series-0"), color_of(page, "--surface"))
    assert light[0] == light[1]
    page.emulate_media(color_scheme="dark")
    dark = (curve_color(page), color_of(page, "--series-0"), color_of(page, "--surface"))
    assert dark[0] == dark[1]
    assert all(one != other for one, other in zip(light, dark, strict=True))


@pytest.mark.parametrize("page", [(DESKTOP, "dark")], indirect=True)
def test_paper_is_white(page: Page) -> None:
    dark = curve_color(page)
    page.emulate_media(media="print")
    assert curve_color(page) == color_of(page, "--series-0") != dark
    assert not page.locator("nav").is_visible()


def test_a_map_lies_over_its_image(page: Page) -> None:
    tile = page.locator("#maps ~ ul .layered").nth(1)
    tile.scroll_into_view_if_needed()
    heat = tile.locator("img")
    assert heat.evaluate("image => image.complete && image.naturalWidth") == 8
    below, above = tile.bounding_box(), heat.bounding_box()
    assert below == above
    assert below
    assert below["width"] == pytest.approx(below["height"], abs=1)
    assert "data:image/png" in str(tile.evaluate("tile => getComputedStyle(tile).backgroundImage"))


def test_more_images_are_shown_by_keyboard(page: Page) -> None:
    page.locator("#data ~ ul details summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#data ~ ul details ul").first).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_the_ranks_are_drawn_without_a_network(browser: Browser, tmp_path: Path, width: int, scheme: Scheme) -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.6]] * 6)
    ranks = (1.0, 2.0, 3.0, 4.0)
    top1 = (0.9, 0.8, 0.7, 0.6)
    data = [
        RankedData(folder=f"runs/{n}", name=f"set-{n}", seeds=3, test_images=100, top1=top1, ranks=ranks)
        for n in range(6)
    ]
    networks = ("net", "lenet5", NASTY_NETWORK, "lecture")
    write_ranks(Ranking(networks, tuple(data), friedman(scores)), tmp_path / "ranks.html", "convstudy report a b")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "ranks.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    labels = page.locator("#ranks text").all_text_contents()
    assert ["net 1.00" in labels, "lecture 4.00" in labels] == [True, True]
    for label in page.locator("#ranks text").all():
        assert label.evaluate(
            "label => label.getBoundingClientRect().left >= label.closest('svg').getBoundingClientRect().left - 1"
        )
    context.close()
    assert not complaints


def test_the_command_is_copied(page: Page) -> None:
    page.get_by_role("button", name="Copy").last.click()
    expect(page.locator("#said")).to_have_text(re.compile("copied"))
