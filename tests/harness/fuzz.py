"""Fuzzing of all readers: `python -m tests.harness.fuzz --minutes 60`.

Hypothesis makes the inputs and shrinks those that fail. A failure is anything except a result or one clear line: an
error of another kind, a crash, 10 seconds of processor time, 2 GB of memory, or pickled code that ran.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.harness.inputs import Files

ROUND = 150  # inputs of a reader before the next has its turn


@dataclass
class Tally:
    """What came out, of one reader."""

    inputs: int = 0
    refused: int = 0
    largest: int = 0  # bytes
    seconds: float = 0.0
    failures: dict[str, tuple[str, Files, str]] = field(default_factory=dict)  # smallest input of each kind
    counts: Counter[str] = field(default_factory=Counter)


class FailedError(Exception):
    """Tells Hypothesis that an input failed."""


def fuzz(names: list[str], seconds: float, first: int) -> dict[str, Tally]:
    """Read inputs with the named readers in turn for so long, and return what came out."""
    from tests.harness.readers import readers  # noqa: PLC0415
    from tests.harness.worker import Worker  # noqa: PLC0415

    known = readers()
    chosen = [known[name] for name in names or known]
    worker = Worker({reader.name: reader.call for reader in known.values()})
    tallies = {reader.name: Tally() for reader in chosen}
    end, number = time.monotonic() + seconds, first
    share = seconds / len(chosen)
    while time.monotonic() < end:
        number += 1
        for reader in chosen:
            tally = tallies[reader.name]
            if tally.seconds < share or all(each.seconds >= share for each in tallies.values()):
                start = time.monotonic()
                _round(reader, worker, tally, number, min(end, start + max(share / 4, 2)))
                tally.seconds += time.monotonic() - start
    worker.close()
    return tallies


def fuzz_few(names: list[str], inputs: int) -> dict[str, Tally]:
    """Read so many inputs with each of the named readers, always the same ones, however long that takes."""
    from tests.harness.readers import readers  # noqa: PLC0415
    from tests.harness.worker import Worker  # noqa: PLC0415

    known = readers()
    worker = Worker({reader.name: reader.call for reader in known.values()})
    tallies = {name: Tally() for name in names}
    for name, tally in tallies.items():
        _round(known[name], worker, tally, 0, math.inf, inputs)
    worker.close()
    return tallies


def _round(reader: object, worker: object, tally: Tally, number: int, end: float, inputs: int = ROUND) -> None:
    looked_for: set[str] = set()
    ended = False

    @seed(number)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    @given(reader.files)  # type: ignore[attr-defined]
    def read(files: Files) -> None:
        nonlocal ended
        if time.monotonic() > end and not looked_for:
            ended = True
            return
        found = worker.read(reader.name, files)  # type: ignore[attr-defined]
        tally.inputs += 1
        tally.refused += found.kind == "refused"
        tally.largest = max(tally.largest, found.num_bytes)
        if not found.failed:
            return
        key = f"{found.kind}: {found.where}"
        tally.counts[key] += 1
        size = sum(map(len, files.values()))
        if key not in tally.failures or key in looked_for:
            if key not in tally.failures or size <= sum(map(len, tally.failures[key][1].values())):
                tally.failures[key] = (found.kind, files, found.detail)
            looked_for.add(key)
            raise FailedError(key)

    with suppress(FailedError):
        read()


def main() -> None:
    """Fuzz, print the table, and store the inputs that failed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=1.0)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--readers", nargs="*", default=[])
    asked.add_argument("--output", type=Path, help="folder for the inputs that failed, and results.json")
    options = asked.parse_args()
    scratch = tempfile.mkdtemp(prefix="convstudy-fuzz-")
    os.environ["CONVSTUDY_CACHE"] = os.environ["CONVSTUDY_STATE"] = scratch
    tallies = fuzz(options.readers, 60 * options.minutes, options.seed * 1_000_000)
    print(f"{'reader':24}{'inputs':>9}{'refused':>9}{'failed':>8}{'kinds':>7}{'largest, MB':>13}{'seconds':>9}")
    for name, tally in tallies.items():
        failed = sum(tally.counts.values())
        print(
            f"{name:24}{tally.inputs:9,}{tally.refused:9,}{failed:8,}{len(tally.failures):7,}"
            f"{tally.largest / 1e6:13,.0f}{tally.seconds:9,.0f}"
        )
    for name, tally in tallies.items():
        for key, (_, files, detail) in tally.failures.items():
            print(f"\n== {name}: {key} ({tally.counts[key]:,})\n{detail}")
            for path, content in sorted(files.items(), key=lambda item: len(item[1]))[:3]:
                print(f"   {path}: {content[:300]!r}")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        written = {
            name: {
                key: {path: base64.b64encode(content).decode() for path, content in files.items()}
                for key, (_, files, _) in tally.failures.items()
            }
            for name, tally in tallies.items()
        }
        (options.output / f"failures-{options.seed}.json").write_text(json.dumps(written))
    sys.exit(any(tally.failures for tally in tallies.values()))


if __name__ == "__main__":
    main()
