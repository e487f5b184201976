"""Propagation rules: how each family of operations passes on the dependence of its arguments on the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from torch import Tensor

from convstudy.analysis.application import Application
from convstudy.analysis.flow import Axis, Flow, merge_flows

NOWHERE = Flow()
Rule = Callable[[Flow, Application], Flow]


def flow_of(tensor: Tensor) -> Flow:
    """Return the flow of a tensor; a gradient reaches parameters, constants depend on nothing."""
    flow: Flow | None = getattr(tensor, "_convstudy_flow", None)
    if flow is not None:
        return flow
    return Flow(gradient=True) if tensor.requires_grad else NOWHERE


def mark(tensor: Tensor, flow: Flow) -> None:
    tensor._convstudy_flow = flow  # type: ignore[attr-defined]


def propagate(name: str, role: str, done: Application) -> Flow:
    """Return the flow of an operation's output."""
    flows = [flow_of(tensor) for tensor in done.tensors]
    if not flows:
        return NOWHERE
    if role == "elementwise" and len(flows) == 1:
        return flows[0]
    merged = merge_flows(flows, [tensor.dim() for tensor in done.tensors], done.output.dim())
    if not merged.depends:
        return Flow(gradient=merged.gradient)
    rule = RULES.get(name)
    if rule is not None:
        return rule(Flow(flows[0].axes, merged.whole, True, merged.gradient), done)
    return merged if _keeps_axes(name, role, done) else merged.at(())


def _keeps_axes(name: str, role: str, done: Application) -> bool:
    """Return whether an operation works element by element or moves values without changing the shape.

    The statistics of normalization layers are ignored, as usual: they carry brightness, not location.
    """
    same = done.tensors[0].shape == done.output.shape
    return role in {"elementwise", "norm"} or name in {"cat", "where", "copy"} or (role in {"view", "moving"} and same)


def _softmax(flow: Flow, done: Application) -> Flow:
    """Propagate through a softmax: over an axis of the image it sees the whole axis."""
    over = flow.axes[done.args[1]] if flow.axes else None
    return Flow(flow.axes, flow.whole or over is not None, flow.depends, flow.gradient)


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


def _convolution(flow: Flow, done: Application) -> Flow:
    weight = done.args[1]
    axes = weight.dim() - 2
    kernel = weight.shape[2:]
    stride, padding, dilation = (_pair(value, axes) for value in done.args[3:6])
    transposed = done.args[6]

    def step(axis: Axis, number: int) -> Axis:
        move = axis.spread if transposed else axis.window
        return move(kernel[number], stride[number], padding[number], dilation[number])

    return _spaced(flow, axes, step)


def _pooling(axes: int, *, dilated: bool) -> Rule:
    def rule(flow: Flow, done: Application) -> Flow:
        kernel = _pair(done.args[1], axes)
        stride = _pair(done.args[2], axes) if len(done.args) > 2 and done.args[2] else kernel
        padding = _pair(done.args[3], axes) if len(done.args) > 3 else [0] * axes
        dilation = _pair(done.args[4], axes) if dilated and len(done.args) > 4 else [1] * axes
        return _spaced(
            flow,
            axes,
            lambda axis, number: axis.window(kernel[number], stride[number], padding[number], dilation[number]),
        )

    return rule


def _adaptive_pooling(axes: int) -> Rule:
    """Propagate through windows from `⌊i·input/output⌋` to `⌈(i + 1)·input/output⌉`; overlaps give a fractional stride.

    With `input/output = p/q` in lowest terms, the longest window has `⌈p/q + 1 − 1/q⌉` pixels. A single output sees the
    whole input.
    """

    def rule(flow: Flow, done: Application) -> Flow:
        sizes, results = done.args[0].shape[-axes:], done.output.shape[-axes:]
        if all(result == 1 for result in results):
            return flow.at([axis if number < len(flow.axes) - axes else None for number, axis in enumerate(flow.axes)])
        ratios = [Fraction(size, result) for size, result in zip(sizes, results, strict=True)]
        return _spaced(flow, axes, lambda axis, number: axis.pooled(ratios[number]))

    return rule


def _interpolation(axes: int, reach: int) -> Rule:
    def rule(flow: Flow, done: Application) -> Flow:
        sizes, results = done.args[0].shape[-axes:], done.output.shape[-axes:]
        return _spaced(flow, axes, lambda axis, number: axis.scaled(Fraction(results[number], sizes[number]), reach))

    return rule


def _shuffle(flow: Flow, done: Application) -> Flow:
    return _spaced(flow, 2, lambda axis, _: axis.scaled(Fraction(done.args[1]), 0))


def _unshuffle(flow: Flow, done: Application) -> Flow:
    return _spaced(flow, 2, lambda axis, _: axis.window(done.args[1], done.args[1]))


def _padding(flow: Flow, done: Application) -> Flow:
    """Propagate through padding of any mode, which shifts the first position."""
    before = done.args[1][0::2]
    axes = list(flow.axes)
    for number, padding in enumerate(before):
        position = len(axes) - 1 - number
        axis = axes[position] if position >= 0 else None
        if axis is not None:
            axes[position] = axis.moved(-padding * axis.stride)
    return flow.at(axes)


def _reduction(flow: Flow, done: Application) -> Flow:
    rank = done.args[0].dim()
    over = done.args[1] if len(done.args) > 1 and done.args[1] is not None else list(range(rank))
    reduced = {axis % rank for axis in (over if isinstance(over, (list, tuple)) else [over])} if rank else set()
    if not flow.axes:
        return flow
    if done.output.dim() == rank:
        return flow.at([None if number in reduced else axis for number, axis in enumerate(flow.axes)])
    return flow.at([axis for number, axis in enumerate(flow.axes) if number not in reduced])


def _permute(flow: Flow, done: Application) -> Flow:
    return flow.at([flow.axes[position] for position in done.args[1]]) if flow.axes else flow


def _transpose(flow: Flow, done: Application) -> Flow:
    axes = list(flow.axes)
    if axes:
        axes[done.args[1]], axes[done.args[2]] = axes[done.args[2]], axes[done.args[1]]
    return flow.at(axes)


def _turn(flow: Flow, _: Application) -> Flow:
    return flow.at(flow.axes[::-1])


def _slice(flow: Flow, done: Application) -> Flow:
    """Propagate through `slice(self, dim, start, end, step)`."""
    dim, start, step = done.argument(1, "dim") or 0, done.argument(2, "start") or 0, done.argument(4, "step") or 1
    axes = list(flow.axes)
    axis = axes[dim] if axes else None
    if axis is not None:
        size = done.shape(0)[dim]
        shift = min(start % size if start < 0 else start, size) * axis.stride
        axes[dim] = Axis(axis.number, axis.stride * step, axis.first + shift, axis.last + shift)
    return flow.at(axes)


def _select(flow: Flow, done: Application) -> Flow:
    """Propagate through the selection of one position, which stands for the whole axis."""
    axes = list(flow.axes)
    if axes:
        del axes[done.args[1]]
    return flow.at(axes)


def _unsqueeze(flow: Flow, done: Application) -> Flow:
    axes = list(flow.axes)
    if axes:
        axes.insert(done.args[1] % done.output.dim(), None)
    return flow.at(axes)


def _squeeze(flow: Flow, done: Application) -> Flow:
    sizes = done.shape(0)
    given = done.args[1] if len(done.args) > 1 else range(len(sizes))
    over = {axis % len(sizes) for axis in ([given] if isinstance(given, int) else given)} if sizes else set()
    return flow.at([axis for number, axis in enumerate(flow.axes) if number not in over or sizes[number] != 1])


def _roll(flow: Flow, done: Application) -> Flow:
    """Propagate through a roll, which shifts the image; wrapped values are ignored, as padding is."""
    axes, over = list(flow.axes), done.argument(2, "dims") or []
    if not over:  # over the flattened tensor
        return flow.at(())
    for shift, position in zip(done.args[1], over, strict=True) if axes else ():
        axis = axes[position]
        if axis is not None:
            axes[position] = axis.moved(-shift * axis.stride)
    return flow.at(axes)


def _flip(flow: Flow, done: Application) -> Flow:
    """Propagate through a flip; a mirrored axis runs against the image, so its first position sees the last pixel."""
    mirrored = {axis % done.output.dim() for axis in done.args[1]}
    return flow.at([None if number in mirrored else axis for number, axis in enumerate(flow.axes)])


def _reshape(flow: Flow, done: Application) -> Flow:
    """Propagate through a reshape: unchanged axes are kept, folded or split axes are lost."""
    if not flow.axes:
        return flow
    axes: list[Axis | None] = []
    old, new = tuple(done.args[0].shape), tuple(done.output.shape)
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


def _expand(flow: Flow, done: Application) -> Flow:
    return flow.at([None] * (done.output.dim() - len(flow.axes)) + list(flow.axes)) if flow.axes else flow


def _kept(flow: Flow, _: Application) -> Flow:
    return flow


RULES: dict[str, Rule] = {
    **dict.fromkeys(["_softmax", "_safe_softmax", "_log_softmax"], _softmax),
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
    "roll": _roll,
    "flip": _flip,
    "channel_shuffle": _kept,
    "split": _kept,
    "split_with_sizes": _kept,
    "chunk": _kept,
    "squeeze": _squeeze,
}
