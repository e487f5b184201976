"""The steps of the network that a table describes: torch modules with their arguments, and joins of branches."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, prod

from torch import nn

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.describe import DescribedNetwork, DescribedRow, describe
from convstudy.claims.checking.layer import WINDOWED, LayerSpec, fed_through, parameter_formula, side_formula
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedTable
from convstudy.errors import ClaimError

MOST_PARAMETERS = 10**10
JOINS = (LayerKind.ADDITION, LayerKind.CONCATENATION)
BUILDABLE = (
    *JOINS,
    *WINDOWED,
    LayerKind.GLOBAL_POOLING,
    LayerKind.ADAPTIVE_POOLING,
    LayerKind.DENSE,
    LayerKind.NORM,
    LayerKind.RESPONSE_NORM,
    LayerKind.FLATTEN,
    LayerKind.DROPOUT,
    LayerKind.ACTIVATION,
    LayerKind.SOFTMAX,
)
ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "ELU", "relu": "ReLU", "leaky": "LeakyReLU",
               "silu": "SiLU", "swish": "SiLU",
               "gelu": "GELU", "mish": "Mish",
               "relu6": "ReLU6", "identity": "Identity"}  # fmt: skip

Argument = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One line of a network: `name = module(arguments)` applied to `inputs`; a join has no module.

    `output` is the shape after the step, and `inputs` are the names of steps, or `x` for the network's input. `row` is
    the place of its row in the table.
    """

    name: str
    module: str
    arguments: tuple[Argument, ...] = ()
    options: Mapping[str, Argument] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    output: Shape = ()
    row: int = 0


def steps_of(table: ClaimedTable) -> tuple[Shape, tuple[Step, ...]]:
    """Return the input's shape and the steps from it to the logits, with right numbers in place of wrong claims.

    A table that lists no activation gets a ReLU after every layer with weights but the last; a softmax at the end is
    left to the loss.

    Raises:
        ClaimError: if the table does not determine a layer or the input.
    """
    network = describe(table)
    if network.input_shape is None:
        raise ClaimError(f"{table.source}: the input's shape is unknown; expected a first row such as Input (32,32,3)")
    rows = {number: row for number, row in enumerate(network.rows) if row.row.layer.kind not in {"total", "input"}}
    require_layers(table, list(rows.values()))
    builder, final = StepBuilder(network), max(rows)
    for number, row in rows.items():
        builder.add(number, row, last=number == final)
    return network.input_shape, tuple(builder.steps)


def require_layers(table: ClaimedTable, rows: Sequence[DescribedRow]) -> None:
    if not rows:
        raise ClaimError(f"{table.source}: no row is a layer; expected rows such as CONV1 (f=5, s=1), POOL1, FC3")
    for described in rows:
        branch = next((note for note in described.notes if note.startswith("a branch")), None)
        if described.layer is None or branch or not is_buildable(described.layer):
            why = branch or "the table does not determine this layer"
            raise ClaimError(f"{table.source}, row {described.row.label!r}: {why}; a network cannot be built from it")
    parameters = sum(int(value_of(parameter_formula(row.layer))) for row in rows if row.layer)
    if parameters > MOST_PARAMETERS:
        raise ClaimError(f"{table.source}: {parameters:,} parameters; at most {MOST_PARAMETERS:,} can be built")


def is_buildable(layer: LayerSpec) -> bool:
    """Return whether a layer can be built: its output follows from settings that are known."""
    unknown = layer.target or layer.claimed_output or layer.signal or layer.pointwise_axis is not None
    joined = all(each.kind in BUILDABLE for each in layer.joined)
    return layer.kind in BUILDABLE and joined and not unknown


class StepBuilder:
    """The steps of the rows so far, and the step that computes each row's output."""

    def __init__(self, network: DescribedNetwork) -> None:
        self.network = network
        self.steps: list[Step] = []
        self.ends: dict[int, str] = {}
        self.row = 0
        self.numbered: dict[str, int] = {}  # the last number that a name was given
        self.shapes: dict[str, Shape] = {"x": network.input_shape or ()}
        self.lists_activations = any(
            text.kind == LayerKind.ACTIVATION for row in network.rows for text in (row.row.layer, *row.row.layer.joined)
        )

    def add(self, number: int, described: DescribedRow, *, last: bool) -> None:
        self.row = number
        layer = described.layer
        if layer is None:
            return
        ends = tuple(self.ends.get(above, "x") for above in described.inputs) or ("x",)
        if layer.kind in JOINS:
            end = self.append(
                described.row.label, "add" if layer.kind == "addition" else "cat", (), {}, ends, layer.output
            )
        else:
            end = self.add_modules(layer, described.row.label, ends[0])
            for joined in fed_through(layer.joined, layer.own_output)[1:]:
                end = self.add_modules(joined, joined.kind, end)
            weighted = layer.kind in {"convolution", "depthwise convolution", "separable convolution", "dense"}
            if weighted and not self.lists_activations and not last:
                end = self.append("relu", "ReLU", (), {}, (end,), layer.output)
        self.ends[number] = end

    def add_modules(self, layer: LayerSpec, label: str, end: str) -> str:
        """Add the modules of one layer behind the step `end`, and return the last of them."""
        for name, module, arguments, options in modules_of(layer, label, self.shapes[end]):
            shape = layer.own_output
            if module == "Flatten" or "Pad2d" in module:
                shape = flat(self.shapes[end]) if module == "Flatten" else self.shapes[end]
            end = self.append(name, module, arguments, options, (end,), shape)
        return end

    def append(
        self,
        label: str,
        module: str,
        arguments: tuple[Argument, ...],
        options: Mapping[str, Argument],
        inputs: tuple[str, ...],
        output: Shape,
    ) -> str:
        name = unique_name(label, self.shapes, self.numbered)
        self.steps.append(Step(name, module, arguments, options, inputs, output, self.row))
        self.shapes[name] = output
        return name


def flat(shape: Shape) -> Shape:
    return (prod(shape),)


def unique_name(label: str, taken: Mapping[str, Shape], numbered: dict[str, int] | None = None) -> str:
    """Return a label's first word as the name of an attribute, with a number if the name is taken.

    `numbered` keeps the last number of each name, so that thousands of equal labels take no longer than others.

    >>> unique_name("CONV1 (f=5, s=1)", {}), unique_name("ReLU", {"relu": ()}), unique_name("3x3 conv", {})
    ('conv1', 'relu_2', 'layer_3x3')
    """
    name = re.sub(r"\W", "_", (label.lower().split() or [""])[0]).strip("_")
    if not name.isidentifier() or keyword.iskeyword(name) or hasattr(nn.Sequential, name) or not name.isascii():
        name = f"layer_{re.sub(r'[^a-z0-9_]', '', name)}".rstrip("_")
    numbered = {} if numbered is None else numbered
    number = numbered.get(name, 1)
    unique = name if number == 1 else f"{name}_{number}"
    while unique in taken or unique == "x":
        number += 1
        unique = f"{name}_{number}"
    numbered[name] = number
    return unique


Module = tuple[str, str, tuple[Argument, ...], dict[str, Argument]]


def modules_of(layer: LayerSpec, label: str, shape: Shape) -> Iterator[Module]:
    """Yield the torch modules of one layer in order, each with a name, its class and its arguments."""
    match layer.kind:
        case "convolution" | "depthwise convolution":
            yield from padded(layer, label)
            yield (
                label,
                "Conv2d",
                (layer.input_channels, layer.filters),
                {**window_options(layer), **convolution_options(layer)},
            )
        case "separable convolution":
            channels = layer.input_channels
            yield from padded(layer, label)
            yield (
                f"{label.split(maxsplit=1)[0]}_depthwise",
                "Conv2d",
                (channels, channels),
                {**window_options(layer), "groups": channels, "bias": False},
            )
            yield (
                label,
                "Conv2d",
                (channels, layer.filters),
                {"kernel_size": 1, **({} if layer.bias else {"bias": False})},
            )
        case "pooling":
            yield from padded(layer, label)
            yield (
                label,
                "AvgPool2d" if averages(label) else "MaxPool2d",
                (),
                {**window_options(layer), **pooling_options(layer)},
            )
        case "global pooling" | "adaptive pooling":
            pool = "AdaptiveMaxPool2d" if "max" in label.lower() else "AdaptiveAvgPool2d"
            yield label, pool, (plain(layer.output_size),), {}
            if layer.kind == "global pooling":
                yield "flatten", "Flatten", (), {}
        case "dense":
            if len(shape) > 1:
                yield "flatten", "Flatten", (), {}
            name = "logits" if label.lower().startswith("softmax") else label  # the softmax itself is left to the loss
            yield name, "Linear", (layer.features, layer.channels), {} if layer.bias else {"bias": False}
        case "norm":
            yield label, "BatchNorm2d" if len(layer.input) == 3 else "BatchNorm1d", (layer.input_channels,), {}
        case "local response norm":
            yield label, "LocalResponseNorm", (5,), {}
        case "flatten":
            yield label, "Flatten", (), {}
        case "dropout":
            yield label, "Dropout", (dropout_of(label),), {}
        case "activation":
            yield label, activation_of(label), (), {}


def activation_of(label: str) -> str:
    """Return the torch module of an activation row; ReLU if no other is named.

    >>> activation_of("re_lu_3 (ReLU)"), activation_of("scaled tanh"), activation_of("LeakyReLU")
    ('ReLU', 'Tanh', 'LeakyReLU')
    """
    found = [word for word in ACTIVATIONS if word in label.lower()]
    return ACTIVATIONS[max(found, key=len)] if found else "ReLU"


def averages(label: str) -> bool:
    return re.search(r"av(?:g|erage)|mean|^s\d+\b", label.lower()) is not None


def dropout_of(label: str) -> float:
    match = re.search(r"0?\.\d+", label)
    return float(match[0]) if match else 0.5


def plain(pair: Pair) -> int | Pair:
    """Return a pair as torch expects it: one number if both are the same."""
    return pair[0] if pair[0] == pair[1] else pair


def window_options(layer: LayerSpec) -> dict[str, Argument]:
    options: dict[str, Argument] = {"kernel_size": plain(layer.kernel)}
    if layer.stride != (layer.kernel if layer.kind == "pooling" else (1, 1)):
        options["stride"] = plain(layer.stride)
    padding = layer.padding if not layer.same else tuple(left for left, right in same_padding(layer) if left == right)
    if len(padding) == 2 and max(padding) > 0:
        options["padding"] = plain((padding[0], padding[1]))
    if layer.dilation != (1, 1):
        options["dilation"] = plain(layer.dilation)
    return options


def convolution_options(layer: LayerSpec) -> dict[str, Argument]:
    return {**({"groups": layer.groups} if layer.groups > 1 else {}), **({} if layer.bias else {"bias": False})}


def pooling_options(layer: LayerSpec) -> dict[str, Argument]:
    return {"ceil_mode": True} if layer.rounds_up else {}


def same_padding(layer: LayerSpec) -> list[Pair]:
    """Return TensorFlow's padding 'same' before and after each side; an odd remainder is added after."""
    pads = []
    for axis in (0, 1):
        length = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1
        out = int(value_of(side_formula(layer, axis)))
        total = max((out - 1) * layer.stride[axis] + length - layer.input_side[axis], 0)
        pads.append((total // 2, total - total // 2))
    return pads


def padded(layer: LayerSpec, label: str) -> Iterator[Module]:
    """Yield a module that pads unevenly, if torch's own padding cannot."""
    if not layer.same or all(left == right for left, right in same_padding(layer)):
        return
    (top, bottom), (left, right) = same_padding(layer)
    maximum = layer.kind == "pooling" and not averages(label)
    pads = (left, right, top, bottom)
    yield "pad", "ConstantPad2d" if maximum else "ZeroPad2d", (pads, -inf) if maximum else (pads,), {}
