"""Counting: one run of a network on the meta device, which computes and allocates nothing and changes nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from convstudy.analysis.failure import failure
from convstudy.analysis.inputs import Arguments, Input, Inputs, InputTensor
from convstudy.analysis.rows import Rows
from convstudy.analysis.stand_in import as_found, on_meta, stand_in_network
from convstudy.analysis.table import LayerTable
from convstudy.analysis.trace import Trace, tensors_in
from convstudy.errors import ModelError


def count(
    network: nn.Module, /, *inputs: Input | Inputs, training: bool | None = False, **named_inputs: Any
) -> LayerTable:
    """Count a network and return its layer table.

    The table has, per layer, the output shape, activation size, parameters, MACs, receptive field and bytes. Each input
    is the shape of one example without the batch axis, such as `(3, 32, 32)`, an `InputTensor`, which adds a dtype, or
    a tensor, whose values are not read; lists, tuples and mappings of these are passed on as such. Named inputs are
    passed by name; those that are no shapes and hold no tensors (numbers, text, None) are passed as they are.
    `training` sets the mode of the run (None: each module keeps its own). The network may be on any device, including
    the meta device, and is restored afterwards, even after an error. In training mode batch normalization uses the
    statistics of the image, except with one value per channel, which torch rejects: then it uses the stored ones.

    Raises:
        ShapeError: if an input does not fit; the message names the layer, the received and the expected shape.
        ModelError: if the network needs the values of its input, or fails for another reason.

    >>> table = count(nn.Sequential(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2)), (3, 32, 32))
    >>> [(row.path, row.output_shape, row.parameters, row.macs) for row in table.rows]
    [('input', (3, 32, 32), 0, 0), ('0', (8, 28, 28), 608, 470400), ('1', (8, 14, 14), 0, 0)]
    >>> table.totals.activation_size  # 3072 + 6272 + 1568
    10912
    """
    network = unwrapped_module(network)
    arguments = Inputs.of(inputs, named_inputs).arguments(network, without_values)
    given = tensors_in((arguments.positional, arguments.named))
    with as_found():
        copy = stand_in_network(network, on_meta, training=training)
        trace, outputs = run_traced(copy, arguments)
    rows = Rows(copy, image_axes=max(given[0].dim() - 2, 0), one_image=arguments.one_example)
    rows.add_inputs(arguments)
    rows.add(trace.root)
    rows.add_unused()
    return rows.table(given, outputs, training)


Run = Callable[[], Any]


def without_gradients(_: Trace, run: Run) -> Any:
    """Run without gradients, as in evaluation."""
    with torch.no_grad():
        return run()


def run_traced(
    network: nn.Module,
    arguments: Arguments,
    around: Callable[[Trace, Run], Any] = without_gradients,
) -> tuple[Trace, list[Tensor]]:
    """Run a network that is on the meta device inside `around`; return the trace of its calls, and its outputs."""
    trace = Trace({id(module): path for path, module in network.named_modules()})
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it would hide the parts of an encoder layer
    try:
        with warnings.catch_warnings(action="ignore"), trace:
            outputs = tensors_in(around(trace, lambda: network(*arguments.positional, **arguments.named)))
    except Exception as error:
        raise failure(error, trace, tensors_in((arguments.positional, arguments.named))) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return trace, outputs


def unwrapped_module(network: nn.Module) -> nn.Module:
    """Return the network inside `torch.compile`."""
    inner = getattr(network, "_orig_mod", network)
    if not isinstance(inner, nn.Module):
        raise ModelError(f"expected a torch.nn.Module to count; got {type(network).__name__}")
    if any(isinstance(module, torch.jit.ScriptModule) for module in inner.modules()):
        raise ModelError(
            f"{type(inner).__name__} is a TorchScript module, whose layers cannot be traced; count it before scripting"
        )
    return inner


def without_values(value: InputTensor | Tensor) -> Tensor:
    """Return a tensor of the same shape and dtype on the meta device, which holds no values."""
    return torch.empty(tuple(value.shape), dtype=value.dtype, device="meta")
