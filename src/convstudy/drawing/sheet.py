"""The sheet: title, overview, blocks and legend, or all layers in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from math import log2

from convstudy.drawing import columns, overview
from convstudy.drawing.blocks import Kind, elements, kinds, runs
from convstudy.drawing.colours import HEAT, STAGES
from convstudy.drawing.flow import WAY_IN, Flow, Measured, Style
from convstudy.drawing.fonts import text_width
from convstudy.drawing.labels import label
from convstudy.drawing.layers import Layer, Layers
from convstudy.drawing.scene import Line, Rect, Scene, Text, moved
from convstudy.drawing.series import Parallel, Series, decompose, leaves

MARGIN = columns.MARGIN
LEGIBLE = 7.0  # px of text on a page, below which all layers are drawn closer to each other
LOOSE = Style(size=columns.SIZE, height=15.5, gap=7)
CLOSE = Style(size=columns.SIZE, height=13, gap=4, stem=3.5, beside=6.5, lane=5)
PAGE_STYLES = (
    (LOOSE, False),
    (LOOSE, True),
    (CLOSE, True),
)  # with or without turned names of stages: the first that fits
COLUMN_STYLES = ((LOOSE, False), *((replace(LOOSE, lines=lines), True) for lines in (1, 2, 3)))
WIDTH = 700.0
GUTTER = 8.0  # between two networks
SMALL = 9.5
TITLE = 13.5
NAMED = 3  # modules that did not run; of more, the number
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
    if options.level == "layers":
        _all_layers(scene, series, layers, options)
    else:
        _overview(scene, series, layers, options)
    if layers.caption:
        size = columns.SIZE if options.level == "layers" else SMALL
        _caption(scene, layers, size, (options.width or WIDTH) - 2 * MARGIN)
    if options.width is not None:
        scene.scale = min(options.width / scene.width, 1)
    return scene


def pair(one: Layers, two: Layers, options: Options) -> Scene:
    """Return the scene of all layers of two networks side by side; those that only one of them has are outlined."""
    labels = [[label([layer]) + layer.symbol for layer in each.layers.values()] for each in (one, two)]
    alone: list[set[int]] = [set(one.layers), set(two.layers)]
    matcher = SequenceMatcher(None, labels[0], labels[1], autojunk=False)
    orders = [list(each.layers) for each in (one, two)]
    for a, b, size in matcher.get_matching_blocks():
        alone[0] -= set(orders[0][a : a + size])
        alone[1] -= set(orders[1][b : b + size])
    width = None if options.width is None else (options.width - GUTTER) / 2
    halves = []
    for layers, marked in zip((one, two), alone, strict=True):
        half = Scene()
        series = decompose({number: layer.sources for number, layer in layers.layers.items()}, layers.output)
        _all_layers(half, series, layers, replace(options, width=width), frozenset(marked))
        halves.append(half)
    left, right = halves
    across = left.width + GUTTER
    scene = Scene(title=f"{one.name} and {two.name}", description=f"{left.description}; {right.description}")
    scene.add(*left.marks, *(moved(mark, across) for mark in right.marks))
    scene.boxes = [*left.boxes, *((a + across, b, c + across, d) for a, b, c, d in right.boxes)]
    scene.width, scene.height = across + right.width, max(left.height, right.height)
    counts = " and ".join(f"{len(marked)} of {each.name}" for marked, each in zip(alone, (one, two), strict=True))
    text = f"outlined: layers that the other network does not have, {counts}"
    scene.add(Text(MARGIN, scene.height + 4, text, columns.SIZE, "mark"))
    scene.width = max(scene.width, scene.texts()[-1].box(wide=True)[2] + MARGIN)
    scene.height += MARGIN + 4
    if options.width is not None:
        scene.scale = min(options.width / scene.width, 1)
    return scene


def heading(scene: Scene, layers: Layers, highlight: str, width: float, *, size: float, bars: bool) -> float:
    """Draw the title and the totals; return the height below them."""
    scene.add(Text(MARGIN, MARGIN + 11, _end_of(layers.name, width - 2 * MARGIN), TITLE, bold=True))
    bound = "≥ " if layers.lower_bound else ""
    measures = ["parameters", "macs"] + (["memory"] if highlight == "memory" else [])
    parts = [f"{bound if name == 'macs' else ''}{layers.totals[name]:,} {MEASURES[name]}" for name in measures]
    if bars:
        parts.append(f"bars: share of {MEASURES[highlight or 'parameters']}")
    elif highlight:
        largest = max(layer.cost(highlight) for layer in layers.layers.values())
        share = 100 * largest / max(layers.totals[highlight], 1)
        parts.append(f"colors: share of {MEASURES[highlight]}, up to {share:.1f}%")
    if layers.idle:
        parts.append(_idle(layers))
    y = MARGIN + 11
    scene.description = ", ".join(parts)
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and text_width(joined, size, wide=True) <= width - 2 * MARGIN:
            lines[-1] = joined
        else:
            lines.append(part)
    for line in lines:
        y += 14
        scene.add(Text(MARGIN, y, line, size, "muted"))
    return y + 10


def _end_of(name: str, width: float) -> str:
    """Return a name, or of a long one, such as a path, its end."""
    for start in range(len(name)):
        text = f"…{name[start:]}" if start else name
        if text_width(text, TITLE, bold=True, wide=True) <= width:
            return text
    return name


def _caption(scene: Scene, layers: Layers, size: float, width: float) -> None:
    """Write below the picture what the marks mean, and the remarks on what is not drawn."""
    colour = "mark" if layers.remarks or layers.elsewhere else "muted"
    lines = [layers.caption, *(f"{remark.row}: {remark.text}" for remark in layers.elsewhere)]
    scene.height += 4
    for line in (part for text in lines for part in _wrapped(text, size, width)):
        scene.height += size + 4
        scene.add(Text(MARGIN, scene.height - MARGIN, line, size, colour))
        scene.width = max(scene.width, scene.texts()[-1].box(wide=True)[2] + MARGIN)


def _wrapped(text: str, size: float, width: float) -> Iterator[str]:
    """Yield text in lines that fit a width, if its words do."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size, wide=True) > width:
            yield line
            longer = word
        line = longer
    yield line


def _idle(layers: Layers) -> str:
    """Name the modules that did not run, and their part of the parameters."""
    named = list(layers.idle)
    names = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
    share = 100 * sum(layers.idle.values()) / max(layers.totals["parameters"], 1)
    mode = "training" if layers.training else "evaluation"
    return f"not run in {mode}: {names} ({share:.0f}% of the parameters)"


def legend(scene: Scene, y: float, left: float, width: float, size: float) -> float:
    """Explain the lines of shortcuts, if there are some, beside the title or below it; return the height below."""
    lines = [mark for mark in scene.all_marks() if isinstance(mark, Line) and mark.stroke == "shortcut"]
    entries = [
        (dashed, text)
        for dashed, text in ((False, "identity shortcut"), (True, "shortcut to another size"))
        if any(line.dashed is dashed for line in lines)
    ]
    if not entries:
        return y
    wide = sum(text_width(text, size, wide=True) + 37 for _, text in entries) - 12
    taken = max(text.box(wide=True)[2] for text in scene.texts() if text.y <= MARGIN + 12)
    x, at = width - MARGIN - wide, MARGIN + 11
    if x < taken + 12:
        y += size + 8
        x, at = left, y
    for dashed, text in entries:
        long = text_width(text, size, wide=True) + 37
        if x > left and x + long - 12 > width - MARGIN + 0.1:
            y += size + 6
            x, at = left, y
        middle = at - size * 0.34
        scene.add(Line(((x, middle), (x + 20, middle)), "shortcut", width=1.2, dashed=dashed))
        scene.add(Text(x + 25, at, text, size, "muted"))
        x += long
    return y


def _colours(layers: Layers, options: Options, shown: Sequence[Layer]) -> Colour:
    """Return the colour of a layer: by its kind, its stage, or its share of a highlighted cost."""
    found = layers.layers.values()
    widest = max(layer.side for layer in found)
    largest = max(layer.cost(options.highlight) for layer in shown) if options.highlight else 1

    def colour(layer: Layer) -> str:
        if options.highlight:
            return _heat(layer.cost(options.highlight) / max(largest, 1))
        if layer.kind in {"pool", "fc", "concat", "input"} and (layer.kind != "fc" or layer.side == 1):
            return layer.kind
        halvings = int(log2(widest / layer.side) + 0.3)
        return f"stage{min(halvings, len(STAGES) - 1)}"

    return colour


def _heat(share: float) -> str:
    return f"heat{min(int(share * len(HEAT) * 0.999), len(HEAT) - 1)}" if share else "input"


def _overview(scene: Scene, series: Series, layers: Layers, options: Options) -> None:
    width = options.width or WIDTH
    inner = width - 2 * MARGIN
    found = elements(series, layers)
    letters = kinds(found, layers)
    measure = options.highlight or "parameters"
    equal = runs(found, layers)
    colour = _colours(layers, options, [run.as_layer(layers) for run in equal])
    made = overview.columns(equal, letters, layers, measure)
    y = heading(scene, layers, options.highlight, width, size=SMALL, bars=True)
    y += overview.draw(made, layers, scene, MARGIN, y, inner, colour)
    scene.width = width
    y = legend(scene, y, MARGIN, width, SMALL)
    if letters:
        y += 6
        scene.add(Line(((MARGIN, y), (width - MARGIN, y)), "rule"))
        y += 12
        y = insets(scene, letters, layers, y, width) if options.level == "blocks" else _key(scene, letters, y, width)
    scene.width = max(width, *(box[2] + MARGIN for box in scene.boxes))
    scene.height = y + MARGIN - 6


def _all_layers(
    scene: Scene, series: Series, layers: Layers, options: Options, marked: frozenset[int] = frozenset()
) -> None:
    colour = _colours(layers, options, list(layers.layers.values()))
    top = heading(scene, layers, options.highlight, options.width or WIDTH, size=columns.SIZE, bars=False)
    inner = None if options.width is None else options.width - 2 * MARGIN
    for style, turned in PAGE_STYLES if inner is None else COLUMN_STYLES:
        flow, parts = _parts(series, layers, options, colour, style)
        rows = columns.rows(parts, layers, turned=turned)
        if inner is None:
            if columns.page_font(rows, head=top + 24, lane=style.lane) >= LEGIBLE:
                break
        elif columns.Column(rows).width <= inner:
            break
    flow.marked = marked
    right, foot = columns.draw(scene, rows, flow, top, MARGIN, inner)
    titles = max(text.box(wide=True)[2] for text in scene.texts() if text.anchor == "start")
    scene.width = max(right + MARGIN, titles + MARGIN, options.width or 0)
    scene.height = legend(scene, foot, MARGIN, scene.width, columns.SIZE) + MARGIN


def _parts(
    series: Series, layers: Layers, options: Options, colour: Colour, style: Style
) -> tuple[Flow, list[Measured]]:
    """Return all layers as parts that can be placed below each other; folded, equal blocks are one part."""
    if not options.fold:
        flow = Flow(layers, lambda number: [layers[number]], colour, style)
        return flow, flow.chain(series).parts
    same: dict[int, list[Layer]] = {}
    found = runs(elements(series, layers), layers)
    for run in found:
        for numbers in zip(*(element.numbers for element in run.elements), strict=True):
            same[numbers[0]] = [layers[number] for number in numbers]
    flow = Flow(layers, lambda number: same[number], colour, style)
    parts: list[Measured] = []
    for run in found:
        first = run.elements[0].series
        if run.elements[0].side:
            first = (Parallel(((), first), open=True),)
        if len(run.elements) == 1:
            parts += flow.chain(first).parts
        else:
            parts.append(flow.frame(first, [element.numbers for element in run.elements]))
    return flow, parts


def _key(scene: Scene, letters: Sequence[Kind], y: float, width: float) -> float:
    """Name the blocks of the overview."""
    x = MARGIN
    for kind in letters:
        text = Text(x + 17, y + 10, kind.title, 10)
        if x > MARGIN and text.box()[2] > width - MARGIN:
            x, y = MARGIN, y + 18
            text = Text(x + 17, y + 10, text.text, 10)
        scene.add(overview.badge(kind, x + 7, y + 6.5), text)
        x = text.box(wide=True)[2] + 18
    return y + 18


def insets(scene: Scene, letters: Sequence[Kind], layers: Layers, y: float, width: float) -> float:
    """Draw each distinct block once; return the height below them."""
    inner = width - 2 * MARGIN
    ways = []
    for lines in (1, 2):
        panels = [_Panel(kind, layers, inner, lines) for kind in letters]
        ways += [_shelves(panels, inner), _shelves(panels, inner, ordered=False), _skyline(panels, inner)]
    best = min(range(len(ways)), key=lambda way: ways[way].height * PREFERENCE[way])
    for panel, (x, top, wide, tall) in ways[best].places:
        panel.draw(scene, MARGIN + x, y + top, wide, tall)
    return y + ways[best].height


APART = 10.0  # between panels
PREFERENCE = (1.0, 1.06, 1.12, 1.15, 1.2, 1.3)  # of one-line labels, the order of letters, and equal rows
FILLED = 0.55  # of a shelf, above which its panels are widened to fill it


@dataclass(frozen=True)
class _Packing:
    places: list[tuple[_Panel, tuple[float, float, float, float]]]  # left, top, width, height
    height: float


def _shelves(panels: Sequence[_Panel], inner: float, *, ordered: bool = True) -> _Packing:
    """Place panels in rows of equal height: in order, or each in the first row that has room for it."""
    shelves: list[list[_Panel]] = []
    for panel in panels:
        open_ = shelves[-1:] if ordered else shelves
        fitting = (row for row in open_ if sum(each.width + APART for each in row) + panel.width <= inner)
        row = next(fitting, None)
        if row is None:
            shelves.append([panel])
        else:
            row.append(panel)
    places: list[tuple[_Panel, tuple[float, float, float, float]]] = []
    y = 0.0
    for row in shelves:
        tall = max(panel.height for panel in row)
        used = sum(panel.width for panel in row)
        room = inner - APART * (len(row) - 1)
        stretch = room / used if used / room >= FILLED else 1
        x = 0.0
        for panel in row:
            places.append((panel, (x, y, panel.width * stretch, tall)))
            x += panel.width * stretch + APART
        y += tall + APART
    return _Packing(places, y)


def _skyline(panels: Sequence[_Panel], inner: float) -> _Packing:
    """Place each panel as high as there is room for it, in the order of their letters."""
    places: list[tuple[_Panel, tuple[float, float, float, float]]] = []
    for panel in panels:
        corners = [0.0, *(x + wide + APART for _, (x, _, wide, _) in places)]
        tops = []
        for x in corners:
            if x and x + panel.width > inner:
                continue
            over = [y + tall + APART for _, (left, y, wide, tall) in places
                    if left < x + panel.width + APART - 1 and x < left + wide + APART - 1]  # fmt: skip
            tops.append((max(over, default=0.0), x))
        y, x = min(tops)
        places.append((panel, (x, y, panel.width, panel.height)))
    return _Packing(places, max(y + tall + APART for _, (_, y, _, tall) in places))


class _Panel:
    """One block, opened; its boxes stand for those of all its uses."""

    def __init__(self, kind: Kind, layers: Layers, widest: float, lines: int) -> None:
        self.kind = kind
        self.layers = layers
        uses = [use.numbers for use in kind.uses]
        self.same = {first: [use[place] for use in uses if place < len(use)] for place, first in enumerate(uses[0])}
        for number in range(lines, 4):
            self.flow = Flow(layers, self._layers, _kind_colour, Style(lines=number, gap=10))
            self.chain = self.flow.chain(kind.uses[0].series)
            self.content = self.chain.left + self.chain.right
            if self.content + 24 <= widest:
                break
        text = Text(0, 0, self.title, 10.5, bold=True)
        self.width = max(self.content + 24, text.box(wide=True)[2] + 2 * overview.BADGE + 26)
        self.height = self.chain.height + 50

    @property
    def title(self) -> str:
        name = self.kind.name
        aside = ", side branch" if self.kind.uses[0].side and name != "side branch" else ""
        return self.kind.title + aside

    def _layers(self, number: int) -> list[Layer]:
        return [self.layers[each] for each in self.same[number]]

    def draw(self, scene: Scene, x: float, y: float, wide: float, tall: float) -> None:
        """Draw the block into a panel of this size."""
        scene.add(Rect(x, y, wide, tall, "panel", "rule", 5))
        scene.add(overview.badge(self.kind, x + 16, y + 15))
        scene.add(Text(x + 27, y + 18.8, self.title, 10.5, bold=True))
        axis = x + (wide - self.content) / 2 + self.chain.left
        top = y + 29
        drawn = Scene()
        self.flow.draw(self.chain, axis, top, [WAY_IN], drawn)
        foot = top + self.chain.height
        if not self.kind.uses[0].side:
            drawn.add(Line(((axis, foot), (axis, foot + 10)), "line", arrow=True))
        scene.marks += drawn.marks
        scene.boxes += drawn.boxes
        self._expand(scene, drawn.edges)

    def _expand(self, scene: Scene, edges: set[tuple[int, int]]) -> None:
        """Add the edges that the drawn ones stand for, in all uses of the block."""
        for place in range(len(self.kind.uses)):
            entry = _entry(self.kind.uses[place].series, self.layers)
            for source, target in edges:
                before = entry if source == WAY_IN else self.same[source][place]
                if place < len(self.same[target]):  # a use without the shortcut has no sum
                    scene.edges.add((before, self.same[target][place]))


def _entry(series: Series, layers: Layers) -> int:
    """Return the layer whose result a block takes."""
    inside = set(leaves(series))
    return max(source for number in inside for source in layers[number].sources if source not in inside)


def _kind_colour(layer: Layer) -> str:
    return layer.kind if layer.kind in {"pool", "fc", "concat"} else "op"
