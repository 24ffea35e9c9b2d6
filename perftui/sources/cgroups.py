"""Control groups with limits, v1 and v2: quota and throttling, memory limit and use, OOM kills."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import delta, share
from perftui.sources.kind import Part, SourceKind


class CgroupRow(msgspec.Struct, frozen=True, array_like=True):
    """One group that has a limit, or our own. None: this group has no such limit or controller."""

    quota_cores: float | None
    """CPU quota / period; for our own group the tightest one from it upwards."""
    periods: int | None
    """Enforcement periods that passed, throttled ones and throttled time: of the group that sets the quota."""
    throttled_periods: int | None
    throttled_s: float | None
    memory_limit_bytes: int | None
    """For our own group the tightest one from it upwards."""
    memory_used_bytes: int | None
    """In the group that sets the limit, without the file cache that can be given back (inactive_file), as kubectl top counts."""
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
    """CPUs it may use; None without a quota."""
    throttled_ratio: float | None
    """Enforcement periods in which the group was throttled / periods, between two samples."""
    throttled_s_per_s: float | None
    """Time its threads were stopped, all CPUs together."""
    memory_limit_bytes: int | None
    """Memory it may use; None without a limit."""
    memory_used_bytes: int | None
    """Without the file cache that can be given back."""
    memory_used_ratio: float | None
    """Used / limit."""
    oom_kills_total: int | None
    """Processes killed in it because of its limit."""
    oom_kills_per_s: float | None
    """The same, each second."""
    own: bool
    """This program runs in it."""


class CgroupCpuReading(msgspec.Struct, frozen=True, kw_only=True):
    throttled_ratio: float | None
    """Of the group this program runs in; None without a quota."""


class CgroupsPart(Part, frozen=True, kw_only=True):
    cgroups: dict[str, CgroupReading]
    cpu: CgroupCpuReading
    cgroup_version: int
    """1 or 2."""


def derive(previous: CgroupsSample | None, current: CgroupsSample) -> CgroupsPart:
    """Readings between two samples; a group that is new has no rates yet."""
    before = previous.groups if previous else {}
    elapsed = current.mono - previous.mono if previous else 0.0
    groups = {path: _reading(before.get(path), row, elapsed) for path, row in current.groups.items()}
    own = next((group for group in groups.values() if group.own), None)
    return CgroupsPart(
        cgroups=groups,
        cpu=CgroupCpuReading(throttled_ratio=own.throttled_ratio if own else None),
        cgroup_version=current.version,
    )


def _reading(previous: CgroupRow | None, row: CgroupRow, elapsed_s: float) -> CgroupReading:
    periods = delta(previous.periods if previous else None, row.periods)
    throttled = delta(previous.throttled_periods if previous else None, row.throttled_periods)
    return CgroupReading(
        quota_cores=row.quota_cores,
        throttled_ratio=share(throttled, periods),
        throttled_s_per_s=share(delta(previous.throttled_s if previous else None, row.throttled_s), elapsed_s),
        memory_limit_bytes=row.memory_limit_bytes,
        memory_used_bytes=row.memory_used_bytes,
        memory_used_ratio=share(row.memory_used_bytes, row.memory_limit_bytes),
        oom_kills_total=row.oom_kills,
        oom_kills_per_s=share(delta(previous.oom_kills if previous else None, row.oom_kills), elapsed_s),
        own=row.own,
    )


KIND = SourceKind(name="cgroups", sample=CgroupsSample, part=CgroupsPart, derive=derive, stale_s=15.0)
