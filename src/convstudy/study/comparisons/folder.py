"""The folder of one comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.runs.claim import one_at_a_time
from convstudy.study.runs.digests import digests_of, file_problems
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import OUTPUT, FolderKind, flattened, require_empty, require_same
from convstudy.study.runs.measured_cost import MeasuredCost
from convstudy.study.runs.record_file import read_record, reading, without_controls
from convstudy.study.runs.run_record import FileDigest
from convstudy.study.runs.writing import writing_into

DIGESTS = "digests.json"  # of the files that are about the whole comparison
AGAIN = "delete it and repeat the command that wrote it, which keeps finished runs"


@dataclass(frozen=True)
class ComparisonFolder:
    """The folder of one comparison; its layout is described in `study.runs.folder`."""

    path: Path

    @property
    def start(self) -> Path:
        """File with what is known before any training."""
        return self.path / "start.json"

    @property
    def budget(self) -> Path:
        """File with the allowance of each network."""
        return self.path / "budget.json"

    @property
    def costs(self) -> Path:
        """File with the measured speed and memory of each network."""
        return self.path / "costs.json"

    @property
    def seen(self) -> Path:
        """File with the numbers of seeds at which results were seen."""
        return self.path / "looks.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Read and write the files of the whole comparison while no other process does; runs are not affected.

        A new folder in which nothing is written is removed again.

        Raises: StudyError, if the folder cannot be written.
        """
        new = not self.path.exists()
        with writing_into(self.path):
            try:
                with one_at_a_time(self.path):
                    yield
            finally:
                if new:
                    with suppress(OSError):  # it is not empty: another process may be at work in it
                        self.path.rmdir()

    @contextmanager
    def sealing(self, *names: str) -> Iterator[None]:
        """Store the digests of files that the block writes; without them, the files are read unchecked.

        They are forgotten first, so that a process that is killed leaves no digests of other files.
        """
        path = self.path / DIGESTS
        known = {name: stored for name, stored in self._digests().items() if name not in names}
        if path.exists():
            write_json(path, known)
        yield
        write_json(path, known | digests_of([self.path / name for name in names]))

    def problems(self, *names: str) -> Iterator[str]:
        """Yield what is wrong with files whose digests are known; without names, with any of them."""
        yield from file_problems(self.path, {"files": self._digests()}, names or None)

    def require_undamaged(self, name: str) -> None:
        """Check a file of the comparison as a whole. Raises: StudyError, if it is damaged or missing."""
        for problem in self.problems(name):
            raise StudyError(f"{problem}; {AGAIN if (self.path / name).exists() else AGAIN.partition(' and ')[2]}")

    def _digests(self) -> dict[str, FileDigest]:
        path = self.path / DIGESTS
        if not path.exists():
            return {}
        return read_record(dict[str, FileDigest], path, AGAIN)

    def measured(self) -> Mapping[str, MeasuredCost | None]:
        """Return what was measured of each network; None where nothing could be. Raises: StudyError, if damaged."""
        if not self.costs.exists():
            return {}
        self.require_undamaged(self.costs.name)
        return read_record(dict[str, MeasuredCost | None], self.costs, AGAIN)

    def looks(self) -> tuple[int, ...]:
        """Return the numbers of seeds per network at which results were seen. Raises: StudyError, if unreadable."""
        if not self.seen.exists():
            return ()
        return read_record(tuple[int, ...], self.seen, "choose another `output`", setting=OUTPUT)

    def note_look(self, seeds: int) -> None:
        """Note that results were seen with this many seeds per network."""
        if seeds not in self.looks():
            write_json(self.seen, sorted({*self.looks(), seeds}))

    def run(self, model_folder: str, seed: int) -> RunFolder:
        """Return the folder of a run."""
        return RunFolder(self.path / model_folder / f"seed-{seed}")

    def holds(self, identity: dict[str, Any]) -> bool:
        """Return whether the folder belongs to the comparison with this identity, perhaps with fewer seeds."""
        return (self.path / "comparison.json").exists() and (_same(self.identity(), identity) or self.grows(identity))

    def grows(self, identity: dict[str, Any]) -> bool:
        """Return whether the folder's comparison becomes the one with this identity if seeds are added to it."""
        if not (self.path / "comparison.json").exists():
            return False
        stored = self.identity()
        return _longer(identity, stored) and identity.get("until") == "seeds"

    def check(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Check that the folder is empty or belongs to the comparison with this identity.

        With `allow_mixed`, it may belong to any comparison.

        Raises: StudyError, if it holds something else.
        """
        if not (self.path / "comparison.json").exists():
            require_empty(self.path, FolderKind.COMPARISON)
        elif self.grows(identity):
            return
        elif _longer(self.identity(), identity) and identity.get("until") == "seeds" and not allow_mixed:
            there, here = (len(each["seeds"]) for each in (self.identity(), identity))
            raise StudyError(
                f"{self.path} has {there} seeds per network, and seeds is {here}; results of fewer seeds would leave "
                f"runs out that were seen. Set `seeds` to {there} or more, or choose another `output`",
                setting=OUTPUT,
            )
        elif not allow_mixed:
            require_same(self.path, FolderKind.COMPARISON, self.identity(), identity)

    def claim(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Claim the folder for the comparison with this identity, unless it already belongs to it.

        Raises: as `check`; then nothing is written.
        """
        self.check(identity, allow_mixed=allow_mixed)
        if self.grows(identity):
            self._note_earlier_look()
            for outdated in (DIGESTS, "results.json"):
                (self.path / outdated).unlink(missing_ok=True)
            write_json(self.path / "comparison.json", identity)
        elif not self.holds(identity):
            for outdated in (DIGESTS, "results.json", "budget.json", "costs.json"):
                (self.path / outdated).unlink(missing_ok=True)
            write_json(self.path / "comparison.json", identity)

    def _note_earlier_look(self) -> None:
        """Note the look at the seeds so far, which were seen if all their runs are complete."""
        stored = self.identity()
        runs = [self.run(own, seed) for own in stored["folders"] for seed in stored["seeds"]]
        if all(run.complete for run in runs):
            self.note_look(len(stored["seeds"]))

    def imported(self) -> dict[str, dict[str, Any]]:
        """Return folder and seeds of each network whose predictions were imported."""
        path = self.path / "imported.json"
        if not path.exists():
            return {}
        with reading(path, "delete it, and import the predictions again"):
            register: dict[str, dict[str, Any]] = json.loads(without_controls(path.read_text(encoding="utf-8")))
            for network in register.values():
                _require_plain(network["folder"])
                _require_numbers(network["seeds"])
        return register

    def identity(self) -> dict[str, Any]:
        """Return the content of `comparison.json`. Raises: StudyError, if the folder holds no comparison."""
        path = self.path / "comparison.json"
        if not path.exists():
            raise StudyError(f"{self.path} holds no comparison; expected a folder written by `convstudy compare`")
        with reading(path, "use another folder"):
            identity: dict[str, Any] = json.loads(without_controls(path.read_text(encoding="utf-8")))
            for name, _ in zip(identity["folders"], map(str.strip, identity["models"]), strict=True):
                _require_plain(name)
            _require_numbers(identity["seeds"])
            flattened(identity)
        return identity


def _require_plain(name: str) -> None:
    """Check the name of a folder in a comparison. Raises: ValueError, if it would lead elsewhere."""
    if Path(name).name != name or "\\" in name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a folder in it")


def _require_numbers(seeds: list[int]) -> None:
    if not all(type(seed) is int for seed in seeds):
        raise TypeError("a seed is not a whole number")


def _same(there: dict[str, Any], here: dict[str, Any]) -> bool:
    return dict(flattened(there)) == dict(flattened(here))


def _longer(more: dict[str, Any], fewer: dict[str, Any]) -> bool:
    """Return whether two identities differ in their seeds only, of which the first has all of the second and more."""
    seeds, first = more.get("seeds", []), fewer.get("seeds", [])
    return len(seeds) > len(first) > 0 and seeds[: len(first)] == first and _same(more | {"seeds": first}, fewer)
