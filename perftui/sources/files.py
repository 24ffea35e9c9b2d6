"""What a source that reads the kernel's files is handed."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from typing import Protocol, TypeVar

from perftui.model.failure import SourceError


class KernelFiles(Protocol):
    """Reads /proc and /sys; raises SourceError."""

    def read(self, path: str) -> bytes: ...
    def read_once(self, path: str) -> bytes: ...
    def names(self, path: str) -> list[str]: ...
    def folders(self, path: str) -> list[str]: ...
    def link(self, path: str) -> str: ...
    def device(self, path: str) -> str: ...
    def space(self, path: str) -> os.statvfs_result: ...


class ProcessTable(Protocol):
    """The processes of this PID namespace; a process that is gone or private gives None, never an error."""

    def pids(self) -> list[int]: ...
    def newest_pid(self) -> int: ...
    def moved(self, clocks: Mapping[int, int]) -> tuple[dict[int, int], list[int]]: ...
    def read(self, pid: int, name: str) -> bytes | None: ...
    def open_files(self, pid: int) -> int | None: ...


class KernelMessages(Protocol):
    """What the kernel logged since the last call; raises SourceError."""

    def new(self) -> list[bytes]: ...


T = TypeVar("T")


class Worker(Protocol):
    """Runs calls that may block in the kernel, one at a time, beside the loop; raises SourceError while one is stuck."""

    async def run(self, call: Callable[[], T]) -> T: ...
    def cpu_s(self) -> float: ...


class Clock(Protocol):
    def wall(self) -> float: ...
    def mono(self) -> float: ...


def read_or_none(files: KernelFiles, path: str) -> bytes | None:
    """A file whose absence is no fault of the source (an older kernel, a container, no right)."""
    try:
        return files.read(path)
    except SourceError:
        return None


def words_to_ints(raw: bytes, only: Container[bytes] | None = None) -> dict[bytes, int]:
    """`name number [unit]` lines (vmstat, meminfo, cgroup's *.stat) as a mapping; a colon after the name is dropped.

    Args:
        only: the names that are wanted; of some two hundred in vmstat a few are.
    """
    found = {}
    for line in raw.splitlines():
        if only is not None and line.partition(b" ")[0] not in only:
            continue
        words = line.split()
        if len(words) >= 2 and words[1].lstrip(b"-").isdigit():
            found[words[0].rstrip(b":")] = int(words[1])
    return found
