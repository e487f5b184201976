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
from tests.report.made_up import EPOCHS, NASTY_NETWORK, made_up_findings

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
    page.wait_for_selector("html[data-charts=drawn]")
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
    line = page.locator("#top1-curves .scatterlayer .trace path.js-line").first
    return str(line.evaluate("line => getComputedStyle(line).stroke"))


def test_curves_are_drawn_with_data_in_them(page: Page) -> None:
    for chart in ("top1-curves", "loss-curves"):
        paths = page.locator(f"#{chart} .scatterlayer .trace path.js-line")
        assert paths.count() == 3 * 2  # networks x (band + mean)
        drawn = [str(path.get_attribute("d")) for path in paths.all()]
        assert len(set(drawn)) == len(drawn)
        assert all(path.count("L") + path.count(",") >= EPOCHS - 1 for path in drawn)
        assert not any("NaN" in path for path in drawn)
    assert page.locator("#intervals .errorbars path.xerror").count() == 3
    assert page.locator("#intervals .trace .points path").count() == 3 * (3 + 1)
    assert page.locator(".matrix .heatmaplayer image").count() == 3 + 2  # of networks, pairs, and the two best
    assert page.locator(".square .trace .points path").count() >= 3
    assert page.locator("figure:not(details figure) [id^=cost-] .errorbars path.yerror").count() == 4 * 3


def test_charts_that_are_folded_are_drawn_when_they_are_unfolded(page: Page) -> None:
    memory = page.locator("#cost-memory")
    page.evaluate("Plotly.purge('cost-memory')")  # some browsers lay out what is folded, others do not
    assert memory.locator(".errorbars").count() == 0
    page.get_by_text("Against 4 other costs").click()
    expect(memory.locator(".errorbars path.yerror")).to_have_count(2)  # of the third network it is not known
    assert page.locator("[id^=cost-] .errorbars path.yerror").count() == 4 * 3 + 3 + 3 * 2
    drawn, place = memory.locator(".main-svg").first.bounding_box(), memory.bounding_box()
    assert drawn
    assert place
    assert drawn["width"] == pytest.approx(place["width"], abs=1)


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
    shown = page.locator("#loss-curves .scatterlayer .trace path.js-line")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(shown).to_have_count(2 * 2)
    button.click()
    expect(shown).to_have_count(3 * 2)


def test_a_cell_tells_its_count_on_hover(page: Page) -> None:
    plot = page.locator("#confusion-0 .nsewdrag").first
    plot.scroll_into_view_if_needed()
    size = plot.bounding_box()
    assert size
    plot.hover(position={"x": size["width"] * 0.15, "y": size["height"] * 0.15})  # second row, second column
    count = made_up_findings(networks=3).runs
    right = sum(int(((run.predictions == 1) & (run.labels == 1)).sum()) for run in count if run.model == "net")
    expect(page.locator("#confusion-0 .hoverlayer")).to_contain_text(f"label 1answer 1{right} of 108")


@pytest.mark.parametrize("page", [(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "dark")], indirect=True)
def test_the_page_never_scrolls_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tables = page.locator(".scroll").first
    inside = tables.evaluate("region => region.scrollWidth > region.clientWidth")
    assert inside == (page.viewport_size == {"width": PHONE, "height": 900})
    assert tables.get_attribute("tabindex") == "0"
    for chart in page.locator(".chart").all():
        assert chart.evaluate("chart => chart.querySelector('svg').clientWidth <= chart.clientWidth")


def test_charts_follow_the_colour_scheme_when_it_changes(page: Page) -> None:
    light = (curve_color(page), color_of(page, "--series-1"), color_of(page, "--surface"))
    assert light[0] == light[1]
    page.emulate_media(color_scheme="dark")
    dark = (curve_color(page), color_of(page, "--series-1"), color_of(page, "--surface"))
    assert dark[0] == dark[1]
    assert all(one != other for one, other in zip(light, dark, strict=True))


@pytest.mark.parametrize("page", [(DESKTOP, "dark")], indirect=True)
def test_paper_is_white(page: Page) -> None:
    dark = curve_color(page)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert curve_color(page) == color_of(page, "--series-1") != dark
    assert page.evaluate("document.getElementById('intervals').querySelector('svg').clientWidth") < 720
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert curve_color(page) == dark


def test_a_map_lies_over_its_image(page: Page) -> None:
    tile = page.locator("#maps ~ ul .layered").nth(1)
    tile.scroll_into_view_if_needed()
    heat = tile.locator("img")
    assert heat.evaluate("image => image.complete && image.naturalWidth") == 4
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
    page.wait_for_selector("html[data-charts=drawn]")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    labels = page.locator("#ranks .annotation-text").all_text_contents()
    assert ["net 1.00" in labels, "lecture 4.00" in labels] == [True, True]
    for label in page.locator("#ranks .annotation").all():
        assert label.evaluate(
            "label => label.getBoundingClientRect().left >= label.closest('svg').getBoundingClientRect().left - 1"
        )
    context.close()
    assert not complaints


def test_the_command_is_copied(page: Page) -> None:
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).to_have_text(re.compile("copied"))
