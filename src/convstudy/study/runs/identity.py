"""What a folder belongs to: whether it holds what is asked for, or something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError

MIXED = ", or --allow-mixed, which marks in the report what is not of one protocol"


def refuse_strangers(path: Path, kind: str) -> None:
    """Raises: StudyError, when there is anything at `path` already."""
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise StudyError(f"{path} is there and holds no {kind}; choose another --output")


def refuse_another(path: Path, kind: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Raises: StudyError, with the first choice in which what a folder holds differs from what is asked."""
    stored, asked = dict(flattened(there)), dict(flattened(here))
    differing = {key for key in stored.keys() | asked.keys() if stored.get(key) != asked.get(key)}
    if differing == {"data.fingerprint"}:
        raise StudyError(
            f"{path} was begun with other images or labels: {there['data']['name']} has changed since; "
            "put the data back as they were, or choose another --output"
        )
    if differing and differing <= {"convstudy", "sources"}:
        raise StudyError(
            f"{path} was begun with another version of convstudy ({_version(there)} there, {_version(here)} here), "
            f"which may give other results; choose another --output{MIXED if kind == 'comparison' else ''}"
        )
    for key in [*asked, *stored]:
        if key in differing:
            raise StudyError(
                f"{path} holds another {kind}: {key} is {stored.get(key, 'not set')} there and "
                f"{asked.get(key, 'not set')} here; choose another --output"
            )


def _version(identity: dict[str, Any]) -> str:
    return f"{identity.get('convstudy', 'unknown')}, sources {identity.get('sources', 'unknown')}"


def flattened(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as names with dots, and their values as JSON.

    >>> dict(flattened({"seed": 1, "recipe": {"lr": 0.1}}))
    {'seed': '1', 'recipe.lr': '0.1'}
    """
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(inner)
