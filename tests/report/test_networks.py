"""The networks' drawings in a report: written once, shown if there are any, and nothing but shapes and text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.cli.compare import carry_out
from convstudy.drawing import draw_graph
from convstudy.report import write_drawings
from convstudy.report.html import DARK, html
from convstudy.report.networks import inlined
from convstudy.study import claim_comparison
from convstudy.study.comparisons.unfinished import read_unfinished
from convstudy.study.plans.plan import Plan
from convstudy.training import Recipe
from tests.drawing.networks import graph_of
from tests.report.made_up import NASTY_NETWORK, made_up_findings
from tests.report.page import parse


def drawing(name: str) -> str:
    return draw_graph(name, graph_of("lenet5"), level="overview", width=400).svg


def test_each_network_that_has_a_drawing_is_shown() -> None:
    findings = made_up_findings(networks=3)
    page = html(replace(findings, drawings={name: drawing(name) for name in ("net", NASTY_NETWORK)}))
    section = parse(page).one("section", **{"aria-labelledby": "networks"})
    titles = [svg.all("title")[0].text for svg in section.all("svg")]
    assert titles == ["net", NASTY_NETWORK]
    assert page.count(">6×28×28<") == 2
    assert 'href="#networks"' in page
    assert len(page) - len(html(findings)) < 2 * 11_000 + 6_000


def test_without_drawings_there_is_no_section() -> None:
    page = html(made_up_findings(networks=2))
    assert 'id="networks"' not in page
    assert "#networks" not in page
    assert 'id="networks"' not in html(replace(made_up_findings(networks=2), drawings={"net": "not SVG"}))


def test_in_the_dark_the_colours_of_drawings_alone_change_but_not_in_print() -> None:
    page = html(replace(made_up_findings(networks=2), drawings={"net": drawing("net")}))
    assert DARK.startswith("@media screen and (prefers-color-scheme:dark)")
    rules = page.split(DARK.split("%")[0], 1)[1].split("</style>")[0].strip().removesuffix("}")
    selectors = [each for rule in rules.split("}") if rule for each in rule.split("{")[0].split(",")]
    assert len(selectors) > 10
    assert all(each.startswith("svg [") for each in selectors)


def test_of_a_drawing_that_was_changed_only_shapes_and_text_are_shown() -> None:
    changed = drawing("net").replace("<title>", '<script>alert(1)</script><image href="x"/><title>', 1)
    changed = changed.replace("<rect ", '<rect id="one" onload="alert(2)" style="x:y" ', 1)
    shown = inlined(changed)
    assert shown is not None
    assert shown.replace("\n", "") == inlined(drawing("net"))
    assert not any(word in shown for word in ("script", "alert", "image", "style", " id=", "xmlns", "ns0"))
    assert inlined("<svg>") is None
    assert inlined('<html xmlns="http://www.w3.org/1999/xhtml"/>') is None


def test_drawings_are_written_once_beside_the_report(tmp_path: Path) -> None:
    plan = Plan(data="digits", models=("net", "plain20"), seeds=1)
    claimed = claim_comparison(plan, tmp_path / "study")
    assert not read_unfinished(claimed.folder).drawings
    write_drawings(claimed)
    path = tmp_path / "study" / "net.svg"
    drawn = path.read_text(encoding="utf-8")
    assert f"{claimed.comparison.entrants[0].parameters:,} parameters" in drawn
    path.write_text(drawn.replace("net", "mine"), encoding="utf-8")
    write_drawings(claimed)
    found = read_unfinished(claimed.folder).drawings
    assert list(found) == ["net", "plain20"]
    assert found["net"] == drawn.replace("net", "mine")


def test_a_comparison_ends_with_a_report_that_shows_its_networks(tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, warmup_epochs=0.5)
    carry_out(Plan(("net",), seeds=1, recipe=recipe, train_images=40, device="cpu", jobs=1), tmp_path / "study")
    section = parse((tmp_path / "study" / "report.html").read_text(encoding="utf-8")).one("figure", class_="network")
    assert section.all("title")[0].text == "net"


def test_a_network_that_cannot_be_drawn_costs_the_comparison_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("convstudy.report.networks.draw_graph", broken)
    recipe = Recipe(epochs=1, warmup_epochs=0.5)
    carry_out(Plan(("net",), seeds=1, recipe=recipe, train_images=40, device="cpu", jobs=1), tmp_path / "study")
    assert "no drawing of net (RuntimeError: planted)" in capsys.readouterr().err
    assert 'id="networks"' not in (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "study" / "results.json").exists()
