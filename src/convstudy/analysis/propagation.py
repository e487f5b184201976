"""How each operation passes on what its arguments know of the input: one rule a family of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from torch import Tensor

from convstudy.analysis.flow import Axis, Flow, met
from convstudy.analysis.formulas import Arguments

NOWHERE = Flow()
Rule = Callable[[Arguments, Flow, Tensor], Flow]


def flow_of(tensor: Tensor) -> Flow:
    """What a tensor knows; parameters know that a gradient reaches them, constants nothing."""
    flow: Flow | None = getattr(tensor, "_convstudy_flow", None)
    if flow is not None:
        return flow
    return Flow(gradient=True) if tensor.requires_grad else NOWHERE


def mark(tensor: Tensor, flow: Flow) -> None:
    tensor._convstudy_flow = flow  # type: ignore[attr-defined]


def propagate(name: str, role: str, args: Arguments, tensors: Sequence[Tensor], output: Tensor) -> Flow:
    """What the output of an operation knows; `tensors` are all tensors among its arguments."""
    flows = [flow_of(tensor) for tensor in tensors]
    if not flows:
        return NOWHERE
    if role == "elementwise" and len(flows) == 1:
        return flows[0]
    meeting = met(flows, [tensor.dim() for tensor in tensors], output.dim())
    if not meeting.depends:
        return Flow(gradient=meeting.gradient)
    rule = RULES.get(name)
    if rule is not None:
        source = flows[0]
        united = Flow(source.axes, meeting.whole, True, meeting.gradient)
        return rule(args, united, output)
    if role in {"elementwise", "softmax", "norm"} or name in {"cat", "where", "copy"}:
        return _without(meeting, name, args)
    if role in {"view", "moving"} and tuple(tensors[0].shape) == tuple(output.shape):
        return flows[0]
    return meeting.at(())


def _without(flow: Flow, name: str, args: Arguments) -> Flow:
    """Softmax over an axis of the image, or a norm with statistics of the image, sees all of it.

    The statistics of norms are left aside, as is usual: they say how bright, not what is where.
    """
    if name in {"_softmax", "_safe_softmax", "_log_softmax"} and flow.axes and flow.axes[args[1]] is not None:
        return Flow(flow.axes, True, flow.depends, flow.gradient)
    return flow


def _pair(value: Any, count: int) -> Sequence[int]:
    if isinstance(value, (list, tuple)):
        return value if len(value) == count else list(value) * count
    return [value] * count


def _spaced(flow: Flow, axes: int, step: Callable[[Axis, int], Axis]) -> Flow:
    """Apply a step to each of the last `axes` axes that still runs along the input."""
    before = flow.axes
    after = list(before)
    for number in range(axes):
        position = len(before) - axes + number
        axis = before[position] if 0 <= position < len(before) else None
        if axis is not None:
            after[position] = step(axis, number)
    return flow.at(after)


def _convolution(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    weight = args[1]
    axes = weight.dim() - 2
    kernel = weight.shape[2:]
    stride, padding, dilation = (_pair(value, axes) for value in args[3:6])
    transposed = args[6]

    def step(axis: Axis, number: int) -> Axis:
        move = axis.spread if transposed else axis.window
        return move(kernel[number], stride[number], padding[number], dilation[number])

    return _spaced(flow, axes, step)


def _pooling(axes: int, *, dilated: bool) -> Rule:
    def rule(args: Arguments, flow: Flow, output: Tensor) -> Flow:
        kernel = _pair(args[1], axes)
        stride = _pair(args[2], axes) if len(args) > 2 and args[2] else kernel
        padding = _pair(args[3], axes) if len(args) > 3 else [0] * axes
        dilation = _pair(args[4], axes) if dilated and len(args) > 4 else [1] * axes
        return _spaced(
            flow,
            axes,
            lambda axis, number: axis.window(kernel[number], stride[number], padding[number], dilation[number]),
        )

    return rule


def _adaptive_pooling(axes: int) -> Rule:
    """Windows of `⌈input/output⌉` at a stride of `⌊input/output⌋`; one output sees everything."""

    def rule(args: Arguments, flow: Flow, output: Tensor) -> Flow:
        sizes, results = args[0].shape[-axes:], output.shape[-axes:]
        if all(result == 1 for result in results):
            return flow.at([axis if number < len(flow.axes) - axes else None for number, axis in enumerate(flow.axes)])
        return _spaced(
            flow,
            axes,
            lambda axis, number: axis.window(
                -(-sizes[number] // results[number]), max(1, sizes[number] // results[number])
            ),
        )

    return rule


def _interpolation(axes: int, reach: int) -> Rule:
    def rule(args: Arguments, flow: Flow, output: Tensor) -> Flow:
        sizes, results = args[0].shape[-axes:], output.shape[-axes:]
        return _spaced(flow, axes, lambda axis, number: axis.scaled(Fraction(results[number], sizes[number]), reach))

    return rule


def _shuffle(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return _spaced(flow, 2, lambda axis, _: axis.scaled(Fraction(args[1]), 0))


def _unshuffle(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return _spaced(flow, 2, lambda axis, _: axis.window(args[1], args[1]))


def _padding(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    """Padding before the axis moves its first position; constant, reflected and replicated alike."""
    before = args[1][0::2]
    axes = list(flow.axes)
    for number, padding in enumerate(before):
        position = len(axes) - 1 - number
        axis = axes[position] if position >= 0 else None
        if axis is not None:
            shift = padding * axis.stride
            axes[position] = Axis(axis.number, axis.stride, axis.first - shift, axis.last - shift)
    return flow.at(axes)


def _reduction(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    rank = args[0].dim()
    over = args[1] if len(args) > 1 and args[1] is not None else list(range(rank))
    reduced = {axis % rank for axis in (over if isinstance(over, (list, tuple)) else [over])} if rank else set()
    if not flow.axes:
        return flow
    if output.dim() == rank:
        return flow.at([None if number in reduced else axis for number, axis in enumerate(flow.axes)])
    return flow.at([axis for number, axis in enumerate(flow.axes) if number not in reduced])


def _permute(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return flow.at([flow.axes[position] for position in args[1]]) if flow.axes else flow


def _transpose(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    axes = list(flow.axes)
    if axes:
        axes[args[1]], axes[args[2]] = axes[args[2]], axes[args[1]]
    return flow.at(axes)


def _turn(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return flow.at(flow.axes[::-1])


def _slice(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    """`slice(self, dim, start, end, step)`."""
    dim, start, _, step = (*args[1:5], *(0, 0, None, 1)[len(args) - 1 :])
    axes = list(flow.axes)
    axis = axes[dim] if axes else None
    if axis is not None:
        shift = (start or 0) % args[0].shape[dim] * axis.stride if (start or 0) < args[0].shape[dim] else 0
        axes[dim] = Axis(axis.number, axis.stride * step, axis.first + shift, axis.last + shift)
    return flow.at(axes)


def _select(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    """One position of an axis; of an axis of the image, that stands for the whole of it."""
    axes = list(flow.axes)
    if axes:
        del axes[args[1]]
    return flow.at(axes)


def _unsqueeze(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    axes = list(flow.axes)
    if axes:
        axes.insert(args[1] % output.dim(), None)
    return flow.at(axes)


def _reshape(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    """Axes that stay as they are keep what they know; those that are folded together or cut lose it."""
    if not flow.axes:
        return flow
    axes: list[Axis | None] = []
    old, new = tuple(args[0].shape), tuple(output.shape)
    left = right = 0
    while right < len(new):
        if left < len(old) and old[left] == new[right]:
            axes.append(flow.axes[left])
            left, right = left + 1, right + 1
            continue
        taken, given = (old[left] if left < len(old) else 1), new[right]
        left, right = left + 1, right + 1
        while taken != given and (left < len(old) or right < len(new)):
            if taken < given and left < len(old):
                taken, left = taken * old[left], left + 1
            elif right < len(new):
                given, right = given * new[right], right + 1
            else:
                break
        axes.extend([None] * (right - len(axes)))
    return flow.at(axes)


def _expand(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return flow.at([None] * (output.dim() - len(flow.axes)) + list(flow.axes)) if flow.axes else flow


def _kept(args: Arguments, flow: Flow, output: Tensor) -> Flow:
    return flow


RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "_convolution": _convolution,
    "max_pool2d_with_indices": _pooling(2, dilated=True),
    "max_pool3d_with_indices": _pooling(3, dilated=True),
    "avg_pool1d": _pooling(1, dilated=False),
    "avg_pool2d": _pooling(2, dilated=False),
    "avg_pool3d": _pooling(3, dilated=False),
    "_adaptive_avg_pool2d": _adaptive_pooling(2),
    "_adaptive_avg_pool3d": _adaptive_pooling(3),
    "adaptive_max_pool2d": _adaptive_pooling(2),
    "adaptive_max_pool3d": _adaptive_pooling(3),
    "upsample_nearest1d": _interpolation(1, 0),
    "upsample_nearest2d": _interpolation(2, 0),
    "upsample_nearest3d": _interpolation(3, 0),
    "upsample_linear1d": _interpolation(1, 1),
    "upsample_bilinear2d": _interpolation(2, 1),
    "upsample_trilinear3d": _interpolation(3, 1),
    "upsample_bicubic2d": _interpolation(2, 3),
    "pixel_shuffle": _shuffle,
    "pixel_unshuffle": _unshuffle,
    **dict.fromkeys(
        [
            "constant_pad_nd",
            *(f"{kind}_pad{axes}d" for kind in ("reflection", "replication") for axes in (1, 2, 3)),
        ],
        _padding,
    ),
    **dict.fromkeys(
        ["mean", "sum", "amax", "amin", "var", "std", "prod", "logsumexp", "argmax", "linalg_vector_norm"], _reduction
    ),
    "permute": _permute,
    "transpose": _transpose,
    "t": _turn,
    "slice": _slice,
    "select": _select,
    "unsqueeze": _unsqueeze,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "reshape": _reshape,
    "_reshape_copy": _reshape,
    "flatten": _reshape,
    "expand": _expand,
    "roll": _kept,
    "flip": _kept,
    "split": _kept,
    "split_with_sizes": _kept,
    "chunk": _kept,
    "squeeze": _reshape,
}
