"""The report's contents, read with a parser."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convstudy.report import sentences
from convstudy.report.cost_charts import COSTS, accuracy_against
from convstudy.report.html import html, write_html
from convstudy.report.sentences import intervals, p_values, replies, selection, verdict
from convstudy.study.comparisons.results import Findings, ModelResult, PairResult
from convstudy.study.models.entrant import CountedLayer
from tests.report.made_up import CLASSES, EPOCHS, MEASURED, NASTY_CLASS, NASTY_NETWORK, made_up_findings
from tests.report.page import Element, chart, parse


@pytest.fixture(scope="module")
def findings() -> Findings:
    return made_up_findings(networks=3)


@pytest.fixture(scope="module")
def page(findings: Findings) -> Element:
    return parse(html(findings))


def test_the_verdicts_come_first(page: Element, findings: Findings) -> None:
    body = page.one("body").text
    pairs = sorted(findings.results.comparisons, key=lambda pair: pair.better is None)  # first what is shown
    places = [body.index(verdict(pair, pairs=len(pairs))) for pair in pairs]
    assert places == sorted(places)
    assert places[-1] < body.index("Based on 3 seeds and 360 test images") < body.index("Parameters")


def test_a_persons_questions_are_answered_below_them(page: Element, findings: Findings) -> None:
    said = page.one("dl", class_="questions").text
    assert len(replies(findings.results)) == 3
    for reply in replies(findings.results):
        assert f"{reply.question}{reply.answer}" in said or f"{reply.question} {reply.answer}" in said


def test_each_networks_layers_are_listed(findings: Findings) -> None:
    conv1 = CountedLayer(
        path="conv1",
        kind="Conv2d",
        output_shape=(6, 28, 28),
        activation_size=4_704,
        parameters=456,
        macs=352_800,
    )
    layers = {"net": (conv1,)}
    section = parse(html(replace(findings, layers=layers))).one("section", **{"aria-labelledby": "layers"})
    assert section.one("summary").text == "net: 1 row"
    assert section.one("table").rows() == [["conv1", "Conv2d", "6 × 28 × 28", "4,704", "456", "352,800"]]


def test_sections_are_in_the_order_of_interest(page: Element) -> None:
    assert [heading.attributes["id"] for heading in page.all("h2")] == [
        "results",
        "pairs",
        "curves",
        "measures",
        "confusion",
        "disagreed",
        "mistaken",
        "maps",
        "data",
        "protocol",
        "reproduce",
    ]


def test_the_results_table_says_what_was_found(page: Element, findings: Findings) -> None:
    table = page.all("table")[0]
    model = findings.results.models[1]
    assert model.name == "resnet34"
    top1 = f"{100 * model.top1.mean:.1f}%{100 * model.top1.low:.1f} to {100 * model.top1.high:.1f}"
    assert table.rows()[0] == [
        "resnet34", top1, "21,283,530", "1.16 G", "1.00 M", "1 × 64 × 64",
        "61.3 187/s", "9.83 p95 12.3", "413 batch 16", "1.20 GB",
    ]  # fmt: skip
    assert table.rows()[1][-3:] == ["0.412 p95 0.631", "20,788 batch 1,024", "3.35 MB"]
    assert table.rows()[2][-3:] == ["1.73", "–", "–"]  # of an older version's run
    assert table.one("td", title="1,203,122,328 bytes").attributes["data-value"] == "1203122328"
    assert [row[0] for row in table.rows()] == ["resnet34", "net", NASTY_NETWORK]  # best first
    assert table.one("td", title="1,158,900,000 MACs").text == "1.16 G"
    assert table.one("th", **{"aria-sort": "descending"}).text == "Top-1"


def test_counts_that_leave_something_out_are_lower_bounds(page: Element) -> None:
    rows = {row[0]: row for row in page.all("table")[0].rows()}
    assert rows[NASTY_NETWORK][3:5] == ["at least 36.6 M", "at least 88.1 K"]
    assert "at least" not in " ".join(rows["net"])
    assert "aten.special_<op> in body.3" in page.one("main").text


def test_the_pairs_table_says_what_was_found(page: Element, findings: Findings) -> None:
    a, b, difference, interval, p_value, verdict = page.all("table")[1].rows()[0]
    pair = findings.results.comparisons[0]
    assert (a, b, p_value, verdict) == ("net", "resnet34", "0.002", "resnet34 is better")
    assert difference == f"−{-100 * pair.difference:.1f}"
    assert interval == f"−{-100 * pair.low:.1f} to −{-100 * pair.high:.1f}"


def test_names_from_outside_stay_text(page: Element) -> None:
    assert not page.all("b")
    assert not [script for script in page.all("script") if "window.broken" in script.text and not script.attributes]
    assert NASTY_CLASS in page.one("section", **{"aria-labelledby": "protocol"}).text
    assert "{{ 8 }}" in page.one("section", **{"aria-labelledby": "protocol"}).text
    figures = [script for script in page.all("script") if "data-chart" in script.attributes]
    assert figures
    assert not any("<" in figure.text for figure in figures)
    # Plotly reads tags, entities and TeX in a name: they are written so that it shows them as they are
    names = chart(page, "confusion-0")["layout"]["meta"]["classes"]
    assert names[0] == "&lt;/script&gt;&lt;script&gt;window.broken = true&lt;/script&gt;&lt;b&gt;\"zero\" &amp; 'co'"
    assert names[7] == "&#36;7&#36;"


def test_nothing_is_loaded_from_elsewhere(page: Element) -> None:
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    assert "http" not in policy
    addresses = [
        element.attributes[name] or ""
        for name in ("src", "href")
        for element in page.all("*")
        if name in element.attributes
    ]
    assert addresses
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert not re.search(r"url\(|@import", page.one("style").text)


def test_curves_are_the_mean_of_the_seeds_in_their_band(page: Element, findings: Findings) -> None:
    band, mean = [trace for trace in chart(page, "top1-curves")["data"] if trace["meta"] == 1]
    measured = 100 * np.array(
        [[epoch.validation_top1 for epoch in run.epochs] for run in findings.runs if run.model == "resnet34"]
    )
    np.testing.assert_allclose(mean["y"], measured.mean(0), rtol=1e-12)
    assert mean["x"] == list(range(1, EPOCHS + 1))
    np.testing.assert_allclose(band["y"][:EPOCHS], measured.max(0), rtol=1e-12)
    np.testing.assert_allclose(band["y"][EPOCHS:], measured.min(0)[::-1], rtol=1e-12)
    assert band["fill"] == "toself"


def test_the_measures_are_in_a_table(page: Element, findings: Findings) -> None:
    table = page.one("section", **{"aria-labelledby": "measures"}).all("table")[0]
    rows = {row[0]: row[1:] for row in table.rows()}
    assert list(rows) == [model.name for model in findings.results.models]
    top1 = findings.results.models[1].top1
    interval = f"{100 * top1.low:.1f} to {100 * top1.high:.1f}"
    assert rows["resnet34"][0] == f"{100 * top1.mean:.1f} ± {100 * np.std(top1.per_seed, ddof=1):.1f}{interval}"
    loss = findings.results.models[1].metrics["log_loss"]
    assert rows["resnet34"][4].endswith(f"{loss.low:.3f} to {loss.high:.3f}")
    assert " to " not in rows["resnet34"][5]  # the calibration error has no honest interval


def test_what_the_study_could_have_shown_is_in_a_table(page: Element) -> None:
    table = page.one("div", **{"aria-label": "Power of the study"}).one("table")
    assert table.rows()[0] == ["net", "resnet34", "−2.1", "1.8", "73 to > 1,000", "–", "3%0 to 21", "−0.15"]
    omnibus = [note.text for note in page.all("p", class_="note") if "Cochran's Q" in note.text]
    assert len(omnibus) == 1
    assert "seed 0, Q = " in omnibus[0]
    assert "seed 2, Q = " in omnibus[0]


def test_what_no_other_network_beats_is_said_for_each_cost(page: Element) -> None:
    said = [caption.text for caption in page.all("figcaption") if caption.text.startswith("Pareto front")]
    assert said == ["Pareto front: net, resnet34"] * 8
    *_, dearest = (trace for trace in chart(page, "cost-macs")["data"] if trace["mode"] == "markers+text")
    assert dearest["x"] == [36_630_000]
    assert "Against 4 other costs" in [each.text for each in page.all("summary")]
    measured = {"memory": [3_349_768, 1_203_122_328], "p95": [0.631, 12.31], "batched": [1000 / 20_788.1, 1000 / 412.6]}
    for cost, values in measured.items():
        dots = [trace for trace in chart(page, f"cost-{cost}")["data"] if trace["mode"] == "markers+text"]
        assert [trace["x"][0] for trace in dots] == pytest.approx(values)  # and none of the network without


def test_the_labels_of_close_networks_lie_apart(findings: Findings) -> None:
    one, other, _ = findings.results.models
    close = replace(one, name="close", macs=420_000, top1=replace(one.top1, mean=one.top1.mean - 0.001))
    equal = replace(close, name="equal", top1=one.top1)

    def labels(*models: ModelResult) -> list[str]:
        return [trace.textposition for trace in accuracy_against(models, COSTS[0]).data if trace.textposition]

    assert labels(one, other) == ["top right", "top left"]
    assert labels(close, one, other) == ["bottom right", "top right", "top left"]
    assert labels(one, equal, other) == ["top right", "bottom right", "top left"]
    assert labels(replace(close, top1=replace(one.top1, mean=0.1)), one, other)[0] == "top right"


def test_a_cost_that_nobody_measured_is_not_drawn(findings: Findings) -> None:
    nothing: dict[str, Any] = dict.fromkeys(MEASURED["net"])
    models = tuple(replace(model, **nothing) for model in findings.results.models)
    old = parse(html(replace(findings, results=replace(findings.results, models=models))))
    drawn = [each.attributes["id"] for each in old.all("div", role="img")]
    assert [name for name in drawn if str(name).startswith("cost-")] == [
        "cost-macs", "cost-parameters", "cost-latency", "cost-training", "cost-activations"
    ]  # fmt: skip
    assert "Against 1 other cost" in [each.text for each in old.all("summary")]
    assert [row[-3:] for row in old.all("table")[0].rows()] == [[ms, "–", "–"] for ms in ("9.83", "0.412", "1.73")]


def test_the_two_best_are_held_against_each_other(page: Element, findings: Findings) -> None:
    points = np.array(chart(page, "confusion-difference")["data"][0]["z"])
    a, b = (np.array(chart(page, f"confusion-{place}")["layout"]["meta"]["counts"]) for place in (1, 0))
    expected = 100 * (a / a.sum(1, keepdims=True) - b / b.sum(1, keepdims=True))
    np.testing.assert_allclose(points, expected, atol=1e-3)
    assert "resnet34 minus net" in [heading.text for heading in page.all("h3")]


def test_the_matrix_of_pairs_is_row_minus_column(page: Element, findings: Findings) -> None:
    figure = chart(page, "pair-matrix")
    names = figure["layout"]["xaxis"]["ticktext"]
    assert names[:2] == ["resnet34", "net"]  # best first
    (pair,) = (pair for pair in findings.results.comparisons if {pair.a, pair.b} == {"net", "resnet34"})
    sign = 1 if pair.a == "resnet34" else -1
    assert figure["data"][0]["z"][0][1] == pytest.approx(sign * 100 * pair.difference, abs=1e-3)
    assert figure["data"][0]["z"][1][0] == -figure["data"][0]["z"][0][1]
    assert figure["data"][0]["z"][0][0] is None
    assert figure["data"][0]["text"][0][1].endswith("*") == bool(pair.better)


def test_classes_in_which_networks_differ_most_come_first(page: Element) -> None:
    traces = chart(page, "classes")["data"]
    spread = np.ptp([trace["x"] for trace in traces], axis=0)
    assert (np.diff(spread) <= 1e-9).all()
    assert len(traces) == 3


def test_reliability_has_a_dot_a_bin_that_has_answers(page: Element, findings: Findings) -> None:
    _, dots = chart(page, "reliability-1")["data"]
    runs = [run for run in findings.runs if run.model == "resnet34"]
    confidence = np.concatenate([run.scores.confidence for run in runs])
    last = confidence > 14 / 15
    assert dots["x"][-1] == pytest.approx(100 * confidence[last].mean())
    right = np.concatenate([run.predictions == run.labels for run in runs])
    assert dots["y"][-1] == pytest.approx(100 * right[last].mean())
    assert dots["text"][-1] == f"{last.sum():,} answers"


def test_confusion_matrices_count_every_answer_of_every_seed(page: Element, findings: Findings) -> None:
    for place, model in enumerate(findings.results.models):
        counts = np.array(chart(page, f"confusion-{place}")["layout"]["meta"]["counts"])
        assert counts.shape == (len(CLASSES), len(CLASSES))
        assert counts.sum() == 3 * 360
        np.testing.assert_allclose(np.trace(counts) / counts.sum(), model.top1.mean)


def test_the_interval_chart_has_a_dot_a_seed(page: Element, findings: Findings) -> None:
    dots, mean = chart(page, "intervals")["data"][:2]  # the best network is the first
    top1 = findings.results.models[1].top1
    np.testing.assert_allclose(dots["x"], 100 * np.array(top1.per_seed))
    np.testing.assert_allclose(mean["x"][0] - mean["error_x"]["arrayminus"][0], 100 * top1.low)
    np.testing.assert_allclose(mean["x"][0] + mean["error_x"]["array"][0], 100 * top1.high)


def test_mistaken_images_are_shown_with_their_pixels(page: Element, findings: Findings) -> None:
    items = page.one("ul", class_="images mistaken").all("li")
    assert len(items) == len(findings.mistaken)
    for item, mistaken in zip(items, findings.mistaken, strict=True):
        address = item.one("img").attributes["src"] or ""
        pixels = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
        np.testing.assert_array_equal(np.asarray(pixels)[..., None], mistaken.image)
        usual = CLASSES[mistaken.usual_answer]
        label, answer = (" ".join(each.text.split()) for each in item.all("p", class_="answer"))
        assert label.endswith(" ".join(CLASSES[mistaken.label].split()))
        assert answer.endswith(usual)
        assert f"{mistaken.wrong} of 9 runs" in item.text


def test_networks_that_disagree_are_shown_with_each_ones_answer(page: Element, findings: Findings) -> None:
    section = page.one("section", **{"aria-labelledby": "disagreed"})
    assert f"{findings.disagreements} test images of 360" in section.text
    items = section.one("ul").all("li")
    assert len(items) == len(findings.disagreed) > 0
    for item, shown in zip(items, findings.disagreed, strict=True):
        said = dict(zip((each.text for each in item.all("dt")), (each.text for each in item.all("dd")), strict=True))
        assert len(said) == len({answer.answer for answer in shown.answers}) > 1
        for answer in shown.answers:
            name = " ".join(CLASSES[answer.answer].split()) + (" correct" if answer.answer == shown.label else "")
            sure = "" if answer.seeds == answer.of else f" ({answer.seeds} of {answer.of})"
            assert f"{answer.model}{sure}" in said[name]


def test_each_networks_map_lies_over_the_image(page: Element, findings: Findings) -> None:
    section = page.one("section", **{"aria-labelledby": "maps"})
    first = section.all("ul")[0].all("li")[0]
    shown = findings.disagreed[0]
    original, *maps = first.all("figure")
    assert "map" not in (original.one("span", role="img").attributes["aria-label"] or "")
    assert len(maps) == len(shown.maps) == 2
    for figure, each in zip(maps, shown.maps, strict=True):
        words = figure.one("span", role="img").attributes["aria-label"] or ""
        assert words.startswith(f"{each.model} answers {CLASSES[each.answer]}")
        assert words.endswith("in the lower right")
        address = figure.one("img").attributes["src"] or ""
        heat = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))
        np.testing.assert_allclose(heat[..., 3], 0.7 * each.values, atol=0.5)
    assert "net, seed 0, after conv2; resnet34, seed 0, after layer4" in section.text
    assert f"{NASTY_NETWORK} has no maps: none of its modules has feature maps" in section.text


def test_what_is_not_there_is_not_spoken_of(findings: Findings) -> None:
    bare = [replace(image, maps=()) for image in findings.mistaken]
    page = parse(html(replace(findings, disagreed=(), mistaken=tuple(bare))))
    labelled = {section.attributes.get("aria-labelledby") for section in page.all("section")}
    assert "mistaken" in labelled
    assert not labelled & {"disagreed", "maps"}
    kept = [replace(image, answers=image.answers[:2]) for image in findings.disagreed]
    page = parse(html(replace(findings, disagreed=tuple(kept), mistaken=())))
    said = page.one("section", **{"aria-labelledby": "disagreed"}).text
    assert f"predictions were imported: {NASTY_NETWORK}." in said


def test_the_protocol_is_told_in_full(page: Element, findings: Findings) -> None:
    protocol, said = findings.results.protocol, page.one("section", **{"aria-labelledby": "protocol"}).text
    told = (selection(protocol), intervals(findings.results), p_values(findings.results))
    for part in (*told, protocol.data.source, *protocol.data.notes):
        assert part in said
    for part in (
        "1,149 training, 288 validation, 360 test",
        "weight decay 0.0005",
        "horizontal flip no",
        "torch 2.15.0",
    ):
        assert part in said
    assert page.one("code", id="command").text == protocol.command


def test_what_was_found_in_the_data_is_told_and_a_leak_before_all_else(page: Element, findings: Findings) -> None:
    leak, imbalance = findings.results.protocol.data.findings or ()
    section = page.one("section", **{"aria-labelledby": "data"})
    assert [item.text for item in section.one("ul", class_="findings").children if isinstance(item, Element)] == [
        f"{leak.sentence}Examples test/<1>.png = train/2.png",
        imbalance.sentence,
    ]
    assert section.one("table").rows()[1] == ["1", "100", "20", "36"]
    body = page.one("body").text
    assert body.index(f"{leak.sentence}.") < body.index("resnet34 is better")


def test_clean_data_raise_no_alarm(findings: Findings) -> None:
    protocol = findings.results.protocol
    clean = replace(protocol, data=replace(protocol.data, findings=()))
    page = parse(html(replace(findings, results=replace(findings.results, protocol=clean))))
    assert not page.one("section", **{"aria-labelledby": "data"}).all("ul")
    assert not page.all("p", role="alert")
    unknown = replace(protocol, data=replace(protocol.data, findings=None))
    page = parse(html(replace(findings, results=replace(findings.results, protocol=unknown))))
    assert not page.all("section", **{"aria-labelledby": "data"})


def test_charts_have_words_beside_them(page: Element, findings: Findings) -> None:
    charts = page.all("div", role="img")
    assert len(charts) == 4 + 8 + 1 + 3 + 1 + 3 + 1  # costs, pairs, reliability, classes, confusion and difference
    assert all(len(each.attributes["aria-label"] or "") > 40 for each in charts)
    assert f"net {100 * findings.results.models[0].top1.mean:.1f}%" in (charts[0].attributes["aria-label"] or "")


def test_an_unfinished_comparison_says_so_at_the_top() -> None:
    unfinished = parse(html(made_up_findings(seeds=2, unfinished=2))).one("body").text
    assert "Unfinished: 2 runs of 6 are still missing" in unfinished[:200]
    assert "Unfinished" not in parse(html(made_up_findings(seeds=2))).one("body").text


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (made_up_findings(networks=1, seeds=1), "net: top-1 9"),
        (made_up_findings(networks=0, seeds=1, unfinished=6), "No run has finished yet"),
        (replace(made_up_findings(), runs=(), mistaken=()), "resnet34 is better"),
    ],
    ids=["one network, one seed", "nothing yet", "no runs"],
)
def test_little_to_show_is_shown_as_well(findings: Findings, said: str) -> None:
    page = parse(html(findings))
    assert said in page.one("body").text
    assert {script.attributes["data-chart"] for script in page.all("script") if "data-chart" in script.attributes} == {
        div.attributes["id"] for div in page.all("div", role="img")
    }


def test_many_pairs_leave_the_top_to_the_leader() -> None:
    findings = made_up_findings(networks=20, seeds=2)
    verdicts = parse(html(findings)).one("section", **{"aria-label": "Verdict"})
    assert len(findings.results.comparisons) == 190
    assert len(verdicts.all("p")) == 19
    assert all("resnet34" in verdict.text for verdict in verdicts.all("p"))


def test_a_large_study_stays_a_light_file() -> None:
    page = html(made_up_findings(networks=20, seeds=10, test_images=1000))
    assert len(page) < 15e6


def test_numbers_that_do_not_exist_are_dashes() -> None:
    findings = made_up_findings()
    pair: PairResult = replace(findings.results.comparisons[0], p_value=float("nan"))
    findings = replace(findings, results=replace(findings.results, comparisons=(pair,)))
    assert parse(html(findings)).all("table")[1].rows()[0][4] == "–"


def test_the_same_findings_give_the_same_file_and_nothing_beside_it(tmp_path: Path, findings: Findings) -> None:
    for _ in range(2):
        write_html(findings, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes().decode() == html(findings)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_costs_in_a_narrow_range_have_ticks(findings: Findings) -> None:
    one, other, _ = findings.results.models
    near = accuracy_against((one, replace(other, macs=326_000)), COSTS[0]).layout.xaxis.tickvals
    assert list(near) == [340_000, 360_000, 380_000, 400_000]
    assert accuracy_against((one, other), COSTS[0]).layout.xaxis.dtick == 1


def test_differences_in_other_metrics_are_in_a_table_with_their_margins(page: Element, findings: Findings) -> None:
    rows = page.one("section", **{"aria-labelledby": "measures"}).all("table")[1].rows()
    assert [tuple(row[:2]) for row in rows] == [(pair.a, pair.b) for pair in findings.results.comparisons]
    found = findings.results.comparisons[0].metrics
    assert list(found) == ["balanced_accuracy", "macro_f1", "log_loss", "squared_calibration_error"]
    assert f"{100 * found['balanced_accuracy'].equivalent_within:.1f}" in rows[0][2]
    assert f"{found['log_loss'].equivalent_within:.3f}" in rows[0][4]


def test_where_the_uncertainty_comes_from_is_said_of_the_leading_pairs(page: Element, findings: Findings) -> None:
    said = [each.text for each in page.one("ul", class_="sources").all("li")]
    assert said
    for text in said:
        own = [pair for pair in findings.results.comparisons if text.startswith(f"{pair.a} minus {pair.b}:")]
        assert own[0].uncertainty is not None
        assert f"{100 * own[0].uncertainty.seeds:.0f}%" in text


def test_the_forest_plot_has_every_pair_and_the_margin(page: Element, findings: Findings) -> None:
    drawn = chart(page, "differences")
    dots = [trace for trace in drawn["data"] if trace["mode"] == "markers"]
    sizes = [abs(trace["x"][0]) for trace in dots]
    assert len(dots) == len(findings.results.comparisons)
    assert sizes == sorted(sizes, reverse=True)
    assert {shape["x1"] for shape in drawn["layout"]["shapes"]} == {100 * findings.results.protocol.margin, 0}


def test_seeds_that_are_far_apart_are_named(findings: Findings) -> None:
    models = findings.results.models
    wide = replace(models[0], top1=replace(models[0].top1, per_seed=(0.3, 0.9, 0.95)))
    results = replace(findings.results, models=(wide, *models[1:]))
    assert wide.name in sentences.far_apart(results)
    assert "30.0 to 95.0" in sentences.far_apart(results)
    assert sentences.far_apart(findings.results) == ""
