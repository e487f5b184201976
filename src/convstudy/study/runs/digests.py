"""Digests of a finished run's files, in its run.json: damaged, missing and cut files are found when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError
from convstudy.study.runs.run_record import FileDigest
from convstudy.study.runs.signing import is_signed, signature

FILES = ("weights.safetensors", "predictions.parquet", "logits.npy", "epochs.csv", "seen-images.npz", "model.*")
READ_BY_REPORTS = ("predictions.parquet", "logits.npy", "epochs.csv")
AGAIN = "delete this folder to repeat the run"


def sealed(record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a record with the sizes and digests of the files beside it, its own digest, and this machine's signature.

    Runs without them, of earlier versions, are read without these checks.
    """
    paths = sorted(path for pattern in FILES for path in folder.glob(pattern))
    return signed({**record, "files": digests_of(paths)})


def digests_of(paths: Sequence[Path]) -> dict[str, FileDigest]:
    """Return the sizes and digests of files, by name."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in paths}


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its digest and this machine's signature."""
    whole: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    digest = _digest(whole)
    return {**whole, "digest": digest, "signature": signature(digest)}


def is_signed_record(record: Mapping[str, Any]) -> bool:
    """Return whether this user has signed a record, and it has not changed since."""
    return record.get("digest") == _digest(record) and is_signed(record["digest"], record.get("signature"))


def check_record(record: Any, path: Path) -> None:
    """Check the content of a run.json. Raises: StudyError, if it does not have the digest that was stored with it."""
    if not isinstance(record, dict):
        raise StudyError(f"{path} cannot be read (it holds a {type(record).__name__}); {AGAIN}")
    stored = record.get("digest")
    if stored is None and "files" not in record and "signature" not in record:
        return
    if stored != _digest(record):
        raise StudyError(f"{path} is damaged or was changed: its content does not have its digest; {AGAIN}")


def check_files(folder: Path, record: Mapping[str, Any], names: Sequence[str] | None = None) -> None:
    """Check files of a run, by default all of them. Raises: StudyError, with the first one that is not as it was."""
    for problem in file_problems(folder, record, names):
        raise StudyError(f"{problem}; {AGAIN}")


def file_problems(folder: Path, record: Mapping[str, Any], names: Sequence[str] | None = None) -> Iterator[str]:
    """Yield what is wrong with the files of a run or comparison; with `names`, the content of these only."""
    for name, stored in record.get("files", {}).items():
        path = folder / Path(name).name
        if names is not None and name not in names:
            continue
        if not path.is_file():
            yield f"{path} is missing"
        elif path.stat().st_size != stored["bytes"]:
            yield f"{path} has {path.stat().st_size:,} bytes; expected {stored['bytes']:,}"
        elif _sha256(path) != stored["sha256"]:
            yield f"{path} is damaged or was changed: its content does not have its digest"


def _digest(record: Mapping[str, Any]) -> str:
    content = {key: value for key, value in record.items() if key not in {"digest", "signature"}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
