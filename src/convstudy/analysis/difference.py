"""Two layer tables beside each other, layer by layer."""

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
    """A layer of one table and the layer of the other that stands in its place; None where there is none."""

    a: LayerRow | None
    b: LayerRow | None

    @property
    def changed(self) -> tuple[str, ...]:
        """The columns in which they differ; all, where there is only one."""
        if self.a is None or self.b is None:
            return COMPARED
        return tuple(name for name in COMPARED if getattr(self.a, name) != getattr(self.b, name))

    @property
    def parameters(self) -> int:
        """How many more parameters b has."""
        return (self.b.parameters if self.b else 0) - (self.a.parameters if self.a else 0)

    @property
    def macs(self) -> int:
        """How many more MACs b has."""
        return (self.b.macs if self.b else 0) - (self.a.macs if self.a else 0)


@dataclass(frozen=True)
class TableDifference:
    """Every layer of both tables, in order, and the totals of both."""

    layers: tuple[LayerDifference, ...]
    a: Totals
    b: Totals

    @property
    def changes(self) -> tuple[LayerDifference, ...]:
        """Only the layers that differ."""
        return tuple(layer for layer in self.layers if layer.changed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the layers that differ, how many are the same, and the totals of both."""
        return {
            "changes": [
                {"a": _told(layer.a), "b": _told(layer.b), "changed": list(layer.changed)} for layer in self.changes
            ],
            "same": len(self.layers) - len(self.changes),
            "totals": {"a": asdict(self.a), "b": asdict(self.b)},
        }

    def to_pandas(self) -> pd.DataFrame:
        """One line a layer that differs: its path, what is only in one or otherwise, and how much more b has."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame([_line(layer) for layer in self.changes], columns=["path", "change", "parameters", "macs"])

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
    """Two tables layer by layer: matched by path where the networks are named alike, else by kind, in order.

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
    """Layers of the same path that changed their kind stand beside each other; the others alone, those of a first."""
    theirs = {row.path: row for row in right}
    paired = [LayerDifference(row, theirs.pop(row.path, None)) for row in left]
    alone = set(map(id, theirs.values()))
    return paired + [LayerDifference(None, row) for row in right if id(row) in alone]
