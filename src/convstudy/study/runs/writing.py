"""Error messages for folders that cannot be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convstudy.errors import StudyError
from convstudy.study.runs.identity import OUTPUT

FULL = {errno.ENOSPC, errno.EDQUOT}
UNNAMED = FULL | {errno.EFBIG, errno.EIO}  # errors of writing to an open file, which do not name it


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Turn an OSError about a folder or its content into a message that says what could not be written and what to do.

    Raises: StudyError, in place of such an OSError.

    >>> with writing_into(Path("runs/mine")):
    ...     raise OSError(errno.ENOSPC, "No space left on device", "runs/mine/epochs.csv")
    Traceback (most recent call last):
    convstudy.errors.StudyError: runs/mine/epochs.csv cannot be written (No space left on device); free some space and \
repeat the command to continue: the files written so far are intact
    """
    try:
        yield
    except OSError as error:
        place = Path(str(error.filename)) if error.filename is not None else folder
        if error.filename is None and error.errno not in UNNAMED:
            raise
        if folder != place and folder not in place.parents and place not in folder.parents:
            raise
        advice = (
            "free some space and repeat the command to continue: the files written so far are intact"
            if error.errno in FULL
            else "choose another `output`"
        )
        raise StudyError(f"{place} cannot be written ({error.strerror}); {advice}", setting=OUTPUT) from error
