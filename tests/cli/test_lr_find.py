"""`convstudy train --lr find`: a range test picks the rate, shows why, and the run is as with the rate by hand."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.conftest import Said

Convstudy = Callable[..., Said]

ON_PICTURES = ("--data", "pictures", "-b", "8", "--epochs", "2", "--device", "cpu", "--threads", "1")
WORDS = ("train", "small.py:Small", *ON_PICTURES)
STILL = """
from small import Small

class Still(Small):
    def forward(self, x):
        return super().forward(x) * 0
"""
SVG = "{http://www.w3.org/2000/svg}"


def test_the_rate_is_found_shown_and_trained_with(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    said = convstudy(*WORDS, "--lr", "find", "--output", "out")
    assert said.status == 0, said.err
    assert max(map(len, said.out.splitlines()[:3])) <= 80
    out = tmp_path / "out"
    with (out / "range-test.csv").open() as file:
        rows = [(float(row["lr"]), float(row["smoothed_loss"])) for row in csv.DictReader(file)]
    assert [lr for lr, _ in rows[:2]] == pytest.approx([1e-5, 1e-5 * 10 ** (6 / 99)])
    lowest = min(rows, key=lambda row: row[1])[0]
    rate = float(f"{lowest / 10:.2g}")
    [chosen] = [line for line in said.out.splitlines() if line.startswith("learning rate ")]
    assert f" {rate:g}: " in chosen
    assert "range-test.svg" in chosen
    assert f"batch size 8, lr {rate:g}, on cpu" in said.out
    assert yaml.safe_load((out / "recipe.yaml").read_text())["lr"] == rate
    record = json.loads((out / "run.json").read_text())
    assert record["recipe"]["lr"] == rate
    assert record["notes"] == [f"lr {rate:g} was chosen by the range test in range-test.csv"]
    assert convstudy(*WORDS, "--lr", str(rate), "--output", "given").status == 0
    for kept in ("weights.safetensors", "predictions.parquet"):
        assert (out / kept).read_bytes() == (tmp_path / "given" / kept).read_bytes()
    drawn = ET.parse(out / "range-test.svg").getroot()
    [line] = drawn.iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    assert len(points) == len(rows)
    across, down = zip(*points, strict=True)
    assert list(across) == sorted(across)
    assert down.index(max(down)) == [lr for lr, _ in rows].index(lowest)
    taken = [float(line.get("x1", "")) for line in drawn.iter(f"{SVG}line") if line.get("class") == "rate"]
    first, last = math.log10(rows[0][0]), math.log10(rows[-1][0])
    assert (taken[0] - across[0]) / (across[-1] - across[0]) == pytest.approx(
        (math.log10(rate) - first) / (last - first), abs=0.01
    )


def test_the_test_is_done_once(
    convstudy: Convstudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*WORDS, "--lr", "find", "--output", "out")
    assert convstudy(*asked).status == 0
    (tmp_path / "out/run.json").unlink()
    before = (tmp_path / "out/weights.safetensors").read_bytes()
    monkeypatch.setattr("convstudy.study.runs.lr_range_test.learning_rate_range", None)
    for words in (asked, ("train", "--resume", "out")):
        assert convstudy(*words).status == 0
        assert (tmp_path / "out/weights.safetensors").read_bytes() == before
        (tmp_path / "out/run.json").unlink()
    said = convstudy(*WORDS, "--lr", "0.1", "--output", "out")
    assert said.err == 'error: out holds another run: recipe.lr is "find" there and 0.1 here; choose another --output\n'
    (tmp_path / "out/range-test.csv").write_text("lr\n1\n")
    said = convstudy(*asked)
    line = "error: out/range-test.csv is not a valid table of a range test; delete it to repeat the test\n"
    assert (said.status, said.err) == (2, line)


def test_a_network_that_does_not_learn_gets_one_line(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "still.py").write_text(STILL)
    said = convstudy("train", "still.py:Still", *ON_PICTURES, "--lr", "find", "--output", "out")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "range-test.svg" in said.err
    assert "--lr" in said.err
    drawn = ET.parse(tmp_path / "out/range-test.svg").getroot()  # one looks at it when no rate is found, above all
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 1
    assert not [line for line in drawn.iter(f"{SVG}line") if line.get("class") == "rate"]


def test_lenet5_on_the_digits_finds_a_rate_whatever_its_first_batch(convstudy: Convstudy, tmp_path: Path) -> None:
    """The loss of its first batch is by chance lower than any smoothed loss that the test reaches."""
    words = ("--data", "digits", "--lr", "find", "--epochs", "1", "--device", "cpu", "--threads", "1")
    said = convstudy("train", "lenet5", *words, "--output", "out")
    assert said.status == 0, said.err
    with (tmp_path / "out/range-test.csv").open() as file:
        losses = [float(row["smoothed_loss"]) for row in csv.DictReader(file)]
    assert min(losses[1:]) > 0.995 * losses[0]
    assert 0.005 <= yaml.safe_load((tmp_path / "out/recipe.yaml").read_text())["lr"] <= 0.02


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "net", "--lr", "fnd"), "'fnd' is neither a number nor `find`"),
        (("compare", "net", "lenet5", "--lr", "find"), "--lr is 'find'; expected a number above 0"),
        (("train", "net", "--lr", "-1"), "--lr is -1; expected a number above 0"),
    ],
)
def test_other_words_are_refused(convstudy: Convstudy, words: tuple[str, ...], message: str) -> None:
    said = convstudy(*words)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert message in said.err
