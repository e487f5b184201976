"""The sheet: title, overview, blocks and legend, or all layers in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convstudy.drawing import columns, overview
from convstudy.drawing.blocks import Kind, elements, kinds, runs
from convstudy.drawing.colours import HEAT, STAGES
from convstudy.drawing.flow import Flow, Style
from convstudy.drawing.layers import Layer, Layers
from convstudy.drawing.scene import Line, Rect, Scene, Text
from convstudy.drawing.series import Series, decompose, leaves

MARGIN = 14.0
WIDTH = 700.0
SMALL = 9.5
MEASURES = {"parameters": "parameters", "macs": "MACs", "memory": "bytes of activations"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to draw: the level, the highlighted cost (empty for none), folded runs, and the width in px."""

    level: str = "blocks"
    highlight: str = ""
    fold: bool = False
    width: float | None = None


Colour = Callable[[Layer], str]


def sheet(layers: Layers, options: Options) -> Scene:
    """Return the scene of a network."""
    series = decompose({number: layer.sources for number, layer in layers.layers.items()}, layers.output)
    scene = Scene(title=layers.name)
    colour = _colours(layers, options)
    if options.level == "layers":
        _all_layers(scene, series, layers, options, colour)
    else:
        _overview(scene, series, layers, options, colour)
    return scene


def heading(scene: Scene, layers: Layers, highlight: str, width: float, *, bars: bool) -> float:
    """Draw the title and the totals; return the height below them."""
    scene.add(Text(MARGIN, MARGIN + 11, layers.name, 13.5, bold=True))
    bound = "≥ " if layers.lower_bound else ""
    measures = ["parameters", "macs"] + (["memory"] if highlight == "memory" else [])
    parts = [f"{bound if name == 'macs' else ''}{layers.totals[name]:,} {MEASURES[name]}" for name in measures]
    if bars:
        parts.append(f"bars: share of {MEASURES[highlight or 'parameters']}")
    y = MARGIN + 11
    scene.description = ", ".join(parts)
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and Text(0, 0, joined, SMALL).width <= width - 2 * MARGIN:
            lines[-1] = joined
        else:
            lines.append(part)
    for line in lines:
        y += 14
        scene.add(Text(MARGIN, y, line, SMALL, "muted"))
    return y + 12


def _colours(layers: Layers, options: Options) -> Colour:
    """Return the colour of a layer: by its kind, its stage, or its share of a highlighted cost."""
    sides = sorted({layer.side for layer in layers.layers.values() if layer.side > 1}, reverse=True)
    stages = {side: min(number, len(STAGES) - 1) for number, side in enumerate(sides)}
    largest = (
        max((layer.cost(options.highlight) for layer in layers.layers.values()), default=1) if options.highlight else 1
    )

    def colour(layer: Layer) -> str:
        if options.highlight:
            return _heat(layer.cost(options.highlight) / max(largest, 1))
        if layer.kind in {"pool", "fc", "concat", "input"} and (layer.kind != "fc" or layer.side == 1):
            return layer.kind
        return f"stage{stages[layer.side]}" if layer.side in stages else "other"

    return colour


def _heat(share: float) -> str:
    return f"heat{min(int(share * len(HEAT) * 0.999), len(HEAT) - 1)}" if share else "input"


def _overview(scene: Scene, series: Series, layers: Layers, options: Options, colour: Colour) -> None:
    width = options.width or WIDTH
    inner = width - 2 * MARGIN
    found = elements(series, layers)
    letters = kinds(found, layers)
    measure = options.highlight or "parameters"
    made = overview.columns(runs(found, layers), letters, layers, measure)
    y = heading(scene, layers, options.highlight, width, bars=True)
    y += overview.draw(made, layers, scene, MARGIN, y, inner, colour)
    scene.width = width
    if letters:
        y += 6
        scene.add(Line(((MARGIN, y), (width - MARGIN, y)), "rule"))
        y += 12
        y = insets(scene, letters, layers, y, width) if options.level == "blocks" else _key(scene, letters, y, width)
    scene.height = y + MARGIN - 6


def _all_layers(scene: Scene, series: Series, layers: Layers, options: Options, colour: Colour) -> None:
    flow = Flow(lambda number: [layers[number]], colour, Style(size=10.5, height=16, gap=8))
    page = (columns.PAGE[0], columns.PAGE[1]) if options.width is None else (options.width, 1e9)
    top = heading(scene, layers, options.highlight, options.width or WIDTH, bars=False)
    right, foot = columns.draw(scene, flow.chain(series), layers, flow, top, MARGIN, page)
    titles = max(
        text.box(wide=True)[2] for text in scene.texts() if text.fill in {"ink", "muted"} and text.anchor == "start"
    )
    scene.width, scene.height = max(right, titles) + MARGIN, foot + MARGIN


def _key(scene: Scene, letters: Sequence[Kind], y: float, width: float) -> float:
    """Name the blocks of the overview."""
    x = MARGIN
    for kind in letters:
        text = Text(x + 17, y + 10, f"{kind.name}, {len(kind.uses)}×", 10)
        if x > MARGIN and text.box()[2] > width - MARGIN:
            x, y = MARGIN, y + 18
            text = Text(x + 17, y + 10, text.text, 10)
        scene.add(overview.badge(kind, x + 7, y + 6.5), text)
        x = text.box(wide=True)[2] + 18
    return y + 18


def insets(scene: Scene, letters: Sequence[Kind], layers: Layers, y: float, width: float) -> float:
    """Draw each distinct block once; return the height below them."""
    inner = width - 2 * MARGIN
    panels = [_Panel(kind, layers, inner) for kind in letters]
    row: list[_Panel] = []
    x = 0.0
    for panel in [*panels, None]:
        if row and (panel is None or x + panel.width > inner):
            tall = max(each.height for each in row)
            at = MARGIN
            for each in row:
                each.draw(scene, at, y, tall)
                at += each.width + 10
            y += tall + 10
            row, x = [], 0.0
        if panel is not None:
            row.append(panel)
            x += panel.width + 10
    return y


class _Panel:
    """One block, opened; its boxes stand for those of all its uses."""

    def __init__(self, kind: Kind, layers: Layers, widest: float) -> None:
        self.kind = kind
        self.layers = layers
        uses = [use.numbers for use in kind.uses]
        self.same = {first: [use[place] for use in uses] for place, first in enumerate(uses[0])}
        for lines in (1, 2):
            self.flow = Flow(self._layers, _kind_colour, Style(lines=lines, gap=10))
            self.chain = self.flow.chain(kind.uses[0].series)
            self.content = self.chain.left + self.chain.right
            if self.content + 24 <= widest:
                break
        text = Text(0, 0, self.title, 10.5, bold=True)
        self.width = max(self.content + 24, text.box(wide=True)[2] + 2 * overview.BADGE + 26)
        self.height = self.chain.height + 50

    @property
    def title(self) -> str:
        return f"{self.kind.name}, {len(self.kind.uses)}×"

    def _layers(self, number: int) -> list[Layer]:
        return [self.layers[each] for each in self.same[number]]

    def draw(self, scene: Scene, x: float, y: float, tall: float) -> None:
        scene.add(Rect(x, y, self.width, tall, "panel", "rule", 5))
        scene.add(overview.badge(self.kind, x + 16, y + 15))
        scene.add(Text(x + 27, y + 18.8, self.title, 10.5, bold=True))
        axis = x + (self.width - self.content) / 2 + self.chain.left
        top = y + 29
        drawn = Scene()
        exits = self.flow.draw(self.chain, axis, top, [IN], drawn)
        foot = top + self.chain.height
        drawn.add(Line(((axis, foot), (axis, foot + 10)), "line", arrow=True))
        scene.marks += drawn.marks
        scene.boxes += drawn.boxes
        self._expand(scene, drawn.edges)
        del exits

    def _expand(self, scene: Scene, edges: set[tuple[int, int]]) -> None:
        """Add the edges that the drawn ones stand for, in all uses of the block."""
        for place in range(len(self.kind.uses)):
            entry = _entry(self.kind.uses[place].series, self.layers)
            for source, target in edges:
                before = entry if source == IN else self.same[source][place]
                scene.edges.add((before, self.same[target][place]))


IN = -10  # stands for the layer before a block


def _entry(series: Series, layers: Layers) -> int:
    """Return the layer whose result a block takes."""
    inside = set(leaves(series))
    return max(source for number in inside for source in layers[number].sources if source not in inside)


def _kind_colour(layer: Layer) -> str:
    return layer.kind if layer.kind in {"pool", "fc", "concat"} else "op"
