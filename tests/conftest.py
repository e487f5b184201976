"""What all tests share: one thread a process, where the real data are, and the command line run in this process."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: the tests run side by side, one process a core

import pytest
from hypothesis import settings

settings.register_profile("untimed", settings.default, deadline=None)  # other programs may be running
settings.load_profile("untimed")

if "CONVSTUDY_CACHE" not in os.environ:  # the ledger of test sets and the like are not those of who runs the tests
    os.environ["CONVSTUDY_CACHE"] = tempfile.mkdtemp(prefix="convstudy-tests-")
    atexit.register(shutil.rmtree, os.environ["CONVSTUDY_CACHE"], ignore_errors=True)

if "CONVSTUDY_STATE" not in os.environ:  # nor is the key that signs runs
    os.environ["CONVSTUDY_STATE"] = tempfile.mkdtemp(prefix="convstudy-tests-")
    atexit.register(shutil.rmtree, os.environ["CONVSTUDY_STATE"], ignore_errors=True)

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start slow tests first, so that side by side all processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, beside the project or where CONVSTUDY_SHARED_DATA says."""
    folder = Path(os.environ.get("CONVSTUDY_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not there: no folder {folder.name} beside the project")
    return folder


@dataclass(frozen=True)
class Said:
    """What a command left: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def convstudy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Said]:
    """Run `convstudy` with these words, in this process, in an empty folder."""
    from convstudy.cli.app import main  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["convstudy", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Said(int(exit_.value.code or 0), captured.out, captured.err)

    return run
