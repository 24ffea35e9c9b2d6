"""Open files of the whole host: /proc/sys/fs/file-nr."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


class FileHandlesSample(Sample, frozen=True, kw_only=True):
    allocated: int
    limit: int


class FileHandlesReading(msgspec.Struct, frozen=True, kw_only=True):
    open: int
    limit: int
    used_ratio: float


class FileHandlesPart(Part, frozen=True, kw_only=True):
    file_handles: FileHandlesReading
