"""The memory format in which a network trains faster: a fixed rule, so that a study gives the same bits everywhere.

On a CPU, channels-last is faster for almost all networks: depthwise and 1x1 convolutions, few channels, large maps.
Where most multiply-accumulates are in wide kernels, contiguous is faster (ResNet-18, ResNet-34) or about as fast (VGG).
docs/speed.md has the measurements.
"""

from __future__ import annotations

from torch import nn

from convstudy.analysis import LayerTable

WIDE = 128  # channels, on both sides of a kernel
MOST = 0.6  # share of MACs


def channels_last_is_faster(network: nn.Module, table: LayerTable) -> bool:
    """Return whether less than 60% of the MACs are in kernels larger than 1x1 with 128 or more channels on both sides.

    >>> from convstudy.analysis import count
    >>> for channels in (16, 256):
    ...     network = nn.Sequential(nn.Conv2d(channels, channels, 3))
    ...     print(channels, channels_last_is_faster(network, count(network, (channels, 32, 32))))
    16 True
    256 False
    """
    modules = dict(network.named_modules())
    in_wide = sum(row.macs for row in table.rows if _is_wide(modules.get(row.path)))
    return in_wide < MOST * table.totals.macs


def _is_wide(module: nn.Module | None) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and max(module.kernel_size) > 1
        and min(module.in_channels, module.out_channels) // module.groups >= WIDE
    )
