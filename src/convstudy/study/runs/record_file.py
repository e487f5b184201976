"""Record files: dataclasses stored as JSON and validated when they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from convstudy.errors import UNPRINTABLE, ConvstudyError, StudyError

QUOTED = 300  # letters of another program's message
Record = TypeVar("Record")


def read_record(kind: type[Record], path: Path, advice: str, *, setting: str | None = None) -> Record:
    """Read a dataclass, or a mapping of dataclasses, from a JSON file.

    Raises: StudyError, with the file, its first problem and `advice`, if the file is damaged or of another version;
    `setting` is the parameter that `advice` names.
    """
    try:
        return as_record(kind, path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read ({_in_one_line(error)}); {advice}", setting=setting) from error


@contextmanager
def reading(path: Path, advice: str) -> Iterator[None]:
    """Turn errors about content of another form than it was written in, in the block, into one line.

    Files of others may hold anything: a list in place of a number, or texts nested a thousand deep.

    Raises: StudyError, with the file or folder and `advice`, in place of such an error.

    >>> with reading(Path("runs/run.json"), "delete it"):
    ...     [][0]
    Traceback (most recent call last):
    convstudy.errors.StudyError: runs/run.json cannot be read (IndexError: list index out of range); delete it
    """
    try:
        yield
    except ConvstudyError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the system, and not of a parser
            raise
        raise StudyError(f"{path} cannot be read ({_in_one_line(error)}); {advice}") from error


def as_record(kind: type[Record], text: str) -> Record:
    """Return the record in a JSON text. Raises: ValueError, if the text does not have the record's fields and types.

    >>> as_record(tuple[int, ...], "[1, 2]")
    (1, 2)
    """
    return cast("Record", _adapter(cast("Any", kind)).validate_json(without_controls(text)))


# A control within a text of JSON, as an escape; an even number of backslashes before it are backslashes of the text.
CONTROL = re.compile(
    r"(?<!\\)((?:\\\\)*)\\(u(?:00[01][0-9a-f]|007f|00[89][0-9a-f]|061c|200[ef]|202[89a-e]|206[6-9])|[bfr])",
    re.IGNORECASE,
)


def without_controls(text: str) -> str:
    r"""Return JSON of which no text holds controls, which would act on a terminal: they become escapes to read.

    Nothing that this program writes has them, but files of others may.

    >>> without_controls(r'["a\u001b[2J", "b\\u001b", "c\n"]')
    '["a\\\\u001b[2J", "b\\\\u001b", "c\\n"]'
    """
    if text.isascii() and "\\" not in text and text.replace("\n", "").isprintable():
        return text  # as nearly all are, of which there may be thousands
    plain = UNPRINTABLE.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", text)
    return CONTROL.sub(r"\1\\\\\2", plain)


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - imported only when a record is read

    return TypeAdapter(kind)


def _in_one_line(error: Exception) -> str:
    """Return the first problem and its location; most such errors come from files of another version."""
    if not hasattr(error, "errors"):
        return f"{type(error).__name__}: {' '.join(str(error).split())[:QUOTED]}"
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return (f"{where}: {first['msg']}" if where else str(first["msg"]))[:QUOTED]
