"""What a picture shows: all traced edges and no other, nothing on each other, blocks folded, costs as counted."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from copy import deepcopy
from io import BytesIO
from itertools import product
from math import ceil
from operator import sub
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from torch import Tensor, nn

import convstudy
from convstudy.drawing import draw_graph, draw_pair
from convstudy.drawing.collisions import (
    boxes_outside,
    crossings,
    escaping_texts,
    lines_through_boxes,
    overlapping_texts,
)
from convstudy.drawing.colours import palette
from convstudy.drawing.fonts import text_width
from convstudy.drawing.overview import height, thickness
from convstudy.drawing.picture import Picture
from convstudy.drawing.scene import Circle, Line, Rect, Text
from convstudy.errors import DrawingError
from tests.drawing.networks import graph_of, picture

NETWORKS = (
    "alexnet",
    "vgg16",
    "resnet34",
    "googlenet",
    "torchvision:densenet121",
    "torchvision:inception_v3",
    "torchvision:mobilenet_v3_large",
    "torchvision:shufflenet_v2_x1_0",
    "torchvision:squeezenet1_1",
    "torchvision:swin_t",
    "torchvision:vit_b_16",
    "torchvision:convnext_tiny",
    "tangle",
)
WAYS = [("blocks", False), ("layers", False), ("layers", True)]
LEVELS = {"overview": 7, "blocks": 7, "layers": 7}  # the smallest text on a page, in px
WIDTHS = (None, "3.25in")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_drawn_edges_expanded_are_the_traced_ones(name: str) -> None:
    for level, fold in WAYS:
        drawn = picture(name, level, fold=fold)
        assert drawn.layers.expanded(drawn.scene.edges) == drawn.layers.edges, (level, fold)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_traced_node_is_in_one_layer_and_every_edge_within_a_layer_or_between_two(name: str) -> None:
    found, layers = graph_of(name), picture(name).layers
    assert set(layers.owner) == {node.number for node in found.nodes}
    assert sorted(number for layer in layers.layers.values() for number in layer.members) == sorted(layers.owner)
    between = {(layers.owner[a], layers.owner[b]) for a, b in found.edges}
    assert {(a, b) for a, b in between if a != b} == layers.edges


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_on_something_else(name: str) -> None:
    for (level, fold), width in product([("overview", False), *WAYS], WIDTHS):
        scene = picture(name, level, fold=fold, width=width).scene
        way = (level, fold, width)
        assert (overlapping_texts(scene), overlapping_texts(scene, wide=True)) == ([], []), way
        assert (escaping_texts(scene), escaping_texts(scene, wide=True)) == ([], []), way
        assert (lines_through_boxes(scene), boxes_outside(scene)) == ([], []), way
        if name != "tangle":  # the only one that no drawing without crossings is promised for
            assert crossings(scene) == [], way


def test_collisions_are_found_where_they_are() -> None:
    scene = deepcopy(picture("resnet34").scene)
    text = next(text for text in scene.texts() if text.text == "64×112×112")
    scene.add(Text(text.x + 4, text.y, "on it", 9.5))
    assert ("64×112×112", "on it") in overlapping_texts(scene)
    left, top, right, foot = scene.boxes[-1]
    scene.add(Line(((left - 5, (top + foot) / 2), (right + 5, (top + foot) / 2)), "line"))
    scene.add(Line((((left + right) / 2, top - 5), ((left + right) / 2, foot + 5)), "line"))
    assert len(lines_through_boxes(scene)) >= 2
    assert len(crossings(scene)) == 1


def shortcuts(drawn: Picture) -> tuple[int, int]:
    """Return the numbers of shortcuts and of dashed ones among them in a picture of all layers."""
    lines = [mark for mark in drawn.scene.all_marks() if isinstance(mark, Line) and mark.stroke == "shortcut"]
    joined = [line for line in lines if line.arrow]
    return len(joined), sum(line.dashed for line in joined)


@pytest.mark.parametrize(
    ("name", "whole", "dashed"), [("resnet34", 16, 3), ("resnet50", 16, 4), ("resnet20", 9, 2), ("plain34", 0, 0)]
)
def test_resnets_show_their_shortcuts(name: str, whole: int, dashed: int) -> None:
    assert shortcuts(picture(name, "layers")) == (whole, dashed)


def parts(drawn: Picture) -> tuple[int, list[str]]:
    """Return the number of columns of an overview, which each have a shape below, and the titles of the blocks."""
    texts = drawn.scene.texts()
    shapes = [text for text in texts if re.fullmatch(r"\d+(×\d+)*", text.text) and text.fill == "muted"]
    return len(shapes), [text.text for text in texts if re.search(r", \d+×", text.text) and text.bold]


@pytest.mark.parametrize(
    ("name", "columns", "blocks"),
    [
        ("resnet152", 15, 3),
        ("torchvision:densenet121", 16, 2),
        ("googlenet", 18, 1),
        ("torchvision:vit_b_16", 4, 1),
        ("torchvision:mobilenet_v3_large", 18, 3),
    ],
)
def test_repeated_blocks_are_folded(name: str, columns: int, blocks: int) -> None:
    volumes, titles = parts(picture(name))
    assert volumes <= columns
    assert len(titles) <= blocks


def test_a_block_is_named_and_counted_with_the_range_of_its_channels() -> None:
    texts = {text.text for text in picture("torchvision:googlenet").scene.texts()}
    assert {"Inception, 9×", "1×1 conv, 64–384", "concat, 256–1024"} <= texts
    assert "EncoderBlock, 12×" in {text.text for text in picture("torchvision:vit_b_16").scene.texts()}
    assert "×12" in {text.text for text in picture("torchvision:vit_b_16").scene.texts()}


def test_blocks_that_differ_in_a_shortcut_alone_are_drawn_once_if_there_are_many() -> None:
    drawn = picture("torchvision:mobilenet_v3_large")
    titles = [text.text for text in drawn.scene.texts() if "InvertedResidual" in text.text]
    assert titles == [
        "InvertedResidual, 1×",
        "InvertedResidual, 6×, shortcut 4×",
        "InvertedResidual, 8×, shortcut 5×",
    ]
    sums = [layer for layer in drawn.layers.layers.values() if layer.symbol == "+"]
    assert len(sums) == 1 + 4 + 5


def test_densenet_fits_a_slide() -> None:
    scene = picture("torchvision:densenet121").scene
    assert scene.width <= 700
    assert scene.height <= 500


def test_all_layers_of_very_deep_networks_are_drawn_closer_so_that_they_stay_legible_on_a_page() -> None:
    for name in ("torchvision:efficientnet_v2_l", "torchvision:regnet_y_128gf"):
        scene = picture(name, "layers").scene
        assert min(text.size for text in scene.texts()) * min(700 / scene.width, 990 / scene.height) >= 7
        assert (overlapping_texts(scene), overlapping_texts(scene, wide=True), escaping_texts(scene)) == ([], [], [])
        assert (lines_through_boxes(scene), boxes_outside(scene), crossings(scene)) == ([], [], [])


@pytest.mark.parametrize("name", NETWORKS)
def test_text_is_legible_on_a_page_and_in_one_column_of_a_paper(name: str) -> None:
    for level, least in LEVELS.items():
        scene = picture(name, level).scene
        scale = min(700 / scene.width, 990 / scene.height, 1)
        assert min(text.size for text in scene.texts()) * scale >= least, level
        narrow = picture(name, level, width="3.25in")
        assert narrow.scene.width * narrow.scene.scale <= 312.05, level
        assert narrow.smallest_text >= 7, level


def test_the_totals_are_those_of_the_summary_and_the_shares_sum_up() -> None:
    totals = convstudy.summary("resnet34").totals
    drawn = picture("resnet34")
    assert f"{totals.parameters:,} parameters · {totals.macs:,} MACs" in drawn.svg
    assert sum(layer.parameters for layer in drawn.layers.layers.values()) == totals.parameters
    assert sum(layer.macs for layer in drawn.layers.layers.values()) == totals.macs
    memory = picture("resnet34", highlight="memory")
    assert f"{totals.activation_bytes:,} bytes" in memory.svg


def test_a_module_without_weights_that_makes_the_output_is_drawn() -> None:
    # Figure 2 of LeCun et al. 1998: ten outputs after the 84 units of F6
    for level, text in {"blocks": "10", "layers": "RadialBasis 10"}.items():
        assert text in {each.text for each in picture("lenet5", level).scene.texts()}


def test_every_stage_is_named_also_one_of_a_single_layer() -> None:
    texts = [text for text in picture("net", "layers").scene.texts() if re.fullmatch(r"\d+×\d+", text.text)]
    assert [text.text for text in texts] == ["32×32", "28×28", "14×14", "10×10", "5×5"]
    assert not any(text.rotated for text in texts)


def test_a_side_branch_does_not_interrupt_a_stage() -> None:
    texts = [text.text for text in picture("googlenet", "layers", training=True).scene.texts()]
    assert texts.count("14×14") == 2  # once per column


def test_volumes_grow_with_channels_and_sides_up_to_2048_channels() -> None:
    assert thickness(64) == 3 + 1.15 * 8
    assert height(224) == pytest.approx(8 + 6 * 224**0.5)
    assert all(thickness(channels) < thickness(channels + 1) for channels in range(1, 2048))
    assert all(height(side) < height(side + 1) for side in range(1, 512))


def test_fully_connected_layers_take_at_most_15_percent_of_the_width() -> None:
    from convstudy.drawing.overview import volume  # noqa: PLC0415

    for name in ("alexnet", "vgg16", "net", "lecture"):
        layers = picture(name).layers.layers.values()
        dense = sum(volume(layer).width for layer in layers if layer.kind == "fc")
        assert dense <= 0.15 * sum(volume(layer).width for layer in layers)


def test_auxiliary_classifiers_leave_the_main_way() -> None:
    drawn = picture("googlenet", training=True)
    assert drawn.layers.sides
    assert drawn.layers.expanded(drawn.scene.edges) == drawn.layers.edges
    assert not picture("googlenet").layers.sides


def test_the_shares_of_side_branches_are_beside_those_of_the_layer_that_they_leave_after() -> None:
    drawn = picture("googlenet", training=True)
    shares = re.findall(r"(?:B )?(\d+)%", " ".join(text.text for text in drawn.scene.texts() if "%" in text.text))
    assert sum(map(int, shares)) == pytest.approx(100, abs=4)  # each is rounded
    found = [text.text for text in drawn.scene.texts() if "B " in text.text and "%" in text.text]
    assert [text.split("B ")[1] for text in found] == ["24%", "24%"]


def test_layers_that_do_not_run_are_named_with_their_part_of_the_parameters() -> None:
    drawn = picture("googlenet")
    ran = sum(layer.parameters for layer in drawn.layers.layers.values())
    assert drawn.layers.idle == {"sides": 13_378_280 - ran} == {"sides": 6_379_728}
    assert "sides (48% of the parameters)" in drawn.svg
    torchvisions = picture("torchvision:googlenet").layers
    assert list(torchvisions.idle) == ["aux1", "aux2"]
    assert not picture("googlenet", training=True).layers.idle
    assert "% of the parameters" not in picture("resnet34").svg


def test_of_many_modules_that_do_not_run_three_are_named_and_the_others_counted() -> None:
    class Spares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.spares = nn.ModuleDict({f"spare{number}": nn.Linear(4, 4) for number in range(2)})
            self.trunk = nn.ModuleDict({"used": nn.Conv2d(8, 8, 3), **{f"s{n}": nn.Linear(2, 2) for n in range(5)}})

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.trunk["used"](self.conv(x))
            return answer

    drawn = convstudy.draw(Spares(), (3, 32, 32))
    assert drawn.layers.idle == {"spares": 40} | {f"trunk.s{number}": 6 for number in range(5)}
    assert "spares, trunk.s0, trunk.s1 and 3 more (8% of the parameters)" in drawn.svg


def test_a_block_is_titled_by_its_block_name_or_else_by_its_class() -> None:
    assert "inception module, 9×" in {text.text for text in picture("googlenet").scene.texts()}
    assert "Inception, 9×" in {text.text for text in picture("torchvision:googlenet").scene.texts()}
    assert "naive inception module, 9×" in {text.text for text in picture("inception-naive").scene.texts()}


@pytest.mark.parametrize("level", ["overview", "blocks", "layers"])
def test_svg_is_small_well_formed_the_same_every_time_and_its_text_is_text(level: str) -> None:
    drawn = picture("resnet152", level)
    assert drawn.svg == draw_graph("resnet152", graph_of("resnet152"), level=level).svg
    assert len(drawn.svg.encode()) <= 80_000
    root = ElementTree.fromstring(drawn.svg)
    names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert names == [text.text for text in drawn.scene.texts()]
    titles = [title.text or "" for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any("layer3" in title for title in titles) or level != "layers"
    assert "prefers-color-scheme:dark" in drawn.svg


def test_each_light_colour_has_one_dark_one() -> None:
    pairs = set(palette().values())
    assert len({light for light, _ in pairs}) == len(pairs)


def test_files_are_written_by_their_ending(tmp_path: Path) -> None:
    drawn = picture("lenet5")
    assert drawn.save(tmp_path / "net.svg").read_text(encoding="utf-8") == drawn.svg == drawn._repr_svg_()
    image = Image.open(BytesIO(drawn.save(tmp_path / "net.png").read_bytes()))
    assert image.size == (ceil(2 * drawn.scene.width), ceil(2 * drawn.scene.height))
    again = draw_graph("lenet5", graph_of("lenet5")).save(tmp_path / "two.png")
    assert again.read_bytes() == (tmp_path / "net.png").read_bytes()
    with pytest.raises(DrawingError, match=r"\.gif"):
        drawn.save(tmp_path / "net.gif")


def test_pdf_has_one_page_of_the_size_of_the_picture_and_its_text_in_helvetica(tmp_path: Path) -> None:
    drawn = picture("lenet5", width="3.25in")
    file = drawn.save(tmp_path / "net.pdf").read_bytes()
    assert file.startswith(b"%PDF-1.4")
    assert f"/MediaBox [0 0 234 {drawn.scene.height * 0.75:.3f}".rstrip("0").rstrip(".").encode() in file
    assert file.count(b"/Type1 /BaseFont /Helvetica") == 2
    start = int(file.rsplit(b"startxref\n", 1)[1].split()[0])
    assert file[start : start + 4] == b"xref"
    stream = file.split(b"stream\n", 1)[1].split(b"\nendstream")[0]
    content = zlib.decompress(stream).decode("cp1252")
    assert all(f"({text.text})" in content for text in drawn.scene.texts())


@pytest.mark.parametrize("ending", ["pdf", "png"])
def test_letters_that_a_font_lacks_are_named_and_others_are_written(tmp_path: Path, ending: str) -> None:
    notes: list[str] = []
    for name in ("net", "\N{CJK UNIFIED IDEOGRAPH-7F51}.py"):
        drawn = draw_graph(name, graph_of("lenet5"), level="overview")
        drawn.scene.add(Text(20, 20, "≥ 3×3 − 1", 10))
        drawn.save(tmp_path / f"net.{ending}", on_note=notes.append)
    assert [("\N{CJK UNIFIED IDEOGRAPH-7F51}" in note, "net." in note) for note in notes] == [(True, True)]
    assert "≥" not in notes[0]
    drawn.save(tmp_path / "net.svg", on_note=notes.append)
    assert len(notes) == 1


def test_png_has_the_colours_of_the_scene() -> None:
    from convstudy.drawing.png import png  # noqa: PLC0415

    image = Image.open(BytesIO(png(picture("vgg16").scene))).convert("RGB")
    assert image.getpixel((2, 2)) == (255, 255, 255)
    pixels = [pixel for _, pixel in image.getcolors(10**6) or [] if isinstance(pixel, tuple)]
    red = tuple(int(palette()["pool-side"][0][at : at + 2], 16) for at in (1, 3, 5))
    assert min(max(map(abs, map(sub, pixel, red))) for pixel in pixels) <= 6


def test_widths_are_those_of_the_metrics_of_helvetica() -> None:
    # Adobe's core 14 metrics, Helvetica.afm and Helvetica-Bold.afm
    assert [text_width(letter, 1000) for letter in "A3im ,–×"] == [667, 556, 222, 833, 278, 278, 556, 584]
    assert [text_width(letter, 1000, bold=True) for letter in "A3im"] == [722, 556, 278, 889]


def test_options_that_are_not_known_are_named(tmp_path: Path) -> None:
    with pytest.raises(DrawingError, match=r"'3 feet'.*3\.25in"):
        picture("lenet5", width="3 feet")
    with pytest.raises(DrawingError, match=r"'all'.*overview"):
        picture("lenet5", "all")


def test_python_draws_a_built_network() -> None:
    drawn = convstudy.draw(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(7200, 10)), (3, 32, 32))
    assert [layer.kind for layer in drawn.layers.layers.values()] == ["input", "conv", "fc"]


def test_importing_the_drawing_imports_no_torch() -> None:
    code = "import sys, convstudy.drawing; print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("fold", [False, True])
def test_of_two_networks_what_only_one_has_is_outlined(fold: bool) -> None:
    names = ("plain18", "resnet18")
    drawn = draw_pair(names, (graph_of(names[0]), graph_of(names[1])), fold=fold)
    marks = list(drawn.scene.all_marks())
    sums = [mark for mark in marks if isinstance(mark, Circle) and mark.stroke == "mark"]
    convs = [mark for mark in marks if isinstance(mark, Rect) and mark.stroke == "mark"]
    assert (len(sums), len(convs)) == ((8, 3) if not fold else (len(sums), 3))
    assert min([mark.x for mark in sums] + [mark.x for mark in convs]) > drawn.scene.width / 2
    assert "0 of plain18 and 11 of resnet18" in drawn.svg
    assert overlapping_texts(drawn.scene) == overlapping_texts(drawn.scene, wide=True) == []
    assert not lines_through_boxes(drawn.scene)
    assert not boxes_outside(drawn.scene)


def test_attention_written_out_as_products_is_one_layer_with_the_tokens_of_its_source() -> None:
    layers = [layer for layer in picture("torchvision:swin_t").layers.layers.values() if layer.kind == "attention"]
    assert len(layers) == 12
    assert [layer.shape for layer in layers[::11]] == [(3136, 96), (49, 768)]


@pytest.mark.parametrize(("name", "level"), [("resnet34", "blocks"), ("resnet34", "layers"), ("googlenet", "overview")])
def test_lines_are_few_paths_each_above_the_areas_that_come_before_it(name: str, level: str) -> None:
    drawn = picture(name, level, fold=True)
    svg, areas = drawn.svg, 0
    lines = [mark for mark in drawn.scene.marks if isinstance(mark, Line)]
    assert svg.count("<path") < 0.6 * len(lines)
    assert sum(path.count("M") for path in re.findall(r'<path d="([^"]*)"', svg)) >= len(lines)
    for mark in drawn.scene.marks:
        if isinstance(mark, Rect) and mark.fill == "panel":
            areas = svg.index(
                f'<rect x="{mark.x:.1f}"'.replace(".0", "") + f' y="{mark.y:.1f}"'.replace(".0", ""), areas
            )
        if isinstance(mark, Line):
            start, end = mark.points[:2]
            assert f"M{start[0]:.1f} {start[1]:.1f}".replace(".0", "") in svg[areas:], (start, end)
