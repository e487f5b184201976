"""Handing a task to another process: large arrays are not copied, but mapped by both from a file in memory."""

from __future__ import annotations

import mmap
import os
import pickle
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import numpy as np
import numpy.typing as npt

from convstudy.shared_memory import LARGE, address_of, file_of, new_array


class Sender:
    """Sends objects to other processes; each large array is in one file in memory, whoever needs it.

    One that is in such a file already is not copied.
    """

    def __init__(self) -> None:
        self._copies: dict[tuple[int, int], tuple[npt.NDArray[np.uint8], memoryview]] = {}  # by address and size

    def send(self, connection: Connection, value: Any, process: int) -> None:
        """Send an object to the process with this number, at the other end of the connection.

        Classes of a notebook or a script are sent by value. Systems other than Linux send all arrays by value.
        """
        large: list[_Place] = []

        def is_sent_by_value(buffer: pickle.PickleBuffer) -> bool:
            view = buffer.raw()
            if view.nbytes < LARGE or not hasattr(os, "memfd_create"):
                return True
            large.append(self._place(view))
            return False

        content = cloudpickle.dumps(value, protocol=5, buffer_callback=is_sent_by_value)
        connection.send([(place.start, place.size) for place in large])
        connection.send_bytes(content)
        for place in large:
            reduction.send_handle(connection, place.file, process)

    def _place(self, view: memoryview) -> _Place:
        """Return where these bytes are in a file, after copying them into one if they are in none."""
        array = np.frombuffer(view, np.uint8)
        found = file_of(array)
        if found is None:
            key = address_of(array), array.nbytes
            if key not in self._copies:
                copied = new_array(array.shape)
                copied[:] = array
                self._copies[key] = copied, view  # which is kept, so that no other array gets its address
            found = file_of(self._copies[key][0])
            assert found is not None
        return _Place(*found, array.nbytes)

    def close(self) -> None:
        """Give the copies back; who has mapped them keeps them."""
        self._copies.clear()


@dataclass(frozen=True)
class _Place:
    """A part of a file."""

    file: int
    start: int
    size: int


@dataclass(frozen=True)
class Parcel:
    """An object on its way from another process."""

    content: bytes
    large: tuple[memoryview, ...]

    @classmethod
    def received(cls, connection: Connection) -> Parcel:
        """Wait for an object that a `Sender` sends. Raises: EOFError or OSError, if the connection is closed."""
        places: list[tuple[int, int]] = connection.recv()
        content = connection.recv_bytes()
        return cls(content, tuple(_mapped(_Place(reduction.recv_handle(connection), *place)) for place in places))

    def opened(self) -> Any:
        """Return the object. Its large arrays can be written to; nobody else sees what is written."""
        return pickle.loads(self.content, buffers=self.large)


def _mapped(place: _Place) -> memoryview:
    before = place.start % mmap.ALLOCATIONGRANULARITY  # a mapping begins with a page
    try:
        whole = mmap.mmap(place.file, before + place.size, access=mmap.ACCESS_COPY, offset=place.start - before)
    finally:
        os.close(place.file)
    return memoryview(whole)[before:]
