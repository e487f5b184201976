"""The known mistakes as formulas: the one that gives exactly the claimed number names the mistake.

Each table lists the most common mistake first: if several explain a number, the first is named and the others are
alternatives. A formula returns its text with the numbers filled in, or None if the mistake is impossible; shapes have
one text per extent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.layer import (
    WEIGHTED_WINDOWS,
    WINDOWED,
    LayerSpec,
    kernel_formula,
    macs_formula,
    output_formulas,
    own_parameters,
    parameter_formula,
    size_formula,
    slice_formula,
    window_length,
)
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import Quantity

Formula = Callable[[LayerSpec], str | None]
ShapeFormula = Callable[[LayerSpec], tuple[str, ...] | None]


@dataclass(frozen=True)
class Fault:
    """A mistake: its identifier, the kinds of layers it applies to, a sentence for a student, and its formula."""

    name: str
    kinds: tuple[str, ...]
    sentence: str
    formula: Formula


@dataclass(frozen=True)
class ShapeFault:
    """A mistake in a shape: one formula per extent, channels first."""

    name: str
    kinds: tuple[str, ...]
    sentence: str
    formula: ShapeFormula


@dataclass(frozen=True)
class Slip:
    """A slip of the pen or of arithmetic: its test compares the claimed number with the right one."""

    name: str
    sentence: str
    made: Callable[[int, int], bool]


CONV = WEIGHTED_WINDOWS
DENSE = ("dense",)
COUNTED_NOTHING = (
    "input",
    "activation",
    "softmax",
    "dropout",
    "flatten",
    "addition",
    "concatenation",
    "local response norm",
)
POOLING = ("pooling", "global pooling", "adaptive pooling")


def window(x: LayerSpec) -> str:
    return kernel_formula(x)


def positions(x: LayerSpec) -> str:
    return f"{x.output_side[0]}·{x.output_side[1]}"


def with_bias(x: LayerSpec, weights: str) -> str:
    """Return the weights of one filter or unit, with its bias if the layer has one."""
    return f"({weights} + 1)" if x.bias else weights


def when(condition: object, formula: str) -> str | None:
    return formula if condition else None


def is_map(x: LayerSpec) -> bool:
    return len(x.input) == 3


POOLING_LEARNS_NOTHING = "pooling only picks or averages: it learns nothing"
FLATTENED: tuple[tuple[str, Callable[[LayerSpec], str]], ...] = (
    ("flattening keeps every channel; here height times width alone", lambda x: f"{x.input_side[0]}·{x.input_side[1]}"),
    ("flattening keeps both sides; here one of them", lambda x: f"{x.input_side[0]}·{x.input_channels}"),
    ("flattening keeps every position; here the channels alone", lambda x: f"{x.input_channels}"),
)  # fmt: skip

PARAMETER_MISTAKES: tuple[Fault, ...] = (
    # convolutions
    Fault("input-channels-left-out", CONV, "each filter also runs over all input channels; here it has only one",
            lambda x: f"{with_bias(x, window(x))}·{x.filters}"),
    Fault("one-bias-for-the-layer", CONV, "every filter has a bias of its own; here the whole layer has one",
            lambda x: f"{slice_formula(x)}·{x.filters} + 1"),
    Fault("bias-left-out", CONV, "every filter has a bias as well; here it is left out",
            lambda x: when(x.bias, f"{slice_formula(x)}·{x.filters}")),
    Fault("bias-though-there-is-none", CONV, "this layer has no bias; here each filter is given one",
            lambda x: when(not x.bias, f"({slice_formula(x)} + 1)·{x.filters}")),
    Fault("filters-left-out", CONV, "this counts one filter; the layer has as many as it has output channels",
            lambda x: with_bias(x, slice_formula(x)).strip("()")),
    Fault("kernel-side-not-squared", CONV, "a kernel has height times width weights; here its side is taken once",
            lambda x: f"{with_bias(x, f'{x.kernel[0]}·{x.input_channels // x.groups}')}·{x.filters}"),
    Fault("groups-ignored", CONV, "with groups each filter sees only its group's input channels; here it sees all",
            lambda x: when(x.groups > 1, f"{with_bias(x, f'{window(x)}·{x.input_channels}')}·{x.filters}")),
    Fault("bias-counted-twice", CONV, "each filter has one bias; here it has two",
            lambda x: f"({slice_formula(x)} + 2)·{x.filters}"),
    Fault("bias-for-every-input-channel", CONV, "a filter has one bias, however many input channels it runs over",
            lambda x: f"({window(x)} + 1)·{x.input_channels // x.groups}·{x.filters}"),
    Fault("weights-at-every-position", CONV, "the weights are shared by all positions; here each has its own",
            lambda x: f"{with_bias(x, slice_formula(x))}·{x.filters}·{positions(x)}"),
    Fault("weights-at-every-position", CONV, "the weights are shared by all positions; here each has its own",
            lambda x: f"{slice_formula(x)}·{x.filters}·{positions(x)}"),
    Fault("input-channels-left-out", CONV, "each filter also runs over all input channels; biases are missing too",
            lambda x: f"{window(x)}·{x.filters}"),
    Fault("input-channels-left-out", CONV, "each filter runs over all input channels and has its own bias",
            lambda x: f"{window(x)}·{x.filters} + 1"),
    Fault("kernel-side-not-squared", CONV, "a kernel has height times width weights; the biases are left out as well",
            lambda x: f"{x.kernel[0]}·{x.input_channels // x.groups}·{x.filters}"),
    Fault("filters-left-out", CONV, "this counts one filter, and not its bias",
            slice_formula),
    Fault("joined-operation-left-out", (*CONV, "dense"), "the row also lists an operation with parameters of its own",
            lambda x: when(x.joined, own_parameters(x))),
    # dense layers
    Fault("one-bias-for-the-layer", DENSE, "every unit has a bias of its own; here the whole layer has one",
            lambda x: f"{x.features}·{x.channels} + 1"),
    Fault("bias-left-out", DENSE, "every unit has a bias as well; here it is left out",
            lambda x: when(x.bias, f"{x.features}·{x.channels}")),
    Fault("bias-though-there-is-none", DENSE, "this layer has no bias; here each unit is given one",
            lambda x: when(not x.bias, f"({x.features} + 1)·{x.channels}")),
    Fault("bias-counted-twice", DENSE, "each unit has one bias; here it has two",
            lambda x: f"({x.features} + 2)·{x.channels}"),
    Fault("bias-for-every-input", DENSE, "there is a bias for every output, not for every input",
            lambda x: f"{x.features}·({x.channels} + 1)"),
    *(Fault("flatten-mistaken", DENSE, sentence, formula) for sentence, flat in FLATTENED for formula in (
        lambda x, flat=flat: when(is_map(x), f"{with_bias(x, flat(x))}·{x.channels}"),
        lambda x, flat=flat: when(is_map(x), f"{flat(x)}·{x.channels} + 1"),
        lambda x, flat=flat: when(is_map(x), f"{flat(x)}·{x.channels}"),
    )),
    Fault("filters-left-out", DENSE, "this counts the weights of one unit; the layer has many",
            lambda x: with_bias(x, str(x.features)).strip("()")),
    Fault("sum-for-product", DENSE, "every input is joined with every output: a product, not a sum",
            lambda x: f"{x.features} + {x.channels}"),
    # layers with few or no parameters
    Fault("statistics-counted-as-parameters", ("norm",), "mean and variance are buffers; scale and shift are trained",
            lambda x: when(x.norm_numbers == 2, f"4·{x.input_channels}")),
    Fault("statistics-left-out", ("norm",), "this printout counts the running mean and variance as well",
            lambda x: when(x.norm_numbers == 4, f"2·{x.input_channels}")),
    Fault("bias-left-out", ("norm",), "a norm has a scale and a shift for each channel; here one of them is left out",
            lambda x: f"{x.input_channels}"),
    Fault("norm-at-every-position", ("norm",), "scale and shift are shared by all positions of a channel",
            lambda x: f"2·{size_formula(x)}"),
    *(Fault("pooling-given-parameters", POOLING, POOLING_LEARNS_NOTHING, formula) for formula in (
        lambda x: f"({window(x)} + 1)·{x.input_channels}",
        lambda x: f"{window(x)}·{x.input_channels}",
        lambda x: f"{window(x)}·{x.input_channels} + 1",
        lambda x: f"({window(x)}·{x.input_channels} + 1)·{x.input_channels}",
        lambda x: f"{window(x)}·{x.input_channels}·{x.input_channels}",
        lambda x: f"{window(x)} + 1",
        window,
        lambda x: f"2·{x.input_channels}",
        lambda x: f"{x.input_channels}",
    )),
    *(Fault("parameters-where-there-are-none", COUNTED_NOTHING, "this layer learns nothing", formula) for formula in (
        lambda x: f"2·{x.input_channels}",
        lambda x: f"{x.input_channels}",
        size_formula,
    )),
)  # fmt: skip

MACS_MISTAKES: tuple[Fault, ...] = (
    Fault("flops-for-macs", (*CONV, "dense"), "a multiply-accumulate is two operations; these are FLOPs",
            lambda x: f"2·{macs_formula(x)}"),
    Fault("bias-counted-in-macs", CONV, "adding a bias is no multiply-accumulate",
            lambda x: when(x.bias, f"({slice_formula(x)} + 1)·{x.filters}·{positions(x)}")),
    Fault("bias-counted-in-macs", DENSE, "adding a bias is no multiply-accumulate",
            lambda x: when(x.bias, f"({x.features} + 1)·{x.channels}")),
    Fault("flops-for-macs", CONV, "these are FLOPs, the additions of the biases among them",
            lambda x: when(x.bias, f"(2·{slice_formula(x)} + 1)·{x.filters}·{positions(x)}")),
    Fault("flops-for-macs", DENSE, "these are FLOPs, the additions of the biases among them",
            lambda x: when(x.bias, f"(2·{x.features} + 1)·{x.channels}")),
    Fault("positions-left-out", CONV, "each filter is applied at every position of the output",
            lambda x: f"{slice_formula(x)}·{x.filters}"),
    Fault("positions-left-out", CONV, "these are the parameters; each filter is applied at every position",
            parameter_formula),
    Fault("input-channels-left-out", CONV, "each filter also runs over all input channels; here it has only one",
            lambda x: f"{window(x)}·{x.filters}·{positions(x)}"),
    Fault("filters-left-out", CONV, "this counts one filter; the layer has as many as it has output channels",
            lambda x: f"{slice_formula(x)}·{positions(x)}"),
    Fault("kernel-side-not-squared", CONV, "a kernel has height times width weights; here its side is taken once",
            lambda x: f"{x.kernel[0]}·{x.input_channels // x.groups}·{x.filters}·{positions(x)}"),
    Fault("groups-ignored", CONV, "with groups each filter sees only its group's input channels; here it sees all",
            lambda x: when(x.groups > 1, f"{window(x)}·{x.input_channels}·{x.filters}·{positions(x)}")),
    Fault("stride-or-padding-ignored", CONV, "a filter is applied at the output's positions, not at the input's",
            lambda x: f"{slice_formula(x)}·{x.filters}·{x.input_side[0]}·{x.input_side[1]}"),
    Fault("macs-halved", (*CONV, "dense"), "these are half the multiply-accumulates",
            lambda x: f"{macs_formula(x)}/2"),
    Fault("pooling-given-macs", POOLING, "comparing or averaging is no multiply-accumulate",
            lambda x: f"{window(x)}·{size_formula(x)}"),
    Fault("macs-where-there-are-none", (*COUNTED_NOTHING, "norm", *POOLING), "no weight is multiplied here",
            size_formula),
    Fault("macs-where-there-are-none", ("norm",), "no weight is multiplied here",
            lambda x: f"2·{size_formula(x)}"),
)  # fmt: skip


MAPS = (*WINDOWED, "input", "norm", "activation", "addition")
SIZE_MISTAKES: tuple[Fault, ...] = (
    Fault("channels-left-out", MAPS, "the size counts every channel; here one",
            lambda x: when(len(x.output) == 3, positions(x))),
    Fault("side-not-squared", MAPS, "a feature map has height times width values",
            lambda x: when(len(x.output) == 3, f"{x.output_side[0]}·{x.filters}")),
    Fault("input-for-output", (*WINDOWED, *DENSE, "global pooling"), "this is the input's size, not the output's",
            lambda x: "·".join(str(extent) for extent in (*x.input[1:], x.input[0]))),
    Fault("input-channels-for-filters", WINDOWED, "the output has a channel for each filter",
            lambda x: when(x.kind != "pooling", f"{positions(x)}·{x.input_channels}")),
    Fault("sum-for-product", (*WINDOWED, "input"), "the size is the product of the extents, not their sum",
            lambda x: when(len(x.output) == 3, f"{x.output_side[0]} + {x.output_side[1]} + {x.filters}")),
    Fault("bytes-for-values", (*MAPS, "dense"), "these are the bytes of 32-bit values",
            lambda x: f"4·{size_formula(x)}"),
)  # fmt: skip


def sides(x: LayerSpec, template: str) -> tuple[str, ...]:
    """Return a shape whose sides follow a template of input side {n}, padding {p}, window length {k} and stride {s}."""
    texts = [
        template.format(n=x.input_side[axis], p=padding_of(x, axis), k=window_length(x, axis), s=x.stride[axis])
        for axis in (0, 1)
    ]
    return (str(x.filters), *texts)


def padding_of(x: LayerSpec, axis: int) -> str:
    return f"({window_length(x, axis)} − 1)/2" if x.same else str(x.padding[axis])


def with_channels(x: LayerSpec, channels: str) -> tuple[str, ...]:
    return (channels, *output_formulas(x)[1:])


SHAPE_MISTAKES: tuple[ShapeFault, ...] = (
    ShapeFault("stride-ignored", WINDOWED, "the window moves by its stride; here it moves by one",
                 lambda x: sides(x, "{n} + 2·{p} − {k} + 1") if max(x.stride) > 1 else None),
    ShapeFault("padding-ignored", WINDOWED, "the padding on both sides belongs to the length; here it is left out",
                 lambda x: sides(x, "⌊({n} − {k})/{s}⌋ + 1") if x.same or max(x.padding) > 0 else None),
    ShapeFault("padding-ignored", WINDOWED, "padding is added on both sides; here on one",
                 lambda x: sides(x, "⌊({n} + {p} − {k})/{s}⌋ + 1") if x.same or max(x.padding) > 0 else None),
    ShapeFault("rounded-up", WINDOWED, "a window that does not fit is left out: rounded down",
                 lambda x: None if x.rounds_up else sides(x, "⌈({n} + 2·{p} − {k})/{s}⌉ + 1")),
    ShapeFault("rounded-down", WINDOWED, "with ceil mode the last window counts, even where it hangs over",
                 lambda x: sides(x, "⌊({n} + 2·{p} − {k})/{s}⌋ + 1") if x.rounds_up or x.same else None),
    ShapeFault("plus-one-left-out", WINDOWED, "the window's first position counts too: + 1",
                 lambda x: sides(x, "⌊({n} + 2·{p} − {k})/{s}⌋")),
    ShapeFault("kernel-ignored", WINDOWED, "without padding a window shortens the sides",
                 lambda x: sides(x, "⌊({n} − 1)/{s}⌋ + 1")),
    ShapeFault("kernel-ignored", WINDOWED, "the stride alone does not tell the length",
                 lambda x: sides(x, "⌊{n}/{s}⌋")),
    ShapeFault("channels-kept", CONV, "the output has a channel for each filter",
                 lambda x: with_channels(x, str(x.input_channels))),
    ShapeFault("channels-multiplied", CONV, "a filter sums over the input channels: one output channel each",
                 lambda x: with_channels(x, f"{x.input_channels}·{x.filters}")),
    ShapeFault("channels-reduced-by-pooling", ("pooling",), "pooling keeps the number of channels",
                 lambda x: with_channels(x, f"⌊{x.input_channels}/{x.stride[0]}⌋")),
    ShapeFault("input-for-output", (*WINDOWED, *DENSE, "global pooling", "flatten"), "this is the input's shape",
                 lambda x: tuple(str(extent) for extent in x.input)),
    ShapeFault("flatten-mistaken", ("flatten",), "flattening keeps every channel",
                 lambda x: (f"{x.input_side[0]}·{x.input_side[1]}",) if is_map(x) else None),
    ShapeFault("flatten-mistaken", ("flatten",), "flattening keeps height times width times channels",
                 lambda x: (f"{x.input_side[0]}·{x.input_channels}",) if is_map(x) else None),
    ShapeFault("flatten-mistaken", ("flatten",), "flattening keeps every position",
                 lambda x: (f"{x.input_channels}",) if is_map(x) else None),
)  # fmt: skip


def one_digit_differs(claimed: int, correct: int) -> bool:
    one, other = str(claimed), str(correct)
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def neighbours_exchanged(claimed: int, correct: int) -> bool:
    one, other = str(claimed), str(correct)
    return len(one) == len(other) and any(
        other[:i] + other[i + 1] + other[i] + other[i + 2 :] == one for i in range(len(other) - 1)
    )


def sign_wrong(claimed: int, correct: int) -> bool:
    return claimed == -correct


def carry_lost(claimed: int, correct: int) -> bool:
    """Return whether the numbers differ by one digit times a power of ten: a carry forgotten, or added twice."""
    difference = abs(claimed - correct)
    return difference >= 10 and difference % 10 ** (len(str(difference)) - 1) == 0


def zero_lost(claimed: int, correct: int) -> bool:
    return any(claimed * power == correct or claimed == correct * power for power in (10, 100, 1000))


def digit_lost(claimed: int, correct: int) -> bool:
    short, long = sorted((str(claimed), str(correct)), key=len)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


SLIPS: tuple[Slip, ...] = (
    Slip("digits-exchanged", "two neighbouring digits are exchanged", neighbours_exchanged),
    Slip("sign-wrong", "the sign is wrong: a count is not negative", sign_wrong),
    Slip("digit-wrong", "one digit is wrong", one_digit_differs),
    Slip("carry-lost", "a carry is lost or added twice", carry_lost),
    Slip("zero-slip", "zeros at the end are lost or added", zero_lost),
    Slip("digit-lost", "a digit is lost or added", digit_lost),
)
MISTAKES: dict[Quantity, tuple[Fault, ...]] = {
    "parameters": PARAMETER_MISTAKES,
    "macs": MACS_MISTAKES,
    "activation_size": SIZE_MISTAKES,
}


@dataclass(frozen=True)
class NamedMistake:
    """A mistake that gives exactly the claimed number: its identifier, a sentence, and its formula."""

    mistake: str
    sentence: str
    formula: str = ""


def number_mistakes(layer: LayerSpec, quantity: Quantity) -> Iterator[tuple[NamedMistake, Fraction]]:
    """Yield every possible mistake in a number, with the value that it gives."""
    for mistake in MISTAKES[quantity]:
        if layer.kind in mistake.kinds and (formula := mistake.formula(layer)) is not None:
            value = value_of(formula)
            if value.denominator == 1:
                text = formula if formula.isdigit() else f"{formula} = {int(value):,}"
                yield NamedMistake(mistake.name, mistake.sentence, text), value


def shape_mistakes(layer: LayerSpec) -> Iterator[tuple[NamedMistake, Shape]]:
    """Yield every possible mistake in a shape, with the shape that it gives."""
    for mistake in SHAPE_MISTAKES:
        if layer.kind in mistake.kinds and (formulas := mistake.formula(layer)) is not None:
            values = [value_of(formula) for formula in formulas]
            if all(value.denominator == 1 and value > 0 for value in values):
                text = ", ".join(dict.fromkeys(formulas[1:] if len(formulas) == 3 else formulas))
                text = formulas[0] if len(formulas) == 3 and mistake.name.startswith("channels") else text
                yield NamedMistake(mistake.name, mistake.sentence, text), tuple(int(value) for value in values)


PRODUCT_SLIPS = {"digit-wrong": "one digit of the product is wrong", "carry-lost": "a carry is lost in the product"}


def slips(claimed: int, correct: int, *, product: bool = False) -> Iterator[NamedMistake]:
    """Yield the slips of the pen or of arithmetic between two numbers; those of a product are named so."""
    for slip in SLIPS:
        comparable = claimed >= 0 or slip.name == "sign-wrong"
        if correct and comparable and slip.made(claimed, correct):
            if product and slip.name in PRODUCT_SLIPS:
                yield NamedMistake("product-slip", PRODUCT_SLIPS[slip.name])
            else:
                yield NamedMistake(slip.name, slip.sentence)
