"""Twelve processes on one output folder, a third of them killed, some with wrong clocks and in other PID namespaces.

    uv run python benchmarks/shared_folder.py --repetitions 20
    uv run python benchmarks/shared_folder.py --containers

Each repetition starts `convstudy compare` twelve times with the same `--output`. Two have clocks that are wrong by an
hour (`faketime`), and two are process 1 of a PID namespace of their own (`unshare`); where these programs are missing
or not permitted, that is printed, and plain processes take their place. A third of all is killed with SIGKILL at random
moments. Afterwards no epoch may have been trained twice, all files must be whole, weights and results must equal those
of one process alone, and the processes that were not killed must have ended with status 0 and no message.

With `--containers`, two comparisons of different images run in two PID namespaces with one host name and one cache,
from which images are mapped; each must predict what it predicts alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

COMPARE = [sys.executable, "-m", "convstudy", "compare"]
MAPPED = """
import os, sys
from convstudy.data import memory
memory.free_memory = lambda: 0  # nothing fits into memory
from convstudy.cli.app import main
sys.argv = ["convstudy", *sys.argv[1:]]
main()
"""
LINE = re.compile(r"run \d+ of \d+: (\S+), seed (\d+): epoch (\d+) of .*images/s")
NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
MEASURED = re.compile(r"seconds|per_second|latency|memory|environment|inference_batch_size|test_set")


def works(*words: str) -> bool:
    """Return whether a command can be run here."""
    try:
        return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def surroundings(processes: int) -> list[list[str]]:
    """Return what is put before the command of each process."""
    found: list[list[str]] = []
    for words in (["faketime", "-f", "+1h"], ["faketime", "-f", "-1h"], NAMESPACE, NAMESPACE):
        if works(*words):
            found.append(words)
        else:
            print(f"{words[0]} does not work here: a plain process takes its place")
    return [*found, *([[]] * (processes - len(found)))]


def start(before: Sequence[str], words: Sequence[str], folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Start a comparison; what it prints is in `<name>.out` and `<name>.err`."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
        return subprocess.Popen(
            [*before, *COMPARE, *words], stdout=out, stderr=err, cwd=folder, env=variables, start_new_session=True
        )


def without_times(value: Any) -> Any:
    """Return results without what is measured."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if not MEASURED.search(key)}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def content(folder: Path) -> tuple[dict[str, str], Any]:
    """Return the digest of the weights of each run, and the results; files that are not whole raise an error."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    for path in folder.rglob("predictions.parquet"):
        pd.read_parquet(path)
    weights = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("weights.safetensors")
    }
    return weights, without_times(json.loads((folder / "results.json").read_text()))


def shared(words: list[str], processes: int, chance: random.Random, expected: tuple[dict[str, str], Any]) -> list[str]:
    """Run one repetition, and return what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    started = [
        start(before, [*words, "--output", "out"], folder, str(number))
        for number, before in enumerate(surroundings(processes))
    ]
    begun = time.monotonic()

    def wait_for(pattern: str, count: int) -> None:
        while len(list(folder.glob(pattern))) < count and any(process.poll() is None for process in started):
            time.sleep(0.05)

    wait_for("out/*/seed-*", 1)
    killed: set[int] = set()
    runs = len(expected[0])
    for place, number in enumerate(chance.sample(range(processes), processes // 3), start=1):
        # spread over the runs: each when that many are done, and a random moment later
        wait_for("out/*/seed-*/run.json", runs * place // (processes // 3 + 2))
        time.sleep(chance.random())
        if started[number].poll() is None:
            os.killpg(started[number].pid, signal.SIGKILL)
            killed.add(number)
    wrong = []
    for number, process in enumerate(started):
        process.wait()
        message = (folder / f"{number}.err").read_text()
        if number not in killed and (process.returncode or message):
            wrong.append(f"process {number} ended with {process.returncode}: {message.strip()}")
    times: Counter[tuple[str | Any, ...]] = Counter()
    for path in folder.glob("*.out"):
        lines = [line for line in path.read_text().splitlines() if "from its checkpoint" not in line]
        times.update(match.groups() for line in lines if (match := LINE.search(line)))
    wrong += [f"trained {count} times: {what}" for what, count in times.items() if count > 1]
    weights, results = content(folder / "out")
    if weights != expected[0]:
        wrong.append("other weights than of one process alone")
    if results != expected[1]:
        wrong.append("other results than of one process alone")
    left = [path for pattern in (".*.part", "seed-*/.claim-*") for path in (folder / "out").rglob(pattern)]
    wrong += [f"left over: {path.relative_to(folder)}" for path in left]
    print(f"{len(killed)} of {processes} killed, {time.monotonic() - begun:.0f} s, {len(wrong)} faults", flush=True)
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def containers() -> list[str]:
    """Run two comparisons of different images with one host name and one cache, and return what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="containers-"))
    stream = np.random.default_rng(0)
    for data in ("one", "other"):
        for label in range(2):
            (folder / data / str(label)).mkdir(parents=True)
            for index in range(60):
                pixels = stream.integers(0, 200, (32, 32, 3)) + (40 * label if data == "one" else 0)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / data / str(label) / f"{index}.png")
    flags = ("--seeds", "2", "--epochs", "2", "--warmup-epochs", "0", "--device", "cpu", "--jobs", "1")
    before = [*NAMESPACE, "--uts", "sh", "-c", 'hostname container; exec "$@"', "sh"]

    def started(data: str, out: str, around: Sequence[str]) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", MAPPED, "compare", "net", "--data", data, *flags, "--output", out]
        variables = {**os.environ, "OMP_NUM_THREADS": "1", "CONVSTUDY_CACHE": str(folder / "cache")}
        return subprocess.Popen([*around, *words], cwd=folder, env=variables, stdout=subprocess.DEVNULL)

    for data in ("one", "other"):
        started(data, f"{data}-alone", ()).wait()
        shutil.rmtree(folder / "cache")
    both = [started(data, f"{data}-beside", before) for data in ("one", "other")]
    wrong = [f"status {process.returncode}" for process in both if process.wait()]
    for data in ("one", "other"):
        for path in sorted((folder / f"{data}-alone").rglob("predictions.parquet")):
            beside = folder / f"{data}-beside" / path.relative_to(folder / f"{data}-alone")
            if not pd.read_parquet(path).equals(pd.read_parquet(beside)):
                wrong.append(f"{beside.relative_to(folder)} differs from what it is alone")
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--processes", type=int, default=12)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first repetition")
    parser.add_argument("--containers", action="store_true", help="two containers with one host name and one cache")
    asked = parser.parse_args()
    wrong: list[str] = []
    if asked.containers:
        for repetition in range(asked.repetitions):
            wrong += (found := containers())
            print(f"containers, repetition {repetition}: {len(found)} faults", *found, sep="\n  ", flush=True)
        sys.exit(1 if wrong else 0)
    words = ["lecture", "--seeds", str(asked.runs), "--epochs", str(asked.epochs), "--warmup-epochs", "0"]
    words += ["--train-images", "200", "--device", "cpu", "--jobs", "1"]
    alone = Path(tempfile.mkdtemp(prefix="alone-"))
    if start((), [*words, "--output", "out"], alone, "alone").wait():
        sys.exit((alone / "alone.err").read_text())
    expected = content(alone / "out")
    for repetition in range(asked.repetitions):
        found = shared(words, asked.processes, random.Random(asked.seed + repetition), expected)
        print(*(f"repetition {repetition}: {each}" for each in found), sep="\n", end="\n" if found else "", flush=True)
        wrong += found
    print(f"{asked.repetitions} repetitions, {len(wrong)} faults")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
