"""Killed at 20 random moments, a run ends with the bits of one that was never interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = """
import os, random, signal, sys, time
from pathlib import Path
import torch
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

def child(out, after=None):
    pid = os.fork()
    if pid == 0:
        run(out)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]

assert child("whole") == 0
for _ in range(20):
    kills += child("broken", moments.uniform(0.02, 0.15)) != 0
assert child("broken") == 0
assert same(torch.load(folder / "whole.weights"), torch.load(folder / "broken.weights"))
print(kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_a_run_killed_at_20_random_moments_ends_with_the_same_bits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
