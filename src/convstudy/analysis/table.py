"""The layer table of a network: one record per layer, the totals, and the operations that could not be counted.

Conventions: MACs are the multiply-accumulates of convolutions and matrix products for the given input (one image),
without biases. The activation size is the number of values that a layer computes, including the input's own row; a
layer that only passes its input on (flatten, dropout in evaluation) computes none. A total is the sum of its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from convstudy.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

Shape = tuple[int, ...]
Pixels = tuple[int | Fraction, ...]
NOT_CALLED = "not called"  # the note of a layer that did not run
StepName = Literal["shapes", "fake tensors", "forward pass"]


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one operation that a network runs outside its modules.

    Shapes are channels first, without the batch axis. `parameters` are those counted in this row: a shared weight is
    counted at its first use, and later rows name that row in `shared_with`. `receptive_field` and `stride` are input
    pixels along the spatial axes; None without such an axis, and a field of None with a stride if every position sees
    the whole input. `backward_macs` are the products for the gradients of weights and inputs. `other_operations` are
    defined in `convstudy.analysis.operations`. `channels_last` marks rows in which the network itself keeps its
    channels last, as Swin does.
    """

    path: str
    kind: str
    _: KW_ONLY
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
    def is_called(self) -> bool:
        return self.note != NOT_CALLED

    @property
    def frozen_parameters(self) -> int:
        return self.parameters - self.trainable_parameters


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The column sums of a table."""

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
    """An operation without a formula and the module that ran it; the MACs are then a lower bound."""

    operation: str
    path: str


@dataclass(frozen=True, kw_only=True)
class LayerTable:
    """The rows in the order of the run, their totals, and the operations without a formula.

    If there are any of the latter, the MACs are a lower bound. `module_kinds` maps each path to its module's class.
    `step` says how the network was run: with shapes alone, with fake tensors that keep small constants, or by a forward
    pass on the CPU. `failure` says where and why the run ended early; the table then has the layers up to there.
    """

    rows: tuple[LayerRow, ...]
    totals: Totals
    uncounted: tuple[Uncounted, ...]
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    training: bool | None = False
    step: StepName = "shapes"
    failure: str = ""
    module_kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def input_shape(self) -> Shape:
        """Return the first input's shape without the batch axis."""
        return self.input_shapes[0]

    @property
    def is_lower_bound(self) -> bool:
        """Return whether an operation could not be counted, or the run ended early."""
        return bool(self.uncounted or self.failure)

    def __iter__(self) -> Iterator[LayerRow]:
        return iter(self.rows)

    def __getitem__(self, path: str) -> LayerRow:
        """Return the first row of a path.

        Raises:
            UnknownNameError: if there is none; the message names the closest path.
        """
        for row in self.rows:
            if row.path == path:
                return row
        raise UnknownNameError("layer", path, dict.fromkeys(row.path for row in self.rows))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: `layers`, `totals`, `uncounted`."""
        return {
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "training": self.training,
            "step": self.step,
            "lower_bound": self.is_lower_bound,
            "failure": self.failure,
            "layers": [{each.name: _plain(getattr(row, each.name)) for each in fields(row)} for row in self.rows],
            "totals": asdict(self.totals),
            "uncounted": [asdict(operation) for operation in self.uncounted],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per layer, indexed by path; the totals are in `attrs["totals"]`."""
        import pandas as pd  # noqa: PLC0415

        columns = [each.name for each in fields(LayerRow)]
        frame = pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)
        frame.attrs["totals"] = asdict(self.totals)
        return frame.set_index("path")

    def __repr__(self) -> str:
        bound = "≥ " if self.is_lower_bound else ""
        totals = self.totals
        return f"<LayerTable: {len(self.rows)} rows, {totals.parameters:,} parameters, {bound}{totals.macs:,} MACs>"

    def __str__(self) -> str:
        """Return the most important columns, with the totals as the last line."""
        return self.shown().to_string(index=False)

    def _repr_html_(self) -> str:
        """Return the same table as HTML, for notebooks."""
        return self.shown().to_html(index=False)

    def shown(self) -> pd.DataFrame:
        """Return the most important columns as text, with the totals as the last line."""
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
        reasons = [self.failure, f"no formula for {names}" if names else ""]
        return f"a lower bound: {'; '.join(filter(None, reasons))}" if self.is_lower_bound else ""


SHOWN = ("path", "kind", "output_shape", "activation_size", "parameters", "macs", "note")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Fraction) else value


def totals_of(rows: tuple[LayerRow, ...]) -> Totals:
    """Return the sum of every column."""
    return Totals(**{each.name: sum(getattr(row, each.name) for row in rows) for each in fields(Totals)})
