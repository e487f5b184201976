"""The rows of a claimed table, matched to the layers of a model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Protocol

from convstudy.claims.checking.describe import DescribedNetwork, describe
from convstudy.claims.checking.facts import SUMMED, Facts, Value, facts_of_layer
from convstudy.claims.layer_kind import kind_of
from convstudy.claims.layer_text import LayerText
from convstudy.claims.printed_number import PrintedNumber, read_number
from convstudy.claims.printed_shape import Shape, same_shape
from convstudy.claims.table import ClaimedRow, ClaimedTable, Quantity


class ModelRow(Protocol):
    """The attributes that the check needs of a row of a counted model; shapes are channels first, without the batch."""

    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def output_shape(self) -> Shape: ...
    @property
    def activation_size(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...


ALIKE = (
    {"dense", "softmax"},
    {"pooling", "global pooling", "adaptive pooling"},
    {"convolution", "depthwise convolution"},
)


def facts_of_model(
    table: ClaimedTable, model_rows: Sequence[ModelRow]
) -> tuple[DescribedNetwork, list[Facts], tuple[str, ...]]:
    """Return every claimed row's facts from the matching layer of the model, and notes on rows without one."""
    network = describe(table_of_model(table, model_rows))
    matches = matched(table, model_rows)
    facts: list[Facts] = []
    unmatched: list[str] = []
    above: tuple[int, ...] = ()
    for number, row in enumerate(table.rows):
        if row.layer.kind == "total":
            facts.append(total_of(row, model_rows))
            continue
        if matches[number]:
            facts.append(facts_of_match(row, network, matches[number], model_rows, above))
        elif row.layer.kind == "input" and row.shape:
            facts.append(Facts(row, None, {"activation_size": prod(row.shape), "parameters": 0}))
        else:
            facts.append(Facts(row, None))
            unmatched.append(f"{row.label}: no layer of the model stands for this row")
        above = (number,)
    paired = [f"{row.label} is {model_rows[matches[n][-1]].path}" for n, row in enumerate(table.rows) if matches[n]]
    return network, facts, (*paired, *unmatched)


def total_of(row: ClaimedRow, model_rows: Sequence[ModelRow]) -> Facts:
    sums = {quantity: sum(int(getattr(layer, quantity)) for layer in model_rows) for quantity in SUMMED}
    return Facts(row, None, {**sums}, dict.fromkeys(sums, "the sum of the model's layers"))


def facts_of_match(
    row: ClaimedRow, network: DescribedNetwork, match: range, model_rows: Sequence[ModelRow], inputs: tuple[int, ...]
) -> Facts:
    """Return the model's numbers, with a formula if it gives the same number."""
    block = [model_rows[number] for number in match]
    shape = tuple(block[-1].output_shape)
    correct: dict[Quantity, Value] = {
        "output_shape": shape,
        "activation_size": prod(shape),
        "parameters": sum(layer.parameters for layer in block),
        "macs": sum(layer.macs for layer in block),
    }
    layer = network.rows[match[-1]].layer if len(block) == 1 else None
    formulas: dict[Quantity, str] = {"activation_size": "·".join(str(extent) for extent in (*shape[1:], shape[0]))}
    if layer is not None:
        values, texts = facts_of_layer(layer)
        formulas |= {quantity: text for quantity, text in texts.items() if values[quantity] == correct[quantity]}
    return Facts(row, layer, correct, formulas, inputs, described=match[-1] if layer else None)


def table_of_model(table: ClaimedTable, model_rows: Sequence[ModelRow]) -> ClaimedTable:
    """Return the model's rows as a table of right claims, from which unstated settings are inferred."""
    given = next((row.shape for row in table.rows if row.layer.kind == "input"), None)
    first, *others = (row_of_model(row) for row in model_rows)
    return replace(table, rows=(replace(first, input_shape=first.input_shape or given), *others), printed_by="model")


def row_of_model(row: ModelRow) -> ClaimedRow:
    numbers: dict[str, PrintedNumber] = {
        quantity: number for quantity in SUMMED if (number := read_number(str(getattr(row, quantity))))
    }
    fed = next(iter(getattr(row, "input_shapes", ())), None)  # as the accounting says
    return ClaimedRow(row.path, LayerText(kind_of(row.kind.lower())), tuple(row.output_shape), fed, numbers)


def matched(table: ClaimedTable, model_rows: Sequence[ModelRow]) -> list[range]:
    """Return the model's rows that each claimed row stands for: a named block, or a layer, in order."""
    blocks = [block_named(row, model_rows) for row in table.rows]
    single = [n for n, row in enumerate(table.rows) if not blocks[n] and row.layer.kind != "total"]
    pairs = [(row, kind_of(row.kind.lower())) for row in model_rows]
    for number, other in aligned([[likeness(table.rows[n], row, kind) for row, kind in pairs] for n in single]):
        blocks[single[number]] = range(other, other + 1)
    return blocks


def block_named(row: ClaimedRow, model_rows: Sequence[ModelRow]) -> range:
    """Return the rows of a module that the label names, `layer1` or `inception3a`; empty if it names none."""
    name = next(iter(words(row.label)), None)
    inside = [n for n, other in enumerate(model_rows) if name and other.path.lower().startswith(f"{name}.")]
    return range(inside[0], inside[-1] + 1) if inside and len(inside) == inside[-1] + 1 - inside[0] else range(0)


def words(label: str) -> list[str]:
    return re.findall(r"[a-z_][\w.]*\w|[a-z]", label.lower())


def likeness(row: ClaimedRow, model_row: ModelRow, kind: str) -> int:
    """Return how well a claimed row and a model's layer match; 0 if they cannot."""
    path = model_row.path.lower()
    named = bool({path, path.rpartition(".")[2]} & set(words(row.label)))
    claimed = row.layer.kind
    alike = claimed == kind or any({claimed, kind} <= group for group in ALIKE)
    if not alike and not (named and "other" in {claimed, kind}):
        return 0
    counted = row.numbers.get("parameters")
    score = 4 * named + 2 * alike + (claimed == kind)
    score += 2 * (row.shape is not None and same_shape(row.shape, tuple(model_row.output_shape)))
    score += 2 * (counted is not None and counted.admits(model_row.parameters))
    return score + 2 * (counted is not None and (counted.value != 0) == (model_row.parameters != 0))


def aligned(scores: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the pairs with the greatest sum of scores, in order (Needleman & Wunsch 1970, free gaps)."""
    best: defaultdict[tuple[int, int], int] = defaultdict(int)  # of the scores from a row and a column on
    for row in reversed(range(len(scores))):
        for column in reversed(range(len(scores[row]))):
            pair = scores[row][column] + best[row + 1, column + 1]
            best[row, column] = max(pair, best[row + 1, column], best[row, column + 1])
    pairs, row, column = [], 0, 0
    while row < len(scores) and column < len(scores[row]):
        score = scores[row][column]
        if score and best[row, column] == score + best[row + 1, column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row, column] == best[row + 1, column]:
            row += 1
        else:
            column += 1
    return pairs
