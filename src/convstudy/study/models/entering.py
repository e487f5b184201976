"""Networks are built without their weights and counted, and become entrants of a comparison."""

from __future__ import annotations

from torch import nn

from convstudy.analysis import LayerTable, count, unallocated
from convstudy.errors import ConvstudyError, ModelError, place_in_user_code
from convstudy.study.models.entrant import CountedLayer, Entrant
from convstudy.study.models.memory_format import channels_last_is_faster
from convstudy.study.models.opening import Model
from convstudy.study.models.own_code import not_ended
from convstudy.wording import plural, reason_of
from convstudy.zoo.architecture import CLASSIFICATION


def layer_table(model: Model, input_shape: tuple[int, int, int], num_classes: int) -> LayerTable:
    """Count a network layer by layer without running it or allocating its weights.

    Raises: ModelError, if the network cannot be built; ShapeError, if the input does not fit.
    """
    return _counted(model, unallocated_network(model, num_classes, input_shape[0]), input_shape)


def _counted(model: Model, network: nn.Module, input_shape: tuple[int, int, int]) -> LayerTable:
    with not_ended(model.name):
        return count(network, input_shape)


def entrant(model: Model, input_shape: tuple[int, int, int], num_classes: int) -> Entrant:
    """Count a network and return it as an entrant of a comparison.

    Raises: as `layer_table`; ModelError, if the network does not return one logit per class.
    """
    if model.task != CLASSIFICATION:
        raise ModelError(
            f"{model.name} is a network for {model.task}; expected one for {CLASSIFICATION}, which returns one logit "
            "per class (`convstudy summary`, `explain` and `diff` accept it)"
        )
    network = unallocated_network(model, num_classes, input_shape[0])
    table = _counted(model, network, input_shape)
    if table.failure:
        raise ModelError(f"{model.name} cannot be run: {table.failure}")
    answer = table.output_shapes[0] if len(table.output_shapes) == 1 else table.output_shapes
    if answer != (num_classes,):
        raise ModelError(
            f"{model.name} returns an output of shape {answer}; expected one logit per class, ({num_classes},)"
        )
    totals = table.totals
    return Entrant(
        name=model.name,
        folder=model.folder,
        code=model.code,
        input_shape=input_shape,
        num_classes=num_classes,
        parameters=totals.parameters,
        macs=totals.macs,
        activation_size=totals.activation_size,
        channels_last=channels_last_is_faster(network, table),
        uncounted=tuple(sorted({f"{operation.operation} in {operation.path}" for operation in table.uncounted})),
        layers=tuple(map(CountedLayer.of, table.rows)),
    )


def unallocated_network(model: Model, num_classes: int, in_channels: int) -> nn.Module:
    """Build a network without allocating weights or, if that fails, on the CPU.

    Raises: ModelError, if both fail.
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
            f"{reason_of(error)}{place_in_user_code(error)}"
        ) from error
