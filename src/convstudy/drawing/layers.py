"""The layers that are drawn: a network's graph, in which norms, activations and moves belong to the layer before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isqrt, prod
from typing import TYPE_CHECKING

from convstudy.drawing.remarks import Remark, Remarks

if TYPE_CHECKING:
    from convstudy.analysis.graph import Graph, Node, Within

SYMBOLS = {"add": "+", "mul": "×", "sub": "–", "div": "/"}
UNARY = {"norm", "elementwise", "view", "moving", "softmax", "joining", "unknown", "reduction", "interpolation"}
KEPT = {"reduction", "interpolation", "unknown"}  # if they change the shape
WEIGHTED = {"conv", "fc", "attention", "recurrent"}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A drawn layer; `members` are the numbers of the nodes that it stands for, in order.

    `original` are its sources as they were traced: a concatenation that goes on from an earlier one is drawn after it.
    """

    number: int
    kind: str
    node: Node
    members: tuple[int, ...]
    sources: tuple[int, ...]
    original: tuple[int, ...]
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    parameters: int = 0
    macs: int = 0
    memory: int = 0

    @property
    def path(self) -> str:
        return self.node.path

    @property
    def within(self) -> tuple[Within, ...]:
        return self.node.within

    @property
    def symbol(self) -> str:
        """Return the sign in the circle of an element-wise operation on two tensors."""
        return SYMBOLS.get(self.node.operation, "") if self.kind == "join" else ""

    @property
    def channels(self) -> int:
        return self.shape[0] if len(self.shape) != 2 else self.shape[1]

    @property
    def resolution(self) -> tuple[int, ...]:
        """Return the sizes along the image, or the number of tokens; empty for a vector."""
        return self.shape[:1] if len(self.shape) == 2 else self.shape[1:]

    @property
    def side(self) -> int:
        """Return the longer side of the image; of tokens, that of the square that they would fill."""
        return isqrt(self.shape[0]) if len(self.shape) == 2 else max(self.resolution, default=1)

    def cost(self, measure: str) -> int:
        """Return parameters, macs or memory."""
        return int(getattr(self, measure))


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The drawn layers of a network by number, in the order of the run; its output, and those that lead elsewhere.

    `idle` are the parameters of layers that did not run, by the outermost module that they are in. `remarks` are what
    is wrong about a layer, `elsewhere` what is about none that is drawn, `caption` a line about all of it.
    """

    name: str
    layers: Mapping[int, Layer]
    output: int
    owner: Mapping[int, int]
    sides: frozenset[int] = frozenset()
    totals: Mapping[str, int] = field(default_factory=dict)
    lower_bound: bool = False
    training: bool = False
    idle: Mapping[str, int] = field(default_factory=dict)
    remarks: Mapping[int, tuple[Remark, ...]] = field(default_factory=dict)
    elsewhere: tuple[Remark, ...] = ()
    caption: str = ""

    def __getitem__(self, number: int) -> Layer:
        return self.layers[number]

    @property
    def edges(self) -> set[tuple[int, int]]:
        """Return the edges as they were traced, between drawn layers."""
        return {(source, layer.number) for layer in self.layers.values() for source in layer.original}

    def expanded(self, drawn: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return the traced edges that drawn ones stand for.

        A line from a concatenation to one that goes on from it stands for the lines from its inputs.
        """
        found = set()
        for source, target in drawn:
            taken = self[target].original
            if source in taken:
                found.add((source, target))
            elif source in self[target].sources:
                found |= {(each, target) for each in self[source].original}
            else:
                found.add((source, target))
        return found


def drawn_layers(name: str, graph: Graph, remarks: Remarks | None = None) -> Layers:
    """Return the drawn layers of a graph, with remarks on them."""
    made = _Folded(graph)
    layers = made.layers()
    output = _main_output(layers, [made.owner[number] for number in graph.outputs])
    reaching = _reaching(layers, output)
    totals = graph.table.totals
    about, elsewhere = _placed(remarks, graph, made.owner)
    return Layers(
        name=name,
        layers=layers,
        output=output,
        owner=made.owner,
        sides=frozenset(layers) - reaching,
        totals={"parameters": totals.parameters, "macs": totals.macs, "memory": totals.activation_bytes},
        lower_bound=graph.table.is_lower_bound,
        training=bool(graph.table.training),
        idle=_idle(graph),
        remarks=about,
        elsewhere=elsewhere,
        caption=remarks.caption if remarks else "",
    )


def _placed(
    remarks: Remarks | None, graph: Graph, owner: Mapping[int, int]
) -> tuple[dict[int, tuple[Remark, ...]], tuple[Remark, ...]]:
    """Return the remarks by layer, and those on none that is drawn."""
    layers = {node.path: owner[node.number] for node in reversed(graph.nodes)}
    heads = {node.path for node in graph.nodes if owner[node.number] == node.number}
    found: dict[int, tuple[Remark, ...]] = {}
    elsewhere: list[Remark] = []
    for remark in remarks.remarks if remarks else ():
        paths = sorted((path for path in remark.paths if path in layers), key=lambda path: path not in heads)
        if not paths:
            elsewhere.append(remark)
        else:
            number = layers[paths[0]]
            about = remark.about if paths[0] in heads else f"{remark.row}: {remark.about}"
            found[number] = (*found.get(number, ()), replace(remark, about=about))
    return found, tuple(elsewhere)


def _idle(graph: Graph) -> dict[str, int]:
    """Return the parameters of the layers that did not run, by the outermost module that has no layer that ran."""
    rows = graph.table.rows
    ran = [row.path for row in rows if row.is_called]
    found: dict[str, int] = {}
    for row in rows:
        if not row.is_called and row.parameters:
            names = row.path.split(".")
            outer = (".".join(names[:depth]) for depth in range(1, len(names) + 1))
            path = next((each for each in outer if not any(f"{one}.".startswith(f"{each}.") for one in ran)), row.path)
            found[path] = found.get(path, 0) + row.parameters
    return found


class _Folded:
    """The folding of unary operations into the layers before them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = {node.number: node for node in graph.nodes}
        self.owner: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        self.sources: dict[int, tuple[int, ...]] = {}
        self.kinds: dict[int, str] = {}
        self.scores: dict[int, int] = {}  # by head of a group: the product of queries and keys that a softmax follows
        self.users: dict[int, set[int]] = {}

    def layers(self) -> dict[int, Layer]:
        for node in self.graph.nodes:
            self._add(node)
        heads = sorted(self.members)
        drawn: dict[int, tuple[int, ...]] = {}
        chains: dict[tuple[int, ...], int] = {}  # by sources: the concatenation of them
        for head in heads:
            drawn[head] = self.sources[head]
            if self.kinds[head] == "concat":
                drawn[head] = _continued(self.sources[head], chains)
                chains[self.sources[head]] = head
        last: dict[int, bool] = {}  # whether the channels are the last axis
        for head in heads:
            last[head] = self._is_last(head, last)
        made: dict[int, Layer] = {}
        for head in heads:
            layer = self._layer(head, drawn[head], last=last[head])
            made[head] = self._as_its_source(layer, made) if layer.kind == "attention" else layer
        return made

    def _add(self, node: Node) -> None:
        sources = tuple(sorted({self.owner[source] for source in node.sources}))
        if node.role == "elementwise" and len(sources) > 1:
            sources = self._without_statistics(sources)
        if len(sources) == 1 and self._is_folded(node):
            self._into(sources[0], node)
            if node.role == "softmax" and self.kinds[sources[0]] == "matmul":
                self.scores[sources[0]] = node.number
            return
        kind = _kind(node, len(sources))
        if kind == "matmul":
            found = [source for source in sources if source in self.scores and self.users.get(source, set()) == set()]
            if found:
                self._attend(found[0], node, sources)
                return

        self.owner[node.number] = node.number
        self.members[node.number] = [node.number]
        self.sources[node.number] = sources
        self.kinds[node.number] = kind
        for source in sources:
            self.users.setdefault(source, set()).add(node.number)

    def _without_statistics(self, sources: tuple[int, ...]) -> tuple[int, ...]:
        """Fold a mean, a norm and the like into what it was taken of, if it is only used to rescale that."""
        for source in sources:
            taken = self.sources[source]
            unused = not self.users.get(source) and self.nodes[source].role == "reduction"
            if unused and len(taken) == 1 and taken[0] in sources and len(sources) > 1:
                for member in self.members.pop(source):
                    self.owner[member] = taken[0]
                    self.members[taken[0]].append(member)
                del self.sources[source], self.kinds[source]
                self.users[taken[0]].discard(source)
                return self._without_statistics(tuple(each for each in sources if each != source))
        return sources

    def _into(self, head: int, node: Node) -> None:
        self.owner[node.number] = head
        self.members[head].append(node.number)

    def _attend(self, scores: int, node: Node, sources: Sequence[int]) -> None:
        """Let the products before and after a softmax be one layer, attention."""
        self._into(scores, node)
        self.kinds[scores] = "attention"
        del self.scores[scores]
        own = set(self.sources[scores]) | set(sources) - {scores}
        self.sources[scores] = tuple(sorted(own))
        for source in own:
            self.users.setdefault(source, set()).add(scores)

    def _is_folded(self, node: Node) -> bool:
        if node.is_layer and "Norm" in node.kind and node.input_shape == node.output_shape:
            return True
        if node.kind == "Softmax" and node.is_layer:
            return False
        if node.role == "window":
            return "adaptive" in node.operation and node.input_shape == node.output_shape
        if node.role == "product" or _resizes(node):
            return False
        if node.role not in UNARY or node.operation.startswith("embedding"):
            return False
        return node.role not in KEPT or node.input_shape == node.output_shape or not node.output_shape

    def _as_its_source(self, layer: Layer, made: Mapping[int, Layer]) -> Layer:
        """Return attention that is written out as products with the tokens of its source, its heads taken together."""
        shapes = [made[source].shape for source in layer.sources]
        products = [self.nodes[number] for number in layer.members if self.nodes[number].role == "product"]
        if layer.node.is_layer or not shapes or len(shapes[0]) != 2 or not products:
            return layer
        tokens, size = shapes[0][0], prod(products[-1].output_shape)
        return replace(layer, shape=(tokens, size // tokens)) if size % tokens == 0 else layer

    def _is_last(self, head: int, last: Mapping[int, bool]) -> bool:
        """Return whether a layer's channels are its last axis, by its kind or by the source that has its shape."""
        if self.kinds[head] in {"fc", "attention", "matmul"}:
            return True
        if self.kinds[head] not in {"join", "other", "concat"}:
            return False
        sources = self.sources[head]
        row = self.nodes[head].row
        if row is not None and row.stride is not None:
            return row.channels_last
        own = self.nodes[head].output_shape
        alike = [last[source] for source in sources if self.nodes[source].output_shape == own]
        return all(alike) if alike else any(last[source] for source in sources)

    def _layer(self, head: int, sources: tuple[int, ...], *, last: bool) -> Layer:
        members = self.members[head]
        nodes = [self.nodes[number] for number in members]
        rows = [node.row for node in nodes if node.row is not None]
        return Layer(
            number=head,
            kind=self.kinds[head],
            node=nodes[0],
            members=tuple(members),
            sources=sources,
            original=self.sources[head],
            shape=_shape(nodes, last=last),
            names=tuple(node.kind for node in nodes if node.is_layer or node.role in {"elementwise", "norm"}),
            parameters=sum(row.parameters for row in rows),
            macs=sum(row.macs for row in rows),
            memory=sum(row.activation_bytes for row in rows),
        )


def _resizes(node: Node) -> bool:
    """Return whether a module's result has another number of values, as LeNet-5's distances to the codes of classes."""
    return node.is_layer and bool(node.output_shape) and prod(node.input_shape) != prod(node.output_shape)


def _shape(nodes: Sequence[Node], *, last: bool) -> tuple[int, ...]:
    """Return the shape of a layer's result: channels first, or tokens and channels."""
    row = nodes[0].row
    shape = row.output_shape if row is not None and row.output_shape else nodes[0].output_shape
    if row is not None and row.channels_last and len(shape) == 3:
        return (shape[-1], *shape[:-1])
    if last and len(shape) > 2:
        return (prod(shape[:-1]), shape[-1])
    return shape


def _continued(sources: tuple[int, ...], chains: Mapping[tuple[int, ...], int]) -> tuple[int, ...]:
    """Return the sources of a concatenation, in which an earlier one stands for those that both have."""
    for length in range(len(sources) - 1, 1, -1):
        earlier = chains.get(sources[:length])
        if earlier is not None:
            return tuple(sorted((earlier, *sources[length:])))
    return sources


POOLS = {"max": "max pool", "avg": "avg pool", "fractional": "max pool"}


def _kind(node: Node, sources: int) -> str:
    """Return the kind of a layer: conv, fc, attention, recurrent, matmul, pool, concat, join, input or other."""
    if node.role == "product":
        return _product(node)
    if node.role == "input":
        return "input"
    if node.role == "window" or (node.role == "reduction" and _loses_image(node)):
        return "pool"
    if node.operation in {"cat", "stack", "_stack"}:
        return "concat"
    return "join" if node.role == "elementwise" and sources > 1 else "other"


def _product(node: Node) -> str:
    if "attention" in node.operation or "attention" in node.kind.lower():
        return "attention"
    if "convolution" in node.operation:
        return "conv"
    if node.kind in {"LSTM", "GRU", "RNN"}:
        return "recurrent"
    weighted = node.row is not None and (node.row.parameters or node.row.shared_with or "weights" in node.row.note)
    return "fc" if weighted or node.is_layer else "matmul"


def _loses_image(node: Node) -> bool:
    return len(node.input_shape) > 1 and prod(node.output_shape) < prod(node.input_shape) and node.operation != "topk"


def _main_output(layers: Mapping[int, Layer], outputs: Sequence[int]) -> int:
    """Return the output that the longest way leads to; without outputs, the last layer."""
    depth: dict[int, int] = {}
    for number, layer in layers.items():
        depth[number] = 1 + max((depth[source] for source in layer.sources), default=0)
    return max(outputs or layers, key=lambda number: (depth[number], -number))


def _reaching(layers: Mapping[int, Layer], output: int) -> set[int]:
    """Return the layers from which a way leads to the output."""
    found, open_ = {output}, [output]
    while open_:
        for source in layers[open_.pop()].sources:
            if source not in found:
                found.add(source)
                open_.append(source)
    return found
