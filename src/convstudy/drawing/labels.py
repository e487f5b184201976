"""The text of layers: of one, or of several that are drawn as one, with the range of their channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convstudy.drawing.layers import Layer


def by(sizes: Sequence[int]) -> str:
    """Return sizes with multiplication signs.

    >>> by((64, 56, 56))
    '64×56×56'
    """
    return "×".join(map(str, sizes))


def span(numbers: Iterable[int]) -> str:
    """Return the range of numbers.

    >>> span([512, 64, 128]), span([64])
    ('64–512', '64')
    """
    low, high = min(found := set(numbers)), max(found)
    return str(low) if low == high else f"{low}–{high}"


def _each(texts: Iterable[str], between: str) -> str:
    return between.join(dict.fromkeys(sorted(text for text in texts)))


def operation(layers: Sequence[Layer]) -> str:
    """Return the name of the operation, with its window: `3×3 conv`, `dw 5×5`, `max pool`, `fc`."""
    first = layers[0]
    node = first.node
    windows = _each((by(_square(layer)) for layer in layers if layer.node.kernel), "|")
    if first.kind == "conv":
        if node.transposed:
            return f"{windows} up-conv"
        if is_depthwise(first):
            return f"dw {windows}"
        return f"{windows} conv"
    if first.kind == "pool":
        return _pool(first)
    if first.kind == "attention":
        heads = {layer.node.heads for layer in layers} - {0}
        return f"attention, {span(heads)} heads" if heads else "attention"
    names = {"fc": "fc", "input": "input", "concat": "concat", "matmul": "matmul"}
    return names.get(first.kind) or _words(node.kind or node.operation)


def _pool(layer: Layer) -> str:
    name = layer.node.operation
    how = "max" if "max" in name or "amax" in name else "avg" if "avg" in name or "mean" in name else name
    whole = max(layer.resolution, default=1) == 1 and max(layer.node.input_shape[1:], default=1) > 1
    if whole and not layer.node.kernel:
        return "global pool" if how == "avg" else f"global {how} pool"
    return f"{how} pool"


def _words(name: str) -> str:
    return name if any(letter.isupper() for letter in name[1:]) else name.lower().strip("_").replace("_", " ")


def _square(layer: Layer) -> Sequence[int]:
    return layer.node.kernel


def is_depthwise(layer: Layer) -> bool:
    """Return whether a convolution has one group per channel."""
    return layer.kind == "conv" and layer.node.groups > 1 and layer.node.groups == layer.node.input_shape[0]


def label(layers: Sequence[Layer], *, channels: bool = True) -> str:
    """Return the text in the box of layers that are drawn as one: `3×3 conv, 64–512, /2`."""
    first = layers[0]
    if first.kind == "input":
        return f"input {by(first.shape)}"
    parts = [operation(layers)]
    if channels and first.kind in {"conv", "concat"}:
        parts.append(span(layer.channels for layer in layers))
    if channels and (first.kind == "fc" or (first.kind == "other" and first.node.is_layer and len(first.shape) == 1)):
        parts[0] += f" {span(layer.node.output_shape[-1] for layer in layers)}"
    if first.kind == "conv" and first.node.groups > 1 and not is_depthwise(first):
        parts.append(f"{span(layer.node.groups for layer in layers)} groups")
    strides = {max(layer.node.stride) for layer in layers if layer.node.stride}
    if strides - {1}:
        parts.append(f"/{span(strides)}")
    return ", ".join(parts)


def details(layer: Layer) -> str:
    """Return what a reader sees when pointing at a layer: path, what is folded into it, shape and costs."""
    folded = [name for name in layer.names[1:] if name]
    names = " + ".join([layer.path or layer.node.kind, *dict.fromkeys(folded)])
    cost = ", ".join(
        f"{value:,} {unit}" for value, unit in ((layer.parameters, "parameters"), (layer.macs, "MACs")) if value
    )
    return f"{names}: {by(layer.shape)}{', ' if cost else ''}{cost}"
