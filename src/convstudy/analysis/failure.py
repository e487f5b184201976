"""The error for a network that cannot be run: the layer, the shape it received and the shape it expects."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from convstudy.analysis.application import shape_of
from convstudy.analysis.steps import ValuesNeededError
from convstudy.analysis.trace import Call, Trace
from convstudy.errors import ConvstudyError, ModelError, ShapeError, place_in_user_code
from convstudy.wording import LONGEST_REASON, message_of, shortened

OF_SHAPE = (RuntimeError, ValueError, AssertionError, IndexError)
OF_VALUES = (NotImplementedError, DataDependentOutputException, DynamicOutputShapeException, ValuesNeededError)
WITHOUT_VALUES = (
    "on meta tensors",
    "on a meta tensor",
    "data-dependent",
    "no data",
    "on tensor subclasses",
    "meta tensor;",
    "no fake impl",
)
LONGEST_PATH = 120  # letters
NOT_ON_CPU = ("not implemented for", "could not run", "cuda", "no kernel", "out of memory", "can't allocate")


def failure(error: Exception, trace: Trace, inputs: Sequence[Tensor]) -> ConvstudyError:
    """Return the error to raise in place of the one that the network raised."""
    if isinstance(error, ConvstudyError):
        return error
    call = trace.here
    where = f"{_shortened(call.path) or 'the network'} ({type(call.module).__name__})"
    message = _first_line(error)
    if isinstance(error, RecursionError):
        return ModelError(f"{where}: the modules are nested more deeply than Python can call")
    if looks_at_values(error):
        return ModelError(f"{where}: the result depends on the values of the input, not only on shapes: {message}")
    network_input = " and ".join(_printed(shape_of(tensor)[1:]) for tensor in inputs)
    if isinstance(error, OF_SHAPE):
        got = " and ".join(_printed(shape) for shape in call.inputs) or "nothing"
        reason = _expectation(call) or f"{message}{place_in_user_code(error)}"
        return ShapeError(f"{where}: got {got} (batch first), {reason}; the network's input was {network_input}")
    return ModelError(f"{where}: {type(error).__name__}: {message}{place_in_user_code(error)}")


def looks_at_values(error: Exception | None) -> bool:
    """Return whether a run without values failed because it has none."""
    return isinstance(error, OF_VALUES) or any(text in message_of(error) for text in WITHOUT_VALUES)


def is_misfit(error: Exception | None, trace: Trace, *, certain: bool) -> bool:
    """Return whether an input does not fit.

    That is so where the shape is not what the layer expects. If all else is excluded (`certain`), any error is one that
    torch raises for wrong shapes and that does not come from values or from operations that the CPU does not have.
    """
    if not isinstance(error, OF_SHAPE) or looks_at_values(error):
        return False
    elsewhere = any(text in message_of(error).lower() for text in NOT_ON_CPU) or isinstance(error, RecursionError)
    return bool(_expectation(trace.here)) or (certain and not elsewhere)


def _expectation(call: Call) -> str:
    """Return what a layer of torch expects, if the received shape violates it."""
    module, shape = call.module, call.inputs[0] if call.inputs else ()
    if isinstance(module, nn.Linear) and shape and shape[-1] != module.in_features:
        return f"expected {module.in_features} features in the last axis"
    if isinstance(module, nn.modules.conv._ConvNd) and len(shape) != len(module.kernel_size) + 2:
        return f"expected {len(module.kernel_size) + 2} axes: batch, channels and {len(module.kernel_size)} of space"
    if isinstance(module, nn.modules.conv._ConvNd) and shape[1] != module.in_channels:
        return f"expected {module.in_channels} channels in the second axis"
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and len(shape) > 1 and shape[1] != module.num_features:
        return f"expected {module.num_features} channels in the second axis"
    return _window_expectation(module, shape)


def _window_expectation(module: nn.Module, shape: tuple[int, ...]) -> str:
    """Return the extent of the window, if it exceeds the padded input."""
    kernel, padding = getattr(module, "kernel_size", None), getattr(module, "padding", 0)
    if kernel is None or isinstance(padding, str) or isinstance(module, nn.modules.conv._ConvTransposeNd):
        return ""
    axes = len(shape) - 2
    sides = [
        (value,) * axes if isinstance(value, int) else tuple(value)
        for value in (kernel, padding, getattr(module, "dilation", 1))
    ]
    reach = tuple(step * (size - 1) + 1 for size, _, step in zip(*sides, strict=False))
    fits = all(size + 2 * pad >= far for size, pad, far in zip(shape[2:], sides[1], reach, strict=False))
    return "" if fits else f"expected at least the size of the window, {_printed(reach)}, after padding"


def _shortened(path: str) -> str:
    """Return a module's path with its middle left out if it does not fit a line.

    >>> _shortened("layer1.0.conv1"), len(_shortened("0." * 900))
    ('layer1.0.conv1', 105)
    """
    return path if len(path) <= LONGEST_PATH else f"{path[:50]} ... {path[-50:]}"


def _first_line(error: Exception) -> str:
    lines = message_of(error).strip().splitlines()
    return shortened(lines[0], LONGEST_REASON).split(". ")[0].rstrip(".") if lines else type(error).__name__


def _printed(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
