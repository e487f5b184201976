"""The folder of one comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import OUTPUT, FolderKind, flattened, require_empty, require_same


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

    def run(self, model_folder: str, seed: int) -> RunFolder:
        """Return the folder of a run."""
        return RunFolder(self.path / model_folder / f"seed-{seed}")

    def holds(self, identity: dict[str, Any]) -> bool:
        """Return whether the folder belongs to the comparison with this identity."""
        exists = (self.path / "comparison.json").exists()
        return exists and dict(flattened(self.identity())) == dict(flattened(identity))

    def check(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Check that the folder is empty or belongs to the comparison with this identity.

        With `allow_mixed`, it may belong to any comparison.

        Raises: StudyError, if it holds something else.
        """
        if not (self.path / "comparison.json").exists():
            require_empty(self.path, FolderKind.COMPARISON)
        elif not allow_mixed:
            require_same(self.path, FolderKind.COMPARISON, self.identity(), identity)

    def claim(self, identity: dict[str, Any], *, allow_mixed: bool = False) -> None:
        """Claim the folder for the comparison with this identity, unless it already belongs to it.

        Raises: as `check`; then nothing is written.
        """
        self.check(identity, allow_mixed=allow_mixed)
        if not self.holds(identity):
            for outdated in ("results.json", "budget.json"):
                (self.path / outdated).unlink(missing_ok=True)
            write_json(self.path / "comparison.json", identity)

    def imported(self) -> dict[str, dict[str, Any]]:
        """Return folder and seeds of each network whose predictions were imported."""
        path = self.path / "imported.json"
        register: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return register

    def identity(self) -> dict[str, Any]:
        """Return the content of `comparison.json`. Raises: StudyError, if the folder holds no comparison."""
        path = self.path / "comparison.json"
        if not path.exists():
            raise StudyError(f"{self.path} holds no comparison; expected a folder written by `convstudy compare`")
        try:
            identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StudyError(f"{path} cannot be read ({error}); choose another `output`", setting=OUTPUT) from error
        return identity
