"""Open files of the whole host: /proc/sys/fs/file-nr."""

from __future__ import annotations

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.sources.files import Clock, KernelFiles
from perftui.sources.kind import Part, SourceKind


class FileHandlesSample(Sample, frozen=True, kw_only=True):
    """Source: /proc/sys/fs/file-nr."""

    allocated: int
    """File handles that processes hold open."""
    limit: int
    """fs.file-max."""


class FileHandlesReading(msgspec.Struct, frozen=True, kw_only=True):
    open: int
    """File handles open on the whole host, also seen from a container."""
    limit: int
    """fs.file-max; above it only root may open more."""
    used_ratio: float
    """Open / limit."""


class FileHandlesPart(Part, frozen=True, kw_only=True):
    file_handles: FileHandlesReading


class FileHandles:
    """Reads /proc/sys/fs/file-nr."""

    name = "file_handles"
    interval_s = 2.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    async def sample(self) -> FileHandlesSample:
        """Read once.

        Raises:
            SourceError: MISSING without /proc/sys, MALFORMED when it isn't three numbers.
        """
        return parse_file_nr(self._files.read("/proc/sys/fs/file-nr"), self._clock.mono())


def parse_file_nr(raw: bytes, mono: float) -> FileHandlesSample:
    """`allocated unused limit`.

    Raises:
        SourceError: MALFORMED when it isn't three numbers.
    """
    words = raw.split()
    if len(words) != 3:
        raise SourceError(FailureKind.MALFORMED, "/proc/sys/fs/file-nr: expected three numbers")
    return FileHandlesSample(mono=mono, allocated=int(words[0]) - int(words[1]), limit=int(words[2]))


def derive(previous: FileHandlesSample | None, current: FileHandlesSample) -> FileHandlesPart:
    """Readings of the current sample alone."""
    used = current.allocated / current.limit if current.limit > 0 else 0.0
    return FileHandlesPart(
        file_handles=FileHandlesReading(open=current.allocated, limit=current.limit, used_ratio=used)
    )


KIND = SourceKind(name="file_handles", sample=FileHandlesSample, part=FileHandlesPart, derive=derive, stale_s=6.0)
