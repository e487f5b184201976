"""What the process imports whose forks are workers; it does nothing else."""

from __future__ import annotations

import sys
from importlib import import_module

from convstudy.uncollected import uncollected

if "torch" not in sys.modules:  # in that process it is not; where somebody else imports this, nothing happens
    with uncollected():
        import_module("convstudy.study.runs.workers")
