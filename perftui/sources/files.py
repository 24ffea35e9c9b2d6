"""What a source that reads the kernel's files is handed."""

from __future__ import annotations

from typing import Protocol

from perftui.model.failure import SourceError


class KernelFiles(Protocol):
    """Reads /proc and /sys; raises SourceError."""

    def read(self, path: str) -> bytes: ...
    def read_once(self, path: str) -> bytes: ...
    def names(self, path: str) -> list[str]: ...
    def link(self, path: str) -> str: ...


class Clock(Protocol):
    def wall(self) -> float: ...
    def mono(self) -> float: ...


def read_or_none(files: KernelFiles, path: str) -> bytes | None:
    """A file whose absence is no fault of the source (an older kernel, a container, no right)."""
    try:
        return files.read(path)
    except SourceError:
        return None


def words_to_ints(raw: bytes) -> dict[bytes, int]:
    """`name number [unit]` lines (vmstat, meminfo, cgroup's *.stat) as a mapping; a colon after the name is dropped."""
    found = {}
    for line in raw.splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].lstrip(b"-").isdigit():
            found[words[0].rstrip(b":")] = int(words[1])
    return found
