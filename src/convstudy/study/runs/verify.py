"""Verification of the finished runs below a folder, file by file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convstudy.errors import StudyError
from convstudy.study.runs.digests import AGAIN, file_problems
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.record_file import reading


@dataclass(frozen=True)
class Verified:
    """What a verification found."""

    runs: int  # finished ones
    without_digests: int  # of earlier versions, whose files cannot be checked
    problems: tuple[str, ...]  # one line each


def verify(path: Path) -> Verified:
    """Read every file of the finished runs in a folder and below, and compare it with its digest.

    Raises: StudyError, if there is no finished run.
    """
    runs = [RunFolder(record.parent) for record in sorted(path.rglob("run.json"))]
    if not runs:
        raise StudyError(f"{path} holds no finished run; expected the folder of a run or of a comparison")
    problems: list[str] = []
    without = 0
    for run in runs:
        try:
            record = run.record()
            without += "files" not in record
            with reading(run.path / "run.json", AGAIN):
                problems += file_problems(run.path, record)
        except StudyError as error:
            problems.append(str(error))
    return Verified(len(runs), without, tuple(problems))
