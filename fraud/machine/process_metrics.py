"""What /metrics says of a process: its processor, memory, the limit of that, open files."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

_MEMBERSHIP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def add_process_metrics(registry: CollectorRegistry) -> None:
    """Register the figures of this process; each is read when it is asked for."""
    ProcessCollector(registry=registry)
    limit = Gauge(
        "fraud_memory_limit_bytes",
        "Memory at which the system ends the process: the limit of its container, else the machine's memory",
        registry=registry,
    )
    limit.set_function(memory_limit_bytes)


def memory_limit_bytes(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """The lowest limit of memory of this process's cgroups, and no more than the machine has.

    Args:
        membership: the file that names the process's cgroups; it need not exist.
        mount: where the cgroups are, of version 2, or of version 1 with a folder for each controller.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(membership, mount)])


def _limits(membership: Path, mount: Path) -> Iterator[int]:
    for line in _text(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield from _limits_of(mount, group, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_of(mount / "memory", group, "memory.limit_in_bytes")


def _limits_of(folder: Path, group: str, name: str) -> Iterator[int]:
    """Those of a cgroup and all above it; of the path of a host a container finds only the root, its own."""
    path = PurePosixPath(group)
    for one in (path, *path.parents):
        with suppress(ValueError):  # "max": no limit here
            yield int(_text(folder / one.relative_to("/") / name))


def _text(file: Path) -> str:
    """Of a file that may be missing or not for us."""
    try:
        return file.read_text()
    except OSError:
        return ""
