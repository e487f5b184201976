"""Claims of work that any number of processes on any number of machines share, each done by one of them at a time.

A claim is a file `.claim-<n>`, which its holder creates exclusively; the one with the highest number counts. It records
its holder in one line of JSON (host, boot id, process, start time), then the number of its heartbeats, and "released"
once it is given up. Whoever wants the work looks whether the holder lives, and otherwise makes the next claim:

- the holder keeps its file locked, and the system releases the lock when it dies, also in another PID namespace; one
  whose heartbeats cease nevertheless has been stopped, and loses the work later: after two minutes if it is seen to be
  stopped, else after ten;
- without a lock, a holder of this start of this machine and this PID namespace lives if its process does;
- any other holder lives as long as its heartbeats change, by the clock of who looks: no two clocks are compared.

Who has made a claim looks once more, and gives it up if another one is held: the claims of work that is done are
removed, so two who looked at different moments may make claims with different numbers. A holder that finds a higher
claim, or its own file gone, has lost its claim and stops.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from convstudy.file_lock import Lock, boot, lock

BEAT = 10.0  # seconds between heartbeats
PATIENCE = 120.0  # seconds without a heartbeat, after which a holder that cannot be seen otherwise is gone
STARVED = 5  # times that patience, for a holder that keeps its file locked and may get hardly any processor time
POLL = 0.5  # seconds between looks at a claim that another process holds
SAME_START = 60.0  # seconds by which the start time of one process may differ, as the system clock may be adjusted
NAME = re.compile(r"\.claim-(\d+)")
NAMESPACE = Path("/proc/self/ns/pid")
RELEASED = b"released\n"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds a claim."""

    host: str
    boot: str  # the start of its machine; empty if it is not known
    namespace: str  # in which its number counts
    pid: int
    started: float
    locked: bool  # whether it keeps its file locked

    @classmethod
    def this_process(cls, *, locked: bool) -> Holder:
        """Return the record of this process."""
        pid = os.getpid()
        return cls(
            host=platform.node(),
            boot=boot(),
            namespace=_namespace(),
            pid=pid,
            started=started(pid) or 0.0,
            locked=locked,
        )

    @property
    def near(self) -> bool:
        """Whether it is a process of this machine since its start."""
        return self.boot == boot() if boot() else not self.boot and self.host == platform.node()

    @property
    def exists(self) -> bool | None:
        """Whether its process exists; None if that cannot be seen from here."""
        if not self.near or self.namespace != _namespace():
            return None
        start = started(self.pid)
        return start is not None and abs(start - self.started) < SAME_START

    @property
    def stopped(self) -> bool:
        """Whether its process is seen to be stopped, as by SIGSTOP."""
        with suppress(psutil.Error):
            return bool(self.exists) and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False


def _namespace() -> str:
    with suppress(OSError):
        return str(NAMESPACE.readlink())
    return ""


def started(pid: int) -> float | None:
    """Return the start time of a process, which distinguishes it from a later one with the same pid; None if none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


class ClaimLost(BaseException):  # like KeyboardInterrupt: no error of the work, which records its errors
    """Raised in the work whose claim is lost: another process has taken it over, or its folder was moved away."""


class Claim:
    """A claim that this process holds, until it is released."""

    def __init__(self, folder: Path, number: int, descriptor: int, *, locked: bool) -> None:
        """Record this process in a file that it has created."""
        self.folder, self.number = folder, number
        self._descriptor, self._beats, self._turn = descriptor, 0, threading.Lock()
        self._file, self._home = _identity(os.fstat(descriptor)), _identity(folder.stat())
        self._line = json.dumps(asdict(Holder.this_process(locked=locked))).encode() + b"\n"
        self._lost, self._looked = "", -math.inf
        self._write(b"")
        _held.append(self)
        _start_heart()

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / f".claim-{self.number}"

    def beat(self) -> None:
        """Show that this process lives, and find out whether the claim is lost."""
        with self._turn:
            if self._descriptor >= 0:
                self._beats += 1
                with suppress(OSError):
                    self._write(b"")
                    os.fsync(self._descriptor)  # another machine sees it then
                self._look()

    def check(self, *, within: float = 0.0) -> None:
        """Raise ClaimLost, if the claim is lost, as far as was seen within this many seconds."""
        with self._turn:
            if not self._lost and time.monotonic() - self._looked >= within:
                self._look()
        if self._lost:
            raise ClaimLost(self._lost)

    @property
    def ticket(self) -> Ticket:
        """What those need who do the work for this process."""
        return Ticket(self.folder.absolute(), self.number)

    @property
    def moved(self) -> bool:
        """Whether the folder is not there any more, or is another one."""
        return _differs(self.folder, self._home)

    @property
    def _gone(self) -> bool:
        """Whether its file is not there any more, or is another one."""
        return _differs(self.path, self._file)

    def release(self, *, remove: bool = False) -> None:
        """Give the work up to others; with `remove`, it is done, and its claims up to this one are removed."""
        # its own file last: who has made a lower claim meanwhile sees this one, or that its own is gone
        self._end(sorted(number for number in _numbers(self.folder) if number <= self.number) if remove else [])

    def withdraw(self) -> None:
        """Give up a claim that was made beside another one."""
        self._end([self.number])

    def _end(self, outdated: Sequence[int]) -> None:
        with self._turn:
            if self._descriptor < 0:
                return
            with suppress(OSError):
                self._write(RELEASED)
            if outdated and not self._gone:
                _remove(self.folder, outdated)
            os.close(self._descriptor)
            self._descriptor = -1
            _held.remove(self)
            if os.name == "nt" and outdated:  # not while it is open
                _remove(self.folder, [self.number])

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._lost = _lost(self.folder, self.number, _numbers(self.folder), moved=self.moved, gone=self._gone)

    def _write(self, end: bytes) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, self._line + f"{self._beats:012d}\n".encode() + end)


@dataclass(frozen=True)
class Ticket:
    """A claim, as those see it who do the work for its holder, in another process or on another machine.

    They stop by themselves when it is lost: their holder may be stopped, or cannot reach them.
    """

    folder: Path
    number: int

    def check(self) -> None:
        """Raise ClaimLost, if the claim is lost."""
        try:
            numbers = set(_numbers(self.folder))
        except OSError:  # a network that is away for a while
            return
        if reason := _lost(
            self.folder, self.number, numbers, moved=not self.folder.exists(), gone=self.number not in numbers
        ):
            raise ClaimLost(reason)


def _lost(folder: Path, number: int, numbers: Iterable[int], *, moved: bool, gone: bool) -> str:
    """Return in what way a claim is lost; empty if it is not."""
    if moved:
        return f"{folder} was moved or deleted while its run was at work"
    if gone or max(numbers, default=0) > number:  # who finishes the work removes its claims
        return f"another process has taken over {folder}"
    return ""


_held: list[Claim] = []
_heart: list[threading.Thread] = []


def _start_heart() -> None:
    if not (_heart and _heart[0].is_alive()):
        _heart[:] = [threading.Thread(target=_beat_on, name="heartbeats of claims", daemon=True)]
        _heart[0].start()


def _beat_on() -> None:
    while True:
        time.sleep(BEAT)
        for claim in list(_held):
            claim.beat()


def _forget_held() -> None:
    for claim in _held:  # a fork does not keep its parent's locks
        with suppress(OSError):
            os.close(claim._descriptor)
    _held.clear()
    _heart.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_held)


class Claimant:
    """One who asks for claims, and remembers the heartbeats of those that others hold."""

    def __init__(self, patience: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Wait `patience` seconds for a heartbeat; `clock` returns seconds."""
        self._patience, self._clock = patience, clock
        self._seen: dict[tuple[Path, tuple[int, int]], tuple[bytes, float]] = {}

    def take(self, folder: Path) -> Claim | None:
        """Return a claim of the work in a folder, which is created; None while another process holds it.

        Raises: OSError, if the folder cannot be written, or the one around it is not there.
        """
        folder.mkdir(exist_ok=True)
        earlier = _versions(folder)
        last = max(earlier, default=0)
        if last and self.holds(folder / f".claim-{last}"):
            return None
        claim = _created(folder, last + 1)
        if claim is None:
            return None
        now = _versions(folder)
        others = [other for other in now if other != claim.number and now[other] != earlier.get(other)]
        if claim._gone or any(other > claim.number or self.holds(folder / f".claim-{other}") for other in others):
            claim.withdraw()
            return None
        return claim

    def holds(self, path: Path) -> bool:
        """Return whether the holder of a claim lives, as far as that is known now."""
        try:
            with path.open("rb") as file:
                locked = lock(file.fileno(), shared=True)
                key = path, _identity(os.fstat(file.fileno()))
                content = file.read()
        except FileNotFoundError:
            return False
        except OSError:  # Windows, and some file servers, let nobody read what is locked
            return True
        lives = _lives(content, locked)
        if lives and locked is Lock.HELD:  # it exists, but may have been stopped
            holder, _ = _parsed(content)
            return self._beats(key, content, 1 if holder and holder.stopped else STARVED)
        return self._beats(key, content) if lives is None else lives

    def _beats(self, key: tuple[Path, tuple[int, int]], content: bytes, times: int = 1) -> bool:
        """Return whether a claim has changed within so many times our patience, by our own clock."""
        now = self._clock()
        before, since = self._seen.get(key, (None, now))
        if before != content:
            since = now
        self._seen[key] = content, since
        return now - since < times * (PATIENCE if self._patience is None else self._patience)


def _lives(content: bytes, locked: Lock) -> bool | None:
    """Return whether the holder of a claim lives, by its record and its lock; None if these do not tell."""
    holder, released = _parsed(content)
    if released:
        return False
    if locked is Lock.HELD:
        return True
    if holder and locked is Lock.OURS and holder.locked and holder.near:
        return False
    return holder.exists if holder else None


def _created(folder: Path, number: int) -> Claim | None:
    try:
        path = folder / f".claim-{number}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except FileExistsError:
        return None
    locked = lock(descriptor, wait=True)  # waits only for who is looking at it
    try:
        return Claim(folder, number, descriptor, locked=locked is Lock.OURS)
    except OSError:  # a full disk: others would wait for who holds an empty claim
        os.close(descriptor)
        _remove(folder, [number])
        raise


def _versions(folder: Path) -> dict[int, tuple[int, int]]:
    """Return what tells each claim from another one of the same number."""
    found = {}
    for number in _numbers(folder):
        with suppress(OSError):
            there = (folder / f".claim-{number}").stat()
            found[number] = there.st_ino, there.st_mtime_ns
    return found


def _remove(folder: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        with suppress(OSError):
            (folder / f".claim-{number}").unlink()


def _numbers(folder: Path) -> Iterator[int]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if match := NAME.fullmatch(entry.name):
                yield int(match[1])


def _parsed(content: bytes) -> tuple[Holder | None, bool]:
    """Return the holder in the content of a claim, None if it is not written yet, and whether it is released."""
    line, *rest = content.splitlines(keepends=True) or [b""]
    try:
        return Holder(**json.loads(line)), RELEASED in rest
    except (ValueError, TypeError):
        return None, False


def _differs(path: Path, known: tuple[int, int]) -> bool:
    """Return whether a file or folder is not there any more, or is another one."""
    try:
        return _identity(path.stat()) != known
    except FileNotFoundError:
        return True
    except OSError:  # a network that is away for a while
        return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def holder_lives(folder: Path) -> bool | None:
    """Return whether a process of this machine works on what is in a folder; None if that cannot be seen from here."""
    last = max(_numbers(folder), default=0)
    if not last:
        return None
    with suppress(OSError), (folder / f".claim-{last}").open("rb") as file:
        locked = lock(file.fileno(), shared=True)
        return _lives(file.read(), locked)
    return None


def clear(folder: Path) -> None:
    """Remove the claims of work that is done, unless its holder lives and does so."""
    if holder_lives(folder) is False:
        _remove(folder, list(_numbers(folder)))


def holder_of(folder: Path) -> Holder | None:
    """Return the last process that has claimed what is in a folder, if there is one and it is written."""
    return _parsed(last_claim(folder))[0]


def last_claim(folder: Path) -> bytes:
    """Return the content of the last claim of what is in a folder, which its holder changes; empty if there is none."""
    with suppress(OSError, ValueError):
        return (folder / f".claim-{max(_numbers(folder))}").read_bytes()
    return b""


def is_claim(path: Path) -> bool:
    """Return whether a file is a claim."""
    return NAME.fullmatch(path.name) is not None


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Do what is in the block while no other process does so for the same folder, which is created.

    Raises: OSError, if the folder cannot be written.
    """
    claimant, claim = Claimant(), None
    while claim is None:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process that gave up has removed the empty folder
            claim = claimant.take(folder)
        if claim is None:
            time.sleep(POLL / 5)
    try:
        yield
    finally:
        claim.release(remove=True)
