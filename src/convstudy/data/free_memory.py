"""The memory that may be used: of the machine, or of the container that limits it.

Source: kernel.org, Control Group v2 and v1, memory interface files; man 7 cgroups for /proc/self/cgroup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MEMBERSHIP = Path("/proc/self/cgroup")  # the control groups of this process: number:controllers:path, one per line
MOUNT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _Interface:
    """The files that one version of control groups has: the limit, the use, and the part of it that is file cache."""

    limit: str
    used: str
    cache: str  # the line of memory.stat, in bytes


V2 = _Interface("memory.max", "memory.current", "inactive_file")
V1 = _Interface("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_memory() -> int:
    """Return the bytes that may be used without swapping.

    A container's limit counts, and so does the limit of every group around its own. File cache that the kernel can drop
    counts as free.
    """
    import psutil

    return min([int(psutil.virtual_memory().available), *_group_limits()])


def _group_limits() -> Iterator[int]:
    """Yield the bytes that each control group around this process leaves."""
    for group, interface in _groups():
        try:
            limit = (group / interface.limit).read_text().strip()
            used = int((group / interface.used).read_text())
        except (OSError, ValueError):
            continue
        if limit != "max":
            yield max(int(limit) - used + _cache(group / "memory.stat", interface.cache), 0)


def _groups() -> Iterator[tuple[Path, _Interface]]:
    """Yield the folder of each group that this process is in, from its own to the outermost.

    Inside a container the path may be the one outside, which is not mounted: then the mounted groups are all there is.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = ["0::/"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        interface = V1 if "memory" in controllers.split(",") else V2
        if interface is V2 and controllers:
            continue
        mounts = (MOUNT / "memory",) if interface is V1 else (MOUNT, MOUNT / "unified")
        inside = PurePosixPath(path.lstrip("/"))
        for mount in mounts:
            for group in (inside, *inside.parents):
                yield mount / group, interface


def _cache(statistics: Path, name: str) -> int:
    try:
        lines = statistics.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
