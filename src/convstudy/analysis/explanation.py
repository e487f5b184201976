"""Derivations of a layer's numbers: each formula with the numbers filled in, and a sentence for students."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from convstudy.analysis.count import count, unwrapped_module
from convstudy.analysis.inputs import Input, Inputs
from convstudy.analysis.table import LayerRow, Shape
from convstudy.claims.checking.arithmetic import value_of

SIDES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
POOLING = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


@dataclass(frozen=True)
class Derivation:
    """One number of a layer: its name, the formula with the numbers filled in, its value, and the formula in words."""

    quantity: str
    formula: str
    value: int | Fraction
    words: str

    def __str__(self) -> str:
        derived = "" if self.formula == str(self.value) else f"{self.formula} = "
        return f"{self.quantity}: {derived}{self.value:,}"


@dataclass(frozen=True)
class Explanation:
    """A layer: its input, its output, and the derivation of each of its numbers."""

    row: LayerRow
    input_shape: Shape
    derivations: tuple[Derivation, ...]

    def __getitem__(self, quantity: str) -> Derivation:
        """Return the derivation of a quantity, such as `parameters`, `MACs` or `receptive field`."""
        return next(derivation for derivation in self.derivations if derivation.quantity == quantity)

    def __repr__(self) -> str:
        return f"<Explanation of {self.row.path} ({self.row.kind}): {len(self.derivations)} numbers>"

    def __str__(self) -> str:
        """Return one line per number."""
        shapes = ("×".join(map(str, shape)) for shape in (self.input_shape, self.row.output_shape))
        title = "{}: {} in, {} out".format(f"{self.row.path} ({self.row.kind})", *shapes)
        return "\n".join([title, *map(str, self.derivations)])


@dataclass(frozen=True, kw_only=True)
class Window:
    """A sliding window: per axis the input size, output size, kernel, stride, total padding and dilation."""

    sizes: Shape
    outputs: Shape
    kernel: Shape
    stride: Shape
    padding: tuple[str, ...]
    dilation: Shape
    rounds_up: bool = False


def explain(
    network: nn.Module,
    input: Input | Inputs,
    path: str,
    *,
    training: bool | None = False,
    on_note: Callable[[str], None] | None = None,
) -> Explanation:
    """Derive each number of a layer; `input` is one input as for `count`, or an `Inputs` of several.

    `on_note` is called as by `count`.

    Raises:
        UnknownNameError: if the network calls no layer of this path on this input; and as `count`.

    >>> conv = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten(), nn.Linear(6272, 10))
    >>> for derivation in explain(conv, (3, 32, 32), "0").derivations:
    ...     print(derivation)
    output height and width: ⌊(32 + 2·0 − 5)/1⌋ + 1 = 28
    activation size: 28·28·8 = 6,272
    parameters: (5·5·3 + 1)·8 = 608
    MACs: 28·28·8·5·5·3 = 470,400
    receptive field: 1 + (5 − 1)·1 = 5
    """
    row = count(network, input, training=training, on_note=on_note)[path]
    return explain_rows(network, [row])[0]


def explain_rows(network: nn.Module, rows: Iterable[LayerRow]) -> tuple[Explanation, ...]:
    """Derive each number of counted layers of a network.

    >>> conv = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())
    >>> [(each.row.path, each["parameters"].value) for each in explain_rows(conv, count(conv, (3, 32, 32)))]
    [('input', 0), ('0', 608), ('1', 0)]
    """
    modules = dict(unwrapped_module(network).named_modules())
    explained = []
    for row in rows:
        received = row.input_shapes[0] if row.input_shapes else ()
        derivations = tuple(_derivations(row, received, modules.get(row.path)))
        explained.append(Explanation(row, received, derivations))
    return tuple(explained)


def _derivations(row: LayerRow, received: Shape, module: nn.Module | None) -> Iterator[Derivation]:
    window = _window(row, received, module)
    if window:
        yield from _outputs(window, isinstance(module, _ConvTransposeNd), module)
    elif isinstance(module, nn.Linear):
        yield _derived("output features", f"{module.out_features}", "one output per unit")
    if row.activation_size:
        shape = (*row.output_shape[1:], row.output_shape[0])
        words = "one value per position and channel"
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
        sizes=received[1:],
        outputs=row.output_shape[1:],
        kernel=kernel,
        stride=_each(module.stride if module.stride is not None else module.kernel_size, axes),
        padding=padding,
        dilation=dilation,
        rounds_up=bool(getattr(module, "ceil_mode", False)),
    )


def _each(value: int | Sequence[int], axes: int) -> Shape:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes if len(value) == 1 else 1)


def _outputs(window: Window, transposed: bool, module: nn.Module | None) -> Iterator[Derivation]:
    names = SIDES[len(window.sizes)]
    formulas = [
        _transposed_side(window, axis, module) if transposed else _side(window, axis) for axis in range(len(names))
    ]
    words = (
        "the size that the reverse convolution would reduce to the input size"
        if transposed
        else "the number of strides that fit, plus one for the first position of the window"
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
        return _derived("parameters", f"{row.parameters}", "the sum over all its tensors" if row.parameters else "none")
    return _derived("parameters", formula, words)


def _parameter_formula(module: nn.Module | None) -> tuple[str, str | None]:
    """Return the weights in words and their number as a formula; no formula for kinds that are not explained."""
    words, weights, outputs = "", None, 0
    if isinstance(module, _ConvNd):
        words, weights, outputs = _filters(module), _slice(module), module.out_channels
    elif isinstance(module, nn.Linear):
        outputs = module.out_features
        words, weights = f"each of {outputs} units has one weight per input", f"{module.in_features}"
    elif isinstance(module, nn.Embedding):
        return "one vector per entry", f"{module.num_embeddings}·{module.embedding_dim}"
    elif isinstance(module, _NormBase) and module.affine:
        return "a scale and a shift per channel", f"2·{module.num_features}"
    if weights is None:
        return words, None
    if getattr(module, "bias", None) is None:
        return words, f"{weights}·{outputs}"
    if isinstance(module, _ConvTransposeNd):  # many filters contribute to an output channel, which has one bias
        return f"{words}, and one bias per output channel", f"{weights}·{outputs} + {outputs}"
    return f"{words}, and one bias", f"({weights} + 1)·{outputs}"


def _filters(module: _ConvNd) -> str:
    seen = (
        f"{module.in_channels // module.groups} of the input channels" if module.groups > 1 else "every input channel"
    )
    return f"each of {module.out_channels} filters has one kernel of weights for {seen}"


def _slice(module: _ConvNd) -> str:
    """Return the formula for the weights of one filter: kernel area times the input channels of its group."""
    return f"{_product(module.kernel_size)}·{module.in_channels // module.groups}"


def _macs(row: LayerRow, received: Shape, module: nn.Module | None) -> Derivation:
    formula = None
    if not row.is_called:
        return _derived("MACs", "0", row.note)
    if isinstance(module, _ConvTransposeNd):
        ahead = module.out_channels // module.groups
        formula = f"{_product((*received[1:], received[0]))}·{_product(module.kernel_size)}·{ahead}"
        words = "every input value is multiplied by every weight of its filter"
    elif isinstance(module, _ConvNd):
        formula = f"{_product((*row.output_shape[1:], row.output_shape[0]))}·{_slice(module)}"
        words = "one product per weight of the filter for each output value; the bias is an addition"
    elif isinstance(module, nn.Linear):
        rows = received[:-1]
        formula = _product((*rows, module.in_features, module.out_features))
        words = "one product per input for each unit" + (", at every position" if rows else "")
    if formula is None or value_of(formula) != row.macs:
        return _derived("MACs", f"{row.macs}", "the sum over its products" if row.macs else "the layer has no products")
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
    words = "the receptive field before, plus one accumulated stride per further position of the window"
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
    """Return the derivation if its formula gives the counted value, otherwise the counted value without a formula."""
    if value_of(formula) == counted:
        return _derived(quantity, formula, words)
    return Derivation(quantity, f"{counted}", counted, "counted from the result")
