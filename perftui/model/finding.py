"""What a rule says, and what all rules together say."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

Subject = dict[str, str | int | float]
"""What a finding points at: process, pid, disk, filesystem, interface, cgroup."""


class Severity(IntEnum):
    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Constraint(StrEnum):
    """The class of a verdict: what holds the system back."""

    CPU_BOUND = "cpu_bound"
    IO_BOUND = "io_bound"
    MEMORY_BOUND = "memory_bound"
    LOCK_BOUND = "lock_bound"
    POOL_BOUND = "pool_bound"
    QUERY_BOUND = "query_bound"
    CHANGE_INDUCED = "change_induced"
    EXTERNAL_BOUND = "external_bound"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One number a finding stands on."""

    reading: str
    """The reading's name in the catalogue."""
    value: float | None
    """In base units; the mean over `window_s` unless the reading is a counter or a state."""
    limit: float | None = None
    unit: str = ""
    window_s: float | None = None
    seed: str = ""
    """The document the limit comes from; empty where it is ours."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule concludes, with the numbers that made it do so."""

    rule: str
    severity: Severity
    constraint: Constraint
    title: str
    """One line for the operator: what, how much, who."""
    since_at: float
    """Wall clock, seconds since 1970 UTC: when it began, as far as was seen."""
    began_before: bool = False
    """It already held when we started to watch, so it began before `since_at`."""
    subject: Subject = {}
    evidence: tuple[Evidence, ...] = ()
    playbook: str | None = None
    """The playbook that answers it; None where there is none."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The one constraint that holds the system back, or why there is none."""

    constraint: Constraint = msgspec.field(name="class")
    finding: str | None
    """The rule of the dominant finding."""
    severity: Severity
    since_at: float | None
    began_before: bool = False
    summary: str
    """Healthy says why it is healthy, unknown says what could not be read."""
    chain: tuple[str, ...] = ()
    """Rule names from the cause to the last symptom."""
    playbook: str | None = None
    """The playbook that answers the first of the chain's findings that has one."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict from when it was first given until the next one."""

    at: float
    """Wall clock, seconds since 1970 UTC."""
    verdict: Verdict
