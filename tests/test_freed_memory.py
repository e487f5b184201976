"""Freed memory that is kept: no page faults in a loop, given back at the end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convstudy import freed_memory

LOOP = """
import resource
import numpy as np
import psutil
from convstudy.freed_memory import freed_memory_kept

def loop():  # blocks as large as activations, each freed before the next
    np.ones(2_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        first, second = np.ones(2_000_000), np.ones(1_000_000)
        del first, second
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

default = loop()
with freed_memory_kept():
    with freed_memory_kept():
        loop()
    kept = loop()
    held = psutil.Process().memory_info().rss
print(default, kept, held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(freed_memory._glibc() is None, reason="only glibc's malloc is told to keep freed memory")
def test_a_loop_touches_its_memory_once_and_gives_it_back_at_the_end() -> None:
    printed = subprocess.run([sys.executable, "-c", LOOP], capture_output=True, text=True, check=True).stdout
    default, kept, given_back = map(int, printed.split())
    assert kept < 100 < default  # pages of 4 KiB; 24 MB each time
    assert given_back > 16e6


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    freed_memory._glibc.cache_clear()
    try:
        with freed_memory.freed_memory_kept():
            assert freed_memory._depth == 0
    finally:
        freed_memory._glibc.cache_clear()
