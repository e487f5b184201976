"""What the process imports whose forks are workers; it does nothing else."""

from __future__ import annotations

from importlib import import_module

from convstudy.uncollected import uncollected

with uncollected():
    import_module("convstudy.study.runs.workers")
