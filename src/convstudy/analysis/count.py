"""Counts a network: one run on the meta device, nothing computed, nothing allocated, the network left as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from convstudy.analysis.failure import failure
from convstudy.analysis.flow import Axis, Flow
from convstudy.analysis.propagation import mark
from convstudy.analysis.rows import Rows
from convstudy.analysis.stand_in import stand_ins
from convstudy.analysis.table import LayerTable, Shape
from convstudy.analysis.trace import Trace, tensors_in
from convstudy.errors import ModelError, ShapeError

Input = Shape | Sequence[int] | Tensor


def count(network: nn.Module, *inputs: Input, training: bool | None = False, **named_inputs: Input) -> LayerTable:
    """A network's layer table: per layer the output shape, activation size, parameters, MACs, receptive field, bytes.

    Each input is the shape of one example without the batch axis, as `(3, 32, 32)`, or a tensor, whose values are not
    looked at. `training` sets the mode in which the network is run (None: each module as it is). The network may be on
    any device, the meta device included; it is left exactly as it was, whatever happens. In training a batch norm takes
    the statistics of the image, but where there is one value a channel, which torch refuses: there the stored ones.

    Raises:
        ShapeError: when an input does not fit, with the layer, what it got and what it expects.
        ModelError: when the network cannot be run without values, or fails on its own account.

    >>> table = count(nn.Sequential(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2)), (3, 32, 32))
    >>> [(row.path, row.output_shape, row.parameters, row.macs) for row in table.rows]
    [('input', (3, 32, 32), 0, 0), ('0', (8, 28, 28), 608, 470400), ('1', (8, 14, 14), 0, 0)]
    >>> table.totals.activation_size  # 3072 + 6272 + 1568
    10912
    """
    network = plain(network)
    given = [stand_in_of(value, network) for value in inputs]
    named = {name: stand_in_of(value, network) for name, value in named_inputs.items()}
    first = next(iter([*given, *named.values()]), None)
    if first is None:
        raise ShapeError("count needs the shape of one input, as in count(network, (3, 32, 32)); got none")
    one_image = not any(isinstance(value, Tensor) for value in (*inputs, *named_inputs.values()))
    with stand_ins(network, training=training):
        trace, outputs = traced(network, given, named)
        rows = Rows(network, image_axes=max(first.dim() - 2, 0), one_image=one_image)
        rows.add_inputs(given, named)
        rows.add(trace.root)
        rows.add_unused()
    return rows.table([*given, *named.values()], outputs, training)


Run = Callable[[], Any]


def without_gradients(_: Trace, run: Run) -> Any:
    """Do a run as in evaluation."""
    with torch.no_grad():
        return run()


def traced(
    network: nn.Module,
    given: Sequence[Tensor],
    named: Mapping[str, Tensor],
    around: Callable[[Trace, Run], Any] = without_gradients,
) -> tuple[Trace, list[Tensor]]:
    """Run a network that is on the meta device, within `around`: its calls and operations, and its outputs."""
    trace = Trace({id(module): path for path, module in network.named_modules()})
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operation for a whole encoder layer would hide its parts
    try:
        with warnings.catch_warnings(action="ignore"), trace:
            outputs = tensors_in(around(trace, lambda: network(*given, **named)))
    except Exception as error:
        raise failure(error, trace, [*given, *named.values()]) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return trace, outputs


def plain(network: nn.Module) -> nn.Module:
    """The network inside `torch.compile`; TorchScript is refused, because its modules cannot be followed."""
    inner = getattr(network, "_orig_mod", network)
    if not isinstance(inner, nn.Module):
        raise ModelError(f"expected a torch.nn.Module to count; got {type(network).__name__}")
    if any(isinstance(module, torch.jit.ScriptModule) for module in inner.modules()):
        raise ModelError(
            f"{type(inner).__name__} is TorchScript, whose layers cannot be followed; count it before scripting"
        )
    return inner


def stand_in_of(value: Input, network: nn.Module) -> Tensor:
    """A meta tensor for an input, which knows the axes of the image."""
    if isinstance(value, Tensor):
        tensor = torch.empty(value.shape, dtype=value.dtype, device="meta")
    else:
        shape = tuple(value)
        if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
            raise ShapeError(f"an input's shape is positive whole numbers, as (3, 32, 32); got {value!r}")
        tensor = torch.empty((1, *shape), dtype=_float_type(network), device="meta")
    axes = (None, None, *(Axis(number) for number in range(tensor.dim() - 2)))
    mark(tensor, Flow(axes[: tensor.dim()], depends=True))
    return tensor


def _float_type(network: nn.Module) -> torch.dtype:
    """The type of the weights, so that half-precision networks are given what they take."""
    types = (parameter.dtype for parameter in network.parameters() if parameter.is_floating_point())
    return next(types, torch.get_default_dtype())
