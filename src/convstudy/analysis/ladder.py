"""One run of a network on the first step on which it succeeds: shapes, fake tensors, or a forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from convstudy.analysis.application import size_of
from convstudy.analysis.failure import failure, is_misfit, looks_at_values
from convstudy.analysis.inputs import Arguments, Inputs
from convstudy.analysis.stand_in import as_found, stand_in_network
from convstudy.analysis.steps import FakeTensors, ForwardPass, Shapes, Step
from convstudy.analysis.table import StepName
from convstudy.analysis.trace import Call, RecordedOperation, Trace, tensors_in
from convstudy.errors import ConvstudyError, ModelError
from convstudy.wording import message_of

STEPS: tuple[Callable[[], Step], ...] = (Shapes, FakeTensors, ForwardPass)

SECOND_OF_MACS = 2e10  # about what one core of a processor does in a second
MUCH = 1e8  # bytes of memory that a forward pass is announced with

Run = Callable[[], Any]
Around = Callable[[Trace, Run], Any]


@dataclass
class Attempt:
    """A run on one step: the copy that ran, its arguments, its trace and its outputs, or the error that ended it."""

    step: StepName
    network: nn.Module
    arguments: Arguments
    trace: Trace
    outputs: list[Tensor]
    error: Exception | None = None
    failure: str = ""

    @property
    def given(self) -> list[Tensor]:
        """Return the input tensors."""
        return tensors_in((self.arguments.positional, self.arguments.named))

    def reason(self) -> ConvstudyError:
        """Return the error for the user."""
        assert self.error is not None
        return failure(self.error, self.trace, self.given)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to run: inputs, mode, batch size of the inputs given as shapes, and what to wrap around the run.

    `around` is made for the copy that runs. `on_note` receives a line before a forward pass that needs 100 MB or
    more.
    """

    inputs: Inputs
    training: bool | None
    batch_size: int = 1
    around: Callable[[nn.Module], Around] | None = None
    on_note: Callable[[str], None] | None = None


def without_gradients(_: Trace, run: Run) -> Any:
    """Run without gradients, as in evaluation."""
    with torch.no_grad():
        return run()


def run(network: nn.Module, asked: Asked) -> Attempt:
    """Run a copy of a network on the first step on which it succeeds.

    If it fails on all of them after some layers, the attempt that got furthest is returned with its `failure`.

    Raises:
        ShapeError: if an input does not fit.
        ModelError: if the network fails before its first layer, or cannot be copied.
    """
    attempts: list[Attempt] = []
    for make in STEPS:
        if make is ForwardPass:
            needed = _memory(network, attempts)
            free = psutil.virtual_memory().available
            if needed > free:
                reason = f"a forward pass needs about {_gigabytes(needed)}, and {_gigabytes(free)} are free"
                return _furthest(attempts, f"{attempts[-1].reason()}; {reason}")
            if asked.on_note and needed >= MUCH:
                asked.on_note(
                    f"counting needs the values of tensors: running one forward pass on the CPU, which needs about "
                    f"{_gigabytes(needed)} of memory"
                )
        attempt = _attempt(network, make(), asked)
        if attempt.error is None:
            return attempt
        attempts.append(attempt)
        if not _worth_climbing(attempts):
            break
    last = attempts[-1]
    if isinstance(last.error, ConvstudyError) or is_misfit(
        last.error, last.trace, certain=not looks_at_values(attempts[0].error)
    ):
        raise last.reason() from last.error
    return _furthest(attempts, str(last.reason()))


def _attempt(network: nn.Module, step: Step, asked: Asked) -> Attempt:
    with as_found(network):
        arguments = asked.inputs.arguments(network, step.input, batch_size=asked.batch_size)
        copy = stand_in_network(network, step.stand_in, training=asked.training)
        trace = Trace({id(module): path for path, module in copy.named_modules()}, step)
        around = asked.around(copy) if asked.around else without_gradients
        attempt = Attempt(step.name, copy, arguments, trace, [])
        try:
            with warnings.catch_warnings(action="ignore"), step.around(), all_parts(), trace:
                outputs = around(trace, lambda: copy(*arguments.positional, **arguments.named))
            attempt.outputs = tensors_in(outputs)
        except Exception as error:
            attempt.error = error
    return attempt


@contextmanager
def all_parts() -> Iterator[None]:
    """Switch off the fast path of attention, which would hide the parts of an encoder layer."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


def _worth_climbing(attempts: Sequence[Attempt]) -> bool:
    """Return whether the next step could succeed: not after a misfit of a layer, nor at length after the same failure.

    An error that two steps share is one of the network or one of torch's rules for shapes; a forward pass tells.
    """
    last = attempts[-1]
    if isinstance(last.error, (ConvstudyError, RecursionError)) or is_misfit(last.error, last.trace, certain=False):
        return False
    if len(attempts) < 2 or looks_at_values(last.error):
        return True
    before = attempts[-2].error
    macs = sum(operation.macs for operation in last.trace.stack[0].operations())
    return type(last.error) is not type(before) or message_of(last.error) != message_of(before) or macs < SECOND_OF_MACS


def _furthest(attempts: Sequence[Attempt], reason: str) -> Attempt:
    """Return the attempt with the most operations, marked as failed.

    Raises:
        ModelError: if no attempt came to an operation.
    """
    best = max(attempts, key=lambda attempt: len(attempt.trace.stack[0].operations()))
    if not any(isinstance(step, (Call, RecordedOperation)) for step in best.trace.root.steps):
        raise ModelError(reason) from best.error
    best.failure = reason
    return best


def _memory(network: nn.Module, attempts: Sequence[Attempt]) -> int:
    """Return the bytes that a forward pass needs at least: the copies of all tensors, and the results so far."""
    held = sum(_bytes(tensor) for tensor in [*network.parameters(), *network.buffers()])
    results = [sum(operation.output_bytes for operation in attempt.trace.stack[0].operations()) for attempt in attempts]
    return held + sum(map(_bytes, attempts[-1].given)) + max(results)


def _bytes(tensor: Tensor) -> int:
    return size_of(tensor) * tensor.element_size()


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
