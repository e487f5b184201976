"""What ended a run, kept in its folder for those who watch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from convstudy.errors import ConvstudyError
from convstudy.files import write_json
from convstudy.processes import place
from convstudy.study.folder import RunFolder


@contextmanager
def noted_failure(folder: RunFolder) -> Iterator[None]:
    """Note in the run's folder the error that ends it; one that is done again has none at first."""
    with suppress(OSError):  # a folder that cannot be written is told of by the run itself
        folder.failure.unlink(missing_ok=True)
    try:
        yield
    except ConvstudyError as error:
        with suppress(OSError):
            if place().first and folder.path.is_dir():
                write_json(folder.failure, {"error": str(error)})
        raise
