"""The layer table of a network: one record a layer, the totals, and what could not be counted.

The convention: MACs are the multiply-accumulates of convolutions and matrix products for the input as it was given (one
image), biases not counted. Activation size is the number of values that a layer computes, the input's own row included;
a layer that only passes its input on (flatten, dropout in evaluation) computes none. A total is the sum of its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from convstudy.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

Shape = tuple[int, ...]
Pixels = tuple[int | Fraction, ...]


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one operation that a network does without a module of its own.

    Shapes are channels first, without the batch axis. `parameters` are those counted in this row: a shared weight is
    counted where it is first used, later rows name that row in `shared_with`. `receptive_field` and `stride` are pixels
    of the input along its spatial axes; None where there is no such axis, and a field of None with a stride where every
    position sees the whole input. `backward_macs` are the products for the gradients of weights and inputs.
    `other_operations` are stated in `convstudy.analysis.operations`. `channels_last` says that the network itself keeps
    the channels on the last axis here, as Swin does.
    """

    path: str
    kind: str
    output_shape: Shape = ()
    activation_size: int = 0
    parameters: int = 0
    trainable_parameters: int = 0
    macs: int = 0
    backward_macs: int = 0
    other_operations: int = 0
    receptive_field: Pixels | None = None
    stride: Pixels | None = None
    parameter_bytes: int = 0
    activation_bytes: int = 0
    input_shapes: tuple[Shape, ...] = ()
    shared_with: str | None = None
    channels_last: bool = False
    note: str = ""

    @property
    def frozen_parameters(self) -> int:
        return self.parameters - self.trainable_parameters


@dataclass(frozen=True)
class Totals:
    """The sums of a table's columns."""

    parameters: int
    trainable_parameters: int
    macs: int
    backward_macs: int
    other_operations: int
    activation_size: int
    parameter_bytes: int
    activation_bytes: int


@dataclass(frozen=True)
class Uncounted:
    """An operation without a formula, and where the network did it; the MACs are a lower bound."""

    operation: str
    path: str


@dataclass(frozen=True)
class LayerTable:
    """The rows in the order of the run, their totals, and the operations without a formula.

    With any of the latter, the MACs are a lower bound. `module_kinds` has the class of every module, by its path.
    """

    rows: tuple[LayerRow, ...]
    totals: Totals
    uncounted: tuple[Uncounted, ...]
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    training: bool | None = False
    module_kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def input_shape(self) -> Shape:
        """The first input's shape, without the batch axis."""
        return self.input_shapes[0]

    @property
    def is_lower_bound(self) -> bool:
        """Whether something could not be counted."""
        return bool(self.uncounted)

    def __iter__(self) -> Iterator[LayerRow]:
        return iter(self.rows)

    def __getitem__(self, path: str) -> LayerRow:
        """The first row of this path.

        Raises: UnknownNameError, when there is none, with the nearest path.
        """
        for row in self.rows:
            if row.path == path:
                return row
        raise UnknownNameError("layer", path, dict.fromkeys(row.path for row in self.rows))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: `layers`, `totals`, `uncounted`."""
        return {
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "training": self.training,
            "layers": [{each.name: _plain(getattr(row, each.name)) for each in fields(row)} for row in self.rows],
            "totals": asdict(self.totals),
            "uncounted": [asdict(operation) for operation in self.uncounted],
        }

    def to_pandas(self) -> pd.DataFrame:
        """One line a row, the paths as the index; the totals are in `attrs["totals"]`."""
        import pandas as pd  # noqa: PLC0415

        columns = [each.name for each in fields(LayerRow)]
        frame = pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)
        frame.attrs["totals"] = asdict(self.totals)
        return frame.set_index("path")

    def __str__(self) -> str:
        """What `print` shows: the columns that most people look for, and the totals below them."""
        return self.shown().to_string(index=False)

    def _repr_html_(self) -> str:
        """What a notebook shows: the same."""
        return self.shown().to_html(index=False)

    def shown(self) -> pd.DataFrame:
        """The columns that most people look for as they are printed, the totals as the last line."""
        frame = self.to_pandas().reset_index()[list(SHOWN)].astype(object)
        totals = self.totals
        sums = ["total", "", "", totals.activation_size, totals.parameters, totals.macs, self._bound()]
        frame.loc[len(frame)] = sums  # type: ignore[assignment]
        frame["output_shape"] = ["×".join(map(str, shape)) for shape in frame["output_shape"]]
        for name in ("activation_size", "parameters", "macs"):
            frame[name] = frame[name].map("{:,}".format)
        return frame if frame["note"].any() else frame.drop(columns="note")

    def _bound(self) -> str:
        names = ", ".join(f"{unknown.operation} in {unknown.path or 'the network'}" for unknown in self.uncounted)
        return f"a lower bound: no formula for {names}" if names else ""


SHOWN = ("path", "kind", "output_shape", "activation_size", "parameters", "macs", "note")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Fraction) else value


def totals_of(rows: tuple[LayerRow, ...]) -> Totals:
    """Add up every column."""
    return Totals(**{each.name: sum(getattr(row, each.name) for row in rows) for each in fields(Totals)})
