"""Counting: one run of a copy of a network, on the meta device if possible, which computes and allocates nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from convstudy.analysis.inputs import Input, Inputs
from convstudy.analysis.ladder import Asked, run
from convstudy.analysis.rows import Rows
from convstudy.analysis.table import LayerTable
from convstudy.errors import ModelError


def count(
    network: nn.Module,
    /,
    *inputs: Input | Inputs,
    training: bool | None = False,
    on_note: Callable[[str], None] | None = None,
    **named_inputs: Any,
) -> LayerTable:
    """Count a network and return its layer table.

    The table has, per layer, the output shape, activation size, parameters, MACs, receptive field and bytes. Each input
    is the shape of one example without the batch axis, such as `(3, 32, 32)`, an `InputTensor`, which adds a dtype, or
    a tensor; lists, tuples and mappings of these are passed on as such. Named inputs are passed by name; those that are
    no shapes and hold no tensors (numbers, text, None) are passed as they are.

    The network is run with shapes alone or, if it looks at values, with fake tensors, which know the device and small
    constants, or in a forward pass on the CPU, with zeros for inputs given as shapes; `table.step` says which. Before a
    forward pass that needs 100 MB or more, `on_note` is called with a line that says how much. If all fail after some
    layers, the table has the layers up to the failure, and its figures are a lower bound.

    `training` sets the mode of the run (None: each module keeps its own). The network may be on any device, including
    the meta device; a copy is run, so it does not change, even after an error. In training mode batch normalization
    uses the statistics of the image, except with one value per channel, which torch rejects: then the stored ones.

    Raises:
        ShapeError: if an input does not fit; the message names the layer, the received and the expected shape.
        ModelError: if the network fails before its first layer, or cannot be copied.

    >>> table = count(nn.Sequential(nn.Conv2d(3, 8, 5), nn.MaxPool2d(2)), (3, 32, 32))
    >>> [(row.path, row.output_shape, row.parameters, row.macs) for row in table.rows]
    [('input', (3, 32, 32), 0, 0), ('0', (8, 28, 28), 608, 470400), ('1', (8, 14, 14), 0, 0)]
    >>> table.totals.activation_size  # 3072 + 6272 + 1568
    10912
    """
    network = unwrapped_module(network)
    asked = Asked(inputs=Inputs.of(inputs, named_inputs), training=training, on_note=on_note)
    done = run(network, asked)
    rows = Rows(done.network, image_axes=max(done.given[0].dim() - 2, 0), one_image=done.arguments.one_example)
    rows.add_inputs(done.arguments)
    rows.add(done.trace.root)
    rows.add_unused()
    table = rows.table(done.given, done.outputs, training)
    return replace(table, step=done.step, failure=done.failure)


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
