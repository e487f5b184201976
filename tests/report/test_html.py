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

from convstudy.drawing.scene import Circle, Group, Line, Polygon, Rect
from convstudy.report import sentences
from convstudy.report.charts.axes import Axis
from convstudy.report.charts.costs import COSTS, accuracy_against
from convstudy.report.charts.curves import learning_curves
from convstudy.report.charts.forest import WIDE, differences, top1_intervals
from convstudy.report.charts.reliability import reliability_diagram
from convstudy.report.confusion import confusion
from convstudy.report.html import html, write_html
from convstudy.report.measures import PooledMeasures
from convstudy.report.sentences import intervals, p_values, replies, selection, verdict
from convstudy.statistics import ReliabilityBin
from convstudy.statistics.accuracy import accuracy_interval
from convstudy.study.comparisons.results import Findings, PairResult
from convstudy.study.models.entrant import CountedLayer
from tests.report.made_up import CLASSES, EPOCHS, MEASURED, NASTY_CLASS, NASTY_NETWORK, made_up_findings
from tests.report.page import Element, chart, parse, said
from tests.report.test_hostile_names import renamed


@pytest.fixture(scope="module")
def findings() -> Findings:
    return made_up_findings(networks=3)


@pytest.fixture(scope="module")
def page(findings: Findings) -> Element:
    return parse(html(findings))


def test_the_verdicts_come_first(page: Element, findings: Findings) -> None:
    body = page.one("section", **{"aria-labelledby": "verdicts"}).text
    pairs = sorted(findings.results.comparisons, key=lambda pair: pair.better is None)  # first what is shown
    places = [body.index(verdict(pair, pairs=len(pairs))) for pair in pairs]
    assert places == sorted(places)
    assert places[-1] < body.index("Based on 3 seeds and 360 test images")
    assert page.all("h2")[0].attributes["id"] == "verdicts"


def test_a_persons_questions_are_answered_below_them(page: Element, findings: Findings) -> None:
    body = page.one("dl", class_="questions").text
    assert len(replies(findings.results)) == 3
    for reply in replies(findings.results):
        assert f"{reply.question}{reply.answer}" in body or f"{reply.question} {reply.answer}" in body


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
        "verdicts",
        "results",
        "pairs",
        "curves",
        "measures",
        "per-class",
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
    assert len(page.all("script")) == 1
    cells = said(page, "confusion-0")
    assert any(NASTY_CLASS in cell for cell in cells)
    assert any("answer $7$" in cell for cell in cells)


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
    style = " ".join(each.text for each in page.all("style"))
    assert all(url.startswith("data:image/png;base64,") for url in re.findall(r"url\(([^)]*)", style))
    assert "@import" not in style


def test_curves_are_the_mean_of_the_seeds_in_their_band(findings: Findings) -> None:
    names = [model.name for model in findings.results.models]
    scene = learning_curves(findings.runs, names, "validation_top1", shares=True)
    (group,) = (mark for mark in scene.marks if isinstance(mark, Group) and mark.name == "n1")
    band, line = group.marks
    assert isinstance(band, Polygon)
    assert isinstance(line, Line)
    measured = np.array(
        [[epoch.validation_top1 for epoch in run.epochs] for run in findings.runs if run.model == "resnet34"]
    )
    drawn = np.array(line.points)
    assert len(drawn) == EPOCHS
    np.testing.assert_allclose(np.diff(drawn[:, 0]), drawn[1, 0] - drawn[0, 0])
    slope, offset = np.polyfit(measured.mean(0), drawn[:, 1], 1)
    assert slope < 0  # upwards
    np.testing.assert_allclose(offset + slope * measured.mean(0), drawn[:, 1], atol=1e-6)
    edges = np.array(band.points)[:, 1]
    np.testing.assert_allclose(edges[:EPOCHS], offset + slope * measured.max(0), atol=1e-6)
    np.testing.assert_allclose(edges[EPOCHS:], offset + slope * measured.min(0)[::-1], atol=1e-6)


def test_the_curves_have_training_accuracy(page: Element, findings: Findings) -> None:
    last = [run.epochs[-1].train_top1 for run in findings.runs if run.model == "net"]
    assert f"net: {100 * np.mean(last):.1f}% after epoch {EPOCHS}, mean of 3 seeds" in said(page, "curve-training-top1")


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
    captions = [caption.text for caption in page.all("figcaption") if "Pareto front" in caption.text]
    assert len(captions) == 8
    assert all(caption.endswith("Pareto front: net, resnet34.") for caption in captions)
    assert len(page.all("input", type="radio")) == 8
    (dearest,) = (words for words in said(page, "cost-macs") if words.startswith(NASTY_NETWORK))
    assert dearest.endswith("; 36.6 M")
    for cost, values in {
        "memory": ["3.35 MB", "1.20 GB"],
        "p95": ["0.631", "12.3"],
        "batched": ["0.0481", "2.42"],
    }.items():
        assert [words.rpartition("; ")[2] for words in said(page, f"cost-{cost}")] == values[::-1]  # best first


def test_the_labels_of_close_networks_lie_apart(findings: Findings) -> None:
    one, other, _ = findings.results.models
    close = replace(one, name="close", macs=420_000, top1=replace(one.top1, mean=one.top1.mean - 0.001))
    equal = replace(close, name="equal", top1=one.top1)

    scene = accuracy_against((one, close, equal, other), COSTS[0])
    boxes = [text.box(wide=True) for text in scene.texts() if text.text in {"net", "close", "equal", "resnet34"}]
    assert len(boxes) >= 3
    for place, (left, top, right, bottom) in enumerate(boxes):
        for a, b, c, d in boxes[place + 1 :]:
            assert right <= a or c <= left or bottom <= b or d <= top


def test_a_cost_that_nobody_measured_is_not_drawn(findings: Findings) -> None:
    nothing: dict[str, Any] = dict.fromkeys(MEASURED["net"])
    models = tuple(replace(model, **nothing) for model in findings.results.models)
    old = parse(html(replace(findings, results=replace(findings.results, models=models))))
    drawn = [each.attributes["id"] for each in old.all("div", class_="charts")]
    assert [name for name in drawn if str(name).startswith("cost-")] == [
        "cost-macs", "cost-parameters", "cost-latency", "cost-training", "cost-activations"
    ]  # fmt: skip
    assert [row[-1] for row in old.all("table")[0].rows()] == ["9.83", "0.412", "1.73"]


def test_imported_predictions_have_no_empty_chart_or_column(findings: Findings) -> None:
    nothing: dict[str, Any] = dict.fromkeys(MEASURED["net"])
    nothing |= dict.fromkeys(("parameters", "macs", "activation_size", "input_shape", "train_seconds", "latency_ms"))
    models = tuple(replace(model, **nothing, images_per_second=None) for model in findings.results.models)
    runs = tuple(replace(run, epochs=()) for run in findings.runs)
    protocol = replace(findings.results.protocol, recipe={})
    results = replace(findings.results, models=models, protocol=protocol, environment={})
    page = parse(html(replace(findings, runs=runs, results=results)))
    assert not {"Recipe", "Versions and hardware"} & {heading.text for heading in page.all("h3")}
    assert not [div for div in page.all("div", class_="charts") if re.match("cost|curve", div.attributes["id"] or "")]
    assert [len(row) for row in page.all("table")[0].rows()] == [2, 2, 2]
    assert "Pareto" not in page.one("body").text
    assert not page.all("section", **{"aria-labelledby": "curves"})


def test_no_option_of_a_command_is_broken_at_its_hyphens(page: Element, findings: Findings) -> None:
    options = [span.text for span in page.one("code", id="command").all("span", class_="option")]
    assert options == ["--data", "--seeds", "--epochs", "--output"]


def test_the_two_best_are_held_against_each_other(page: Element, findings: Findings) -> None:
    runs = {name: [run for run in findings.runs if run.model == name] for name in ("resnet34", "net")}
    a, b = (confusion(of_one, len(CLASSES)) for of_one in runs.values())
    points = 100 * (a / a.sum(1, keepdims=True) - b / b.sum(1, keepdims=True))
    shown = [text.text for text in chart(page, "confusion-difference").all("text")]
    expected = [f"{value:+.0f}".replace("-", "−") for value in points.ravel() if abs(value) >= 0.5]
    assert shown[: len(expected)] == expected
    assert "resnet34 minus net" in [heading.text for heading in page.all("h3")]


def test_the_matrix_of_pairs_is_row_minus_column(page: Element, findings: Findings) -> None:
    texts = [text.text for text in chart(page, "pair-matrix").all("text")]
    (pair,) = (pair for pair in findings.results.comparisons if {pair.a, pair.b} == {"net", "resnet34"})
    sign, star = 1 if pair.a == "resnet34" else -1, "*" if pair.better else ""
    assert texts[0] == f"{sign * 100 * pair.difference:+.1f}{star}"  # the best network is first
    assert texts[2] == texts[0].replace("+", "−")  # the second row begins with the same pair


def test_classes_in_which_networks_differ_most_come_first(page: Element, findings: Findings) -> None:
    section = page.one("section", **{"aria-labelledby": "per-class"})
    rows = section.one("table").rows()
    assert len(rows) == len(CLASSES)
    assert len(said(page, "classes")) == 3 * len(CLASSES)
    table = [[float(cell.partition("%")[0]) for cell in row[2:]] for row in rows]
    assert (np.diff(np.ptp(table, axis=1)) <= 0.1001).all()
    right = {
        name: np.stack([run.right[run.labels == 1] for run in findings.runs if run.model == name])
        for name in ("net", "resnet34")
    }
    (row,) = (row for row in rows if row[0] == "1")
    for cell, answers in zip(row[2:], right.values(), strict=False):
        limits = accuracy_interval(answers)
        assert cell == f"{100 * answers.mean():.1f}%{100 * limits.low:.1f} to {100 * limits.high:.1f}"


def test_reliability_has_a_dot_for_each_bin_with_enough_answers(page: Element, findings: Findings) -> None:
    runs = [run for run in findings.runs if run.model == "resnet34"]
    confidence = np.concatenate([run.scores.confidence for run in runs])
    right = np.concatenate([run.predictions == run.labels for run in runs])
    last = confidence > 14 / 15
    words = said(page, "reliability-1")
    assert words[-1] == (
        f"confidence {100 * confidence[last].mean():.1f}%, accuracy {100 * right[last].mean():.1f}%, "
        f"{last.sum():,} answers"
    )
    filled = np.histogram(confidence, np.linspace(0, 1, 16))[0]
    assert len(words) == (filled >= 10).sum()
    few = ReliabilityBin(0.2, 0.3, 1, 0.25, 1.0)  # one answer says nothing about accuracy
    many = replace(few, low=0.9, high=1.0, answers=50, confidence=0.95, accuracy=0.9)
    scene = reliability_diagram(PooledMeasures("net", (few, many), ()), 0)
    assert [mark.title for mark in scene.marks if isinstance(mark, Group)] == [
        "confidence 95.0%, accuracy 90.0%, 50 answers"
    ]


def test_confusion_matrices_count_every_answer_of_every_seed(page: Element, findings: Findings) -> None:
    for place, model in enumerate(findings.results.models):
        cells = [
            re.search(r"label (.*), answer (.*): ([\d,]+) of 108$", words) for words in said(page, f"confusion-{place}")
        ]
        counts = {(cell[1], cell[2]): int(cell[3]) for cell in cells if cell}
        assert len(counts) == len(cells)
        assert sum(counts.values()) == 3 * 360
        right = sum(count for (label, answer), count in counts.items() if label == answer)
        assert right / sum(counts.values()) == pytest.approx(model.top1.mean)


def test_the_interval_chart_has_a_dot_per_seed(findings: Findings) -> None:
    scene = top1_intervals(findings.results.models, WIDE)
    best = next(mark for mark in scene.marks if isinstance(mark, Group))
    top1 = findings.results.models[1].top1
    assert best.title.startswith(
        f"resnet34: {100 * top1.mean:.1f}%, 95% CI {100 * top1.low:.1f} to {100 * top1.high:.1f}"
    )
    *dots, mean = (mark for mark in best.marks if isinstance(mark, Circle))
    whisker = next(mark for mark in best.marks if isinstance(mark, Line))
    values = [top1.low, top1.high, top1.mean, *top1.per_seed]
    places = [whisker.points[0][0], whisker.points[1][0], mean.x, *(dot.x for dot in dots)]
    slope, offset = np.polyfit(values, places, 1)
    np.testing.assert_allclose(offset + slope * np.array(values), places, atol=1e-6)


def test_mistaken_images_are_shown_with_their_pixels(page: Element, findings: Findings) -> None:
    items = page.one("ul", class_="images mistaken").all("li")
    style = " ".join(each.text for each in page.all("style"))
    assert len(items) == len(findings.mistaken)
    for item, mistaken in zip(items, findings.mistaken, strict=True):
        (name,) = (each for each in (item.one("span", role="img").attributes["class"] or "").split() if each[0] == "i")
        (address,) = re.findall(rf"\.{name}{{background-image:url\(([^)]*)\)", style)
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
    charts = page.all("div", class_="charts")
    assert (
        len(charts) == 1 + 8 + 2 + 3 + 3 + 1 + 3 + 1
    )  # intervals, costs, pairs, curves, reliability, classes, confusion
    words = [each.attributes["aria-label"] or "" for chart in charts for each in chart.all("svg", role="img")]
    assert len(words) == len(charts) + 1  # the intervals twice: for wide and for narrow screens
    assert all(len(each) > 40 for each in words)
    assert f"net {100 * findings.results.models[0].top1.mean:.1f}%" in words[0]


def test_an_unfinished_comparison_says_so_at_the_top() -> None:
    unfinished = parse(html(made_up_findings(seeds=2, unfinished=2))).one("body").text
    assert unfinished.index("Unfinished: 2 runs of 6 are still missing") < unfinished.index("No answer yet")
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
    assert all(chart.all("svg") for chart in page.all("div", class_="charts"))


def test_many_pairs_leave_the_top_to_the_leader() -> None:
    findings = made_up_findings(networks=20, seeds=2)
    verdicts = parse(html(findings)).one("section", **{"aria-label": "Verdict"})
    assert len(findings.results.comparisons) == 190
    assert len(verdicts.all("p")) == 19
    assert all("resnet34" in verdict.text for verdict in verdicts.all("p"))


def test_a_large_study_stays_a_light_file() -> None:
    assert len(html(made_up_findings(networks=20, seeds=3, test_images=1000))) < 1e6
    assert len(html(made_up_findings(networks=3))) < 500_000  # the goal for a usual study


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


def test_costs_in_a_narrow_range_have_ticks() -> None:
    assert Axis.of_costs([340_000, 416_520], 0, 100).ticks(6) == [340_000, 360_000, 380_000, 400_000, 420_000]
    assert Axis.of_costs([416_520, 1_158_900_000], 0, 100).ticks(6) == [1e6, 1e7, 1e8, 1e9]


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
    words = said(page, "differences")
    sizes = [abs(float(re.findall(r": ([−\d.]+) pp", each)[0].replace("−", "-"))) for each in words]
    assert len(words) == len(findings.results.comparisons)
    assert sizes == sorted(sizes, reverse=True)
    band = next(mark for mark in differences(findings.results.comparisons, 0.01).marks if isinstance(mark, Rect))
    wider = next(mark for mark in differences(findings.results.comparisons, 0.02).marks if isinstance(mark, Rect))
    assert wider.width > band.width > 0


def test_seeds_that_are_far_apart_are_named(findings: Findings) -> None:
    models = findings.results.models
    wide = replace(models[0], top1=replace(models[0].top1, per_seed=(0.3, 0.9, 0.95)))
    results = replace(findings.results, models=(wide, *models[1:]))
    assert wide.name in sentences.far_apart(results)
    assert "30.0 to 95.0" in sentences.far_apart(results)
    assert sentences.far_apart(findings.results) == ""


def test_no_absolute_path_of_the_machine_is_shown(findings: Findings) -> None:
    own = "/home/somebody/secret project/nets/mine.py:Net"
    findings = renamed(findings, {"net": own})
    protocol = findings.results.protocol
    data = replace(protocol.data, source="folder /home/somebody/data/signs/jpeg", notes=("C:\\Users\\me\\a\\b.csv",))
    command = f"convstudy compare '{own}' resnet34 --data /home/somebody/data/signs/jpeg"
    protocol = replace(protocol, data=data, command=command)
    page = html(replace(findings, results=replace(findings.results, protocol=protocol)))
    assert not re.search("somebody|secret|Users", page)
    shown = parse(page)
    assert shown.all("table")[0].rows()[1][0] == "nets/mine.py:Net"
    assert len(shown.all("section", **{"aria-labelledby": "confusion"})[0].all("h3")) == 3 + 1
    assert "…/signs/jpeg" in shown.one("code", id="command").text


def test_the_date_and_the_title_are_said(findings: Findings) -> None:
    dated = replace(findings.results, environment={**findings.results.environment, "date": "2026-11-29"})
    page = parse(html(replace(findings, results=dated), title="Ours <& theirs>"))
    assert page.one("time").text == "2026-11-29"
    assert page.one("h1").text == "Ours <& theirs>"
    assert page.one("head").one("title").text.startswith("Ours <& theirs>")
