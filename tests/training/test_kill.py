"""Killed at 20 random moments, a run ends with the bits of one that was never interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = r'''
import os, random, signal, sys, time
from pathlib import Path
import torch
import torch._dynamo, torchvision.transforms.v2  # training imports them: here once, for all processes that are forked
from convstudy.training import Recipe, TrainingBatches, train
from tests.training.made_up import images, network, same, weights

torch.set_num_threads(1)
folder, kills = Path(sys.argv[1]), 0
moments = random.Random(0)
recipe = Recipe(epochs=3, batch_size=4, lr=0.02, ema_decay=0.9, mixup=0.2, horizontal_flip=True)

def run(out):
    model = network()
    train(model, TrainingBatches(images(200), recipe, 1), images(16), checkpoint=folder / out, checkpoint_seconds=0)
    torch.save(weights(model), folder / f"{out}.weights")

def begun(out):
    pid = os.fork()
    if pid == 0:
        run(out)
        os._exit(0)
    return pid

def written(path):
    return path.stat().st_mtime_ns if path.exists() else 0

def killed(out, after):
    """Whether a process was killed, `after` seconds after it had written a checkpoint of its own."""
    before, pid = written(folder / out), begun(out)
    while written(folder / out) == before:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL

assert os.waitpid(begun("whole"), 0)[1] == 0
for _ in range(20):
    kills += killed("broken", moments.uniform(0, 0.04))
assert os.waitpid(begun("broken"), 0)[1] == 0
assert same(torch.load(folder / "whole.weights"), torch.load(folder / "broken.weights"))
print(kills)
'''


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_a_run_killed_at_20_random_moments_ends_with_the_same_bits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5  # on a very fast machine the run ends before the last of them
