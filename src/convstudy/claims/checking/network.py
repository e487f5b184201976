"""A claimed table as a torch network, and as the source code of one."""

from __future__ import annotations

import keyword
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from convstudy.claims.checking.construction import Argument, Step, steps_of
from convstudy.claims.printed_shape import Shape
from convstudy.claims.table import ClaimedTable
from convstudy.errors import ClaimError


class BranchedNetwork(nn.Module):
    """A network of steps that are fed by any earlier step: modules, additions and concatenations over the channels."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self.steps = tuple(steps)
        for step in steps:
            if step.module not in {"add", "cat"}:
                self.add_module(step.name, module_of(step))

    def forward(self, x: Tensor) -> Tensor:
        values = {"x": x}
        for step in self.steps:
            feed = [values[name] for name in step.inputs]
            if step.module == "cat":
                x = torch.cat(feed, dim=1)
            elif step.module == "add":
                x = torch.stack(feed).sum(dim=0)
            else:
                x = self.get_submodule(step.name)(*feed)
            values[step.name] = x
        return x


def table_network(table: ClaimedTable, *, num_classes: int | None = None, in_channels: int | None = None) -> nn.Module:
    r"""Build the network that a table describes, freshly initialized; its outputs are logits.

    Another number of classes or of input channels changes the last and the first layer.

    Raises:
        ClaimError: if the table does not determine a layer, or the layer to be changed cannot be.

    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\nInput\t(32,32,3)\nCONV1 (f=5)\t(28,28,8)\nPOOL1\t(14,14,8)\nFC\t(10,1)\n")
    >>> sum(weight.numel() for weight in table_network(table).parameters())
    16298
    """
    shape, steps = steps_of(table)
    if in_channels not in {None, shape[0]}:
        steps = with_in_channels(table, steps, in_channels)
    if num_classes not in {None, steps[-1].output[0]}:
        steps = with_classes(table, steps, num_classes)
    if is_chain(steps):
        return nn.Sequential(OrderedDict((step.name, module_of(step)) for step in steps))
    return BranchedNetwork(steps)


def with_in_channels(table: ClaimedTable, steps: Sequence[Step], in_channels: int | None) -> tuple[Step, ...]:
    """Return the steps with a first convolution for other input channels."""
    first = steps[0]
    if first.module != "Conv2d" or first.options.get("groups", 1) != 1 or in_channels is None:
        raise ClaimError(
            f"{table.source} describes a network for its own input only, because it does not begin with a convolution"
        )
    return (replace(first, arguments=(in_channels, *first.arguments[1:])), *steps[1:])


def with_classes(table: ClaimedTable, steps: Sequence[Step], num_classes: int | None) -> tuple[Step, ...]:
    """Return the steps with a last dense layer for other classes."""
    last = steps[-1]
    if last.module != "Linear" or num_classes is None:
        raise ClaimError(
            f"{table.source} describes a network with {last.output[0]} outputs only, "
            "because it does not end in a dense layer"
        )
    return (*steps[:-1], replace(last, arguments=(last.arguments[0], num_classes), output=(num_classes,)))


def table_input_shape(table: ClaimedTable) -> Shape:
    """Return the input shape of the described network: channels, height, width.

    Raises:
        ClaimError: as `table_network`.
    """
    return steps_of(table)[0]


def table_num_classes(table: ClaimedTable) -> int:
    """Return the number of outputs of the described network.

    Raises:
        ClaimError: as `table_network`.
    """
    return steps_of(table)[1][-1].output[0]


def is_chain(steps: Sequence[Step]) -> bool:
    """Return whether every step is a module fed by the step right above it."""
    above = ["x", *(step.name for step in steps)]
    return all(step.inputs == (above[n],) and step.module not in {"add", "cat"} for n, step in enumerate(steps))


def module_of(step: Step) -> nn.Module:
    module: nn.Module = getattr(nn, step.module)(*step.arguments, **step.options)
    return module


def module_source(table: ClaimedTable, name: str = "Net") -> str:
    r"""Return the network that a table describes as a plain PyTorch module; `name` is its class.

    Raises:
        ClaimError: as `table_network`, and if `name` is not the name of a class.

    >>> from convstudy.claims.reading import parse_table
    >>> table = parse_table("layer\tshape\nInput\t(28,28,1)\nCONV1 (f=5)\t(24,24,8)\nPOOL1\t(12,12,8)\nFC\t(10,1)\n")
    >>> print(module_source(table))  # doctest: +ELLIPSIS
    from torch import Tensor, nn
    <BLANKLINE>
    <BLANKLINE>
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 8, kernel_size=5)
    ...
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ClaimError(f"{name!r} is not the name of a Python class; expected one like Net")
    shape, steps = steps_of(table)
    modules = [step for step in steps if step.module not in {"add", "cat"}]
    lines = [
        "import torch",
        "from torch import Tensor, nn",
        "",
        "",
        f"class {name}(nn.Module):",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        self.{step.name} = nn.{step.module}({printed_arguments(step)})" for step in modules),
        "",
        f"    def forward(self, x: Tensor) -> Tensor:  # {printed_shape(shape)}",
        *(f"        {line}" for line in forward_lines(steps)),
    ]
    source = "\n".join(lines) + "\n"
    return source if "torch.cat(" in source else source.removeprefix("import torch\n")


def printed_arguments(step: Step) -> str:
    positional = [printed_argument(argument) for argument in step.arguments]
    return ", ".join([*positional, *(f"{name}={printed_argument(value)}" for name, value in step.options.items())])


def printed_argument(argument: Argument) -> str:
    return 'float("-inf")' if argument == -math.inf else repr(argument)


def printed_shape(shape: Shape) -> str:
    return " x ".join(str(extent) for extent in shape)


def forward_lines(steps: Sequence[Step]) -> Iterator[str]:
    """Yield one line per step with the shape of its output; a value that a later step needs has its own name."""
    kept = {name for above, step in pairwise(steps) for name in step.inputs if name != above.name}
    held = {"x": "input_x"}
    if "x" in kept:
        yield "input_x = x"
    current = "x"
    for step in steps:
        feed = ["x" if name == current else held[name] for name in step.inputs]
        target = "x"
        if step.module == "add":
            value = " + ".join(feed)
        elif step.module == "cat":
            value = f"torch.cat([{', '.join(feed)}], dim=1)"
        else:
            value = f"self.{step.name}({feed[0]})"
        if step.name in kept:
            held[step.name] = f"{step.name}_x"
            target = f"x = {held[step.name]}"
        current = step.name
        yield f"{target} = {value}  # {printed_shape(step.output)}"
    yield "return x"
