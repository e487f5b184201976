"""Two layer tables, compared layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from convstudy.analysis.table import LayerRow, LayerTable, Totals

if TYPE_CHECKING:
    import pandas as pd

COMPARED = ("kind", "output_shape", "activation_size", "parameters", "macs")


@dataclass(frozen=True)
class LayerDifference:
    """A layer of one table and its counterpart in the other; None if there is no counterpart."""

    a: LayerRow | None
    b: LayerRow | None

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the columns in which the two layers differ; all columns if one of them is missing."""
        if self.a is None or self.b is None:
            return COMPARED
        return tuple(name for name in COMPARED if getattr(self.a, name) != getattr(self.b, name))

    @property
    def parameters(self) -> int:
        """Return the parameters of b minus those of a."""
        return (self.b.parameters if self.b else 0) - (self.a.parameters if self.a else 0)

    @property
    def macs(self) -> int:
        """Return the MACs of b minus those of a."""
        return (self.b.macs if self.b else 0) - (self.a.macs if self.a else 0)


@dataclass(frozen=True)
class TableDifference:
    """The layers of both tables in order, and both totals."""

    layers: tuple[LayerDifference, ...]
    a: Totals
    b: Totals

    @property
    def changes(self) -> tuple[LayerDifference, ...]:
        """Return the layers that differ."""
        return tuple(layer for layer in self.layers if layer.changed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the layers that differ, the number of unchanged layers, and both totals."""
        return {
            "changes": [
                {"a": _told(layer.a), "b": _told(layer.b), "changed": list(layer.changed)} for layer in self.changes
            ],
            "same": len(self.layers) - len(self.changes),
            "totals": {"a": asdict(self.a), "b": asdict(self.b)},
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per differing layer: its path, how it differs, and the increase from a to b."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame([_line(layer) for layer in self.changes], columns=["path", "change", "parameters", "macs"])

    def __repr__(self) -> str:
        return f"<TableDifference: {len(self.changes)} of {len(self.layers)} layers differ>"

    def __str__(self) -> str:
        return self.to_pandas().to_string(index=False)

    def _repr_html_(self) -> str:
        return self.to_pandas().to_html(index=False)


def _line(layer: LayerDifference) -> tuple[str, str, int, int]:
    named = layer.b or layer.a
    assert named is not None
    change = "only in a" if layer.b is None else "only in b" if layer.a is None else ", ".join(layer.changed)
    return named.path, change, layer.parameters, layer.macs


def _told(row: LayerRow | None) -> dict[str, Any] | None:
    return None if row is None else {name: getattr(row, name) for name in ("path", *COMPARED)}


def diff(a: LayerTable, b: LayerTable) -> TableDifference:
    """Compare two tables layer by layer: matched by path if the paths agree, otherwise by kind, in order.

    >>> from torch import nn
    >>> from convstudy.analysis.count import count
    >>> a, b = nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> [(layer.b.path, layer.changed) for layer in diff(count(a, (4,)), count(b, (4,))).changes][0][0]
    '1'
    """
    shared = {row.path for row in a.rows[1:]} & {row.path for row in b.rows[1:]}
    by_path = 2 * len(shared) >= min(len(a.rows), len(b.rows)) - 1
    keys = [[f"{row.path} {row.kind}" if by_path else row.kind for row in table.rows] for table in (a, b)]
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    layers: list[LayerDifference] = []
    for operation, start_a, end_a, start_b, end_b in matcher.get_opcodes():
        left, right = a.rows[start_a:end_a], b.rows[start_b:end_b]
        if operation == "equal":
            layers.extend(LayerDifference(*pair) for pair in zip(left, right, strict=True))
        else:
            layers.extend(_unmatched(left, right))
    return TableDifference(tuple(layers), a.totals, b.totals)


def _unmatched(left: Sequence[LayerRow], right: Sequence[LayerRow]) -> list[LayerDifference]:
    """Pair layers of one path whose kind has changed; yield the others alone, those of the first table first."""
    theirs = {row.path: row for row in right}
    paired = [LayerDifference(row, theirs.pop(row.path, None)) for row in left]
    alone = set(map(id, theirs.values()))
    return paired + [LayerDifference(None, row) for row in right if id(row) in alone]
