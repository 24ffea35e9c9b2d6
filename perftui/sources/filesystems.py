"""Mounted filesystems: /proc/self/mountinfo and statvfs."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


class FilesystemRow(msgspec.Struct, frozen=True, array_like=True):
    device: str
    kind: str
    """ext4, xfs, tmpfs, …"""
    total_bytes: int
    free_bytes: int
    """Free for root, as `free` of statvfs f_bfree."""
    available_bytes: int
    """Free for ordinary users (f_bavail)."""
    inodes_total: int
    inodes_free: int
    read_only: bool = False


class FilesystemsSample(Sample, frozen=True, kw_only=True):
    """By mount point; each device once. Remote filesystems are left out: a dead server would block the call."""

    filesystems: dict[str, FilesystemRow]


class FilesystemReading(msgspec.Struct, frozen=True, kw_only=True):
    total_bytes: int
    free_bytes: int
    """For ordinary users, as `Avail` of df."""
    used_ratio: float
    """used / (used + available), as Use% of df."""
    inodes_used_ratio: float | None
    """None where the filesystem has no fixed number of inodes."""
    fill_bytes_per_s: float | None
    """Growth since the previous sample; negative while it empties, None after the first sample."""
    device: str
    kind: str
    read_only: bool


class FilesystemsPart(Part, frozen=True, kw_only=True):
    filesystems: dict[str, FilesystemReading]
