"""What that process imports in addition if several of its forks perform a run together: DistributedDataParallel's own.

Each of them would import it at its first step otherwise, which takes longer than all else before that.
"""

from __future__ import annotations

from importlib import import_module

import_module("convstudy.study.runs.preloaded")
import_module("torch._dynamo")  # with it Triton, whose binding expects garbage to be collected at exit
