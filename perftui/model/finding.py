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

    @property
    def key(self) -> str:
        """The same while it is about the same thing, whoever leads there at the moment.

        A leader comes with the number of its processes; a process without one is itself what the finding is about.
        """
        names = _PLACES if "processes" in self.subject else (*_PLACES, "pid")
        return " ".join((self.rule, *(str(self.subject[name]) for name in names if name in self.subject)))


_PLACES = ("cgroup", "filesystem", "pool", "probe", "slot", "standby", "source", "service", "certificate")
"""Names in a subject that stay while it is about the same thing; the process that leads may change."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in its chain."""

    finding: int
    """Its place in the list of findings."""
    rule: str
    explained_by: int | None = None
    """The place of the finding that explains it; None for the cause."""
    because: str = ""
    """Why that is held to explain it, in one sentence; empty for the cause."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One incident: a cause that nothing active explains, and what follows from it."""

    constraint: Constraint = msgspec.field(name="class")
    finding: str
    """The rule of the cause."""
    severity: Severity
    """The worst of all that follows."""
    since_at: float
    began_before: bool = False
    summary: str
    """The title of the cause."""
    chain: tuple[str, ...]
    """Rule names from the cause to the last symptom, the longest way."""
    links: tuple[Link, ...] = ()
    """The same, each with the reason."""
    beside: tuple[Link, ...] = ()
    """What follows from the cause as well, and does not lie on that way."""
    playbook: str | None = None
    """The playbook that answers the first of the chain's findings that has one."""


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
    links: tuple[Link, ...] = ()
    """The chain again, each finding with the reason."""
    beside: tuple[Link, ...] = ()
    """What follows from the cause as well, and does not lie on the chain's way."""
    others: tuple[Chain, ...] = ()
    """Incidents that have nothing to do with this one, the heaviest first."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict from when it was first given until the next one."""

    at: float
    """Wall clock, seconds since 1970 UTC."""
    verdict: Verdict
