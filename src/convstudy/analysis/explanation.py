"""A layer's numbers with the formulas that they come from, in words that a student follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from convstudy.analysis.count import Input, count, plain
from convstudy.analysis.table import LayerRow, Shape
from convstudy.claims.checking.arithmetic import value_of

SIDES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
POOLING = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


@dataclass(frozen=True)
class Derivation:
    """One number of a layer: its name, the formula with the numbers put in, its value, and what it says in words."""

    quantity: str
    formula: str
    value: int | Fraction
    words: str

    def __str__(self) -> str:
        derived = "" if self.formula == str(self.value) else f"{self.formula} = "
        return f"{self.quantity}: {derived}{self.value:,}"


@dataclass(frozen=True)
class Explanation:
    """A layer: what comes in and goes out, and where each of its numbers comes from."""

    row: LayerRow
    input_shape: Shape
    derivations: tuple[Derivation, ...]

    def __getitem__(self, quantity: str) -> Derivation:
        """The derivation of one quantity: `parameters`, `MACs`, `output height and width`, `receptive field`, ..."""
        return next(derivation for derivation in self.derivations if derivation.quantity == quantity)

    def __str__(self) -> str:
        """What `print` shows: one line a number."""
        shapes = ("×".join(map(str, shape)) for shape in (self.input_shape, self.row.output_shape))
        title = "{}: {} in, {} out".format(f"{self.row.path} ({self.row.kind})", *shapes)
        return "\n".join([title, *map(str, self.derivations)])


@dataclass(frozen=True)
class Window:
    """What slides over the image: per axis the size, kernel, stride, padding of both sides together, dilation."""

    sizes: Shape
    outputs: Shape
    kernel: Shape
    stride: Shape
    padding: tuple[str, ...]
    dilation: Shape
    rounds_up: bool = False


def explain(network: nn.Module, input_shape: Input, path: str, *, training: bool | None = False) -> Explanation:
    """Where each number of a layer comes from.

    Raises: UnknownNameError, when the network has no layer of this path at this input; and as `count`.

    >>> conv = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten(), nn.Linear(6272, 10))
    >>> for derivation in explain(conv, (3, 32, 32), "0").derivations:
    ...     print(derivation)
    output height and width: ⌊(32 + 2·0 − 5)/1⌋ + 1 = 28
    activation size: 28·28·8 = 6,272
    parameters: (5·5·3 + 1)·8 = 608
    MACs: 28·28·8·5·5·3 = 470,400
    receptive field: 1 + (5 − 1)·1 = 5
    """
    row = count(network, input_shape, training=training)[path]
    module = dict(plain(network).named_modules()).get(path)
    received = row.input_shapes[0] if row.input_shapes else ()
    return Explanation(row, received, tuple(_derivations(row, received, module)))


def _derivations(row: LayerRow, received: Shape, module: nn.Module | None) -> Iterator[Derivation]:
    window = _window(row, received, module)
    if window:
        yield from _outputs(window, isinstance(module, _ConvTransposeNd), module)
    elif isinstance(module, nn.Linear):
        yield _derived("output features", f"{module.out_features}", "as many as the layer has units")
    if row.activation_size:
        shape = (*row.output_shape[1:], row.output_shape[0])
        words = "every position of every channel holds one value"
        yield _checked("activation size", _product(shape), row.activation_size, words)
    yield _parameters(row, module)
    yield _macs(row, received, module)
    if window and row.receptive_field and row.stride and not isinstance(module, _ConvTransposeNd):
        yield from _fields(row, window)


def _window(row: LayerRow, received: Shape, module: nn.Module | None) -> Window | None:
    if not isinstance(module, (_ConvNd, *POOLING)) or len(row.output_shape) < 2:
        return None
    axes = len(row.output_shape) - 1
    kernel, dilation = _each(module.kernel_size, axes), _each(getattr(module, "dilation", 1), axes)
    if module.padding == "same":
        padding = tuple(str(step * (size - 1)) for size, step in zip(kernel, dilation, strict=True))
    else:
        given = 0 if module.padding == "valid" else module.padding
        padding = tuple(f"2·{size}" for size in _each(given, axes))  # type: ignore[arg-type]
    return Window(
        received[1:],
        row.output_shape[1:],
        kernel,
        _each(module.stride if module.stride is not None else module.kernel_size, axes),
        padding,
        dilation,
        bool(getattr(module, "ceil_mode", False)),
    )


def _each(value: int | Sequence[int], axes: int) -> Shape:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes if len(value) == 1 else 1)


def _outputs(window: Window, transposed: bool, module: nn.Module | None) -> Iterator[Derivation]:
    names = SIDES[len(window.sizes)]
    formulas = [
        _transposed_side(window, axis, module) if transposed else _side(window, axis) for axis in range(len(names))
    ]
    words = (
        "the convolution that this one undoes would make of it what came in"
        if transposed
        else "as often as the window fits when it moves by its stride, and once where it begins"
    )
    if len(set(formulas)) == 1 and len(names) > 1:
        yield _checked(f"output {' and '.join(names)}", formulas[0], window.outputs[0], words)
        return
    for name, formula, output in zip(names, formulas, window.outputs, strict=True):
        yield _checked(f"output {name}", formula, output, words)


def _reach(window: Window, axis: int) -> str:
    kernel, dilation = window.kernel[axis], window.dilation[axis]
    return f"{kernel}" if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"


def _side(window: Window, axis: int) -> str:
    moves = f"({window.sizes[axis]} + {window.padding[axis]} − {_reach(window, axis)})/{window.stride[axis]}"
    if not window.rounds_up:
        return f"⌊{moves}⌋ + 1"
    rounded = f"⌈{moves}⌉ + 1"
    return rounded if value_of(rounded) == window.outputs[axis] else f"⌈{moves}⌉"


def _transposed_side(window: Window, axis: int, module: nn.Module | None) -> str:
    added = _each(getattr(module, "output_padding", 0), len(window.sizes))[axis]
    reach = _reach(window, axis)
    formula = f"({window.sizes[axis]} − 1)·{window.stride[axis]} − {window.padding[axis]} + {reach}"
    return f"{formula} + {added}" if added else formula


def _parameters(row: LayerRow, module: nn.Module | None) -> Derivation:
    words, formula = _parameter_formula(module)
    if row.shared_with or row.note.startswith("call "):
        return _derived("parameters", "0", row.note)
    if formula is None or value_of(formula) != row.parameters:
        return _derived("parameters", f"{row.parameters}", "the sizes of all its tensors" if row.parameters else "none")
    return _derived("parameters", formula, words)


def _parameter_formula(module: nn.Module | None) -> tuple[str, str | None]:
    """What the weights are, in words, and their number as a formula; None for layers that are not explained."""
    words, weights, outputs = "", None, 0
    if isinstance(module, _ConvNd):
        words, weights, outputs = _filters(module), _slice(module), module.out_channels
    elif isinstance(module, nn.Linear):
        outputs = module.out_features
        words, weights = f"each of {outputs} units has a weight for every input", f"{module.in_features}"
    elif isinstance(module, nn.Embedding):
        return "a vector for each entry", f"{module.num_embeddings}·{module.embedding_dim}"
    elif isinstance(module, _NormBase) and module.affine:
        return "a scale and a shift for each channel", f"2·{module.num_features}"
    if weights is None:
        return words, None
    if getattr(module, "bias", None) is None:
        return words, f"{weights}·{outputs}"
    if isinstance(module, _ConvTransposeNd):  # an output channel is fed by many filters, but has one bias
        return f"{words}, and every output channel one bias", f"{weights}·{outputs} + {outputs}"
    return f"{words}, and one bias", f"({weights} + 1)·{outputs}"


def _filters(module: _ConvNd) -> str:
    seen = (
        f"{module.in_channels // module.groups} of the input channels" if module.groups > 1 else "every input channel"
    )
    return f"each of {module.out_channels} filters has a window of weights for {seen}"


def _slice(module: _ConvNd) -> str:
    """The weights of one filter: kernel times the input channels that it sees."""
    return f"{_product(module.kernel_size)}·{module.in_channels // module.groups}"


def _macs(row: LayerRow, received: Shape, module: nn.Module | None) -> Derivation:
    formula = None
    if row.note == "not called":
        return _derived("MACs", "0", row.note)
    if isinstance(module, _ConvTransposeNd):
        ahead = module.out_channels // module.groups
        formula = f"{_product((*received[1:], received[0]))}·{_product(module.kernel_size)}·{ahead}"
        words = "every input value is multiplied by every weight of its filter"
    elif isinstance(module, _ConvNd):
        formula = f"{_product((*row.output_shape[1:], row.output_shape[0]))}·{_slice(module)}"
        words = "every output value gathers one product for each weight of its filter; the bias is an addition"
    elif isinstance(module, nn.Linear):
        rows = received[:-1]
        formula = _product((*rows, module.in_features, module.out_features))
        words = "every unit gathers one product for each input" + (", at every position" if rows else "")
    if formula is None or value_of(formula) != row.macs:
        return _derived(
            "MACs", f"{row.macs}", "added up over its products" if row.macs else "it has no products to gather"
        )
    return _derived("MACs", formula, words)


def _fields(row: LayerRow, window: Window) -> Iterator[Derivation]:
    assert row.receptive_field is not None
    assert row.stride is not None
    formulas = []
    for axis, (field, stride) in enumerate(zip(row.receptive_field, row.stride, strict=True)):
        before = Fraction(stride) / window.stride[axis]
        steps = (
            f"({window.kernel[axis]} − 1)"
            if window.dilation[axis] == 1
            else f"{window.dilation[axis]}·({window.kernel[axis]} − 1)"
        )
        seen = field - window.dilation[axis] * (window.kernel[axis] - 1) * before
        formulas.append(f"{seen} + {steps}·{before}")
    words = "what one position saw before, and one stride of the layers before for each further position of the window"
    if len(set(formulas)) == 1:
        yield _checked("receptive field", formulas[0], row.receptive_field[0], words)
        return
    for name, formula, field in zip(SIDES[len(formulas)], formulas, row.receptive_field, strict=True):
        yield _checked(f"receptive field, {name}", formula, field, words)


def _product(sizes: Sequence[int]) -> str:
    return "·".join(str(size) for size in sizes)


def _derived(quantity: str, formula: str, words: str) -> Derivation:
    value = value_of(formula)
    return Derivation(quantity, formula, int(value) if value.denominator == 1 else value, words)


def _checked(quantity: str, formula: str, counted: int | Fraction, words: str) -> Derivation:
    """A derivation that gives what was counted; where it does not, the count stands without a formula."""
    if value_of(formula) == counted:
        return _derived(quantity, formula, words)
    return Derivation(quantity, f"{counted}", counted, "counted from the results")
