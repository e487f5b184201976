"""Counting from Python: layer tables, memory, explanations and checks of a network or a network's name.

The functions return records, which `print` and notebooks show as tables.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from convstudy import analysis
from convstudy.analysis import Inputs
from convstudy.claims import read_table
from convstudy.claims.checking import check as check_table
from convstudy.study.models.network_at_inputs import NetworkAtInputs, network_at_inputs
from convstudy.study.models.opening import open_model

if TYPE_CHECKING:
    from convstudy.analysis import Bottleneck, Explanation, Input, LayerTable, TableDifference, TrainingMemory, Trend
    from convstudy.claims.checking import CheckReport

Network = nn.Module | str


def network(name: str, *, classes: int | None = None, channels: int | None = None) -> nn.Module:
    """Build a network by name with its default initialization, or with the weights in `NAME@WEIGHTS`.

    `name` is as on the command line: one of the zoo, `torchvision:NAME`, `timm:NAME`, `hf:NAME`, `table:FILE` or
    `file.py:Name`.

    Raises: UnknownNameError, with the closest name; ModelError, if it cannot be built with these sizes.

    >>> import torch
    >>> network("net")(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """
    model = open_model(name)
    return model.build(classes or model.num_classes, channels or model.input_shape[0])


def summary(
    model: Network, /, *inputs: Input, classes: int | None = None, training: bool | None = False, **named_inputs: Any
) -> LayerTable:
    """Count a network layer by layer: output shape, activation size, parameters, MACs, receptive field, bytes.

    Each input is the shape of one example, such as `(3, 224, 224)`, an `InputTensor`, which adds a dtype, or a tensor,
    which is counted with its batch size; lists, tuples and dictionaries of these are passed on as such, and named
    inputs by their names. If a network's own argument is called `classes` or `training`, pass all inputs as one
    `Inputs`. For a network given by name, input and classes are by default those of its paper.

    The network is not changed. Nothing is computed or allocated, unless the network looks at values: then a forward
    pass runs on the CPU, after a line on standard error that says how much memory it needs.

    Raises: ShapeError, if an input does not fit, or is missing for a built network; ModelError, if the network cannot
    be built or run; UnknownNameError, with the closest name.

    >>> table = summary("lecture")
    >>> table.totals.parameters, table["conv1"].output_shape
    (62958, (8, 28, 28))
    >>> table.to_pandas()["parameters"].sum()
    np.int64(62958)
    >>> summary(nn.Bilinear(3, 4, 5), input1=(3,), input2=(4,)).totals.parameters
    65
    """
    return at_given(model, inputs, named_inputs, classes).count(training=training)


def training_memory(
    model: Network,
    /,
    *inputs: Input,
    batch_size: int = 32,
    optimizer: str = "momentum",
    classes: int | None = None,
    **named_inputs: Any,
) -> TrainingMemory:
    """Predict the bytes of a training step: weights, gradients, optimizer state and saved activations.

    Inputs are given as for `summary`.

    Raises: as `summary`; UnknownNameError, if the optimizer is unknown.

    >>> training_memory("net", batch_size=1).weights == 62_006 * 4
    True
    """
    at = at_given(model, inputs, named_inputs, classes)
    return at.training_memory(batch_size=batch_size, optimizer=optimizer)


def explain(
    model: Network, layer: str, /, *inputs: Input, classes: int | None = None, **named_inputs: Any
) -> Explanation:
    """Explain each number of a layer: the formula, the formula with numbers, and words.

    Raises: as `summary`; UnknownNameError, if there is no such layer.

    >>> print(explain("lecture", "conv1")["parameters"])
    parameters: (5·5·3 + 1)·8 = 608
    """
    return at_given(model, inputs, named_inputs, classes).explain(layer)


def trends(model: Network, /, *inputs: Input, classes: int | None = None, **named_inputs: Any) -> tuple[Trend, ...]:
    """Check the lecture's four trends: pooling, convolutions against dense layers, activation size, channels.

    Raises: as `summary`.

    >>> [trend.holds for trend in trends("lecture")]
    [True, True, False, True]
    """
    return analysis.trends(at_given(model, inputs, named_inputs, classes).count())


def diff(a: Network, b: Network, /, *inputs: Input, classes: int | None = None, **named_inputs: Any) -> TableDifference:
    """Compare two networks layer by layer: layers that were added, removed or changed from `a` to `b`.

    Raises: as `summary`.

    >>> [change.b.path for change in diff("plain18", "resnet18").changes if change.b.parameters][0]
    'layer2.0.downsample.0'
    """
    return analysis.diff(*(at_given(network, inputs, named_inputs, classes).count() for network in (a, b)))


def bottlenecks(
    model: Network, /, *inputs: Input, reduced: int | None = None, classes: int | None = None, **named_inputs: Any
) -> tuple[Bottleneck, ...]:
    """Return the convolutions that a preceding 1x1 reduction would make cheaper, those with the largest saving first.

    Raises: as `summary`; ShapeError, if `reduced` is below 1.

    >>> bottlenecks("vgg11")[0].path
    'features.8'
    """
    return at_given(model, inputs, named_inputs, classes).bottlenecks(reduced=reduced)


def check(
    table: str | Path,
    model: Network | None = None,
    /,
    *inputs: Input,
    classes: int | None = None,
    **named_inputs: Any,
) -> CheckReport:
    """Check every cell of a claimed layer table for consistency or against a network, and explain each mistake.

    Raises: ClaimError, if the file cannot be read as a table; and as `summary`.
    """
    rows = None if model is None else at_given(model, inputs, named_inputs, classes).count().rows
    return check_table(read_table(Path(table)), rows)


def at_given(
    model: Network, inputs: tuple[Input, ...], named_inputs: dict[str, Any], classes: int | None
) -> NetworkAtInputs:
    """Return a network, or the one of a name, at the inputs of a call."""

    def noted(note: str) -> None:
        sys.stderr.write(f"{note}\n")

    return network_at_inputs(model, Inputs.of(inputs, named_inputs), classes=classes, on_note=noted)
