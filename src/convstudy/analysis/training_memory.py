"""Prediction of the memory that training a network takes, without allocating it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.analysis.count import unwrapped_module
from convstudy.analysis.inputs import Input, Inputs
from convstudy.analysis.ladder import Asked, run
from convstudy.analysis.trace import Trace
from convstudy.errors import ModelError, RecipeError, UnknownNameError

OPTIMIZER_VALUES = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adam": 2, "adamw": 2}
"""The number of values that an optimizer keeps per trained weight."""


@dataclass(frozen=True, kw_only=True)
class TrainingMemory:
    """The bytes that one training step holds, by purpose; `saved_by_layer` maps each path to its saved activations.

    `peak` is the sum of weights, gradients, optimizer state and the activations that the forward pass saves for the
    backward pass. It excludes the workspaces of operations and the reserve of the allocator.
    """

    batch_size: int
    inputs: int
    weights: int
    buffers: int
    gradients: int
    optimizer: int
    saved_activations: int
    saved_by_layer: Mapping[str, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """Return the sum of all parts that are held at once."""
        held = self.weights + self.buffers + self.gradients + self.optimizer
        return held + self.saved_activations

    @property
    def inference(self) -> int:
        """Return the bytes of weights, buffers and inputs, which remain without training."""
        return self.weights + self.buffers + self.inputs

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; all are bytes except the batch size."""
        return {**asdict(self), "peak": self.peak, "inference": self.inference}


def training_memory(
    network: nn.Module,
    /,
    *inputs: Input | Inputs,
    batch_size: int = 1,
    optimizer: str = "momentum",
    training: bool | None = True,
    on_note: Callable[[str], None] | None = None,
    **named_inputs: Any,
) -> TrainingMemory:
    """Predict the memory of a training step from a forward pass on the meta device and what autograd saves for it.

    Inputs are as for `count`; tensors are taken with their batch. `optimizer` is one of sgd, momentum,
    nesterov, rmsprop, adam, adamw. Attention is assumed to be fused, which saves no matrix of attention weights.

    Raises:
        ShapeError, ModelError: as `count`.
        RecipeError: if the batch size is below 1.
        UnknownNameError: if the optimizer is unknown.

    >>> memory = training_memory(nn.Sequential(nn.Linear(100, 10), nn.ReLU(), nn.Linear(10, 1)), (100,), batch_size=8)
    >>> memory.weights, memory.gradients, memory.optimizer  # 1021 weights of 4 bytes, and one momentum each
    (4084, 4084, 4084)
    >>> memory.saved_activations  # the input, 8·100, and the ReLU's result, 8·10, which the second layer shares
    3520
    """
    if batch_size < 1:
        raise RecipeError(f"batch_size is {batch_size}; expected at least 1", setting="batch_size")
    if optimizer not in OPTIMIZER_VALUES:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZER_VALUES)
    holders: list[Saved] = []

    def around(copy: nn.Module) -> Saved:
        holders.append(Saved([*copy.parameters(), *copy.buffers()]))
        return holders[-1]

    call = Inputs.of(inputs, named_inputs)
    asked = Asked(inputs=call, training=training, batch_size=batch_size, around=around, on_note=on_note)
    done = run(unwrapped_module(network), asked)
    if done.failure:
        raise ModelError(done.failure)
    given, saved = done.given, holders[-1]
    batch_size = given[0].shape[0] if given[0].dim() else 1
    parameters, buffers = list(done.network.parameters()), list(done.network.buffers())
    weights, trained = _bytes(parameters), _bytes([parameter for parameter in parameters if parameter.requires_grad])
    return TrainingMemory(
        batch_size=batch_size,
        inputs=_bytes(given),
        weights=weights,
        buffers=_bytes(buffers),
        gradients=trained,
        optimizer=OPTIMIZER_VALUES[optimizer] * trained,
        saved_activations=sum(saved.by_layer.values()),
        saved_by_layer=saved.by_layer,
    )


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Saved:
    """The sum of what autograd saves for the backward pass: each storage once, weights and buffers excluded."""

    def __init__(self, known: list[Tensor]) -> None:
        self.storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage() for tensor in known}
        self.by_layer: dict[str, int] = {}

    def __call__(self, trace: Trace, run: Callable[[], Any]) -> Any:
        """Run with gradients and sum up the saved tensors."""

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in self.storages:
                self.storages[storage._cdata] = storage
                path = trace.here.path
                self.by_layer[path] = self.by_layer.get(path, 0) + storage.nbytes()
            return tensor

        with torch.enable_grad(), fused_attention(), torch.autograd.graph.saved_tensors_hooks(pack, _unchanged):
            return run()


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


ATTENTION_ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


@contextmanager
def fused_attention() -> Iterator[None]:
    """Make attention save what its fused kernels save: queries, keys, values, the result and one number per query.

    The meta device takes the path that saves the whole attention matrix; real devices do so only with dropout.
    """
    usual = F.scaled_dot_product_attention

    def attention(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(ATTENTION_ARGUMENTS, args, strict=False)), **kwargs}
        if not _fuses(given):
            return usual(*args, **kwargs)
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *(given[name] for name in ATTENTION_ARGUMENTS[:3]),
            is_causal=given.get("is_causal", False),
            attn_mask=given.get("attn_mask"),
            scale=given.get("scale"),
        )[0]

    F.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        F.scaled_dot_product_attention = usual


def _fuses(given: Mapping[str, Any]) -> bool:
    """Return whether torch's CPU kernel takes these arguments (`use_flash_attention_cpp` in its sdp_utils_cpp.cpp)."""
    query, key, value = (given[name] for name in ATTENTION_ARGUMENTS[:3])
    mask = given.get("attn_mask")
    return (
        query.dim() == key.dim() == value.dim() == 4
        and query.shape[-1] == value.shape[-1]
        and query.shape[1] == key.shape[1]
        and not given.get("dropout_p")
        and (mask is None or not mask.requires_grad)
    )
