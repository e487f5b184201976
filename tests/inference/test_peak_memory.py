"""The memory that work takes, against what its tensors have."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest
import torch

from convstudy.inference import peak_bytes

CPU = torch.device("cpu")
KILO = 250  # float32 values


def test_what_is_given_back_is_no_longer_held() -> None:
    def work() -> None:
        first = torch.zeros(4 * KILO)
        del first
        second, third = torch.zeros(3 * KILO), torch.zeros(2 * KILO)
        del second, third

    assert peak_bytes(work, CPU) == 5_000


def test_what_was_there_before_does_not_count() -> None:
    held: list[torch.Tensor] = []

    def work() -> None:
        held.clear()
        held.append(torch.zeros(KILO))

    held.append(torch.zeros(100 * KILO))
    assert peak_bytes(work, CPU) == 1_000  # its block was never seen
    assert peak_bytes(lambda: held.append(torch.zeros(100 * KILO)), CPU) == 100_000
    assert peak_bytes(work, CPU) == 1_000  # these were, in another measurement
    assert peak_bytes(held.clear, CPU) == 0


def test_what_an_operation_needs_while_it_runs_counts() -> None:
    images, kernels = torch.rand(2, 4, 8, 8, dtype=torch.float64), torch.rand(4, 4, 3, 3, dtype=torch.float64)
    columns = 4 * 3 * 3 * 6 * 6 * 8  # bytes of im2col's table of one image, by which torch convolves float64
    output = 2 * 4 * 6 * 6 * 8
    found = peak_bytes(lambda: torch.conv2d(images, kernels), CPU)
    assert found is not None
    assert found >= columns + output


def test_it_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError):
        peak_bytes(lambda: 1 / 0, CPU)
    assert peak_bytes(lambda: torch.zeros(KILO), CPU) == 1_000
    assert (dict(os.environ), gc.isenabled()) == (before, True)
    assert capfd.readouterr() == ("", "")


def test_where_nothing_can_be_told_nothing_is_said() -> None:
    assert peak_bytes(lambda: None, torch.device("meta")) is None
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]):
        assert peak_bytes(lambda: None, CPU) is None


def test_it_does_without_the_compiler_of_torch() -> None:  # which takes over a second to import
    program = """
import sys, torch
from convstudy.inference import peak_bytes
print(peak_bytes(lambda: torch.zeros(1000), torch.device("cpu")), *{"torch._dynamo"} & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "4000\n"
