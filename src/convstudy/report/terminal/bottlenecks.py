"""The savings of 1x1 reductions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.analysis import Bottleneck
from convstudy.report import numbers
from convstudy.report.terminal.table import plain_table


def bottleneck_example(found: Bottleneck) -> RenderableType:
    """Draw the MACs of a direct convolution, those with a 1x1 reduction before it, and the ratio of the two."""
    channels, *into = found.input_shape
    filters, *out = found.output_shape
    kernel, reduced = found.kernel, found.reduced_channels
    kernel_text, pixels, pixels_in = ("·".join(map(str, sizes)) for sizes in (kernel, out, into))
    return Group(
        Text(f"{numbers.shape(found.input_shape)} in, {numbers.shape(found.output_shape)} out", style="bold"),
        Text(),
        Text(f"{'×'.join(map(str, kernel))} convolution, direct"),
        Text(f"  {pixels}·{filters} · {kernel_text}·{channels} = {numbers.count(found.direct_macs)} MACs"),
        Text(),
        Text(f"1×1 convolution to {reduced} channels, then {'×'.join(map(str, kernel))}"),
        Text(f"  {pixels_in}·{reduced} · {channels} = {numbers.count(found.reduction_macs)}"),
        Text(
            f"  {pixels}·{filters} · {kernel_text}·{reduced} = "
            f"{numbers.count(found.reduced_macs - found.reduction_macs)}"
        ),
        Text(f"  total {numbers.count(found.reduced_macs)} MACs"),
        Text(),
        Text(
            f"{found.times_fewer:.1f} times fewer MACs; weights (without biases): "
            f"{numbers.count(found.direct_weights)} → {numbers.count(found.reduced_weights)}"
        ),
    )


def bottleneck_list(name: str, macs: int, found: Sequence[Bottleneck], *, shown: int) -> RenderableType:
    """Draw the layers of a network in which a 1x1 reduction would save most. `macs`: MACs of the whole network."""
    if not found:
        return Text(f"{name}: a 1x1 reduction would make no convolution cheaper")
    table = plain_table("layer", numeric=("input", "window,\nfilters", "to", "MACs", "with\n1×1", "times\nfewer"))
    for layer in found[:shown]:
        table.add_row(
            Text(layer.path),
            "×".join(map(str, layer.input_shape)),
            f"{'×'.join(map(str, layer.kernel))}, {layer.output_shape[0]}",
            str(layer.reduced_channels),
            numbers.scaled(layer.direct_macs),
            numbers.scaled(layer.reduced_macs),
            f"{layer.times_fewer:.1f}",
        )
    saved = sum(layer.saved_macs for layer in found)
    more = f" (first {shown} shown)" if len(found) > shown else ""
    return Group(
        Text(name, style="bold"),
        table,
        Text(
            f"\n{numbers.plural(len(found), 'layer')}{more}. With all of them reduced: {numbers.scaled(macs)} → "
            f"{numbers.scaled(macs - saved)} MACs.\nTo measure the effect on accuracy, use `convstudy compare`.",
        ),
    )
