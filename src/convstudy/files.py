"""Files that are either whole or not there: nothing written before is lost when a program is killed while it writes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; move it into place once the block has ended without an error.

    Raises: OSError, with `path` and what the system says, when it cannot be written, whatever library has tried; what
    was at `path` before is as it was.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "results.json"
    >>> with whole_file(target) as draft:
    ...     _ = draft.write_text("{}")
    >>> target.read_text()
    '{}'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    except Exception as error:
        number = _number_of_the_system(error, draft)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def _number_of_the_system(error: BaseException | None, draft: Path) -> int | None:
    """The system's number of what went wrong in writing `draft`, where that is what an error is about."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno if error.filename in {None, str(draft)} else None
        rust = re.search(r"\(os error (\d+)\)", str(error))  # as safetensors says it
        if rust:
            return int(rust[1])
        error = error.__cause__ or error.__context__
    return None


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all. NaN is refused, for it is not JSON."""
    with whole_file(path) as draft:
        draft.write_text(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
