"""`convstudy draw`, as its user meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Said

Convstudy = Callable[..., Said]


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<svg"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_a_network_is_drawn_into_the_file_of_its_ending(
    convstudy: Convstudy, tmp_path: Path, ending: str, start: bytes
) -> None:
    said = convstudy("draw", "net", "-o", f"net.{ending}", "--level", "layers")
    assert (said.status, said.out.strip(), said.err) == (0, f"net.{ending}", "")
    assert (tmp_path / f"net.{ending}").read_bytes().startswith(start)


def test_without_a_file_it_is_an_svg_named_as_the_network(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("draw", "torchvision:resnet18", "--highlight", "macs", "--input", "3x64x64", "--classes", "5")
    assert said.status == 0
    assert "fc" in (tmp_path / said.out.strip()).read_text(encoding="utf-8")
    assert said.out.strip() == "torchvision-resnet18.svg"


def test_text_that_gets_too_small_is_reported(convstudy: Convstudy) -> None:
    assert "3.25in" not in convstudy("draw", "resnet18", "--width", "3.25in").err
    said = convstudy("draw", "googlenet", "--width", "2.1in", "--level", "layers")
    assert said.status == 0
    assert "2.1in" in said.err or said.err == ""


@pytest.mark.parametrize(
    ("words", "named"), [(("-o", "net.gif"), ".gif"), (("--width", "wide"), "wide"), (("--level", "all"), "all")]
)
def test_what_cannot_be_drawn_is_one_line(convstudy: Convstudy, words: tuple[str, ...], named: str) -> None:
    said = convstudy("draw", "net", *words)
    assert said.status == 2
    assert named in said.err


def test_two_networks_are_drawn_side_by_side(convstudy: Convstudy, tmp_path: Path) -> None:
    said = convstudy("draw", "plain18", "resnet18", "--width", "7in")
    assert (said.status, said.out.strip()) == (0, "plain18-and-resnet18.svg")
    assert "11 of resnet18" in (tmp_path / said.out.strip()).read_text(encoding="utf-8")
    assert convstudy("draw", "plain18", "resnet18", "--level", "blocks").status == 2


def test_the_network_of_a_layer_table_is_drawn(convstudy: Convstudy, tmp_path: Path) -> None:
    rows = ["layer\tActivation shape\t# parameters", "Input\t(32,32,3)\t0", "CONV1 (f=5, s=1)\t(28,28,8)\t608"]
    (tmp_path / "homework.tsv").write_text("\n".join([*rows, "FC2\t10\t62,703"]) + "\n")
    said = convstudy("draw", "table:homework.tsv", "-o", "homework.svg", "--level", "layers")
    assert said.status == 0
    svg = (tmp_path / "homework.svg").read_text(encoding="utf-8")
    assert "63,338 parameters" in svg
    assert "# parameters 62,730, not 62,703" in svg
    assert "1 of 6 cells" in svg
