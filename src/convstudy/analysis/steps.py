"""The steps on which a network can be counted: how each makes tensors and runs operations.

1. `Shapes`: every tensor is on the meta device, which has shapes and no values. Fast, and enough for most networks.
2. `FakeTensors`: tensors have no values but the name of the real device; small constants of the network, and small
   integers that were given as input, keep their values, so that what depends on them alone is known.
3. `ForwardPass`: all tensors are real and on the CPU; inputs given as shapes are zeros.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import prod
from typing import Any, Protocol

import psutil
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from convstudy.analysis.inputs import InputTensor
from convstudy.analysis.packing import packed_sequence
from convstudy.analysis.real_tensors import RealTensors, mapped, storage_of, written_arguments
from convstudy.analysis.shapes import SHAPE_RULES
from convstudy.analysis.table import StepName
from convstudy.errors import ModelError

SMALL_CONSTANT = 2**20  # values; a causal mask of 1,024 positions
SMALL_PARAMETER = 2**12  # values; a scale or a temperature, whose value the network may look at
MEMORY_RESERVE = 0.05  # of the machine's memory, which a forward pass leaves free

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


class Step(Protocol):
    """One way to run a network: the tensors that stand in for its own and for its inputs, and the operations."""

    @property
    def name(self) -> StepName:
        """Return the name under which the table shows the step."""

    def input(self, value: InputTensor | Tensor) -> Tensor:
        """Return the tensor for an input; its shape includes the batch axis."""

    def stand_in(self, tensor: Tensor) -> Tensor:
        """Return the tensor for one of the network's own."""

    def run(self, overload: Any, args: Args, kwargs: Kwargs, tensors: Sequence[Tensor]) -> Any:
        """Run an operation, whose tensor arguments are `tensors`."""

    def is_known(self, tensor: Tensor) -> bool:
        """Return whether a tensor has the values that it would have in a forward pass."""

    def around(self) -> AbstractContextManager[Any]:
        """Return the context in which the network runs."""


class Shapes:
    """Step 1: every tensor is on the meta device."""

    name: StepName = "shapes"

    def __init__(self) -> None:
        self.real = RealTensors()

    def input(self, value: InputTensor | Tensor) -> Tensor:
        if isinstance(value, Tensor) and not _plain(value):
            return value.detach().clone()
        return torch.empty(tuple(value.shape), dtype=value.dtype, device="meta")

    def stand_in(self, tensor: Tensor) -> Tensor:
        if isinstance(tensor, nn.Parameter):
            empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
            return nn.Parameter(empty, requires_grad=tensor.requires_grad)
        return tensor.detach().to("meta") if _plain(tensor) else tensor.detach().clone()

    def run(self, overload: Any, args: Args, kwargs: Kwargs, tensors: Sequence[Tensor]) -> Any:
        """Run an operation on meta tensors; of the others, only the shapes are used if one argument is there."""
        rule = SHAPE_RULES.get(overload)
        places = [tensor.is_meta for tensor in tensors]
        meta = True in places
        if False in places:
            if overload is torch.ops.aten._pack_padded_sequence.default and meta:
                return packed_sequence(*args)
            args, kwargs = self.real.protect(overload, args, kwargs, with_meta=meta)
        result = rule(args) if meta and rule is not None and not kwargs else None
        if result is None:
            result = overload(*args, **kwargs)
        if not meta:
            self.real.note(overload, tensors, result)
        return result

    def is_known(self, tensor: Tensor) -> bool:
        return not tensor.is_meta

    def around(self) -> AbstractContextManager[Any]:
        return nullcontext()


class FakeTensors:
    """Step 2: torch's fake tensors on the device that the network is on; small constants keep their values."""

    name: StepName = "fake tensors"

    def __init__(self) -> None:
        from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode  # noqa: PLC0415

        self.kind = FakeTensor
        self.mode = FakeTensorMode(allow_fallback_kernels=False, allow_non_fake_inputs=True)
        self.real = RealTensors()
        self.overwritten: dict[int, Any] = {}  # the storages of real tensors to which values were written

    def input(self, value: InputTensor | Tensor) -> Tensor:
        if isinstance(value, Tensor):
            exact = not (value.is_floating_point() or value.is_complex())
            return self._own(value) if not _plain(value) or (exact and _small(value)) else self._fake(value)
        with self.mode:
            return torch.empty(value.shape, dtype=value.dtype)

    def stand_in(self, tensor: Tensor) -> Tensor:
        parameter = isinstance(tensor, nn.Parameter)
        if _plain(tensor) and not _small(tensor, SMALL_PARAMETER if parameter else SMALL_CONSTANT):
            copy = self._fake(tensor)
        else:
            copy = self._own(tensor)
        return nn.Parameter(copy, requires_grad=tensor.requires_grad) if parameter else copy

    def _own(self, tensor: Tensor) -> Tensor:
        copy = tensor.detach().clone()
        self.real.own(copy)
        return copy

    def _fake(self, tensor: Tensor) -> Tensor:
        device = torch.device("cpu") if tensor.is_meta else tensor.device
        with self.mode:
            return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)

    def is_known(self, tensor: Tensor) -> bool:
        """Return whether a tensor is real and has the values that it would have in a forward pass."""
        return not isinstance(tensor, self.kind) and not tensor.is_meta and storage_of(tensor) not in self.overwritten

    def run(self, overload: Any, args: Args, kwargs: Kwargs, tensors: Sequence[Tensor]) -> Any:
        if all(self.is_known(tensor) for tensor in tensors):
            return self._run_known(overload, args, kwargs, tensors)
        if overload is torch.ops.aten._pack_padded_sequence.default and self.is_known(args[1]):
            with self.mode:
                return packed_sequence(self._faked(args[0]), *args[1:])
        originals: dict[int, Tensor] = {}

        def faked(tensor: Tensor) -> Tensor:
            fake = self._faked(tensor)
            originals[id(fake)] = tensor
            return fake

        fake_args, fake_kwargs = mapped(args, faked), mapped(kwargs, faked)
        with self.mode:
            result = overload(*fake_args, **fake_kwargs)
        written = written_arguments(overload)
        for key, value in (*enumerate(args), *kwargs.items()):
            if key in written:
                mapped(value, self._overwrite)
        if isinstance(result, Tensor) and id(result) in originals:
            return originals[id(result)]
        return self._constant(overload, args, result)

    def _run_known(self, overload: Any, args: Args, kwargs: Kwargs, tensors: Sequence[Tensor]) -> Any:
        """Run an operation on real values; if its result could be large, look at its shape first."""
        if not tensors or prod(max(tensor.numel(), 1) for tensor in tensors) > SMALL_CONSTANT:
            try:
                with self.mode:
                    result = overload(*mapped(args, self._faked), **mapped(kwargs, self._faked))
            except Exception:  # a result that depends on the values, which are known
                result = None
            if isinstance(result, Tensor) and not _small(result) and not getattr(overload, "is_view", False):
                return result
        args, kwargs = self.real.protect(overload, args, kwargs, with_meta=False)
        result = overload(*args, **kwargs)
        self.real.note(overload, tensors, result)
        return result

    def _faked(self, tensor: Tensor) -> Tensor:
        if isinstance(tensor, self.kind):
            return tensor
        fake: Tensor = self.mode.from_tensor(tensor)
        return fake

    def _overwrite(self, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, self.kind):
            self.overwritten[storage_of(tensor)] = tensor  # kept, so that its address is not reused
        return tensor

    def _constant(self, overload: Any, args: Args, result: Any) -> Any:
        """Return the real tensor for `zeros_like` and similar operations, which take only a shape from an argument."""
        value = CONSTANTS.get(overload)
        if value is None or not isinstance(result, Tensor) or not _small(result):
            return result
        real = torch.full(result.shape, value(args), dtype=result.dtype, device=result.device)
        self.real.own(real)
        return real

    @contextmanager
    def around(self) -> Iterator[None]:
        with eager(), quiet(), Reading(self.is_known):
            yield


class Reading(TorchFunctionMode):
    """Refuses to read values past the operations of torch from tensors that do not have them."""

    METHODS = frozenset({Tensor.tolist, Tensor.numpy, Tensor.__array__, Tensor.data_ptr})

    def __init__(self, is_known: Callable[[Tensor], bool]) -> None:
        super().__init__()
        self.is_known = is_known

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        if function in self.METHODS and not self.is_known(args[0]):
            raise ValuesNeededError(f"{function.__name__} of a tensor")
        return function(*args, **(kwargs or {}))


class ValuesNeededError(RuntimeError):
    """The network needs values that are not known on this step."""


class ForwardPass:
    """Step 3: a forward pass on the CPU with copies of all tensors."""

    name: StepName = "forward pass"

    def __init__(self) -> None:
        self.real = RealTensors()
        self.storages: dict[int, Tensor] = {}
        self.reserve = int(MEMORY_RESERVE * psutil.virtual_memory().total)

    def input(self, value: InputTensor | Tensor) -> Tensor:
        if isinstance(value, Tensor):
            return self._own(value)
        zeros = torch.zeros(value.shape, dtype=value.dtype)
        self.real.own(zeros)
        return zeros

    def stand_in(self, tensor: Tensor) -> Tensor:
        copy = self._own(tensor)
        return nn.Parameter(copy, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copy

    def _own(self, tensor: Tensor) -> Tensor:
        """Return a copy on the CPU; tensors that share their memory share it in the copy."""
        if tensor.is_meta:
            copy = torch.zeros(tensor.shape, dtype=tensor.dtype)
        elif not _plain(tensor) or tensor.is_quantized:
            copy = tensor.detach().to("cpu").clone()
        else:
            storage = storage_of(tensor)
            whole = self.storages.get(storage)
            if whole is None:
                source = tensor.detach()
                count = source.untyped_storage().nbytes() // max(source.element_size(), 1)
                whole = self.storages[storage] = source.as_strided((count,), (1,), 0).to("cpu", copy=True)
            if whole.dtype != tensor.dtype:
                return tensor.detach().to("cpu", copy=True)
            copy = whole.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        self.real.own(copy)
        return copy

    def run(self, overload: Any, args: Args, kwargs: Kwargs, tensors: Sequence[Tensor]) -> Any:
        if psutil.virtual_memory().available < self.reserve:
            raise ModelError(f"the forward pass leaves less than {self.reserve / 1e9:.1f} GB of memory free")
        args, kwargs = self.real.protect(overload, args, kwargs, with_meta=False)
        result = overload(*args, **kwargs)
        self.real.note(overload, tensors, result)
        return result

    def is_known(self, _: Tensor) -> bool:
        return True

    @contextmanager
    def around(self) -> Iterator[None]:
        with eager():
            yield


@contextmanager
def eager() -> Iterator[None]:
    """Make `torch.compile` do nothing, so that the operations of `torch.cond` and of compiled functions are seen."""
    usual = torch.compile

    def unchanged(model: Any = None, **_: Any) -> Any:
        return (lambda function: function) if model is None else model

    torch.compile = unchanged
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        torch.compile = usual


@contextmanager
def quiet() -> Iterator[None]:
    """Keep torch from logging the traceback of an error of fake tensors, after which the next step is tried."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _small(tensor: Tensor, values: int = SMALL_CONSTANT) -> bool:
    return not tensor.is_meta and tensor.numel() <= values


def _plain(tensor: Tensor) -> bool:
    return (
        tensor.layout is torch.strided
        and not tensor.is_quantized
        and not tensor.is_nested
        and not is_traceable_wrapper_subclass(tensor)
    )


aten = torch.ops.aten
CONSTANTS: dict[Any, Callable[[Args], Any]] = {
    **dict.fromkeys([aten.zeros_like.default, aten.new_zeros.default], lambda _: 0),
    **dict.fromkeys([aten.ones_like.default, aten.new_ones.default], lambda _: 1),
    aten.full_like.default: lambda args: args[1],
    aten.new_full.default: lambda args: args[2],
}
"""The value with which these operations fill a new tensor; of their argument, they take the shape or the device."""
