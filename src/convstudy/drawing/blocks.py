"""The elements of a network: single layers and blocks, as its modules and its shortcuts form them, and equal runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convstudy.analysis.graph import Within
from convstudy.drawing.flow import units
from convstudy.drawing.labels import is_depthwise
from convstudy.drawing.layers import Layer, Layers
from convstudy.drawing.series import Item, Knot, Parallel, Series, leaves

MANY = 4  # distinct blocks, above which those that differ in window, stride or a shortcut alone are drawn as one
OWN_FORKS = 3  # of a module; one that joins more branches itself is a stage, as a dense block is


@dataclass(frozen=True)
class Element:
    """A part of a network: a layer, or a block with its name; a `side` branch leads elsewhere than the main way."""

    series: Series
    name: str = ""
    side: bool = False

    @property
    def is_block(self) -> bool:
        return bool(self.name)

    @property
    def numbers(self) -> list[int]:
        return list(leaves(self.series))

    @property
    def first(self) -> int:
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Return the layer whose result the element gives."""
        item = self.series[-1]
        return item if isinstance(item, int) else max(leaves((item,)))


@dataclass
class Run:
    """Consecutive equal elements, drawn as one."""

    elements: list[Element]

    @property
    def last(self) -> int:
        return self.elements[-1].last

    def cost(self, layers: Layers, measure: str) -> int:
        """Return the sum of parameters, MACs or memory."""
        return sum(layers[number].cost(measure) for each in self.elements for number in each.numbers)

    def as_layer(self, layers: Layers) -> Layer:
        """Return a layer that has the result of the run and the costs of all of it."""
        last = layers[self.last]
        return replace(
            last,
            kind="block" if self.elements[0].is_block else last.kind,
            parameters=self.cost(layers, "parameters"),
            macs=self.cost(layers, "macs"),
            memory=self.cost(layers, "memory"),
        )


@dataclass
class Kind:
    """A block that is drawn once: its letter, its name, and all its uses.

    If only some of the uses have its shortcut, these are the first `shortcuts`, else that is 0; the others have the
    same layers, but for the sum at the end.
    """

    letter: str
    name: str
    uses: list[Element] = field(default_factory=list)
    shortcuts: int = 0

    @property
    def title(self) -> str:
        """Return the name with the number of uses."""
        some = f", shortcut {self.shortcuts}×" if self.shortcuts else ""
        return f"{self.name}, {len(self.uses)}×{some}"


class _Elements:
    """The search for the modules that are blocks."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        calls = {within.number: within.kind for layer in layers.layers.values() for within in layer.within}
        self.count = Counter(calls.values())

    def of(self, found: Sequence[tuple[Item, ...]], depth: int) -> Iterator[Element]:
        position = 0
        while position < len(found):
            chain = self.chain(found[position])
            if len(chain) <= depth:
                yield from self.alone(found[position])
                position += 1
                continue
            module = chain[depth]
            inside = list(takewhile(partial(self.is_in, depth, module), found[position:]))
            yield from self.inside(inside, depth, module)
            position += len(inside)

    def chain(self, unit: tuple[Item, ...]) -> tuple[Within, ...]:
        """Return the calls that all layers of a unit are in, the outermost first."""
        chains = [self.layers[number].within for number in leaves(unit)]
        first = min(chains, key=len)
        return tuple(
            call for depth, call in enumerate(first) if all(chain[depth].number == call.number for chain in chains)
        )

    def is_in(self, depth: int, module: Within, unit: tuple[Item, ...]) -> bool:
        chain = self.chain(unit)
        return len(chain) > depth and chain[depth].number == module.number

    def inside(self, found: Sequence[tuple[Item, ...]], depth: int, module: Within) -> list[Element]:
        """Return a module as one block, or the elements that it consists of."""
        if len(found) == 1 and len(found[0]) == 1 and isinstance(found[0][0], int):
            return self.alone(found[0])
        inner = list(self.of(found, depth + 1))
        own = sum(len(unit) > 1 and len(self.chain(unit)) == depth + 1 for unit in found)
        blocks = sum(element.is_block for element in inner)
        repeated = self.count[module.kind] > 1
        whole = 0 < own <= OWN_FORKS or (own == 0 and blocks <= 1 and repeated)
        if module.holds or not whole or (own == 0 and len(inner) == 1 and blocks):
            return inner
        return [Element(tuple(item for unit in found for item in unit), module.kind.lstrip("_"))]

    def alone(self, unit: tuple[Item, ...]) -> list[Element]:
        """Return a layer as it is, a fork with its join as a block named after the module of its branches."""
        first = unit[0]
        if isinstance(first, int):
            return [Element(unit)]
        if isinstance(first, Parallel) and first.open:
            return [Element(branch, self.name(branch, "side branch"), side=True) for branch in first.branches if branch]
        return [Element(unit, self.name(unit[:1], "block"))]

    def name(self, series: Series, otherwise: str) -> str:
        """Return the class of the innermost module that holds all layers of a series."""
        named = [call.kind.lstrip("_") for call in self.chain(series) if not call.holds]
        return named[-1] if named else otherwise


def elements(series: Series, layers: Layers) -> list[Element]:
    """Return the elements of a network."""
    found = _Elements(layers)
    return list(found.of(units(series), 0))


Signature = tuple[object, ...]


def signature(series: Series, layers: Layers, *, windows: bool = True) -> Signature:
    """Return what two blocks share if they are drawn as one: everything but channels (and `windows` and strides)."""
    found: list[object] = []
    for item in series:
        if isinstance(item, int):
            found.append(_layer_signature(layers[item], windows))
        elif isinstance(item, Parallel):
            branches = tuple(signature(branch, layers, windows=windows) for branch in item.branches)
            found.append(("parallel", item.open, branches))
        else:
            found.append(_knot_signature(item, layers, windows))
    return tuple(found)


def _knot_signature(knot: Knot, layers: Layers, windows: bool) -> Signature:
    place = {number: position for position, number in enumerate(knot.nodes)}
    nodes = tuple(_layer_signature(layers[number], windows) for number in knot.nodes)
    edges = tuple(
        (place.get(a, a), place.get(b, b), signature(inner, layers, windows=windows)) for a, b, inner in knot.edges
    )
    return ("knot", nodes, edges)


def _layer_signature(layer: Layer, windows: bool) -> Signature:
    node = layer.node
    what = (layer.kind, layer.symbol, is_depthwise(layer), node.groups > 1, node.transposed)
    name = node.operation if layer.kind in {"pool", "other", "join", "matmul"} else ""
    return (*what, name, node.kernel, node.stride) if windows else (*what, name)


def runs(found: Sequence[Element], layers: Layers) -> list[Run]:
    """Bring together consecutive blocks of equal structure, resolution and channels, or that grow by concatenation."""
    made: list[Run] = []
    for element in found:
        if made and element.is_block and _equal(made[-1].elements[-1], element, layers):
            made[-1].elements.append(element)
        else:
            made.append(Run([element]))
    return made


def _equal(one: Element, two: Element, layers: Layers) -> bool:
    before, after = layers[one.last], layers[two.last]
    if one.side:
        return False
    if (one.name, one.side) != (two.name, two.side) or before.resolution != after.resolution:
        return False
    grows = after.kind == "concat" and () in _branches(two)
    if before.channels != after.channels and not grows:
        return False
    return signature(one.series, layers) == signature(two.series, layers)


def _branches(element: Element) -> tuple[Series, ...]:
    return next((item.branches for item in element.series if isinstance(item, Parallel)), ())


def kinds(found: Sequence[Element], layers: Layers) -> list[Kind]:
    """Return the distinct blocks, lettered in the order of their first use."""
    blocks = [element for element in found if element.is_block]
    made = _sorted_by(blocks, layers, windows=True)
    if len(made) > MANY:
        made = _sorted_by(blocks, layers, windows=False)
    if len(made) > MANY:
        made = _with_optional_shortcuts(made, layers)
    for number, kind in enumerate(made):
        kind.letter = _letter(number)
    return made


def _sorted_by(blocks: Sequence[Element], layers: Layers, *, windows: bool) -> list[Kind]:
    made: dict[Signature, Kind] = {}
    for element in blocks:
        key = (element.name, element.side, signature(element.series, layers, windows=windows))
        made.setdefault(key, Kind("", element.name)).uses.append(element)
    return list(made.values())


def _with_optional_shortcuts(made: Sequence[Kind], layers: Layers) -> list[Kind]:
    """Draw a block without shortcut as the one that is equal but for its shortcut, if there is one."""
    bodies = [_around(kind.uses[0]) for kind in made]
    around = {
        (kind.name, kind.uses[0].side, signature(body, layers, windows=False)): kind
        for kind, body in zip(made, bodies, strict=True)
        if body
    }
    found: dict[int, Kind] = {}
    for kind, body in zip(made, bodies, strict=True):
        first = kind.uses[0]
        same = None if body else around.get((kind.name, first.side, signature(first.series, layers, windows=False)))
        if same is not None and not same.shortcuts:
            same.shortcuts = len(same.uses)
            same.uses += kind.uses
        found.setdefault(id(same or kind), same or kind)
    return list(found.values())


def _around(element: Element) -> Series:
    """Return what the shortcut of a block leads around, if the block is that and a sum; else nothing."""
    series = element.series
    if len(series) != 2 or not isinstance(series[0], Parallel) or series[0].open or not isinstance(series[1], int):
        return ()
    branches = [branch for branch in series[0].branches if branch]
    return branches[0] if len(branches) == 1 and len(series[0].branches) == 2 else ()


def _letter(number: int) -> str:
    """Return the letter of a number.

    >>> _letter(0), _letter(27)
    ('A', 'BB')
    """
    return chr(ord("A") + number % 26) * (1 + number // 26)
