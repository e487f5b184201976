"""Atomic file writing: a file is complete or absent, and a killed program loses nothing that was written before."""

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
    """Yield a temporary path beside `path`, and move it to `path` once the block has ended without an error.

    Raises: OSError, with `path` and the system's reason, if the file cannot be written, whichever library tried. The
    previous file at `path` is then unchanged.

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
    """Return the system's error number if an error is about writing `draft`, otherwise None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno if error.filename in {None, str(draft)} else None
        rust = re.search(r"\(os error (\d+)\)", str(error))  # as safetensors reports it
        if rust:
            return int(rust[1])
        error = error.__cause__ or error.__context__
    return None


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, completely or not at all. NaN is refused because JSON has none."""
    with whole_file(path) as draft:
        draft.write_text(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
