"""Conventions of a whole table that its cells imply: biases, running statistics, FLOPs, and defaults of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from convstudy.claims.checking.arithmetic import value_of
from convstudy.claims.checking.layer import WITH_CHANNELS, LayerSpec, macs_formula, own_parameters, parameter_formula
from convstudy.claims.columns import counts_operations
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.layer_text import POOLS, LayerText
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.table import ClaimedRow, ClaimedTable

DEFAULTS = ("padding", "stride", "groups")
FEWEST_ROWS = 2  # rows that make a convention of the table out of what would be a mistake of one cell


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """How a table counts.

    `bias_free` are the kinds of layers counted without biases, `norm_numbers` the numbers per channel of a norm (None:
    the usual), `macs_text` how the MACs column counts. `stated` are settings that some rows state, so that the others
    have the default. `lists_pooling` says whether the table has pooling rows,
    `counts_operations` whether its MACs column is headed FLOPs.
    """

    bias_free: frozenset[LayerKind] = frozenset()
    norm_numbers: int | None = None
    macs: str = "macs"
    stated: frozenset[str] = frozenset()
    lists_pooling: bool = True
    from_tool: bool = False
    batch_size: int = 1
    counts_operations: bool = False

    def bias_of(self, text: LayerText, kind: str) -> bool | None:
        """Return whether a layer has a bias: stated, by convention, or None if unknown."""
        if text.bias is not None:
            return text.bias
        return False if kind in self.bias_free else None


MACS_READINGS: dict[str, Callable[[LayerSpec, int], str]] = {
    "macs": lambda layer, _: macs_formula(layer),
    "macs and biases": lambda layer, _: with_biases(layer),
    "operations": lambda layer, _: f"2·{macs_formula(layer)}",
    "operations and biases": lambda layer, _: f"2·{macs_formula(layer)} + {biases_added(layer)}",
    "operations without the first addition": lambda layer, _: f"2·{macs_formula(layer)} − {values_of(layer)}",
    "macs of the batch": lambda layer, batch: f"{batch}·{macs_formula(layer)}",
    "macs and biases of the batch": lambda layer, batch: f"{batch}·{with_biases(layer)}",
    "weights used": lambda layer, batch: f"{batch}·{weights_used(layer)}",
}
READ_AS = {
    "macs and biases": "multiply-accumulates and the additions of the biases",
    "operations": "floating-point operations, two per multiply-accumulate",
    "operations and biases": "floating-point operations, with the additions of the biases",
    "operations without the first addition": "floating-point operations, one addition fewer than products per value",
    "macs of the batch": "multiply-accumulates of the whole batch",
    "macs and biases of the batch": "multiply-accumulates and biases of the whole batch",
    "weights used": "weights and biases, at every position of a convolution and once for a dense layer, for the batch",
}


def values_of(layer: LayerSpec) -> str:
    height, width = layer.output_side
    places = 1
    if layer.kind == LayerKind.DENSE and layer.pointwise_axis is not None:
        for extent in layer.own_output:
            places *= extent
        places //= layer.channels or 1
    return f"{layer.filters}·{height}·{width}" if height * width > 1 else f"{layer.filters * places}"


def biases_added(layer: LayerSpec) -> str:
    return values_of(layer) if layer.bias else "0"


def with_biases(layer: LayerSpec) -> str:
    return f"({macs_formula(layer)} + {biases_added(layer)})"


def weights_used(layer: LayerSpec) -> str:
    """Return torchinfo's count of a layer: its parameters, times the positions if it is a convolution."""
    return f"({own_parameters(layer)})" if layer.kind == LayerKind.DENSE else with_biases(layer)


def stated_settings(table: ClaimedTable) -> frozenset[str]:
    """Return the settings that a hand-written table states for some of its windows."""
    if table.printed_by is not None:
        return frozenset()
    texts = [row.layer for row in table.rows if row.layer.kind not in POOLS]
    return frozenset(name for name in DEFAULTS if any(getattr(text, name) is not None for text in texts))


def first_conventions(table: ClaimedTable) -> Conventions:
    """Return the conventions that the labels and the printer imply."""
    return Conventions(
        stated=stated_settings(table),
        lists_pooling=any(row.layer.kind in POOLS or row.layer.joined for row in table.rows),
        from_tool=table.printed_by not in {None, "model", "cs231n", "caffe"},
        batch_size=table.batch_size or 1,
        counts_operations=counts_operations(table.columns.get("macs", "")),
    )


Pair = tuple[ClaimedRow, LayerSpec]


def implied_conventions(
    table: ClaimedTable, first: Conventions, pairs: Sequence[Pair]
) -> tuple[Conventions, list[str]]:
    """Return the conventions that most explain the claims of the described layers, and a remark for each."""
    found, notes = first, []
    kinds = bias_free_kinds(table, pairs)
    if kinds:
        found = replace(found, bias_free=kinds)
        names = "all layers" if LayerKind.DENSE in kinds and len(kinds) > 1 else " and ".join(sorted(kinds))
        notes.append(f"the parameters are counted without biases ({names}); with biases they would be larger")
    if counts_statistics(table, pairs):
        found = replace(found, norm_numbers=4)
        notes.append("the norms are counted with their running mean and variance, four numbers per channel")
    pairs = [(row, replace(layer, bias=layer.bias and layer.kind not in kinds)) for row, layer in pairs]
    macs = macs_convention(table, pairs, found.batch_size)
    if macs != "macs":
        found = replace(found, macs=macs)
        notes.append(f"the column {table.columns['macs']!r} is read as {READ_AS[macs]}")
    return found, notes


def bias_free_kinds(table: ClaimedTable, pairs: Sequence[Pair]) -> frozenset[LayerKind]:
    """Return the kinds of layers that are counted without biases throughout, though none is stated to lack them."""
    if table.printed_by is not None and table.printed_by != "cs231n":
        return frozenset()
    claims = [
        (LayerKind(layer.kind), biases)
        for row, layer in pairs
        if layer.kind in WITH_CHANNELS and row.layer.bias is None and (biases := biases_in(row, layer)) is not None
    ]
    if throughout([biases for _, biases in claims]):
        return frozenset(kind for kind in WITH_CHANNELS)
    dense = [biases for kind, biases in claims if kind == LayerKind.DENSE]
    windows = [biases for kind, biases in claims if kind != LayerKind.DENSE]
    found = frozenset[LayerKind]()
    if throughout(windows):
        found |= frozenset(kind for kind in WITH_CHANNELS if kind != LayerKind.DENSE)
    if len(dense) > FEWEST_ROWS and throughout(dense):
        found |= {LayerKind.DENSE}
    return found


def throughout(claims: Sequence[str]) -> bool:
    """Return whether at least two claims and most of them leave the biases out, and none counts them."""
    free = claims.count("without")
    return free >= FEWEST_ROWS and "with" not in claims and free > len(claims) - free


def biases_in(row: ClaimedRow, layer: LayerSpec) -> str | None:
    """Return whether the claimed parameters are those with biases, without, or neither; None without an exact claim."""
    counted = row.numbers.get("parameters")
    if counted is None or not counted.exact or counted.value == 0:
        return None
    for name, bias in (("without", False), ("with", True)):
        if counted.admits(value_of(parameter_formula(replace(layer, bias=bias)))):
            return name
    return "neither"


def counts_statistics(table: ClaimedTable, pairs: Sequence[Pair]) -> bool:
    """Return whether every norm of a hand-written table has four numbers per channel."""
    if table.printed_by is not None:
        return False
    norms = [
        row.numbers["parameters"].admits(4 * layer.input_channels)
        for row, layer in pairs
        if layer.kind == LayerKind.NORM and "parameters" in row.numbers
    ]
    return len(norms) >= FEWEST_ROWS and all(norms)


def macs_convention(table: ClaimedTable, pairs: Sequence[Pair], batch: int) -> str:
    """Return the reading of the MACs column under which most of its claims hold; a plain count of MACs at a tie."""
    header = table.columns.get("macs")
    claims = [
        (row.numbers["macs"], layer)
        for row, layer in pairs
        if "macs" in row.numbers and row.numbers["macs"].value and layer.kind in WITH_CHANNELS
    ]
    if header is None or not claims:
        return "macs"
    readings = [*readings_of(header, table, batch)]
    held = {name: sum(holds(number, layer, name, batch) for number, layer in claims) for name in readings}
    best = max(readings, key=held.__getitem__)
    alone = len(claims) < FEWEST_ROWS and not counts_operations(header) and table.printed_by is None
    return "macs" if alone or held[best] <= max(held["macs"], len(claims) / 2) else best


def readings_of(header: str, table: ClaimedTable, batch: int) -> Iterator[str]:
    """Yield the readings that a header leaves open: only FLOPs may be two per multiply-accumulate."""
    yield "macs"
    if counts_operations(header):
        yield from ("operations", "operations and biases", "macs and biases", "operations without the first addition")
    elif table.printed_by is not None:
        yield "macs and biases"
        if table.printed_by == "torchinfo":
            yield "weights used"
        if batch > 1:
            yield from ("macs of the batch", "macs and biases of the batch")


def holds(number: PrintedNumber, layer: LayerSpec, reading: str, batch: int) -> bool:
    value: Fraction = value_of(MACS_READINGS[reading](layer, batch))
    return number.holds(value)


def macs_text(layer: LayerSpec, conventions: Conventions) -> str:
    """Return the formula of a layer's entry in the MACs column."""
    plain = macs_formula(layer)
    return plain if plain == "0" else MACS_READINGS[conventions.macs](layer, conventions.batch_size)
