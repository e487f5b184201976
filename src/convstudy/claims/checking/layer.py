"""The settings of one layer, and the formulas of its shape and counts with the numbers filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_shape import Shape

WINDOWED = (LayerKind.CONVOLUTION, LayerKind.DEPTHWISE, LayerKind.SEPARABLE, LayerKind.POOLING)
WEIGHTED_WINDOWS = (LayerKind.CONVOLUTION, LayerKind.DEPTHWISE)
KEEPS_SHAPE = (
    LayerKind.NORM,
    LayerKind.LAYER_NORM,
    LayerKind.ACTIVATION,
    LayerKind.PRELU,
    LayerKind.DROPOUT,
    LayerKind.ADDITION,
    LayerKind.RESPONSE_NORM,
    LayerKind.INPUT,
    LayerKind.SOFTMAX,
    LayerKind.ATTENTION,
)
TO_TARGET = (LayerKind.PADDING, LayerKind.RESIZING, LayerKind.RESHAPE, LayerKind.RECURRENT, LayerKind.EMBEDDING)
COUNTED = (
    *WINDOWED,
    *KEEPS_SHAPE,
    *TO_TARGET,
    LayerKind.TRANSPOSED,
    LayerKind.GLOBAL_POOLING,
    LayerKind.ADAPTIVE_POOLING,
    LayerKind.FLATTEN,
    LayerKind.DENSE,
    LayerKind.CONCATENATION,
)
WITH_CHANNELS = (*WEIGHTED_WINDOWS, LayerKind.SEPARABLE, LayerKind.TRANSPOSED, LayerKind.DENSE)
WITHOUT_MACS_FORMULA = (LayerKind.RECURRENT, LayerKind.ATTENTION)


@dataclass(frozen=True)
class LayerSpec:
    """A layer with its input and all settings; shapes are (channels, height, width) or (features,).

    A signal of (channels, length) has the input (channels, length, 1). `channels` are the output channels of a
    convolution or the units of a dense layer. `output_size` is the output of adaptive pooling, `target` the output of
    layers whose settings a table does not state (padding, resizing, reshaping, recurrent layers). `parameters_as`
    replaces the usual formula of the parameters, `claimed_output` the computed output. `joined` are operations of the
    same row after the layer, each fed with the one before.
    """

    kind: str
    input: Shape = ()
    _: KW_ONLY
    channels: int = 0
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    same: bool = False
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = True
    rounds_up: bool = False
    output_size: Pair = (1, 1)
    norm_numbers: int = 2
    signal: bool = False
    pointwise_axis: int | None = None  # the axis of the features of a dense layer that works at every position
    target: Shape = ()
    parameters_as: str | None = None
    claimed_output: Shape | None = None
    joined: tuple[LayerSpec, ...] = ()

    @property
    def input_channels(self) -> int:
        return self.input[0]

    @property
    def features(self) -> int:
        """Return the inputs of each unit of a dense layer: the flattened input, or one axis of it."""
        return prod(self.input) if self.pointwise_axis is None else self.input[self.pointwise_axis]

    @property
    def input_side(self) -> Pair:
        return (self.input[1], self.input[2]) if len(self.input) == 3 else (1, 1)

    @property
    def filters(self) -> int:
        """Return the output channels; a layer without filters passes its input's channels on."""
        return self.channels if self.kind in WITH_CHANNELS else self.input_channels

    @cached_property
    def own_output(self) -> Shape:
        """Return the output before the joined operations: claimed, or computed by `output_formulas`."""
        return self.claimed_output or tuple(int(value_of(formula)) for formula in output_formulas(self))

    @cached_property
    def output(self) -> Shape:
        """Return the output of the row."""
        if self.claimed_output is None and self.joined:
            return fed_through(self.joined, self.own_output)[-1].own_output
        return self.own_output

    @property
    def output_side(self) -> Pair:
        """Return height and width of the layer's own output."""
        return (self.own_output[1], self.own_output[2]) if len(self.own_output) == 3 else (1, 1)

    def fed(self, shape: Shape) -> LayerSpec:
        """Return the layer with another input; a depthwise convolution has one group per channel."""
        if self.signal and len(shape) == 2:
            shape = (*shape, 1)
        if self.kind == LayerKind.DEPTHWISE and self.input:
            multiplier = max(self.channels // self.input_channels, 1)
            return replace(self, input=shape, groups=shape[0], channels=shape[0] * multiplier)
        if self.kind in {LayerKind.CONCATENATION, LayerKind.INPUT} and self.input:
            return self
        return replace(self, input=shape)


def fed_through(layers: tuple[LayerSpec, ...], shape: Shape) -> list[LayerSpec]:
    """Return joined operations, each fed with the output of the one before; a window that does not fit is left out."""
    fed = [LayerSpec(LayerKind.ACTIVATION, shape)]
    for layer in layers:
        following = layer.fed(fed[-1].own_output)
        fed.append(following if fits(following) else LayerSpec(LayerKind.ACTIVATION, fed[-1].own_output))
    return fed


def output_formulas(layer: LayerSpec) -> tuple[str, ...]:
    """Return channels, height and width, or the features, as formulas.

    Source: Dumoulin & Visin 2016, relationships 6, 14 and 15.

    >>> output_formulas(LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5)))
    ('8', '⌊(32 + 2·0 − 5)/1⌋ + 1', '⌊(32 + 2·0 − 5)/1⌋ + 1')
    """
    if layer.target:
        return tuple(str(extent) for extent in layer.target)
    if layer.kind in OUTPUTS:
        return OUTPUTS[layer.kind](layer)
    if len(layer.input) == 3 and layer.kind in {*WINDOWED, LayerKind.TRANSPOSED}:
        side = transposed_side if layer.kind == LayerKind.TRANSPOSED else side_formula
        return (f"{layer.filters}", side(layer, 0), side(layer, 1))
    return tuple(str(extent) for extent in layer.input)


def dense_output(layer: LayerSpec) -> tuple[str, ...]:
    if layer.pointwise_axis is None:
        return (f"{layer.channels}",)
    axis = layer.pointwise_axis % len(layer.input)
    return tuple(str(layer.channels if number == axis else extent) for number, extent in enumerate(layer.input))


OUTPUTS: dict[str, Callable[[LayerSpec], tuple[str, ...]]] = {
    LayerKind.DENSE: dense_output,
    LayerKind.FLATTEN: lambda layer: ("·".join(str(extent) for extent in layer.input),),
    LayerKind.GLOBAL_POOLING: lambda layer: (f"{layer.input_channels}",),
    LayerKind.ADAPTIVE_POOLING: lambda layer: (f"{layer.input_channels}", *(f"{side}" for side in layer.output_size)),
}


def side_formula(layer: LayerSpec, axis: int) -> str:
    """Return the formula for one side of the output of a window."""
    size, stride = layer.input_side[axis], layer.stride[axis]
    if layer.signal and axis == 1:
        return "1"
    if layer.same:
        return f"⌈{size}/{stride}⌉"
    padding, window = layer.padding[axis], window_length(layer, axis)
    moves = f"({size} + 2·{padding} − {window})/{stride}"
    if not layer.rounds_up:
        return f"⌊{moves}⌋ + 1"
    last = value_of(f"⌈{moves}⌉") * stride  # torch omits a window that would begin behind the input
    return f"⌈{moves}⌉" if last >= size + padding else f"⌈{moves}⌉ + 1"


def transposed_side(layer: LayerSpec, axis: int) -> str:
    """Return the formula for one side of the output of a transposed convolution (Dumoulin & Visin 2016, 14)."""
    size, stride = layer.input_side[axis], layer.stride[axis]
    if layer.signal and axis == 1:
        return "1"
    if layer.same:
        return f"{size}·{stride}"
    return f"({size} − 1)·{stride} − 2·{layer.padding[axis]} + {window_length(layer, axis)}"


def window_length(layer: LayerSpec, axis: int) -> str:
    kernel, dilation = layer.kernel[axis], layer.dilation[axis]
    return f"{kernel}" if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"


def fits(layer: LayerSpec) -> bool:
    """Return whether every window fits its padded input."""
    if layer.kind == LayerKind.TRANSPOSED:
        return len(layer.input) == 3 and all(int(value_of(transposed_side(layer, axis))) > 0 for axis in (0, 1))
    if layer.kind not in WINDOWED:
        return bool(layer.input)
    if len(layer.input) != 3 or min(*layer.kernel, *layer.stride, *layer.dilation, layer.groups) < 1:
        return False
    return layer.same or all(
        layer.input_side[axis] + 2 * layer.padding[axis] >= value_of(window_length(layer, axis))
        for axis in ((0,) if layer.signal else (0, 1))
    )


def size_formula(layer: LayerSpec) -> str:
    """Return the formula for the values in the output: `28·28·8`."""
    shape = layer.output
    shape = shape[:2] if layer.signal and len(shape) == 3 else shape
    return "·".join(str(extent) for extent in (*shape[1:], shape[0]))


def kernel_formula(layer: LayerSpec) -> str:
    """Return the formula for the positions of a kernel: `5·5`, or `5` for a signal."""
    return f"{layer.kernel[0]}" if layer.signal else f"{layer.kernel[0]}·{layer.kernel[1]}"


def slice_formula(layer: LayerSpec) -> str:
    """Return the formula for the weights of one filter: `5·5·3`."""
    return f"{kernel_formula(layer)}·{layer.input_channels // layer.groups}"


def parameter_formula(layer: LayerSpec) -> str:
    """Return the formula for the trainable parameters, with those of the joined operations.

    Source: Goodfellow et al. 2016, section 9.1, with one bias per filter.

    >>> parameter_formula(LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5)))
    '(5·5·3 + 1)·8'
    """
    own = own_parameters(layer)
    if not layer.joined:
        return own
    others = [own_parameters(each) for each in fed_through(layer.joined, layer.own_output)[1:]]
    return " + ".join([own, *(text for text in others if text != "0")])


def own_parameters(layer: LayerSpec) -> str:
    """Return the formula for the parameters without the joined operations."""
    if layer.parameters_as is not None:
        return layer.parameters_as
    if layer.kind in {*WEIGHTED_WINDOWS, LayerKind.TRANSPOSED}:
        one = slice_formula(layer)
        return f"({one} + 1)·{layer.filters}" if layer.bias else f"{one}·{layer.filters}"
    if layer.kind == LayerKind.SEPARABLE:
        weights = f"{kernel_formula(layer)}·{layer.input_channels} + {layer.input_channels}·{layer.filters}"
        return f"{weights} + {layer.filters}" if layer.bias else weights
    if layer.kind == LayerKind.DENSE:
        return f"({layer.features} + 1)·{layer.channels}" if layer.bias else f"{layer.features}·{layer.channels}"
    if layer.kind == LayerKind.NORM:
        return f"{layer.norm_numbers}·{layer.input_channels}"
    return "0"


def weight_formula(layer: LayerSpec) -> str:
    """Return the formula for the weights without the biases."""
    return own_parameters(replace(layer, bias=False, joined=()))


def bias_formula(layer: LayerSpec) -> str:
    """Return the formula for the biases."""
    weighted = layer.kind in {*WITH_CHANNELS}
    return f"{layer.filters}" if weighted and layer.bias else f"{layer.input_channels}" if is_norm(layer) else "0"


def is_norm(layer: LayerSpec) -> bool:
    return layer.kind == LayerKind.NORM


def macs_formula(layer: LayerSpec) -> str:
    """Return the formula for the multiply-accumulates of one image; biases, pooling and norms have none."""
    height, width = layer.output_side
    positions = f"{height}" if layer.signal else f"{height}·{width}"
    if layer.kind in WEIGHTED_WINDOWS:
        return f"{slice_formula(layer)}·{layer.filters}·{positions}"
    if layer.kind == LayerKind.TRANSPOSED:
        height, width = layer.input_side
        positions = f"{height}" if layer.signal else f"{height}·{width}"
        return f"{slice_formula(layer)}·{layer.filters}·{positions}"
    if layer.kind == LayerKind.SEPARABLE:
        depthwise = f"{kernel_formula(layer)}·{layer.input_channels}"
        return f"({depthwise} + {layer.input_channels}·{layer.filters})·{positions}"
    if layer.kind == LayerKind.DENSE:
        places = prod(layer.input) // layer.features
        return f"{layer.features}·{layer.channels}" + (f"·{places}" if places > 1 else "")
    return "0"
