"""What training a network takes in memory, predicted without allocating it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.analysis.count import Input, plain, stand_in_of, traced
from convstudy.analysis.stand_in import stand_ins
from convstudy.analysis.trace import Trace
from convstudy.errors import RecipeError, ShapeError, UnknownNameError

OPTIMISER_VALUES = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adam": 2, "adamw": 2}
"""How many values an optimiser keeps for each weight that it trains."""


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that one training step holds, by what for; `saved_by_layer` has the saved activations of each path.

    `peak` is their sum: the weights, their gradients, the optimiser's state and what the forward pass keeps for the
    backward pass. It leaves out what an operation needs while it runs (workspaces) and what the allocator keeps back.
    """

    batch_size: int
    inputs: int
    weights: int
    buffers: int
    gradients: int
    optimiser: int
    saved_activations: int
    saved_by_layer: Mapping[str, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """All of it at once."""
        held = self.weights + self.buffers + self.gradients + self.optimiser
        return held + self.saved_activations

    @property
    def inference(self) -> int:
        """What stays in memory without training: weights, buffers and the inputs."""
        return self.weights + self.buffers + self.inputs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, all of them bytes but the batch size."""
        return {**asdict(self), "peak": self.peak, "inference": self.inference}


def training_memory(
    network: nn.Module, *inputs: Input, batch_size: int = 1, optimiser: str = "momentum", training: bool | None = True
) -> TrainingMemory:
    """Predict the memory of a training step: a forward pass on the meta device with gradients, and what autograd keeps.

    Inputs are shapes of one example, as for `count`, or tensors with their batch. `optimiser` is one of sgd, momentum,
    nesterov, rmsprop, adam, adamw. Attention is taken to be fused, which keeps no table of weights.

    Raises: ShapeError and ModelError, as `count`; RecipeError, for a batch below 1; UnknownNameError, for an optimiser.

    >>> memory = training_memory(nn.Sequential(nn.Linear(100, 10), nn.ReLU(), nn.Linear(10, 1)), (100,), batch_size=8)
    >>> memory.weights, memory.gradients, memory.optimiser  # 1021 weights of 4 bytes, and one momentum each
    (4084, 4084, 4084)
    >>> memory.saved_activations  # the input, 8·100, and the ReLU's result, 8·10, which the second layer shares
    3520
    """
    if batch_size < 1:
        raise RecipeError(f"a batch has 1 image or more; got {batch_size}")
    if optimiser not in OPTIMISER_VALUES:
        raise UnknownNameError("optimiser", optimiser, OPTIMISER_VALUES)
    network = plain(network)
    given = [_batch(stand_in_of(value, network), value, batch_size) for value in inputs]
    if not given:
        raise ShapeError("training_memory needs the shape of one input, as in training_memory(network, (3, 32, 32))")
    batch_size = given[0].shape[0] if given[0].dim() else 1
    with stand_ins(network, training=training):
        parameters, buffers = list(network.parameters()), list(network.buffers())
        saved = Saved([*parameters, *buffers])
        traced(network, given, {}, around=saved)
    weights, trained = _bytes(parameters), _bytes([parameter for parameter in parameters if parameter.requires_grad])
    return TrainingMemory(
        batch_size,
        _bytes(given),
        weights,
        _bytes(buffers),
        trained,
        OPTIMISER_VALUES[optimiser] * trained,
        sum(saved.by_layer.values()),
        saved.by_layer,
    )


def _batch(stand_in: Tensor, value: Input, batch_size: int) -> Tensor:
    if isinstance(value, Tensor):
        return stand_in
    return torch.empty((batch_size, *stand_in.shape[1:]), dtype=stand_in.dtype, device="meta")


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Saved:
    """Adds up what autograd keeps for the backward pass: each storage once, those of weights and buffers not."""

    def __init__(self, known: list[Tensor]) -> None:
        self.storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage() for tensor in known}
        self.by_layer: dict[str, int] = {}

    def __call__(self, trace: Trace, run: Callable[[], Any]) -> Any:
        """Do the run with gradients and add up."""

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
    """Lets attention keep what its fused kernels keep: queries, keys, values, the result and one number a query.

    The meta device takes the path that keeps the whole table of weights; real devices take it with dropout only.
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
    """Whether torch's CPU kernel takes these arguments (`use_flash_attention_cpp` in its sdp_utils_cpp.cpp)."""
    query, key, value = (given[name] for name in ATTENTION_ARGUMENTS[:3])
    mask = given.get("attn_mask")
    return (
        query.dim() == key.dim() == value.dim() == 4
        and query.shape[-1] == value.shape[-1]
        and query.shape[1] == key.shape[1]
        and not given.get("dropout_p")
        and (mask is None or not mask.requires_grad)
    )
