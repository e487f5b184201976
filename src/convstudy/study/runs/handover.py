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

LARGE = 1_000_000  # bytes; smaller arrays travel with the rest


class Sender:
    """Sends objects to other processes; each large array is put into one file in memory, whoever needs it."""

    def __init__(self) -> None:
        self._files: dict[tuple[int, int], tuple[int, memoryview]] = {}  # by address and size; the view keeps them

    def send(self, connection: Connection, value: Any, process: int) -> None:
        """Send an object to the process with this number, at the other end of the connection.

        Classes of a notebook or a script are sent by value. Systems other than Linux send all arrays by value.
        """
        large: list[tuple[int, int]] = []

        def is_sent_by_value(buffer: pickle.PickleBuffer) -> bool:
            view = buffer.raw()
            if view.nbytes < LARGE or not hasattr(os, "memfd_create"):
                return True
            large.append((self._file(view), view.nbytes))
            return False

        content = cloudpickle.dumps(value, protocol=5, buffer_callback=is_sent_by_value)
        connection.send([size for _, size in large])
        connection.send_bytes(content)
        for file, _ in large:
            reduction.send_handle(connection, file, process)

    def _file(self, view: memoryview) -> int:
        """Return the file with these bytes."""
        key = (np.frombuffer(view, np.uint8).__array_interface__["data"][0], view.nbytes)
        if key not in self._files:
            file = os.memfd_create("convstudy")
            self._files[key] = (file, view)
            with open(file, "wb", closefd=False) as written:
                written.write(view)
        return self._files[key][0]

    def close(self) -> None:
        """Give the files back; who has mapped them keeps them."""
        while self._files:
            _, (file, _) = self._files.popitem()
            os.close(file)


@dataclass(frozen=True)
class Parcel:
    """An object on its way from another process."""

    content: bytes
    large: tuple[mmap.mmap, ...]

    @classmethod
    def received(cls, connection: Connection) -> Parcel:
        """Wait for an object that a `Sender` sends. Raises: EOFError or OSError, if the connection is closed."""
        sizes: list[int] = connection.recv()
        return cls(connection.recv_bytes(), tuple(_mapped(reduction.recv_handle(connection), size) for size in sizes))

    def opened(self) -> Any:
        """Return the object. Its large arrays can be written to; nobody else sees what is written."""
        return pickle.loads(self.content, buffers=self.large)


def _mapped(file: int, size: int) -> mmap.mmap:
    try:
        return mmap.mmap(file, size, access=mmap.ACCESS_COPY)
    finally:
        os.close(file)
