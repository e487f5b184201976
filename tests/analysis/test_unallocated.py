"""Networks that compute with their own tensors while they are built."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.analysis import unallocated


class Rotations(nn.Module):
    """Random angles times real magnitudes, as in rotary embeddings whose frequencies are trained."""

    def __init__(self) -> None:
        super().__init__()
        magnitudes = 10 ** -(torch.arange(0, 8, 2)[:4].float() / 8)
        angles = torch.rand(3) * 2
        rows = [torch.cat([magnitudes * torch.cos(angle), magnitudes * torch.sin(angle + 1)]) for angle in angles]
        self.frequencies = nn.Parameter(torch.stack(rows))
        self.magnitudes = magnitudes


def test_what_is_computed_from_random_and_known_values_is_not_allocated() -> None:
    with unallocated():
        network = Rotations()
    assert (network.frequencies.shape, network.frequencies.is_meta) == ((3, 8), True)
    assert network.magnitudes.tolist() == Rotations().magnitudes.tolist()


def test_known_values_are_not_overwritten_by_unknown_ones() -> None:
    known = torch.arange(4.0)
    with unallocated(), pytest.raises((RuntimeError, NotImplementedError)):
        known.copy_(torch.rand(4))
