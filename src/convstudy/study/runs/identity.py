"""Identity of a folder: whether it belongs to the requested run or comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError, printable
from convstudy.study.runs.claim import is_claim

OUTPUT = "output"  # the parameter that names the folder
MIXED = ", or set `allow_mixed` to keep its runs and mark them in the report"


class FolderKind(StrEnum):
    """Kind of a folder's content."""

    RUN = "run"
    COMPARISON = "comparison"


IDENTITY = {FolderKind.RUN: "train.json", FolderKind.COMPARISON: "comparison.json"}  # file of the first thing written


def require_empty(path: Path, kind: FolderKind) -> None:
    """Check that there is nothing at `path`, or what a process with a claim has begun to write.

    Raises: StudyError, if there is a file or a folder with other content, or if the name is not text.
    """
    require_text(str(path.absolute()), OUTPUT)
    content = list(path.iterdir()) if path.is_dir() else []
    begun = any(map(is_claim, content)) and not any(
        (path / IDENTITY[other]).exists() for other in {*FolderKind} - {kind}
    )
    if path.is_file() or (content and not begun):
        raise StudyError(
            f"{path} already exists and is not a convstudy {kind}; choose another `output`", setting=OUTPUT
        )


def require_text(name: str, setting: str) -> None:
    r"""Check that a name can be shown. Raises: StudyError, if it holds controls, or bytes that are not UTF-8.

    >>> require_text("caf\udce9", "output")
    Traceback (most recent call last):
    convstudy.errors.StudyError: output is 'caf\udce9', which is not valid UTF-8; choose another name
    """
    if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
        raise StudyError(f"{setting} is '{name}', which is not valid UTF-8; choose another name", setting=setting)
    if printable(name) != name:
        raise StudyError(f"{setting} is '{name}', which has controls in it; choose another name", setting=setting)


def require_same(path: Path, kind: FolderKind, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Check that the stored identity, `there`, equals the requested one, `here`.

    Raises: StudyError, with the first setting in which they differ.
    """
    stored, requested = dict(flattened(there)), dict(flattened(here))
    differing = {key for key in stored.keys() | requested.keys() if stored.get(key) != requested.get(key)}
    if differing == {"data.fingerprint"}:
        raise StudyError(
            f"{path} was started with other images or labels: {there['data']['name']} has changed since; "
            "restore the data, or choose another `output`",
            setting=OUTPUT,
        )
    if differing and differing <= {"convstudy", "sources"}:
        raise StudyError(
            f"{path} was started with another version of convstudy ({_version(there)} there, {_version(here)} here), "
            f"which may give other results; choose another `output`{MIXED if kind is FolderKind.COMPARISON else ''}",
            setting=OUTPUT,
        )
    for key in [*requested, *stored]:
        if key in differing:
            raise StudyError(
                f"{path} holds another {kind}: {key} is {stored.get(key, 'not set')} there and "
                f"{requested.get(key, 'not set')} here; choose another `output`",
                setting=OUTPUT,
            )


def _version(identity: dict[str, Any]) -> str:
    return f"{identity.get('convstudy', 'unknown')}, sources {identity.get('sources', 'unknown')}"


def flattened(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested settings as dotted names with their values as JSON.

    >>> dict(flattened({"seed": 1, "recipe": {"lr": 0.1}}))
    {'seed': '1', 'recipe.lr': '0.1'}
    """
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(inner)
