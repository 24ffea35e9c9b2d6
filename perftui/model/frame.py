"""What one tick read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perftui.model.failure import Failed


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a source read once, raw: counters as the kernel or server gave them. Rates are derived later."""

    mono: float
    """CLOCK_MONOTONIC seconds at the moment of reading; the only clock that rates are made with."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A moment the operator named."""

    at: float
    """When it was."""
    text: str
    """What the operator called it."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """All that arrived in one tick: the samples of the sources that were due, and the failures of those that failed."""

    seq: int
    at: float
    """Wall clock, seconds since 1970 UTC: for people. May jump."""
    mono: float
    """CLOCK_MONOTONIC seconds: for windows and rates. Never jumps, stands still in a suspend."""
    samples: Mapping[str, Sample]
    failed: Mapping[str, Failed] = {}
    marks: tuple[Mark, ...] = ()


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while we watch; the first line of every tape."""

    hostname: str
    system: str
    """As `uname -sr`."""
    cores: int
    """CPUs online at start."""
    memory_bytes: int | None
    boot_at: float | None = None
