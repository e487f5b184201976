"""Layers from top to bottom: boxes, forks and joins, measured first and then drawn at their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from convstudy.drawing import knots
from convstudy.drawing.fonts import text_width
from convstudy.drawing.labels import details, label
from convstudy.drawing.layers import Layer, Layers
from convstudy.drawing.scene import Circle, Group, Line, Rect, Scene, Text, fitting_width, middle
from convstudy.drawing.series import END, START, Item, Knot, Parallel, Series, leaves, length

Uses = Callable[[int], Sequence[Layer]]  # the layers that the box of a number stands for
Colour = Callable[[Layer], str]

RADIUS = 6.5  # of the circles of element-wise operations
MARKED = 1.9  # width of the outline of what differs
REMARK = 8.0  # from a box to the remark on it, and behind that
FRAME = 6.0  # from a block to the frame around it
WAY_IN = -10  # stands for what a block takes
RESIDUAL = ("+",)


@dataclass(frozen=True, kw_only=True)
class Style:
    """Sizes of text and boxes, and distances, in px.

    `stem` is from a box to the line that spreads to its branches, `beside` from a branch to the line or branch on its
    right, `lane` between columns, for the line from the foot of one to the head of the next.
    """

    size: float = 10.5
    height: float = 17
    gap: float = 9
    lines: int = 1
    stem: float = 5.5
    beside: float = 9
    lane: float = 9

    @property
    def box(self) -> float:
        return self.height + (self.lines - 1) * (self.size + 1.5)


@dataclass
class Measured:
    """A part with its reach to the left and right of its axis, and its height; the gap before it is in it."""

    left: float
    right: float
    height: float


@dataclass
class Leaf(Measured):
    number: int = 0
    texts: tuple[str, ...] = ()
    symbol: str = ""
    beside: float = 0  # width of the remark on its right


@dataclass
class Chain(Measured):
    parts: list[Measured] = field(default_factory=list)


@dataclass
class Fork(Measured):
    """Branches at distances from the axis; those `beside` it are a shortcut or a projection on the right."""

    branches: list[tuple[float, Chain]] = field(default_factory=list)
    shortcut: float | None = None
    join: Leaf | None = None
    inner: float = 0  # height of the branches
    beside: bool = False
    resized: bool = False  # the shortcut leads to another size, without a layer on it
    open: bool = False


@dataclass
class Tangle(Measured):
    """A part that is neither series nor parallel, placed in ranks."""

    chains: dict[str, Chain]
    links: tuple[knots.Link, ...]
    placed: knots.Placed
    last: int


@dataclass
class Frame(Measured):
    """Equal blocks that follow each other, drawn once in a frame, with their number."""

    chain: Chain
    times: int
    uses: tuple[tuple[int, ...], ...]  # the layers of each block; those of the first are drawn


class Flow:
    """Measures and draws series of layers."""

    def __init__(self, layers: Layers, uses: Uses, colour: Colour, style: Style) -> None:
        self.layers = layers
        self.marked: frozenset[int] = frozenset()  # layers that differ from those of another network
        self.uses = uses
        self.colour = colour
        self.style = style

    def chain(self, series: Series) -> Chain:
        """Measure a series; a fork and the layer that joins its branches are one part."""
        parts: list[Measured] = []
        for unit in units(series):
            first = unit[0]
            if isinstance(first, int):
                parts.append(self._leaf(first))
            elif isinstance(first, Parallel):
                join = self._leaf(unit[1]) if len(unit) > 1 and isinstance(unit[1], int) else None
                parts.append(self._fork(first, join))
            else:
                parts.append(self._knot(first))
                parts += [self._leaf(number) for number in unit[1:] if isinstance(number, int)]
        left, right = max((part.left for part in parts), default=0), max((part.right for part in parts), default=0)
        return Chain(left, right, sum(part.height for part in parts), parts)

    def frame(self, series: Series, uses: Sequence[Sequence[int]]) -> Frame:
        """Measure equal blocks as one in a frame."""
        chain = self.chain(series)
        left, right = (
            chain.left + FRAME,
            chain.right + FRAME + text_width(f"×{len(uses)}", self.style.size, wide=True) + 5,
        )
        return Frame(left, right, chain.height + 2 * FRAME, chain, len(uses), tuple(map(tuple, uses)))

    def _leaf(self, number: int) -> Leaf:
        layers = self.uses(number)
        gap = self.style.gap
        if layers[0].symbol:
            return Leaf(RADIUS, RADIUS, gap + 2 * RADIUS, number, (), layers[0].symbol)
        texts = self._texts(layers)
        half = fitting_width(texts, self.style.size) / 2
        remark = self._remark(layers)
        beside = label_width(remark, self.style.size) + REMARK if remark else 0
        return Leaf(half, half + beside, gap + self.style.box, number, texts, beside=beside)

    def _remark(self, layers: Sequence[Layer]) -> str:
        found = [remark for layer in layers for remark in self.layers.remarks.get(layer.number, ())]
        return "; ".join(remark.text for remark in found)

    def _texts(self, layers: Sequence[Layer]) -> tuple[str, ...]:
        """Return the label of a box, broken into at most the style's number of lines."""
        text = label(layers)
        head, _, tail = text.partition(", ")
        words = [*head.split(" "), *([tail] if tail else [])]
        if self.style.lines == 1 or len(words) == 1:
            return (text,)
        if self.style.lines == 2:
            return (head, tail) if tail else (" ".join(words[:-1]), words[-1])
        return tuple(words[:2]) + ((" ".join(words[2:]),) if words[2:] else ())

    def _fork(self, item: Parallel, join: Leaf | None) -> Fork:
        chains = [self.chain(branch) for branch in item.branches]
        filled = [
            (branch, chain) for branch, chain in zip(item.branches, chains, strict=True) if branch
        ]  # fmt: skip
        shortcut = len(filled) < len(item.branches)
        inner = max((chain.height for _, chain in filled), default=0)
        fork = Fork(0, 0, 0, inner=inner, join=join, open=item.open)
        if item.open:
            self._to_the_right(fork, 4, [chain for _, chain in filled])
            fork.left = 4
        elif len(filled) == 2 and not shortcut and join is not None and join.symbol:
            filled.sort(key=lambda each: -length(each[0]))
            fork.branches.append((0, filled[0][1]))
            self._to_the_right(fork, filled[0][1].right, [filled[1][1]])
            fork.left = filled[0][1].left
            fork.beside = True
        else:
            self._side_by_side(fork, [chain for _, chain in filled])
        if shortcut and not item.open:
            at = fork.right if not join or join.symbol else max(fork.right, join.right)
            fork.shortcut = at + self.style.beside
            fork.right = fork.shortcut + 1
            fork.resized = join is not None and is_resized(item, self.layers[join.number], self.layers)
        joined = 0.0
        if join is not None:
            if not join.symbol and len(filled) > 1:
                self._widen(join, fork)
            joined = join.height + (self.style.stem if join.symbol and not fork.beside and len(filled) > 1 else 0)
            fork.left, fork.right = max(fork.left, join.left), max(fork.right, join.right)
        elif not item.open:
            joined = self.style.stem * 2
        fork.height = self.style.stem + inner + joined + (self.style.gap - self.style.stem if item.open else 0)
        return fork

    def _to_the_right(self, fork: Fork, right: float, chains: Sequence[Chain]) -> None:
        for chain in chains:
            at = right + self.style.beside + chain.left
            fork.branches.append((at, chain))
            right = at + chain.right
        fork.right = right

    def _side_by_side(self, fork: Fork, chains: Sequence[Chain]) -> None:
        """Place branches left to right in the order of the run, the axis in their middle."""
        at, places = 0.0, []
        for chain in chains:
            places.append(at + chain.left)
            at += chain.left + chain.right + self.style.beside
        whole = at - self.style.beside if chains else 0
        axis = (places[0] + places[-1]) / 2 if places else 0
        near = min(places, key=lambda place: abs(place - axis), default=axis)
        axis = near if len(places) % 2 else axis
        fork.branches = [(place - axis, chain) for place, chain in zip(places, chains, strict=True)]
        fork.left, fork.right = max(axis, 0), max(whole - axis, 0)

    def _widen(self, join: Leaf, fork: Fork) -> None:
        """Let a concatenation reach over the axes of all its branches."""
        places = [place for place, _ in fork.branches]
        join.left, join.right = (
            max(join.left, 12 - min(places)),
            max(join.right - join.beside, max(places) + 12) + join.beside,
        )

    def _knot(self, knot: Knot) -> Tangle:
        """Measure a part that is neither series nor parallel; series along its edges are cells, too."""
        names = {START: knots.START, END: knots.END}
        chains = {f"{number}": self.chain((number,)) for number in knot.nodes}
        links: list[knots.Link] = []
        for source, target, series in knot.edges:
            a, b = names.get(source, f"{source}"), names.get(target, f"{target}")
            if series:
                way = f"{a} to {b}"
                chains[way] = self.chain(series)
                links += [(a, way), (way, b)]
            else:
                links.append((a, b))
        cells = {key: knots.Cell(chain.left, chain.right, chain.height) for key, chain in chains.items()}
        placed = knots.place(cells, links)
        return Tangle(placed.left, placed.right, placed.height, chains, tuple(links), placed, max(leaves((knot,))))

    def draw(self, chain: Chain, x: float, y: float, entry: Sequence[int], scene: Scene) -> list[int]:
        """Draw a series below a point on its axis; return the layers whose lines leave at its foot."""
        for part in chain.parts:
            entry = self._part(part, x, y, entry, scene)
            y += part.height
        return list(entry)

    def _part(self, part: Measured, x: float, y: float, entry: Sequence[int], scene: Scene) -> Sequence[int]:
        if isinstance(part, Leaf):
            top = y + self.style.gap
            if entry:
                scene.add(Line(((x, y), (x, top)), "line", arrow=True))
            return self._box(part, x, top, entry, scene)
        if isinstance(part, Fork):
            return self._drawn_fork(part, x, y, entry, scene)
        if isinstance(part, Tangle):
            return self._drawn_tangle(part, x, y, entry, scene)
        if isinstance(part, Frame):
            return self._drawn_frame(part, x, y, entry, scene)
        return entry

    def _drawn_frame(self, part: Frame, x: float, y: float, entry: Sequence[int], scene: Scene) -> list[int]:
        left, right, gap = x - part.chain.left - FRAME, x + part.chain.right + FRAME, self.style.gap
        tall = part.height - gap / 2
        scene.add(Rect(left, y + gap / 2, right - left, tall, "panel", "frame", 4, dashed=True))
        text = Text(right + 4, middle(y + gap / 2 + tall / 2, self.style.size), f"×{part.times}", self.style.size)
        scene.add(replace(text, bold=True), Line(((x, y), (x, y + FRAME)), "line"))
        inside = Scene()
        exits = self.draw(part.chain, x, y + FRAME, [WAY_IN], inside)
        scene.add(*inside.marks, Line(((x, y + FRAME + part.chain.height), (x, y + part.height)), "line"))
        scene.boxes += inside.boxes
        before, first = list(entry), part.uses[0]
        for use in part.uses:
            same = dict(zip(first, use, strict=True))
            for source, target in inside.edges:
                sources = before if source == WAY_IN else [same[source]]
                scene.edges |= {(each, same[target]) for each in sources}
            before = [same[number] for number in exits]
        return before

    def _drawn_tangle(self, part: Tangle, x: float, y: float, entry: Sequence[int], scene: Scene) -> list[int]:
        for line in part.placed.lines:
            scene.add(Line(tuple((x + a, y + b) for a, b in line), "line"))
        exits = {knots.START: list(entry)}
        waiting = list(part.chains)
        while waiting:
            key = waiting.pop(0)
            sources = [a for a, b in part.links if b == key]
            if not all(source in exits for source in sources):
                waiting.append(key)
                continue
            given = [number for source in sources for number in exits[source]]
            across, down = part.placed.places[key]
            exits[key] = self.draw(part.chains[key], x + across, y + down, given, scene)
        return [number for a, b in part.links if b == knots.END for number in exits[a]]

    def _box(self, leaf: Leaf, x: float, y: float, entry: Sequence[int], scene: Scene) -> list[int]:
        layers = self.uses(leaf.number)
        first = layers[0]
        remark = self._remark(layers)
        marked = bool(remark) or any(layer.number in self.marked for layer in layers)
        scene.edges |= {(source, leaf.number) for source in entry}
        if leaf.symbol:
            circle = Circle(x, y + RADIUS, RADIUS, "paper", "mark" if marked else "ink", leaf.symbol)
            scene.add(Group(details(first), (circle,)))
            scene.boxes.append((x - RADIUS, y, x + RADIUS, y + 2 * RADIUS))
            return [leaf.number]
        style, colour = self.style, self.colour(first)
        width = leaf.left + leaf.right - leaf.beside
        box = Rect(x - leaf.left, y, width, style.box, colour, "mark" if marked else f"{colour}-edge", 2.5)
        if marked:
            box = replace(box, stroke_width=MARKED)
        marks: list[Rect | Text] = [box]
        centre = x - leaf.left + width / 2
        texts = leaf.texts if fitting_width([label(layers)], style.size) > width else (label(layers),)
        if len(texts) > 1 or style.lines == 1:
            first_line = y + style.box / 2 - (len(texts) - 1) * (style.size + 1) / 2
        else:
            first_line = y + style.box / 2
        for number, text in enumerate(texts):
            at = middle(first_line + number * (style.size + 1), style.size)
            marks.append(Text(centre, at, text, style.size, anchor="middle"))
        scene.boxes.append((x - leaf.left, y, x - leaf.left + width, y + style.box))
        scene.add(Group(details(first) if len(layers) == 1 else label(layers), tuple(marks)))
        if leaf.beside:
            beside = x - leaf.left + width + REMARK / 2
            scene.add(Text(beside, middle(y + style.box / 2, style.size), remark, style.size, "mark"))
        return [leaf.number]

    def _drawn_fork(self, fork: Fork, x: float, y: float, entry: Sequence[int], scene: Scene) -> list[int]:
        bus, foot = y + self.style.stem, y + self.style.stem + fork.inner
        places = [x + place for place, _ in fork.branches]
        exits: list[int] = []
        if fork.open:
            scene.add(Line(((x, y), (x, y + fork.height)), "line"))
            for place, chain in fork.branches:
                scene.add(Line(((x, bus), (x + place, bus)), "line"))
                self.draw(chain, x + place, bus, entry, scene)
            return list(entry)
        dashed = fork.beside and fork.join is not None and fork.join.symbol in RESIDUAL
        scene.add(Line(((x, y), (x, bus)), "line"))
        if len(places) > 1 and not fork.beside:
            scene.add(Line(((min(*places, x), bus), (max(*places, x), bus)), "line"))
        ends: list[tuple[float, float]] = []
        for number, (place, chain) in enumerate(fork.branches):
            at, top = x + place, bus
            if fork.beside and number:
                top = bus + (fork.inner - chain.height) / 2
                top_box = top + self.style.gap
                colour = "shortcut" if dashed else "line"
                scene.add(Line(((x, bus), (at, bus), (at, top_box)), colour, dashed=dashed, arrow=not dashed))
                first = chain.parts[0]
                if isinstance(first, Leaf):
                    inner = self._box(first, at, top_box, entry, scene)
                    rest = Chain(chain.left, chain.right, 0, chain.parts[1:])
                    exits += self.draw(rest, at, top + first.height, inner, scene)
                else:
                    exits += self.draw(chain, at, top, entry, scene)
            else:
                exits += self.draw(chain, at, top, entry, scene)
            ends.append((at, top + chain.height))
        if fork.shortcut is not None:
            exits += entry
        if fork.join is None:
            return self._gathered(fork, x, foot, ends, exits, scene)
        return self._joined(fork, x, foot, ends, exits, scene, dashed)

    def _gathered(
        self,
        fork: Fork,
        x: float,
        foot: float,
        ends: list[tuple[float, float]],
        exits: list[int],
        scene: Scene,
    ) -> list[int]:
        """Bring branches together on the axis without a layer that joins them; the one around the fork does."""
        bus = foot + self.style.stem
        for at, end in ends:
            scene.add(Line(((at, end), (at, bus)), "line"))
        reach = [at for at, _ in ends] + [x]
        if fork.shortcut is not None:
            top = foot - fork.inner
            scene.add(Line(((x, top), (x + fork.shortcut, top), (x + fork.shortcut, bus), (x, bus)), "shortcut"))
        scene.add(
            Line(((min(reach), bus), (max(reach), bus)), "line"), Line(((x, bus), (x, bus + self.style.stem)), "line")
        )
        return exits

    def _joined(
        self,
        fork: Fork,
        x: float,
        foot: float,
        ends: list[tuple[float, float]],
        exits: list[int],
        scene: Scene,
        dashed: bool,
    ) -> list[int]:
        join = fork.join
        assert join is not None
        gap, circle = self.style.gap, bool(join.symbol)
        bundled = circle and not fork.beside and len(ends) > 1
        top = foot + gap + (self.style.stem if bundled else 0)
        centre = top + (RADIUS if circle else self.style.box / 2)
        side = x + (RADIUS if circle else join.right)
        if bundled:
            for at, end in ends:
                scene.add(Line(((at, end), (at, foot + self.style.stem)), "line"))
            across = [at for at, _ in ends] + [x]
            scene.add(Line(((min(across), foot + self.style.stem), (max(across), foot + self.style.stem)), "line"))
            scene.add(Line(((x, foot + self.style.stem), (x, top)), "line", arrow=True))
        for number, (at, end) in enumerate(ends if not bundled else []):
            if fork.beside and number:
                colour = "shortcut" if dashed else "line"
                scene.add(Line(((at, end), (at, centre), (side, centre)), colour, dashed=dashed, arrow=True))
            else:
                scene.add(Line(((at, end), (at, top)), "line", arrow=True))
        if fork.shortcut is not None:
            at, bus = x + fork.shortcut, foot - fork.inner
            name = "line" if circle and join.symbol not in RESIDUAL else "shortcut"
            points = ((x, bus), (at, bus), (at, centre), (side, centre))
            scene.add(Line(points, name, width=1.2, dashed=fork.resized and name == "shortcut", arrow=True))
        return self._box(join, x, top, exits, scene)


def is_resized(fork: Parallel, join: Layer, layers: Layers) -> bool:
    """Return whether a shortcut without layers leads to a sum of another size than its own: padded or subsampled."""
    if join.symbol not in RESIDUAL:
        return False
    inside = set(leaves((fork,)))
    outside = [layers[source] for source in join.sources if source not in inside]
    return any((layer.channels, layer.side) != (join.channels, join.side) for layer in outside)


def units(series: Series) -> list[tuple[Item, ...]]:
    """Return the items of a series, in which a fork is together with the layer that joins its branches.

    >>> units((1, Parallel(((2,), ())), 3, 4))
    [(1,), (Parallel(branches=((2,), ()), open=False), 3), (4,)]
    """
    found: list[tuple[Item, ...]] = []
    position = 0
    while position < len(series):
        item = series[position]
        joined = isinstance(item, Knot) or (isinstance(item, Parallel) and not item.open)
        following = series[position + 1 : position + 2]
        if joined and following and isinstance(following[0], int):
            found.append((item, following[0]))
            position += 2
        else:
            found.append((item,))
            position += 1
    return found


def label_width(text: str, size: float) -> float:
    """Return the width that a label without a box takes."""
    return max(text_width(text, size), text_width(text, size, wide=True))
