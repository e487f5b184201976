"""Mixed precision: convolutions and matrix products in bfloat16; weights, sums and losses in float32."""

from __future__ import annotations

import platform

import torch


def mixed_precision(device: torch.device, wanted: bool) -> torch.autocast:
    """Return the context of a forward pass: torch's autocast to bfloat16, enabled if `wanted`.

    bfloat16 has the range of float32, so gradients need no scaling.

    Source: Micikevicius et al. 2018 (Mixed precision training); Kalamkar et al. 2019 for bfloat16.

    >>> with mixed_precision(torch.device("cpu"), True):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.bfloat16
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware has bfloat16 instructions; without them, mixed precision is slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return True
    if platform.machine().lower() in {"x86_64", "amd64"}:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
