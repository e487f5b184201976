"""Kills, full disks and power cuts at random moments; afterwards the same command must end in the same bits.

    uv run --group dev python benchmarks/faults.py
    uv run --group dev python benchmarks/faults.py --kills 7 --compare-kills 10 --disks 4 --cuts 4

Three recipes of `train`, and `compare`, on the digits of scikit-learn, each first run without a fault:

- kills: SIGKILL at a random moment, then the same command again.
- disks: a file system of its own (ext4 in a loop device, as root) with so little room that it fills at a random moment.
  The command must end with status 2 and one line; with room again, it is repeated. Without root, each file is limited
  to a random size (RLIMIT_FSIZE), so that a write fails in the same way, but at a file and not at the disk.
- cuts: the image of such a file system is copied at a random moment. The copy has what had reached the device and lacks
  what the system still held in memory, as after a power cut; it is mounted, and the command is repeated in it. Without
  root, the folder is copied while the command runs, which shows torn files, but not lost writes.

Bits: weights, predictions, and every metric of every epoch except seconds are those of the run without a fault. A drive
that loses what it has confirmed is not tested, and neither are network file systems.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the fork of a process that has imported PyTorch

from tests.started import Started

SHARED = ("--data", "digits", "--train-images", "300", "--device", "cpu", "--threads", "1")
COMMANDS = {
    "train, SGD": ("train", "net", *SHARED, "--epochs", "6"),
    "train, AdamW, weight average, mixup": (
        *("train", "lenet5", *SHARED, "--epochs", "4", "--optimizer", "adamw", "--lr", "0.001"),
        *("--ema-decay", "0.9", "--mixup", "0.2", "--warmup-epochs", "1"),
    ),
    "train, early stopping, CutMix": (
        *("train", "net", *SHARED, "--epochs", "6", "--patience", "2", "--cutmix", "1", "--label-smoothing", "0.1"),
    ),
    "compare": ("compare", "net", "lenet5", *SHARED, "--epochs", "2", "--seeds", "2", "--jobs", "2"),
}
IMAGE_MEGABYTES = 48


@dataclass
class Tally:
    """What came out, of one command and kind of fault."""

    cases: int = 0
    struck: int = 0  # faults that met the command at work
    repeated: int = 0  # commands that ended with status 0 when they were repeated
    equal: int = 0  # with the same bits
    wrong: list[str] = field(default_factory=list)


def bits(folder: Path) -> str:
    """Return a digest of the weights, the predictions and the metrics of all runs in a folder."""
    total = hashlib.sha256()
    for record in sorted(folder.rglob("run.json")):
        run = record.parent
        total.update(str(run.relative_to(folder)).encode() + (run / "weights.safetensors").read_bytes())
        total.update(pd.read_parquet(run / "predictions.parquet").to_csv().encode())
        total.update(pd.read_csv(run / "epochs.csv").drop(columns="seconds").to_csv().encode())
    return total.hexdigest()


def run(words: tuple[str, ...], output: Path, scratch: Path) -> tuple[int, str]:
    """Run a command to its end, and return its status and what it said on standard error."""
    with Started(scratch, *words, "--output", str(output)) as started:
        pass
    return started.poll() or 0, started.err


def run_until(words: tuple[str, ...], output: Path, scratch: Path, moment: float, then: Callable[[], None]) -> bool:
    """Start a command, do something at a moment in seconds, and kill it; return whether it was still at work."""
    with Started(scratch, *words, "--output", str(output)) as started:
        end = time.monotonic() + moment
        while time.monotonic() < end and started.poll() is None:
            time.sleep(0.002)
        at_work = started.poll() is None
        if at_work:
            then()
            started.send(signal.SIGKILL)
    if at_work and words[0] == "compare":
        time.sleep(0.5)  # its workers end when they notice
    return at_work


def judge(tally: Tally, words: tuple[str, ...], output: Path, scratch: Path, expected: str) -> None:
    """Repeat a command after a fault, and note how it ended."""
    status, said = run(words, output, scratch)
    same = status == 0 and bits(output) == expected
    tally.repeated += status == 0
    tally.equal += same
    if not same:
        tally.wrong.append(f"status {status}: {said[-300:]}")


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """Mount the image of a file system, and unmount it afterwards."""
    place = Path(tempfile.mkdtemp(prefix="convstudy-faults-"))
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        for _ in range(50):  # until killed processes have let go of it
            if subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0:
                break
            time.sleep(0.2)
        place.rmdir()


def new_image(path: Path) -> Path:
    """Make an empty ext4 file system in a file."""
    with path.open("wb") as file:
        file.truncate(IMAGE_MEGABYTES * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(path)], check=True)
    return path


def can_mount() -> bool:
    """Return whether file systems in loop devices can be made and mounted here."""
    if os.name != "posix" or os.geteuid() != 0 or not (shutil.which("mkfs.ext4") and shutil.which("mount")):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with mounted(new_image(Path(scratch) / "try.img")):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def kill(words: tuple[str, ...], tally: Tally, scratch: Path, seconds: float, expected: str) -> None:
    """Kill a command at a random moment."""
    tally.struck += run_until(words, scratch / "out", scratch, random.uniform(0, seconds), lambda: None)
    judge(tally, words, scratch / "out", scratch, expected)


def fill_disk(words: tuple[str, ...], tally: Tally, scratch: Path, whole: Path, expected: str) -> None:
    """Run a command on a file system with room for a random part of what it writes."""
    needed = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    with mounted(new_image(scratch / "disk.img")) as place:
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        room = random.uniform(0.02, 0.9) * needed
        (place / "filler").write_bytes(bytes(max(0, int(free - room))))
        status, said = run(words, place / "out", scratch)
        _note_full(tally, status, said)
        (place / "filler").unlink()
        judge(tally, words, place / "out", scratch, expected)


def limit_files(words: tuple[str, ...], tally: Tally, scratch: Path, whole: Path, expected: str) -> None:
    """Run a command that can write no file above a random size."""
    largest = max(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    limit = int(random.uniform(0.01, 1) * largest)
    command = [sys.executable, "-m", "convstudy", *words, "--output", str(scratch / "out")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    _note_full(tally, done.returncode, done.stderr)
    judge(tally, words, scratch / "out", scratch, expected)


def _note_full(tally: Tally, status: int, said: str) -> None:
    tally.struck += status != 0
    lines = said.strip().splitlines()
    if status not in {0, 1, 2} or (status and not lines) or "Traceback" in said:
        tally.wrong.append(f"on the full disk, status {status}: {said[-300:]}")


def cut_power(words: tuple[str, ...], tally: Tally, scratch: Path, seconds: float, expected: str) -> None:
    """Copy the image of a file system while a command writes to it, and repeat the command in the copy."""
    image, copy = new_image(scratch / "disk.img"), scratch / "after.img"

    def copied() -> None:
        shutil.copyfile(image, copy)

    with mounted(image) as place:
        moment = random.uniform(0, seconds)
        tally.struck += run_until(words, place / "out", scratch, moment, copied)
    if not copy.exists():  # the command had ended
        shutil.copyfile(image, copy)
    with mounted(copy) as place:
        judge(tally, words, place / "out", scratch, expected)


def copy_folder(words: tuple[str, ...], tally: Tally, scratch: Path, seconds: float, expected: str) -> None:
    """Copy the folder of a command at work, and repeat the command in the copy."""

    def copied() -> None:
        if (scratch / "first").exists():
            subprocess.run(["cp", "-a", str(scratch / "first"), str(scratch / "out")], check=False)

    tally.struck += run_until(words, scratch / "first", scratch, random.uniform(0, seconds), copied)
    judge(tally, words, scratch / "out", scratch, expected)


def main() -> None:
    """Run all cases, and print the table of docs/reliability.md."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=7, help="of each recipe of train")
    asked.add_argument("--compare-kills", type=int, default=10)
    asked.add_argument("--disks", type=int, default=4, help="of each command")
    asked.add_argument("--cuts", type=int, default=4, help="of each command")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--commands", nargs="*", default=list(COMMANDS), help="names as in the table")
    options = asked.parse_args()
    random.seed(options.seed)
    loops = can_mount()
    print("disks and cuts: ext4 in a loop device" if loops else "disks and cuts: without root, see the substitutes")
    print("| command | fault | cases | at work when struck | completed when repeated | bits equal |")
    print("|---|---|---:|---:|---:|---:|", flush=True)
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="convstudy-faults-") as folder:
        for number, (name, words) in enumerate((name, COMMANDS[name]) for name in options.commands):
            whole = Path(folder) / str(number)
            whole.mkdir()
            run(words, whole / "warm", whole)  # the first run of a process imports more
            start = time.monotonic()
            status, said = run(words, whole / "out", whole)
            seconds, expected = time.monotonic() - start, bits(whole / "out")
            if status or expected != bits(whole / "warm"):
                sys.exit(f"{name}: without a fault, status {status}, or not the same bits twice: {said}")
            kills = options.compare_kills if name == "compare" else options.kills
            disk, cut = (fill_disk, cut_power) if loops else (limit_files, copy_folder)
            for fault, cases in (("kill", kills), ("full disk", options.disks), ("power cut", options.cuts)):
                tally = Tally()
                if not cases:
                    continue
                for _ in range(cases):
                    tally.cases += 1
                    with tempfile.TemporaryDirectory(prefix="convstudy-faults-") as scratch:
                        if fault == "kill":
                            kill(words, tally, Path(scratch), seconds, expected)
                        elif fault == "full disk":
                            disk(words, tally, Path(scratch), whole / "out", expected)
                        else:
                            cut(words, tally, Path(scratch), seconds, expected)
                print(
                    f"| `{name}` | {fault} | {tally.cases} | {tally.struck} | {tally.repeated} | {tally.equal} |",
                    flush=True,
                )
                failures += [f"{name}, {fault}: {line}" for line in tally.wrong]
    print(*failures, sep="\n")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
