"""A claimed table's rows beside a model's layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Protocol

from convstudy.analysis.checking.describe import DescribedNetwork, describe, same_shape
from convstudy.analysis.checking.facts import SUMMED, Facts, Value, facts_of_layer
from convstudy.claims.layer_text import LayerText, kind_of
from convstudy.claims.printed_number import PrintedNumber, read_number
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedRow, ClaimedTable, Quantity


class ModelRow(Protocol):
    """What the check needs of a row of a counted model; shapes are channels first, without the batch."""

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
    """Every claimed row's facts, from the model's layer that it stands for; and the rows that stand for none."""
    network = describe(table_of_model(table, model_rows))
    matches = matched(table, model_rows)
    facts, notes, last = [], [], None
    for number, row in enumerate(table.rows):
        inputs = () if last is None else (last,)
        if row.layer.kind == "total":
            facts.append(Facts(row, None, {quantity: total_of(model_rows, quantity) for quantity in SUMMED},
                               dict.fromkeys(SUMMED, "the sum of the model's layers")))  # fmt: skip
            continue
        if matches[number]:
            facts.append(facts_of_match(row, network, matches[number], model_rows, inputs))
        else:
            given = row.layer.kind == "input" and row.shape is not None
            facts.append(Facts(row, None, {"activation_size": prod(row.shape or ()), "parameters": 0} if given else {}))
            notes += [] if given else [f"{row.label}: no layer of the model stands for this row"]
        last = number
    paired = [f"{row.label} is {model_rows[matches[n][-1]].path}" for n, row in enumerate(table.rows) if matches[n]]
    return network, facts, (*paired, *notes)


def total_of(model_rows: Sequence[ModelRow], quantity: Quantity) -> int:
    return sum(int(getattr(row, quantity)) for row in model_rows)


def facts_of_match(
    row: ClaimedRow, network: DescribedNetwork, match: range, model_rows: Sequence[ModelRow], inputs: tuple[int, ...]
) -> Facts:
    """The model's numbers; the formula is said where it gives the model's number."""
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
    """The model's rows as a table that claims what is right: what its layers leave unsaid is inferred from it."""
    given = next((row.shape for row in table.rows if row.layer.kind == "input"), None)
    rows = [row_of_model(row) for row in model_rows]
    rows[0] = replace(rows[0], input_shape=rows[0].input_shape or given)
    return ClaimedTable(table.source, tuple(rows), {}, table.layout, "model")


def row_of_model(row: ModelRow) -> ClaimedRow:
    numbers = {quantity: read_number(str(getattr(row, quantity))) for quantity in SUMMED}
    known: dict[str, PrintedNumber] = {quantity: number for quantity, number in numbers.items() if number is not None}
    fed = [tuple(shape) for shape in getattr(row, "input_shapes", ())]  # as the accounting says
    kind = LayerText(kind_of(row.kind.lower()))
    return ClaimedRow(row.path, kind, tuple(row.output_shape), fed[0] if fed else None, known)


def matched(table: ClaimedTable, model_rows: Sequence[ModelRow]) -> list[range]:
    """The model's rows that each claimed row stands for: a named block, or a layer, in order."""
    blocks = [block_named(row, model_rows) for row in table.rows]
    single = [n for n, row in enumerate(table.rows) if not blocks[n] and row.layer.kind != "total"]
    kinds = [kind_of(row.kind.lower()) for row in model_rows]
    pairs = list(zip(model_rows, kinds, strict=True))
    for number, other in aligned([[likeness(table.rows[n], row, kind) for row, kind in pairs] for n in single]):
        blocks[single[number]] = range(other, other + 1)
    return blocks


def block_named(row: ClaimedRow, model_rows: Sequence[ModelRow]) -> range:
    """The rows below a module that the label names, `layer1` or `inception3a`; empty where it names none."""
    name = words(row.label)[:1]
    inside = [n for n, other in enumerate(model_rows) if name and other.path.lower().startswith(f"{name[0]}.")]
    return range(inside[0], inside[-1] + 1) if inside and len(inside) == inside[-1] + 1 - inside[0] else range(0)


def words(label: str) -> list[str]:
    return re.findall(r"[a-z_][\w.]*\w|[a-z]", label.lower())


def likeness(row: ClaimedRow, model_row: ModelRow, kind: str) -> int:
    """How well a claimed row and a model's layer go together; 0 where they cannot."""
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
    """The pairs, both in order, of the greatest sum of scores (Needleman & Wunsch 1970, gaps free)."""
    width = len(scores[0]) if scores else 0
    best = [[0] * (width + 1) for _ in range(len(scores) + 1)]
    for row in range(len(scores) - 1, -1, -1):
        for column in range(width - 1, -1, -1):
            score = scores[row][column]
            pair = score + best[row + 1][column + 1] if score else 0
            best[row][column] = max(pair, best[row + 1][column], best[row][column + 1])
    pairs, row, column = [], 0, 0
    while row < len(scores) and column < width:
        score = scores[row][column]
        if score and best[row][column] == score + best[row + 1][column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs
