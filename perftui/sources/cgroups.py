"""Control groups with limits, v1 and v2: quota and throttling, memory limit and use, OOM kills."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


class CgroupRow(msgspec.Struct, frozen=True, array_like=True):
    """One group that has a limit, or our own. None: this group has no such limit or controller."""

    quota_cores: float | None
    """CPU quota / period."""
    periods: int | None
    throttled_periods: int | None
    throttled_s: float | None
    memory_limit_bytes: int | None
    memory_used_bytes: int | None
    """Without the file cache that can be given back (inactive_file), as kubectl top counts."""
    oom_kills: int | None
    own: bool = False
    """This program runs in it."""


class CgroupsSample(Sample, frozen=True, kw_only=True):
    version: int
    """1 or 2 (hybrid hosts count as what carries the cpu and memory controllers)."""
    groups: dict[str, CgroupRow]
    """By path below the hierarchy's root, at most 100."""


class CgroupReading(msgspec.Struct, frozen=True, kw_only=True):
    quota_cores: float | None
    throttled_ratio: float | None
    """Enforcement periods in which the group was throttled / periods, between two samples."""
    throttled_s_per_s: float | None
    memory_limit_bytes: int | None
    memory_used_bytes: int | None
    memory_used_ratio: float | None
    oom_kills_total: int | None
    oom_kills_per_s: float | None
    own: bool


class CgroupCpuReading(msgspec.Struct, frozen=True, kw_only=True):
    throttled_ratio: float | None
    """Of the group this program runs in; None without a quota."""


class CgroupsPart(Part, frozen=True, kw_only=True):
    cgroups: dict[str, CgroupReading]
    cpu: CgroupCpuReading
    cgroup_version: int
