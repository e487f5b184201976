"""The graph of a network: its layers and the operations between them, and which takes the result of which.

Only what depends on the input is in it; operations on weights alone, and on sizes, are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator, OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass_type

from convstudy.analysis.application import shape_of
from convstudy.analysis.count import unwrapped_module
from convstudy.analysis.inputs import Inputs
from convstudy.analysis.ladder import Asked, Attempt, run
from convstudy.analysis.operations import Operation, higher_order_operation, operation
from convstudy.analysis.propagation import flow_of
from convstudy.analysis.rows import Rows, is_layer
from convstudy.analysis.table import LayerRow, LayerTable, Shape
from convstudy.analysis.trace import Call, RecordedOperation, Trace, tensors_in

HOLDERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
SHAPES_ONLY = frozenset(  # of operations that take a shape from their argument, and no values
    {f"{name}_like" for name in ("empty", "full", "ones", "rand", "randint", "randn", "zeros")}
    | {f"new_{name}" for name in ("empty", "empty_strided", "full", "ones", "zeros")}
)
PRODUCTS_FIRST = {"product": 0, "window": 1, "interpolation": 2, "unknown": 3, "joining": 4, "softmax": 5}


@dataclass(frozen=True)
class Within:
    """A call of a module that a layer is in: a number of its own, the module's path and name, and if it only holds.

    The name is that of the class, or the module's `block_name`, if it has one.
    """

    number: int
    path: str
    kind: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Node:
    """A layer, or an operation outside of layers; `sources` are the numbers of the nodes whose results it takes.

    `role` is that of its main operation, `operation` its name and `kind` the name of the layer. `kernel`, `stride`,
    `groups` and `transposed` are those of convolutions and pooling windows.
    """

    number: int
    path: str
    kind: str
    role: str
    operation: str
    output_shape: Shape
    sources: tuple[int, ...]
    within: tuple[Within, ...] = ()
    input_shape: Shape = ()
    kernel: Shape = ()
    stride: Shape = ()
    groups: int = 1
    transposed: bool = False
    heads: int = 0
    is_layer: bool = False
    row: LayerRow | None = None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The nodes in the order of the run, the numbers of those that are outputs, and the layer table of the same run."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    table: LayerTable

    @property
    def edges(self) -> set[tuple[int, int]]:
        """Return the pairs of nodes of which the second takes the result of the first."""
        return {(source, node.number) for node in self.nodes for source in node.sources}


@dataclass(slots=True, eq=False)
class _Run:
    """One operation as it was run, in the calls that were open."""

    number: int
    what: Operation | None
    stack: tuple[Call, ...]
    sources: list[_Run]
    shape: Shape
    args: tuple[Any, ...] = ()
    input_shape: Shape = ()
    recorded: RecordedOperation | None = None


class _Edges(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes, inside a `Trace`, which operation takes the result of which."""

    supports_higher_order_operators = True

    def __init__(self, trace: Trace) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.trace = trace
        self.runs: list[_Run] = []
        self.written: dict[int, tuple[_Run, bool]] = {}  # by storage: the last that wrote it, and whether all of it
        self.kept: list[Tensor] = []  # so that no storage gets the address of another

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, overload: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if types and any(is_traceable_wrapper_subclass_type(kind) for kind in types):
            return NotImplemented
        steps = self.trace.here.steps
        before = len(steps)
        given = tensors_in((args, kwargs))
        sources = [source for tensor in given for source in self._sources(tensor)]
        result = overload(*args, **kwargs)
        results = tensors_in(result)
        if not any(flow_of(tensor).depends for tensor in results):
            return result
        last = steps[-1] if len(steps) > before else None
        what = _higher_order(overload) if isinstance(overload, HigherOrderOperator) else None
        done = _Run(
            len(self.runs),
            what or (operation(overload) if isinstance(overload, OpOverload) else None),
            tuple(self.trace.stack[1:]),
            list(dict.fromkeys(sources)),
            shape_of(results[0]),
            tuple(shape_of(arg) if isinstance(arg, Tensor) else arg for arg in args),
            next((shape_of(tensor) for tensor in given if flow_of(tensor).depends), ()),
            last if isinstance(last, RecordedOperation) else None,
        )
        if not sources or (done.what is not None and done.what.name in SHAPES_ONLY):
            for tensor in results:
                tensor._convstudy_constant = True  # type: ignore[attr-defined]
            return result
        self.runs.append(done)
        for tensor in results:
            self._note(tensor, done)
        if done.what is not None and done.what.in_place and given:
            self._write(given[0], done)
        return result

    def _note(self, tensor: Tensor, done: _Run) -> None:
        tensor._convstudy_run = done  # type: ignore[attr-defined]
        self.kept.append(tensor)

    def _write(self, tensor: Tensor, done: _Run) -> None:
        storage = _storage(tensor)
        if storage is not None:
            whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
            self.written[storage] = (done, whole)

    def _sources(self, tensor: Tensor) -> Iterator[_Run]:
        """Yield what made a tensor: its own operation, and what was later written into its memory."""
        made: _Run | None = getattr(tensor, "_convstudy_run", None)
        if made is None and getattr(tensor, "_convstudy_constant", False):
            later, _ = self.written.get(_storage(tensor) or 0, (None, False))
            if later is not None:
                yield later
            return
        if made is None and flow_of(tensor).depends and not isinstance(tensor, nn.Parameter):
            made = _Run(len(self.runs), None, (), [], shape_of(tensor))
            self.runs.append(made)
            self._note(tensor, made)
        if made is None:
            return
        later, whole = self.written.get(_storage(tensor) or 0, (None, False))
        if later is None or later is made or self.runs.index(later) < self.runs.index(made):
            yield made
        else:
            if not whole:
                yield made
            yield later

    def of(self, tensors: Sequence[Tensor]) -> list[_Run]:
        """Return what made these tensors."""
        return list(dict.fromkeys(source for tensor in tensors for source in self._sources(tensor)))


def _higher_order(operator: HigherOrderOperator) -> Operation:
    return higher_order_operation(str(operator.name()))  # type: ignore[no-untyped-call]


def _storage(tensor: Tensor) -> int | None:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return None


def graph(
    network: nn.Module,
    inputs: Inputs,
    *,
    training: bool | None = False,
    on_note: Callable[[str], None] | None = None,
) -> Graph:
    """Run a copy of a network as `count` does, and return its graph with its layer table.

    Raises: as `count`.

    >>> small = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(6272, 10))
    >>> [(node.path, node.sources) for node in graph(small, Inputs(((3, 32, 32),))).nodes]
    [('input', ()), ('0', (0,)), ('1', (1,)), ('2', (2,)), ('3', (3,))]
    """
    network = unwrapped_module(network)
    noted: list[_Edges] = []

    def around(_: nn.Module) -> Callable[[Trace, Callable[[], Any]], Any]:
        def with_edges(trace: Trace, forward: Callable[[], Any]) -> Any:
            noted.append(_Edges(trace))
            with torch.no_grad(), noted[-1]:
                return forward()

        return with_edges

    done = run(network, Asked(inputs=inputs, training=training, around=around, on_note=on_note))
    edges = next(each for each in noted if each.trace is done.trace)
    rows, row_of = _rows(done)
    table = replace(rows.table(done.given, done.outputs, training), step=done.step, failure=done.failure)
    outputs = edges.of([tensor for tensor in done.outputs if flow_of(tensor).depends])
    return _Collapsed(edges.runs, outputs, rows, row_of).graph(table)


def _rows(done: Attempt) -> tuple[Rows, dict[int, LayerRow]]:
    """Return the rows of a run, and those of its calls and operations by their `id`."""
    rows = Rows(done.network, image_axes=max(done.given[0].dim() - 2, 0), one_image=done.arguments.one_example)
    rows.add_inputs(done.arguments)
    found: dict[int, LayerRow] = {}

    def add(call: Call) -> None:
        if is_layer(call.module, call.path):
            rows.add(call)
            found[id(call)] = rows.rows[-1]
            return
        for step in call.steps:
            if isinstance(step, Call):
                add(step)
                continue
            before = len(rows.rows)
            rows.add(Call(nn.Sequential(), call.path, [], [step]))
            if len(rows.rows) > before:
                found[id(step)] = rows.rows[-1]

    add(done.trace.root)
    rows.add_unused()
    return rows, found


@dataclass
class _Collapsed:
    """The operations of a run, brought together by layer."""

    runs: list[_Run]
    outputs: list[_Run]
    rows: Rows
    row_of: Mapping[int, LayerRow]
    members: dict[int, list[_Run]] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)

    def graph(self, table: LayerTable) -> Graph:
        owner: dict[int, int] = {}  # by id of a run: the key of its node
        order: list[int] = []
        for each in self.runs:
            layer = _layer(each)
            key = id(layer) if layer is not None else id(each)
            if key not in self.members:
                order.append(key)
            self.members.setdefault(key, []).append(each)
            owner[id(each)] = key
        number = {key: place for place, key in enumerate(order)}
        nodes = []
        for key in order:
            sources = {number[owner[id(source)]] for each in self.members[key] for source in each.sources}
            nodes.append(self._node(number[key], tuple(sorted(sources - {number[key]}))))
        outputs = tuple(dict.fromkeys(number[owner[id(each)]] for each in self.outputs))
        return Graph(nodes=tuple(nodes), outputs=outputs, table=table)

    def _node(self, number: int, sources: tuple[int, ...]) -> Node:
        members = self.members[list(self.members)[number]]
        first = members[0]
        if first.what is None and not first.sources:
            shape = self.rows.shape(first.shape)
            return Node(
                number=number, path="input", kind="Input", role="input", operation="input", output_shape=shape,
                sources=(),
            )  # fmt: skip
        layer = _layer(first)
        main = min(members, key=lambda each: (_rank(each), -(each.recorded.macs if each.recorded else 0)))
        what = main.what
        row = self.row_of.get(id(layer) if layer is not None else id(first.recorded))
        shape = members[-1].shape
        if layer is not None and layer.outputs:
            shape = shape_of(layer.outputs[0])
        path = layer.path if layer is not None else row.path if row else first.stack[-1].path if first.stack else ""
        name = what.name if what else "operation"
        node = Node(
            number=number,
            path=path,
            kind=type(layer.module).__name__ if layer is not None else (row.kind if row else name),
            role=what.role if what else "unknown",
            operation=name,
            output_shape=self.rows.shape(shape),
            input_shape=self.rows.shape(first.input_shape),
            sources=sources,
            within=tuple(self._within(call) for call in first.stack[1:] if call is not layer and _outside(call, first)),
            heads=int(getattr(layer.module, "num_heads", 0) or 0) if layer is not None else 0,
            is_layer=layer is not None,
            row=row,
        )
        return _with_window(node, main)

    def _within(self, call: Call) -> Within:
        number = self.calls.setdefault(id(call), len(self.calls))
        name = getattr(call.module, "block_name", None)
        kind = name if isinstance(name, str) and name else type(call.module).__name__
        return Within(number, call.path, kind, type(call.module) in HOLDERS)


def _layer(each: _Run) -> Call | None:
    """Return the outermost layer that an operation is in, if any."""
    return next((call for call in each.stack if is_layer(call.module, call.path)), None)


def _outside(call: Call, each: _Run) -> bool:
    """Return whether a call is outside of the layer that an operation is in."""
    layer = _layer(each)
    return layer is None or each.stack.index(call) < each.stack.index(layer)


def _rank(each: _Run) -> int:
    return PRODUCTS_FIRST.get(each.what.role, 6) if each.what else 7


def _with_window(node: Node, main: _Run) -> Node:
    args = main.args
    if "convolution" in node.operation and len(args) > 8:
        kernel = tuple(args[1][2:])
        return replace(
            node, kernel=kernel, stride=_each(args[3], len(kernel)), transposed=bool(args[6]), groups=int(args[8])
        )
    if node.role == "window" and "adaptive" not in node.operation and len(args) > 1:
        axes = int(node.operation.split("pool")[1][0]) if "pool" in node.operation else 2
        kernel = _each(args[1], axes)
        stride = _each(args[2], axes) if len(args) > 2 and args[2] else kernel
        return replace(node, kernel=kernel, stride=stride)
    return node


def _each(value: Any, count: int) -> Shape:
    sizes = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return sizes if len(sizes) == count else sizes * count
