"""A table of one network waits for no library that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "plotly", "pyarrow", "scipy", "sklearn", "statsmodels", "sympy", "torchvision", "torch._dynamo")


@pytest.mark.parametrize("command", ["summary net", "explain net conv1", "trends lecture"])
def test_heavy_libraries_stay_unloaded(command: str) -> None:
    code = (
        "import sys; from convstudy.cli.app import app\n"
        f"app({command.split()!r}, standalone_mode=False)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split("\n")[-2] == "[]"


def test_training_waits_for_no_library_of_the_report() -> None:
    of_the_end = {"plotly", "scipy", "sklearn", "statsmodels"}
    code = f"import sys, convstudy.cli.train; print(sorted({of_the_end!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
