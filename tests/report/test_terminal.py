"""What the terminal shows, at 80 columns."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace

import pytest
from rich.console import Console, RenderableType

from convstudy.report.terminal import TrainingDisplay, cost_table, layer_table, result_table, verdicts
from convstudy.training import Epoch
from tests.report.made_up import NASTY_NETWORK, made_up_findings

WIDTH = 80
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


def test_the_cost_table_says_what_each_network_costs() -> None:
    lines = drawn(cost_table(RESULTS.models)).splitlines()
    assert lines[2].split() == ["net", *["1", "×", "32", "×", "32"], "61,706", "417", "K", "6,508"]
    assert lines[3].split() == ["resnet34", *["1", "×", "64", "×", "64"], "21,283,530", "1.16", "G", "1,002,634"]


def test_the_result_table_says_what_each_network_reached() -> None:
    model = RESULTS.models[1]
    (line,) = (line for line in drawn(result_table(RESULTS)).splitlines() if line.startswith("resnet34"))
    mean, low, high = (f"{100 * share:.1f}" for share in (model.top1.mean, model.top1.low, model.top1.high))
    assert line.split() == ["resnet34", "21.3", "M", "1.16", "G", mean, "%", f"{low}–{high}", "61.3", "187", "9.83"]


def test_counts_that_leave_something_out_are_marked() -> None:
    assert "88,064*" in drawn(cost_table(RESULTS.models))
    for table in (cost_table(RESULTS.models), result_table(RESULTS)):
        text = drawn(table)
        assert "36.6 M*" in text
        assert f"* at least, for {NASTY_NETWORK}" in text
        assert "417 K*" not in text
    assert "*" not in drawn(cost_table(RESULTS.models[:2]))


@dataclass(frozen=True)
class Layer:
    path: str
    kind: str
    output_shape: tuple[int, ...]
    activation_size: int
    parameters: int
    macs: int


@dataclass(frozen=True)
class Uncounted:
    operation: str
    path: str


@dataclass(frozen=True)
class Layers:
    rows: tuple[Layer, ...]
    totals: Layer
    uncounted: tuple[Uncounted, ...] = ()


LAYERS = Layers(
    (
        Layer("conv1", "Conv2d", (64, 112, 112), 802_816, 9_408, 118_013_952),
        Layer("layer1.0.a[3]", "my.Op", (64, 56, 56), 200_704, 0, 12_345),
        Layer("layer4.0.downsample.0", "AdaptiveAvgPool2d", (512, 1, 1), 512, 0, 0),
        Layer("fc", "Linear", (1000,), 1_000, 513_000, 512_000),
    ),
    Layer("", "", (), 1_005_032, 21_797_672, 3_663_761_408),
)


def test_the_layer_table_fits_and_adds_up() -> None:
    text = drawn(layer_table(LAYERS))
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in text
    (convolution,) = (line for line in lines if line.startswith("conv1"))
    assert convolution.split() == ["conv1", "Conv2d", "64×112×112", "802,816", "9,408", "118", "M"]
    (total,) = (line for line in lines if line.startswith("total"))
    assert total.split() == ["total", "1,005,032", "21,797,672", "3.66", "G"]
    assert "21,797,672 parameters, 3,663,761,408 MACs" in lines
    assert "layer1.0.a[3]" in text
    assert "AdaptiveAvgPool2d" in "".join(text.split())
    assert "multiply-accumulates" in text


def test_a_wide_terminal_gets_exact_macs() -> None:
    written = io.StringIO()
    Console(file=written, width=120).print(layer_table(LAYERS))
    assert "118,013,952" in written.getvalue()


def test_operations_without_a_formula_are_named() -> None:
    text = " ".join(drawn(layer_table(replace(LAYERS, uncounted=(Uncounted("aten.foo", "layer1.0"),)))).split())
    assert "at least 3,663,761,408 MACs" in text
    assert text.endswith("uncounted, for there is no formula: aten.foo in layer1.0")


def test_verdicts_are_told_with_what_they_are_based_on() -> None:
    text = " ".join(drawn(verdicts(RESULTS)).split())
    places = [text.index(pair.verdict) for pair in RESULTS.comparisons]
    assert places == sorted(places)
    assert text.endswith("based on 3 seeds and 360 test images")


def test_names_are_not_taken_for_markup() -> None:
    named = replace(RESULTS.models[0], name="[red]net[/red]")
    assert "[red]net[/red]" in drawn(cost_table([named]))


def test_without_a_terminal_training_is_a_line_an_epoch() -> None:
    written = io.StringIO()
    with TrainingDisplay(Console(file=written, width=WIDTH)) as display:
        display.start(missing=3, total=6)
        display.start_run(NASTY_NETWORK, seed=2, index=4, epochs=2, steps_per_epoch=10)
        for number in (1, 2):
            display.step(4, epoch=number, step=5, loss=1.4, images_per_second=5123.4)
            display.end_epoch(4, epoch(number))
        display.end_run(4)
    assert written.getvalue().splitlines() == [
        f"run 4 of 6: {NASTY_NETWORK}, seed 2: epoch {number} of 2, loss 1.250, validation top-1 71.5 %, 5,123 images/s"
        for number in (1, 2)
    ]


def test_epochs_from_a_checkpoint_are_said_to_be_so() -> None:
    written = io.StringIO()
    with TrainingDisplay(Console(file=written, width=200)) as display:
        display.start(missing=1, total=1)
        display.start_run("net", seed=0, index=1, epochs=3, steps_per_epoch=10)
        display.end_epoch(1, epoch(1))
        display.step(1, epoch=2, step=10, loss=1.4, images_per_second=100)
        display.end_epoch(1, epoch(2))
    first, second = written.getvalue().splitlines()
    assert first.endswith("from its checkpoint")
    assert second.endswith("100 images/s")


def test_on_a_terminal_each_run_that_goes_on_has_a_bar() -> None:
    now = 0.0
    written = io.StringIO()
    console = Console(file=written, width=WIDTH, force_terminal=True, color_system=None)
    with TrainingDisplay(console, clock=lambda: now) as display:
        display.start(missing=3, total=6)
        display.start_run(NASTY_NETWORK, seed=2, index=4, epochs=2, steps_per_epoch=10)
        display.start_run("net", seed=2, index=5, epochs=8, steps_per_epoch=10)
        now = 20.0
        display.step(4, epoch=1, step=10, loss=1.4, images_per_second=5123.4)  # half of this run took 20 s
        display.end_run(5)  # and all of that one, side by side
        display.start_run("net", seed=3, index=6, epochs=8, steps_per_epoch=10)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue()).rstrip())[-3:]
    assert all(len(line) <= WIDTH for line in lines)
    all_runs, slow, new = lines
    assert all_runs.startswith("runs done 4 of 6 ")
    assert all_runs.rstrip().endswith("0:20 left")  # 1.5 runs took 20 s, 1.5 are left
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
