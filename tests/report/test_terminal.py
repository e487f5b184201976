"""What the terminal shows, at 80 columns."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType
from torch import nn

from convstudy.analysis import LayerTable, TrainingMemory, Uncounted, count, unallocated
from convstudy.claims import parse_table
from convstudy.claims.checking import check
from convstudy.report.sentences import replies, verdict
from convstudy.report.terminal import (
    TrainingDisplay,
    check_report,
    cost_table,
    layer_table,
    result_table,
    trained_report,
    verdicts,
)
from convstudy.study.runs.events import EpochEnded, RunEnded, RunStarted, StepEnded, StudyStarted
from convstudy.training import Epoch
from convstudy.zoo import open_architecture
from tests.report.made_up import MEASURED, NASTY_NETWORK, made_up_findings

WIDTH = 80
NUMBER = r"(?<!p)\b\d[\d,.]*\b"
RESULTS = made_up_findings(networks=3).results


def drawn(*parts: RenderableType) -> str:
    written = io.StringIO()
    Console(file=written, width=WIDTH).print(*parts)
    return written.getvalue()


def epoch(number: int) -> Epoch:
    return Epoch(
        number, lr=0.05, train_loss=1.25, train_top1=0.6, validation_loss=0.9, validation_top1=0.715, seconds=2.0
    )


@pytest.mark.parametrize("table", [cost_table(RESULTS.models), result_table(RESULTS)], ids=["cost", "results"])
def test_nothing_is_cut_off_at_80_columns(table: RenderableType) -> None:
    text = drawn(table)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text
    whole = "".join(text.split())
    assert NASTY_NETWORK[:20] in whole
    assert NASTY_NETWORK[20:] in text


def test_a_table_says_how_it_was_counted_and_where_it_ended() -> None:
    table = count(nn.Linear(3, 2), (3,))
    assert "Per example" in drawn(layer_table(table))
    assert "forward pass" not in drawn(layer_table(table))
    real = drawn(layer_table(replace(table, step="forward pass", failure="layer3 (Odd): no such operation")))
    assert "ounted in a forward pass on the CPU" in real
    assert "layer3 (Odd)" in real
    assert "at least 6 MACs" in real
    assert "Per image" in drawn(layer_table(count(nn.Conv2d(3, 2, 1), (3, 4, 4))))


def test_the_cost_table_says_what_each_network_costs() -> None:
    lines = drawn(cost_table(RESULTS.models)).splitlines()
    assert lines[2].split() == ["net", *["1", "×", "32", "×", "32"], "61,706", "417", "K", "6,508"]
    assert lines[3].split() == ["resnet34", *["1", "×", "64", "×", "64"], "21,283,530", "1.16", "G", "1,002,634"]


def test_the_result_table_says_what_each_network_reached() -> None:
    model = RESULTS.models[1]
    (line,) = (line for line in drawn(result_table(RESULTS)).splitlines() if line.startswith("resnet34"))
    mean, low, high = (f"{100 * share:.1f}" for share in (model.top1.mean, model.top1.low, model.top1.high))
    assert line.split() == ["resnet34", "21.3", "M", "1.16", "G", f"{mean}%", f"{low}–{high}", "61.3", "187", "9.83"]


def test_counts_that_leave_something_out_are_marked() -> None:
    assert "88,064*" in drawn(cost_table(RESULTS.models))
    for table in (cost_table(RESULTS.models), result_table(RESULTS)):
        text = drawn(table)
        assert "36.6 M*" in text
        assert f"lower bound for {NASTY_NETWORK}" in text
        assert "417 K*" not in text
    assert "*" not in drawn(cost_table(RESULTS.models[:2]))


def layers(name: str, size: int) -> LayerTable:
    architecture = open_architecture(name)
    with unallocated():
        network = architecture.build(num_classes=10, in_channels=3)
    return count(network, (3, size, size))


def wide(width: int, part: RenderableType) -> str:
    written = io.StringIO()
    Console(file=written, width=width).print(part)
    return written.getvalue()


def test_the_layer_table_fits_and_adds_up() -> None:
    text = drawn(layer_table(layers("resnet18", 224)))
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in text
    (convolution,) = (line for line in lines if line.startswith("conv1"))
    assert convolution.split() == ["conv1", "Conv2d", "64×112×112", "802,816", "9,408", "118", "M"]
    (total,) = (line for line in lines if line.startswith("total"))
    assert total.split()[2:] == ["11,181,642", "1.81", "G"]
    assert "11,181,642 parameters (44.7 MB)" in lines
    assert "1,813,566,464 MACs; " in text
    assert "AdaptiveAvg " in text  # the rest of it on the next line
    assert "multiply-accumulates" in text


def test_a_wider_terminal_shows_more() -> None:
    table = layer_table(layers("resnet18", 224))
    assert "118,013,952" not in wide(99, table)
    assert "118,013,952" in wide(100, table)
    assert "receptive" not in wide(123, table)
    (last,) = (line for line in wide(124, table).splitlines() if line.startswith("layer4.1.conv2"))
    assert last.split()[-2:] == ["435", "32"]  # as torchvision's resnet18 is known to have
    (last,) = (line for line in wide(150, table).splitlines() if line.startswith("layer4.1.conv2"))
    assert last.split()[-2:] == ["9,437,184", "100,352"]


def test_repeated_blocks_are_drawn_once() -> None:
    text = drawn(layer_table(layers("resnet34", 224), folded=True))
    assert "layer3.1 to layer3.5" in text
    assert "× 5" in text
    assert "layer3.2.conv1" not in text
    assert "--fold " in " ".join(drawn(layer_table(layers("resnet34", 224))).split())
    assert "--fold" not in drawn(layer_table(layers("net", 32)))


def test_the_memory_of_training_is_said_part_by_part() -> None:
    memory = TrainingMemory(
        batch_size=32, inputs=12, weights=1000, buffers=24, gradients=1000, optimizer=2000, saved_activations=5000
    )
    text = drawn(layer_table(layers("net", 32), memory=memory))
    assert "32 images: 9.02 KB" in text
    assert "weights 1.02 KB, gradients 1.00 KB, optimizer 2.00 KB, activations 5.00 KB" in text


def test_frozen_and_shared_weights_are_said() -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(nn.Flatten(), shared, shared, nn.Linear(4, 2).requires_grad_(False))
    text = drawn(layer_table(count(network, (1, 2, 2))))
    assert "30 parameters, 10 of them frozen" in text
    assert "1: call 2; weights counted at the first call" in text.splitlines()


def test_operations_without_a_formula_are_named() -> None:
    table = replace(layers("net", 32), uncounted=(Uncounted("aten.foo", "conv1"),))
    text = " ".join(drawn(layer_table(table)).split())
    assert "at least 651,720 MACs" in text
    assert text.endswith("aten.foo in conv1")


def test_verdicts_are_told_with_what_they_are_based_on() -> None:
    text = " ".join(drawn(verdicts(RESULTS)).split())
    shown_first = sorted(RESULTS.comparisons, key=lambda pair: pair.better is None)
    places = [text.index(verdict(pair, pairs=len(shown_first))) for pair in shown_first]
    assert places == sorted(places)
    assert places[-1] < text.index("based on 3 seeds and 360 test images") < text.index("Which network is best?")
    for reply in replies(RESULTS):
        assert f"{reply.question} {reply.answer}" in text


def test_of_many_pairs_only_the_leaders_are_told() -> None:
    results = made_up_findings(networks=6).results
    text = " ".join(drawn(verdicts(results)).split())
    assert "based on 3 seeds and 360 test images, taken as independent; all 15 pairs are in the report" in text
    assert [verdict(pair, pairs=15) in text for pair in results.comparisons].count(True) == 5


def test_names_are_not_taken_for_markup() -> None:
    named = replace(RESULTS.models[0], name="[red]net[/red]")
    assert "[red]net[/red]" in drawn(cost_table([named]))


def test_without_a_terminal_training_is_a_line_an_epoch() -> None:
    written = io.StringIO()
    with TrainingDisplay(Console(file=written, width=WIDTH)) as display:
        display(StudyStarted(missing=3, total=6))
        display(RunStarted(model=NASTY_NETWORK, seed=2, index=4, epochs=2, steps_per_epoch=10))
        for number in (1, 2):
            display(StepEnded(index=4, epoch=number, step=5, loss=1.4, images_per_second=5123.4))
            display(EpochEnded(index=4, epoch=epoch(number)))
        display(RunEnded(index=4))
    assert written.getvalue().splitlines() == [
        f"run 4 of 6: {NASTY_NETWORK}, seed 2: epoch {number} of 2, loss 1.250, validation top-1 71.5%, 5,123 images/s"
        for number in (1, 2)
    ]


def test_epochs_from_a_checkpoint_are_said_to_be_so() -> None:
    written = io.StringIO()
    with TrainingDisplay(Console(file=written, width=200)) as display:
        display(StudyStarted(missing=1, total=1))
        display(RunStarted(model="net", seed=0, index=1, epochs=3, steps_per_epoch=10))
        display(EpochEnded(index=1, epoch=epoch(1)))
        display(StepEnded(index=1, epoch=2, step=10, loss=1.4, images_per_second=100))
        display(EpochEnded(index=1, epoch=epoch(2)))
    first, second = written.getvalue().splitlines()
    assert first.endswith("from its checkpoint")
    assert second.endswith("100 images/s")


def test_on_a_terminal_each_run_that_goes_on_has_a_bar() -> None:
    now = 0.0
    written = io.StringIO()
    console = Console(file=written, width=WIDTH, force_terminal=True, color_system=None)
    with TrainingDisplay(console, clock=lambda: now) as display:
        display(StudyStarted(missing=3, total=6, to_do=(NASTY_NETWORK, "net", "net")))
        assert "3 of 6 runs done" in written.getvalue()
        display(RunStarted(model=NASTY_NETWORK, seed=2, index=4, epochs=2, steps_per_epoch=10))
        display(RunStarted(model="net", seed=2, index=5, epochs=8, steps_per_epoch=10))
        now = 20.0
        display(StepEnded(index=4, epoch=1, step=10, loss=1.4, images_per_second=5123.4))  # half of this run took 20 s
        display(RunEnded(index=5))  # and all of that one, side by side
        display(RunStarted(model="net", seed=3, index=6, epochs=8, steps_per_epoch=10))
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue()).rstrip())[-3:]
    assert all(len(line) <= WIDTH for line in lines)
    all_runs, slow, new = lines
    assert all_runs.startswith("4 of 6 runs done ")
    assert all_runs.rstrip().endswith("0:20 left")  # half a run of 40 s beside a run of 20 s
    assert slow.startswith(f"…{NASTY_NETWORK[-11:]}, seed 2 ")
    assert slow.split()[-8:] == ["epoch", "1/2", "loss", "1.400", "5,123", "images/s", "0:20", "left"]
    assert new.startswith("net, seed 3 ")
    assert "epoch 1/8" in new
    assert "net, seed 2" not in lines[2]


def test_nothing_is_drawn_when_nothing_is_missing() -> None:
    written = io.StringIO()
    with TrainingDisplay(Console(file=written, width=WIDTH, force_terminal=True)):
        pass
    assert not written.getvalue()


def test_a_run_says_its_speed_and_memory_as_far_as_they_were_measured() -> None:
    record = {"train_seconds": 0.228, "images_per_second": 5311.0, "latency_ms": 0.214, "recipe": {}}
    measured = {"latency_p95_ms": 0.391, **{key: value for key, value in MEASURED["net"].items() if "p95" not in key}}
    run = made_up_findings(networks=1).runs[0]
    head, old, *basis = drawn(trained_report(record, run)).splitlines()
    assert re.findall(NUMBER, old) == ["0.228", "5,311", "0.214"]
    first, speed, inference, *rest = drawn(trained_report(record | measured, run)).splitlines()
    assert re.findall(NUMBER, speed) == ["0.228", "5,311", "0.214", "0.391"]  # the last one is the 95th percentile
    assert "0.391 ms" in speed
    assert re.findall(NUMBER, inference) == ["20,788", "1,024", "3.35"]
    assert [first, *rest] == [head, *basis]


@pytest.mark.parametrize(
    ("seconds", "amp", "bfloat16"), [(59, False, True), (60, True, True), (60, False, False), (60, False, True)]
)
def test_a_long_run_says_where_mixed_precision_would_be_faster(seconds: float, amp: bool, bfloat16: bool) -> None:
    record = {"train_seconds": seconds, "images_per_second": 9.0, "latency_ms": 0.2, "recipe": {"amp": amp}}
    text = drawn(trained_report(record, made_up_findings(networks=1).runs[0], bfloat16=bfloat16))
    assert ("--amp" in text) == ((seconds, amp, bfloat16) == (60, False, True))


def test_labels_of_a_checked_table_are_not_markup() -> None:
    rows = "Input\t(32,32,3)\t0\nconv 3x3, p=1 [/2]\t(16,16,8)\t224\n[pool 2x2]\t(8,8,8)\t7\n"
    text = drawn(check_report(check(parse_table(f"layer\tshape\t[params]\n{rows}"))))
    assert [label for label in ("[/2]", "[pool 2x2]", "[params]") if label not in text] == []
