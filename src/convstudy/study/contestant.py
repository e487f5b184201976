"""A network at the input that a comparison gives it, and what it costs there."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from convstudy.analysis import LayerRow, LayerTable, count, unallocated
from convstudy.errors import ConvstudyError, ModelError
from convstudy.study.model import Model
from convstudy.wording import plural


@dataclass(frozen=True)
class Contestant:
    """One network of a comparison: its input, its classes, and its cost for one image."""

    model: Model
    input_shape: tuple[int, int, int]
    num_classes: int
    parameters: int
    macs: int
    activation_size: int
    uncounted: tuple[str, ...]
    layers: tuple[LayerRow, ...] = ()

    @property
    def name(self) -> str:
        return self.model.name

    def build(self) -> nn.Module:
        """A new network, initialised from torch's global random state."""
        return self.model.build(self.num_classes, self.input_shape[0])


def layer_table(model: Model, input_shape: tuple[int, int, int], num_classes: int) -> LayerTable:
    """Count a network at an input, without computing anything or allocating its weights.

    Raises: ModelError, when the network cannot be built; ShapeError, when the input does not fit.
    """
    return count(unallocated_network(model, num_classes, input_shape[0]), input_shape)


def contestant(model: Model, input_shape: tuple[int, int, int], num_classes: int) -> Contestant:
    """Count a network for a comparison.

    Raises: as `layer_table`; ModelError, when the network does not give one logit a class.
    """
    table = layer_table(model, input_shape, num_classes)
    answer = table.rows[-1].output_shape
    if answer != (num_classes,):
        raise ModelError(
            f"{model.name} gives an output of shape {answer}; expected one logit a class, ({num_classes},)"
        )
    totals = table.totals
    return Contestant(
        model,
        input_shape,
        num_classes,
        totals.parameters,
        totals.macs,
        totals.activation_size,
        tuple(sorted({f"{operation.operation} in {operation.path}" for operation in table.uncounted})),
        table.rows,
    )


def unallocated_network(model: Model, num_classes: int, in_channels: int) -> nn.Module:
    """Build without allocating weights; a network that cannot be built so is built on the CPU.

    Raises: ModelError, when it cannot be built at all.
    """
    try:
        with unallocated():
            return model.build(num_classes, in_channels)
    except ConvstudyError:
        raise
    except Exception:
        return _on_cpu(model, num_classes, in_channels)


def _on_cpu(model: Model, num_classes: int, in_channels: int) -> nn.Module:
    try:
        return model.build(num_classes, in_channels)
    except ConvstudyError:
        raise
    except Exception as error:
        raise ModelError(
            f"{model.name} cannot be built for {plural(num_classes, 'class')} and {plural(in_channels, 'channel')}: "
            f"{type(error).__name__}: {error}"
        ) from error
