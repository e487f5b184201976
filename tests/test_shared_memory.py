"""Arrays in files in memory."""

from __future__ import annotations

import gc
import os
import sys

import numpy as np
import pytest

from convstudy.shared_memory import LARGE, file_of, new_array

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")


def test_the_file_of_an_array_has_its_bytes_and_is_closed_with_the_last_view() -> None:
    array = new_array((2, LARGE))
    array[0], array[1] = 1, 2
    view = array[1, 10:]
    found = file_of(view)
    assert found is not None
    file, start = found
    assert start == LARGE + 10
    assert os.pread(file, 3, start - 11) == b"\1\2\2"
    del array
    gc.collect()
    assert os.fstat(file).st_size == 2 * LARGE  # the view still uses it
    del view
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


def test_small_arrays_and_those_of_others_are_in_no_file() -> None:
    assert file_of(new_array((LARGE - 1,))) is None
    assert file_of(np.zeros(LARGE, np.uint8)) is None
