"""Record files: dataclasses stored as JSON and validated when they are read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from convstudy.errors import StudyError

Record = TypeVar("Record")


def read_record(kind: type[Record], path: Path, advice: str, *, setting: str | None = None) -> Record:
    """Read a dataclass, or a mapping of dataclasses, from a JSON file.

    Raises: StudyError, with the file, its first problem and `advice`, if the file is damaged or of another version;
    `setting` is the parameter that `advice` names.
    """
    try:
        return as_record(kind, path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read ({_in_one_line(error)}); {advice}", setting=setting) from error


def as_record(kind: type[Record], text: str) -> Record:
    """Return the record in a JSON text. Raises: ValueError, if the text does not have the record's fields and types.

    >>> as_record(tuple[int, ...], "[1, 2]")
    (1, 2)
    """
    return cast("Record", _adapter(cast("Any", kind)).validate_json(text))


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - imported only when a record is read

    return TypeAdapter(kind)


def _in_one_line(error: Exception) -> str:
    """Return the first problem and its location; most such errors come from files of another version."""
    if not hasattr(error, "errors"):
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
