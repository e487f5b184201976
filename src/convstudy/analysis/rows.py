"""The rows of a layer table, built from a trace: one per layer, and one per operation between layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor, nn

from convstudy.analysis.application import shape_of, size_of
from convstudy.analysis.flow import Flow
from convstudy.analysis.inputs import Arguments
from convstudy.analysis.propagation import flow_of
from convstudy.analysis.table import NOT_CALLED, LayerRow, LayerTable, Shape, Uncounted, totals_of
from convstudy.analysis.trace import Call, RecordedOperation

CONTAINERS = (
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
PARAMETER_LISTS = (nn.ParameterList, nn.ParameterDict)
ROLES_WITH_ROW = frozenset(
    {"product", "elementwise", "window", "reduction", "softmax", "norm", "interpolation", "joining", "unknown"}
)


def is_layer(module: nn.Module, path: str) -> bool:
    """Return whether a module is one row: torch's layers and modules without children, except the network itself.

    Lists of parameters do not count as children.

    >>> is_layer(nn.Conv2d(3, 8, 5), "conv1"), is_layer(nn.Sequential(nn.ReLU()), "features")
    (True, False)
    """
    if isinstance(module, CONTAINERS):
        return False
    torch_layers = ("torch.nn.modules.", "torch.ao.nn.")
    if any(kind.__module__.startswith(torch_layers) and kind is not nn.Module for kind in type(module).__mro__):
        return True
    return bool(path) and all(isinstance(child, PARAMETER_LISTS) for child in module._modules.values())


class Rows:
    """The rows under construction, with the parameters already counted and the names already used."""

    def __init__(self, network: nn.Module, *, image_axes: int, one_image: bool) -> None:
        self.modules = dict(network.named_modules())
        self.image_axes = image_axes
        self.one_image = one_image
        self.owners: dict[int, str] = {}  # the path of each parameter's module
        self.sizes: dict[int, Tensor] = {}
        for path, module in self.modules.items():
            for parameter in module._parameters.values():
                if parameter is not None:
                    self.owners.setdefault(id(parameter), path)
                    self.sizes.setdefault(id(parameter), parameter)
        self.counted: dict[int, str] = {}
        self.calls: Counter[str] = Counter()
        self.names: set[str] = set(self.modules)
        self.rows: list[LayerRow] = []
        self.uncounted: list[Uncounted] = []

    def add_inputs(self, arguments: Arguments) -> None:
        """Add a row per input; the input's values are activations too, as in the lecture's table."""
        for number, value in enumerate(arguments.positional):
            self._add_input("input" if number == 0 else f"input_{number}", value)
        for name, value in arguments.named.items():
            self._add_input(name, value)

    def _add_input(self, name: str, value: Any) -> None:
        """Add the row of a tensor, or the rows of the tensors in lists, tuples and mappings, named by their place."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                self._add_input(f"{name}.{key}", item)
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                self._add_input(f"{name}.{number}", item)
        elif isinstance(value, Tensor):
            self.names.add(name)
            size = size_of(value)
            row = LayerRow(
                name,
                "Input",
                output_shape=self.shape(shape_of(value)),
                activation_size=size,
                activation_bytes=size * value.element_size(),
            )
            self.rows.append(self._located(row, flow_of(value)))

    def add(self, call: Call) -> None:
        """Add the row of a call, or the rows of its steps."""
        if is_layer(call.module, call.path):
            self.rows.append(self._layer(call))
            return
        for step in call.steps:
            if isinstance(step, Call):
                self.add(step)
            else:
                self._add_operation(step, call.path)

    def _layer(self, call: Call) -> LayerRow:
        done = call.operations()
        self._report_unknown(done, call.path)
        kind = type(call.module).__name__
        path = call.path or kind.lower()
        self.calls[path] += 1
        used = [id(parameter) for step in done for parameter in step.parameters]
        own = [id(parameter) for parameter in call.module.parameters()]
        row = self._with_parameters(LayerRow(path, kind), dict.fromkeys([*own, *used]))
        if self.calls[path] == 1:
            row = _with_packed(row, call.module)
        notes = [row.note] if row.note else []
        if self.calls[path] > 1:
            notes.insert(0, f"call {self.calls[path]}")
        values = sum(size_of(tensor) for tensor in call.outputs) if done else 0
        if not done:
            notes.append("passes its input on")
        shape = shape_of(call.outputs[0]) if call.outputs else ()
        row = replace(
            row,
            output_shape=self.shape(shape),
            activation_size=values,
            activation_bytes=sum(size_of(tensor) * tensor.element_size() for tensor in call.outputs) if done else 0,
            macs=sum(step.macs for step in done),
            backward_macs=sum(step.backward_macs for step in done),
            other_operations=sum(step.other for step in done),
            input_shapes=tuple(self.shape(shape) for shape in call.inputs),
            note="; ".join(notes),
        )
        return self._located(row, flow_of(call.outputs[0]) if call.outputs else None)

    def _add_operation(self, done: RecordedOperation, path: str) -> None:
        self._report_unknown([done], path)
        if not done.macs and (done.operation.role not in ROLES_WITH_ROW or not done.flow.depends):
            return
        owner = self._owner(done, path)
        kind = type(self.modules[owner]).__name__ if owner else done.operation.kind
        name = owner or self._free_name(path, done.operation.name)
        self.calls[name] += 1
        row = self._with_parameters(LayerRow(name, kind), dict.fromkeys(id(parameter) for parameter in done.parameters))
        note = "; ".join(filter(None, [f"call {self.calls[name]}" if self.calls[name] > 1 else "", row.note]))
        row = replace(
            row,
            output_shape=self.shape(done.output_shape),
            activation_size=prod(done.output_shape),
            activation_bytes=done.output_bytes,
            macs=done.macs,
            backward_macs=done.backward_macs,
            other_operations=done.other,
            input_shapes=tuple(self.shape(shape) for shape in done.input_shapes),
            note=note,
        )
        self.rows.append(self._located(row, done.flow))

    def _owner(self, done: RecordedOperation, path: str) -> str | None:
        """Return the layer below `path` whose weight a functional operation uses although the layer was not called."""
        owners = {self.owners.get(id(parameter), path) for parameter in done.parameters}
        owner = owners.pop() if len(owners) == 1 else path
        return owner if owner != path and is_layer(self.modules[owner], owner) else None

    def _free_name(self, path: str, name: str) -> str:
        stem = f"{path}.{name.strip('_')}" if path else name.strip("_")
        stem = stem.removesuffix("_with_indices")
        number, free = 0, stem
        while free in self.names:
            number += 1
            free = f"{stem}_{number}"
        self.names.add(free)
        return free

    def _with_parameters(self, row: LayerRow, parameters: Iterable[int]) -> LayerRow:
        new = [number for number in parameters if number in self.sizes and number not in self.counted]
        known = [self.counted[number] for number in parameters if number in self.counted]
        self.counted.update(dict.fromkeys(new, row.path))
        sizes = [self.sizes[number] for number in new]
        shared = next((path for path in known if path != row.path), None)
        note = (
            f"weights shared with {shared}, counted there"
            if shared
            else "weights counted at the first call"
            if known
            else ""
        )
        return replace(
            row,
            parameters=sum(size.numel() for size in sizes),
            trainable_parameters=sum(size.numel() for size in sizes if size.requires_grad),
            parameter_bytes=sum(size.numel() * size.element_size() for size in sizes),
            shared_with=shared,
            note=note,
        )

    def _report_unknown(self, steps: Sequence[RecordedOperation], path: str) -> None:
        self.uncounted.extend(
            Uncounted(step.operation.qualified_name, path) for step in steps if step.operation.role == "unknown"
        )

    def shape(self, shape: Shape) -> Shape:
        """Return a shape without the batch axis, if there is a batch of one image."""
        return shape[1:] if self.one_image and shape[:1] == (1,) else tuple(shape)

    def _located(self, row: LayerRow, flow: Flow | None) -> LayerRow:
        """Add receptive field and stride, if the result still has all axes of the image."""
        axes = {axis.number: axis for axis in flow.axes if axis} if flow else {}
        if flow is None or not self.image_axes or len(axes) < self.image_axes:
            return row
        ordered = [axes[number] for number in sorted(axes)]
        field = None if flow.whole else tuple(axis.field for axis in ordered)
        return replace(
            row,
            receptive_field=field,
            stride=tuple(axis.stride for axis in ordered),
            channels_last=flow.axes[-1] is None and len(row.output_shape) > len(ordered),
        )

    def add_unused(self) -> None:
        """Add rows for the parameters not yet counted: tensors of the network itself, and layers never called."""
        order = {path: number for number, path in enumerate(self.modules)}
        for path, module in self.modules.items():
            rest = {
                name: parameter
                for name, parameter in module._parameters.items()
                if parameter is not None and id(parameter) not in self.counted
            }
            if rest:
                rows = list(self._unused(path, module, rest))
                place = self._place(order, path)
                self.rows[place:place] = rows

    def _unused(self, path: str, module: nn.Module, rest: Mapping[str, Tensor]) -> Iterator[LayerRow]:
        if is_layer(module, path) and self.calls[path] == 0:
            row = self._with_parameters(LayerRow(path, type(module).__name__), dict.fromkeys(map(id, rest.values())))
            yield replace(row, note=NOT_CALLED)
            return
        for name, parameter in rest.items():
            full = f"{path}.{name}" if path else name
            row = self._with_parameters(LayerRow(full, "Parameter"), [id(parameter)])
            yield replace(row, note=f"a tensor of {'x'.join(map(str, parameter.shape)) or '1'}")

    def _place(self, order: Mapping[str, int], path: str) -> int:
        """Return the index before the first row of a later-defined layer, or before the last row, the output."""
        for number, row in enumerate(self.rows):
            if order.get(row.path, -1) > order[path]:
                return number
        return max(len(self.rows) - 1, 0)

    def table(self, given: Sequence[Tensor], outputs: Sequence[Tensor], training: bool | None) -> LayerTable:
        """Return the finished table."""
        rows = tuple(self.rows)
        return LayerTable(
            rows=rows,
            totals=totals_of(rows),
            uncounted=tuple(dict.fromkeys(self.uncounted)),
            input_shapes=tuple(self.shape(shape_of(tensor)) for tensor in given),
            output_shapes=tuple(self.shape(shape_of(tensor)) for tensor in outputs),
            training=training,
            module_kinds={path: type(module).__name__ for path, module in self.modules.items()},
        )


def _with_packed(row: LayerRow, module: nn.Module) -> LayerRow:
    """Add the weights and biases that a quantized layer packs for its kernels; none of them is trained."""
    unpack = getattr(module, "_weight_bias", None)
    if unpack is None or not type(module).__module__.startswith("torch.ao.nn."):
        return row
    packed = [tensor for tensor in unpack() if tensor is not None]
    return replace(
        row,
        parameters=row.parameters + sum(tensor.numel() for tensor in packed),
        parameter_bytes=row.parameter_bytes + sum(tensor.numel() * tensor.element_size() for tensor in packed),
    )
