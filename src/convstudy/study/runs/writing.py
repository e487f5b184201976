"""What is said when a run's folder cannot be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convstudy.errors import StudyError

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Say clearly what of a folder cannot be written, and what to do.

    Raises: StudyError, in place of an OSError about the folder or what is in it.

    >>> with writing_into(Path("runs/mine")):
    ...     raise OSError(errno.ENOSPC, "No space left on device", "runs/mine/epochs.csv")
    Traceback (most recent call last):
    convstudy.errors.StudyError: runs/mine/epochs.csv cannot be written (No space left on device); make room, and the \
same command goes on: what was written before is whole
    """
    try:
        yield
    except OSError as error:
        place = Path(str(error.filename or ""))
        if folder != place and folder not in place.parents and place not in folder.parents:
            raise
        advice = (
            "make room, and the same command goes on: what was written before is whole"
            if error.errno in FULL
            else "choose another --output"
        )
        raise StudyError(f"{place} cannot be written ({error.strerror}); {advice}") from error
