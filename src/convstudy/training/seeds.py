"""Random streams that depend only on a run's seed, a purpose, an epoch and a step."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def stream_seed(seed: int, purpose: str, epoch: int = 0, step: int = 0) -> int:
    """Return a 63-bit seed for one purpose of a run, independent of all others (numpy's SeedSequence).

    >>> stream_seed(0, "order", 1) == stream_seed(0, "order", 1)
    True
    >>> len({stream_seed(seed, purpose, 1) for seed in (0, 1) for purpose in ("order", "crop")})
    4
    """
    entropy = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), epoch, *([step] if step else [])])
    return int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, purpose: str, epoch: int = 0) -> torch.Generator:
    """Return a CPU generator for one purpose of a run: the same numbers on every device and after every resume."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, epoch))
