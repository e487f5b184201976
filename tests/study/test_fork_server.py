"""The server of workers as a fork of a process that has imported PyTorch and not used it."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forks on Linux only")

PROGRAM = """
import os, signal, sys, tempfile
from multiprocessing import forkserver
from convstudy.cli.torch_import import import_torch
from convstudy.study.runs.fork_server import fork_server

opened = tempfile.TemporaryFile()
inode = os.fstat(opened.fileno()).st_ino
signal.signal(signal.SIGTERM, lambda *_: None)
assert import_torch()
sys.inherited = True
print("once")
fork_server()
from convstudy.study.runs.workers import in_worker

def seen():
    import torch
    held = [os.stat(path).st_ino for file in range(100) if os.path.exists(path := f"/proc/self/fd/{file}")]
    computed = float((torch.ones(2000, 2000) @ torch.ones(2000, 2000)).sum())
    return hasattr(sys, "inherited"), inode in held, computed

print(*in_worker(seen, threads=2))
print(vars(forkserver)["_forkserver"]._forkserver_pid, import_torch())
"""


def test_workers_begin_with_what_is_imported_and_with_no_open_file_and_the_server_ends() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    once, seen, last = done.stdout.splitlines()
    assert (once, seen, done.stderr) == ("once", "True False 8000000000.0", "")
    server, imported = last.split()
    assert imported == "False"
    if psutil.pid_exists(int(server)):
        psutil.Process(int(server)).wait(timeout=10)
