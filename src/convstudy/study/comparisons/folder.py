"""The folder of one comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import flattened, refuse_another, refuse_strangers


@dataclass(frozen=True)
class ComparisonFolder:
    """The folder of one comparison."""

    path: Path

    @property
    def start(self) -> Path:
        """What is known before any training."""
        return self.path / "start.json"

    @property
    def budget(self) -> Path:
        """What each network gets of the budget."""
        return self.path / "budget.json"

    def run(self, model_folder: str, seed: int) -> RunFolder:
        return RunFolder(self.path / model_folder / f"seed-{seed}")

    def holds(self, identity: dict[str, Any]) -> bool:
        """Whether the folder is that of the comparison with this identity."""
        there = (self.path / "comparison.json").exists()
        return there and dict(flattened(self.identity())) == dict(flattened(identity))

    def check(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Find that the folder is that of the comparison with this identity, or nobody's; or of any, if mixed.

        Raises: StudyError, when it holds something else.
        """
        if not (self.path / "comparison.json").exists():
            refuse_strangers(self.path, "comparison")
        elif not allow_mixed:
            refuse_another(self.path, "comparison", self.identity(), identity)

    def claim(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Make the folder that of the comparison with this identity, or find that it is.

        Raises: as `check`; nothing is written then.
        """
        self.check(identity, allow_mixed=allow_mixed)
        if not self.holds(identity):
            for of_another in ("results.json", "budget.json"):
                (self.path / of_another).unlink(missing_ok=True)
            write_json(self.path / "comparison.json", identity)

    def imported(self) -> dict[str, dict[str, Any]]:
        """The networks whose predictions were imported: of each its folder and its seeds."""
        path = self.path / "imported.json"
        register: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return register

    def identity(self) -> dict[str, Any]:
        """What `comparison.json` holds. Raises: StudyError, when there is no comparison here."""
        path = self.path / "comparison.json"
        if not path.exists():
            raise StudyError(f"{self.path} holds no comparison; expected a folder that `convstudy compare` has written")
        try:
            identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StudyError(f"{path} cannot be read ({error}); choose another --output") from error
        return identity
