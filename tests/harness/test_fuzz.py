"""Hundreds of inputs of fuzzing, and some that failed once; an hour: `python -m tests.harness.fuzz --minutes 60`."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.harness.fuzz import fuzz_few
from tests.harness.inputs import Files, folder_files
from tests.harness.readers import finished, readers
from tests.harness.worker import Worker

KEPT = json.loads((Path(__file__).parent / "kept.json").read_text(encoding="utf-8"))
QUICK = ["study files", "recipes", "npz", "h5", "safetensors", "plain pickles", "indexes of weights", "own checkpoints"]
FEW = {True: 60, False: 12}  # inputs of each reader


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False])
def test_readers_read_or_refuse(quick: bool) -> None:
    """No other error, no crash, no hang, not 2 GB of memory, and no pickled code."""
    names = [name for name in readers() if (name in QUICK) == quick]
    for name, tally in fuzz_few(names, FEW[quick]).items():
        assert not tally.failures, (name, *tally.failures)
        assert tally.inputs >= FEW[quick] // 2


def test_inputs_that_failed_once_are_read_or_refused() -> None:
    """Of the folder of a comparison, only the files that differ are kept."""
    known = readers()
    worker = Worker({reader.name: reader.call for reader in known.values()})
    whole = {f"both/{name}": content for name, content in folder_files(finished()).items()}
    for each in KEPT:
        files = {path: base64.b64decode(content) for path, content in each["files"].items()}
        if any(path.startswith("both/") for path in files):
            files = whole | files
        found = worker.read(each["reader"], Files(files))
        assert not found.failed, (each["reader"], found.where, found.detail)
    worker.close()
