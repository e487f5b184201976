"""One layer with everything that its counts depend on, and the right formulas with its numbers put in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.layer_text import Pair
from convstudy.claims.printed_shape import Shape

WINDOWED = ("convolution", "depthwise convolution", "separable convolution", "pooling")
WEIGHTED_WINDOWS = ("convolution", "depthwise convolution")
KEEPS_SHAPE = ("norm", "activation", "dropout", "addition", "local response norm", "input", "softmax")
COUNTED = (*WINDOWED, *KEEPS_SHAPE, "global pooling", "adaptive pooling", "flatten", "dense", "concatenation")


@dataclass(frozen=True)
class LayerSpec:
    """A layer that is fed with `input`; shapes are (channels, height, width) or (features,).

    `channels` are the output channels of a convolution or the units of a dense layer. `output_size` is what an
    adaptive pooling is told to give. `claimed_output` stands in for the output where somebody claims another.
    """

    kind: str
    input: Shape = ()
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
    claimed_output: Shape | None = None

    @property
    def input_channels(self) -> int:
        return self.input[0]

    @property
    def features(self) -> int:
        """What a dense layer is fed with: the flattened input."""
        return prod(self.input)

    @property
    def input_side(self) -> Pair:
        return (self.input[1], self.input[2]) if len(self.input) == 3 else (1, 1)

    @property
    def filters(self) -> int:
        """The output channels; a layer without filters of its own passes its input's channels on."""
        return (
            self.channels if self.kind in {*WEIGHTED_WINDOWS, "separable convolution", "dense"} else self.input_channels
        )

    @property
    def output(self) -> Shape:
        """The output shape: claimed, or as `output_formulas` compute it."""
        return self.claimed_output or tuple(int(value_of(formula)) for formula in output_formulas(self))

    @property
    def output_side(self) -> Pair:
        return (self.output[1], self.output[2]) if len(self.output) == 3 else (1, 1)

    def fed(self, shape: Shape) -> LayerSpec:
        """The same layer with another input; a depthwise convolution has a group for each channel."""
        if self.kind == "depthwise convolution" and self.input:
            multiplier = max(self.channels // self.input_channels, 1)
            return replace(self, input=shape, groups=shape[0], channels=shape[0] * multiplier)
        if self.kind in {"concatenation", "input"} and self.input:
            return self
        return replace(self, input=shape)


def output_formulas(layer: LayerSpec) -> tuple[str, ...]:
    """Channels, height and width, or the features, as formulas (Dumoulin & Visin 2016, relationships 6, 14 and 15).

    >>> output_formulas(LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5)))
    ('8', '⌊(32 + 2·0 − 5)/1⌋ + 1', '⌊(32 + 2·0 − 5)/1⌋ + 1')
    """
    if layer.kind == "dense":
        return (f"{layer.channels}",)
    if layer.kind == "flatten":
        return ("·".join(str(extent) for extent in layer.input),)
    if layer.kind == "global pooling":
        return (f"{layer.input_channels}",)
    if layer.kind == "adaptive pooling":
        return (f"{layer.input_channels}", f"{layer.output_size[0]}", f"{layer.output_size[1]}")
    if layer.kind in WINDOWED and len(layer.input) == 3:
        return (f"{layer.filters}", side_formula(layer, 0), side_formula(layer, 1))
    return tuple(str(extent) for extent in layer.input)


def side_formula(layer: LayerSpec, axis: int) -> str:
    """The length of one side of the output after a window."""
    size, stride = layer.input_side[axis], layer.stride[axis]
    if layer.same:
        return f"⌈{size}/{stride}⌉"
    padding, window = layer.padding[axis], window_length(layer, axis)
    moves = f"({size} + 2·{padding} − {window})/{stride}"
    if not layer.rounds_up:
        return f"⌊{moves}⌋ + 1"
    last = value_of(f"⌈{moves}⌉") * stride  # torch leaves a window out that would begin behind the input
    return f"⌈{moves}⌉" if last >= size + padding else f"⌈{moves}⌉ + 1"


def window_length(layer: LayerSpec, axis: int) -> str:
    kernel, dilation = layer.kernel[axis], layer.dilation[axis]
    return f"{kernel}" if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"


def fits(layer: LayerSpec) -> bool:
    """Whether every window fits its padded input."""
    if layer.kind not in WINDOWED:
        return bool(layer.input)
    if len(layer.input) != 3 or min(*layer.kernel, *layer.stride, *layer.dilation, layer.groups) < 1:
        return False
    return layer.same or all(
        layer.input_side[axis] + 2 * layer.padding[axis] >= value_of(window_length(layer, axis)) for axis in (0, 1)
    )


def size_formula(layer: LayerSpec) -> str:
    """The number of values in the output: `28·28·8`."""
    shape = layer.output
    return "·".join(str(extent) for extent in (*shape[1:], shape[0]))


def slice_formula(layer: LayerSpec) -> str:
    """The weights of one filter: `5·5·3`."""
    return f"{layer.kernel[0]}·{layer.kernel[1]}·{layer.input_channels // layer.groups}"


def parameter_formula(layer: LayerSpec) -> str:
    """The trainable parameters (Goodfellow et al. 2016, section 9.1, with a bias for each filter).

    >>> parameter_formula(LayerSpec("convolution", (3, 32, 32), channels=8, kernel=(5, 5)))
    '(5·5·3 + 1)·8'
    """
    if layer.kind in WEIGHTED_WINDOWS:
        one = slice_formula(layer)
        return f"({one} + 1)·{layer.filters}" if layer.bias else f"{one}·{layer.filters}"
    if layer.kind == "separable convolution":
        weights = f"{layer.kernel[0]}·{layer.kernel[1]}·{layer.input_channels} + {layer.input_channels}·{layer.filters}"
        return f"{weights} + {layer.filters}" if layer.bias else weights
    if layer.kind == "dense":
        return f"({layer.features} + 1)·{layer.channels}" if layer.bias else f"{layer.features}·{layer.channels}"
    return f"{layer.norm_numbers}·{layer.input_channels}" if layer.kind == "norm" else "0"


def macs_formula(layer: LayerSpec) -> str:
    """The multiply-accumulates of one image; biases, pooling and norms count none."""
    height, width = layer.output_side
    if layer.kind in WEIGHTED_WINDOWS:
        return f"{slice_formula(layer)}·{layer.filters}·{height}·{width}"
    if layer.kind == "separable convolution":
        depthwise = f"{layer.kernel[0]}·{layer.kernel[1]}·{layer.input_channels}"
        return f"({depthwise} + {layer.input_channels}·{layer.filters})·{height}·{width}"
    return f"{layer.features}·{layer.channels}" if layer.kind == "dense" else "0"
