"""Who the kernel killed for want of memory: /dev/kmsg."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


class OomKill(msgspec.Struct, frozen=True, kw_only=True):
    """`Out of memory: Killed process …` or `Memory cgroup out of memory: Killed process …` of the kernel's log."""

    pid: int
    name: str
    resident_bytes: int | None
    """anon-rss of the line."""
    cgroup: str
    """The group whose limit was hit (`task_memcg` / `oom_memcg` of the line before); empty when the host had none left."""


class KernelLogSample(Sample, frozen=True, kw_only=True):
    oom_kills: tuple[OomKill, ...]
    """Seen since the previous sample; the log from before our start is skipped."""


class KernelLogPart(Part, frozen=True, kw_only=True):
    oom_kills: tuple[OomKill, ...]
    """The last 20, newest last."""
