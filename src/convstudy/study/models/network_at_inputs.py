"""A network together with the inputs at which it is counted, and the questions that can be asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from convstudy import analysis
from convstudy.analysis import Bottleneck, Explanation, Inputs, InputTensor, LayerTable, TrainingMemory
from convstudy.analysis.graph import Graph
from convstudy.analysis.graph import graph as traced_graph
from convstudy.analysis.inputs import is_shape
from convstudy.errors import ConvstudyError, ModelError, RecipeError, ShapeError
from convstudy.study.models.dtypes import dtype_of
from convstudy.study.models.entering import unallocated_network
from convstudy.study.models.opening import Model, open_model
from convstudy.study.models.own_code import not_ended
from convstudy.wording import shared_name
from convstudy.zoo.architecture import ExampleInput

Answer = TypeVar("Answer")

LARGEST = 2**63 // 8  # values; torch cannot describe a tensor of more bytes than fit 64 bits
WHOLE_NUMBERS = "scalar types: Long, Int"  # in torch's error for indices that are floating-point numbers
USUAL_SIDES = (28, 32, 64, 96, 128, 224, 227, 299)  # of images, in benchmarks and papers
IMAGE_CHANNELS = (1, 3, 4)  # of a shape that may be meant as height x width x channels


@dataclass(frozen=True, kw_only=True)
class NetworkAtInputs:
    """A built network and all its inputs. Every method raises a ConvstudyError in place of any error of user code."""

    asked: nn.Module | Model  # as it was given
    name: str
    network: nn.Module
    inputs: Inputs
    num_classes: int | None
    on_note: Callable[[str], None] | None  # receives a line before a forward pass on the CPU

    def count(self, *, training: bool | None = False) -> LayerTable:
        """Count the network; see `analysis.count`."""
        return self._answer(lambda: analysis.count(self.network, self.inputs, training=training, on_note=self.on_note))

    def graph(self, *, training: bool | None = False) -> Graph:
        """Return the graph of the network; see `analysis.graph`."""
        return self._answer(lambda: traced_graph(self.network, self.inputs, training=training, on_note=self.on_note))

    def training_memory(self, *, batch_size: int, optimizer: str) -> TrainingMemory:
        """Predict the memory of a training step; see `analysis.training_memory`."""
        if not _is_whole(batch_size):
            raise RecipeError(f"batch_size is {batch_size!r}; expected a whole number, 1 or more", setting="batch_size")
        number = int(batch_size)
        return self._answer(
            lambda: analysis.training_memory(
                self.network, self.inputs, batch_size=number, optimizer=optimizer, on_note=self.on_note
            )
        )

    def explain(self, layer: str) -> Explanation:
        """Derive each number of a layer; see `analysis.explain`."""
        if not isinstance(layer, str):
            raise ModelError(f"the layer is {layer!r}; expected the path of a layer, as in the table of `summary`")
        return self._answer(lambda: analysis.explain(self.network, self.inputs, layer, on_note=self.on_note))

    def explain_all(self) -> tuple[LayerTable, tuple[Explanation, ...]]:
        """Count the network and derive each number of each layer."""
        table = self.count()
        return table, analysis.explain_rows(self.network, table)

    def bottlenecks(self, *, reduced: int | None) -> tuple[Bottleneck, ...]:
        """Return the convolutions that a 1x1 reduction would make cheaper; see `analysis.bottlenecks`."""
        return self._answer(
            lambda: analysis.bottlenecks(self.network, self.inputs, reduced=reduced, on_note=self.on_note)
        )

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        try:
            with not_ended(self.name):
                return ask()
        except ShapeError as error:
            advice = self._advice(str(error))
            if advice is None:
                raise
            raise ShapeError(advice, setting="input" if "`input`" in advice else None) from error
        except RecursionError:
            raise ModelError(
                f"{self.name} cannot be counted: its modules are nested deeper than Python's recursion limit allows"
            ) from None

    def _advice(self, error: str) -> str | None:
        """Return what to change, if the network accepts other shapes or whole numbers that were probably meant."""
        whole_numbers = WHOLE_NUMBERS in error
        for what, expected, changed in _likely_meant(self.inputs, self.network, of_whole_numbers=whole_numbers):
            try:
                meant = network_at_inputs(self.asked, changed, classes=self.num_classes)
                with not_ended(self.name):
                    analysis.count(meant.network, changed)
            except (ConvstudyError, RecursionError):
                continue
            got = _all_printed(self.inputs)
            return f"{self.name} got an input of {got}, {what}; expected {expected}"
        return None


def network_at_inputs(
    network: nn.Module | Model | str,
    inputs: Inputs,
    *,
    classes: int | None = None,
    on_note: Callable[[str], None] | None = None,
) -> NetworkAtInputs:
    """Return a network with its inputs; one given by name is built for them, without allocating its weights.

    Without inputs, a named network gets those of its paper. NumPy's integers are accepted wherever integers are.

    Raises:
        ModelError: if it is no network or cannot be built.
        ShapeError: if an input is missing or too large, or `classes` is given for a built network.
        UnknownNameError: if there is no such network.

    >>> at = network_at_inputs("net", Inputs(((1, 40, 40),)), classes=7)
    >>> at.network.conv1.in_channels, at.network.fc3.out_features
    (1, 7)
    """
    inputs = _checked(inputs)
    if isinstance(network, nn.Module):
        return _built(network, inputs, classes, on_note)
    model = open_model(network) if isinstance(network, str) else network
    if not isinstance(model, Model):
        raise ModelError(_no_network(network))
    if classes is not None and (not _is_whole(classes) or classes < 1):
        raise ModelError(f"the number of classes is {classes!r}; expected a whole number, 1 or more")
    inputs = inputs if inputs.positional or inputs.named else _inputs_of(model)
    num_classes = model.num_classes if classes is None else int(classes)
    channels = _channels(inputs) or model.input_shape[0]
    built = unallocated_network(model, num_classes, channels)
    return NetworkAtInputs(
        asked=model, name=shared_name(model.name), network=built, inputs=inputs, num_classes=classes, on_note=on_note
    )


def _built(
    network: nn.Module, inputs: Inputs, classes: int | None, on_note: Callable[[str], None] | None
) -> NetworkAtInputs:
    if not inputs.positional and not inputs.named:
        raise ShapeError("a built network needs the shape of one input, as in (3, 224, 224); got none")
    if classes is not None:
        raise ShapeError(f"classes is {classes}; expected None, because this network is already built")
    name = type(network).__name__
    return NetworkAtInputs(asked=network, name=name, network=network, inputs=inputs, num_classes=None, on_note=on_note)


def _no_network(given: object) -> str:
    expected = "expected a built torch.nn.Module, or the name of a network"
    if isinstance(given, type) and issubclass(given, nn.Module):
        return f"the network is the class {given.__name__}; {expected}: call the class, as in {given.__name__}()"
    return f"the network is {given!r} of type {type(given).__name__}; {expected}"


def _inputs_of(model: Model) -> Inputs:
    """Return the inputs at which a network is counted if none are given."""
    positional: list[InputTensor] = []
    named: dict[str, InputTensor] = {}
    for example in model.examples or (ExampleInput(model.input_shape),):
        tensor = InputTensor(example.shape, None if example.dtype is None else dtype_of(example.dtype))
        if example.name is None:
            positional.append(tensor)
        else:
            named[example.name] = tensor
    return Inputs(tuple(positional), named)


def _checked(inputs: Inputs) -> Inputs:
    """Return the inputs with shapes as tuples of Python's integers. Raises: ShapeError, if a shape is too large."""
    return replace(
        inputs,
        positional=tuple(map(_plain, inputs.positional)),
        named={name: _plain(value) for name, value in inputs.named.items()},
    )


def _plain(value: Any) -> Any:
    if isinstance(value, InputTensor):
        return replace(value, shape=_plain_shape(value.shape))
    return _plain_shape(value) if is_shape(value) else value


def _plain_shape(shape: Any) -> tuple[Any, ...]:
    sizes = tuple(int(size) if _is_whole(size) else size for size in shape)
    if all(isinstance(size, int) for size in sizes) and prod(sizes) >= LARGEST:
        raise ShapeError(f"the input {_printed(sizes)} is too large; expected fewer than 2^60 values")
    return sizes


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _channels(inputs: Inputs) -> int | None:
    """Return the channels of the first input, its first axis after the batch; None without any, as for tokens."""
    for value in (*inputs.positional, *inputs.named.values()):
        if isinstance(value, Tensor):
            return value.shape[1] if value.is_floating_point() and value.dim() > 2 else None
        dtype, shape = (value.dtype, value.shape) if isinstance(value, InputTensor) else (None, value)
        if is_shape(shape):
            floating = dtype is None or dtype.is_floating_point
            return shape[0] if floating and len(shape) > 1 and _is_whole(shape[0]) and shape[0] > 0 else None
    return None


def _likely_meant(inputs: Inputs, network: nn.Module, *, of_whole_numbers: bool) -> Iterator[tuple[str, str, Inputs]]:
    """Yield what is wrong with the given inputs, what may have been meant in words, and the inputs that were meant."""
    given = (*inputs.positional, *inputs.named.values())
    shapes = [value.shape if isinstance(value, InputTensor) else value for value in given]
    shapes = [shape for shape in shapes if is_shape(shape)]
    if not shapes or not shapes[0]:
        return
    if of_whole_numbers:
        meant = _with_shapes(inputs, lambda shape: InputTensor(shape, torch.int64))
        words = "{0}:int64, in Python InputTensor(({1},), torch.int64)"
        text = words.format(_printed(shapes[0]), ", ".join(map(str, shapes[0])))
        yield "which holds floating-point numbers", text, meant
    convolution = next((module for module in network.modules() if isinstance(module, _ConvNd)), None)
    is_image = len(given) == 1 and len(shapes[0]) == 3 and isinstance(convolution, nn.Conv2d)
    batch = shapes[0][0]
    if not is_image and all(len(shape) > 1 and shape[0] == batch for shape in shapes):
        meant = _with_shapes(inputs, lambda shape: shape[1:])
        yield f"which has a batch axis (leave out the {batch})", _all_printed(meant), meant
    if all(len(shape) == 3 and shape[-1] in IMAGE_CHANNELS for shape in shapes):
        meant = _with_shapes(inputs, lambda shape: (shape[-1], *shape[:-1]))
        yield "with the channels last", _all_printed(meant), meant
    if is_image and isinstance(convolution, nn.Conv2d):
        yield from _images(inputs, shapes[0], convolution.in_channels)


def _images(inputs: Inputs, shape: tuple[Any, ...], channels: int) -> Iterator[tuple[str, str, Inputs]]:
    """Yield images of so many channels, of the given size and of the usual ones, as `_likely_meant` does."""
    found = "of another size" if shape[0] == channels else f"of {shape[0]} channel{'s' * (shape[0] != 1)}"
    expected = f"{channels} channel{'s' * (channels != 1)}, as in `input`"
    for height, width in (shape[1:], *((side, side) for side in USUAL_SIDES)):
        image = (channels, height, width)
        yield found, f"{expected} {_printed(image)}", _with_shapes(inputs, partial(_replaced, image))


def _replaced(new: tuple[Any, ...], _: tuple[Any, ...]) -> tuple[Any, ...]:
    return new


def _with_shapes(inputs: Inputs, change: Callable[[tuple[Any, ...]], Any]) -> Inputs:
    def changed(value: Any) -> Any:
        if isinstance(value, InputTensor):
            new = change(value.shape)
            return new if isinstance(new, InputTensor) else replace(value, shape=new)
        return change(value) if is_shape(value) else value

    named: Mapping[str, Any] = {name: changed(value) for name, value in inputs.named.items()}
    return Inputs(tuple(map(changed, inputs.positional)), named)


def _all_printed(inputs: Inputs) -> str:
    return " and ".join(map(_printed, inputs.shapes))


def _printed(shape: tuple[Any, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
