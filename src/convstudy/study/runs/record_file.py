"""Records on disk: dataclasses as JSON, checked when they are read back."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from convstudy.errors import StudyError

Record = TypeVar("Record")


def read_record(kind: type[Record], path: Path, advice: str) -> Record:
    """Read a dataclass, or a mapping of dataclasses, from a JSON file.

    Raises: StudyError, with the file, what is wrong in it and `advice`, when it is torn or of another version.
    """
    try:
        return as_record(kind, path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read ({_in_one_line(error)}); {advice}") from error


def as_record(kind: type[Record], text: str) -> Record:
    """Return the record that a JSON text holds. Raises: ValueError, when it does not fit.

    >>> as_record(tuple[int, ...], "[1, 2]")
    (1, 2)
    """
    return cast("Record", _adapter(cast("Any", kind)).validate_json(text))


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - whoever reads no record does not wait for it

    return TypeAdapter(kind)


def _in_one_line(error: Exception) -> str:
    """Return the first thing that is wrong and where; such errors mostly come from another version's files."""
    if not hasattr(error, "errors"):
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
