"""What the rules of probes share: each probe with its windows, whose class it is, and what of this host serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perftui.findings.gate import gate
from perftui.history.history import History
from perftui.history.probe_windows import ProbeWindow, ProbeWindowsPart
from perftui.model.finding import Constraint, Finding, Subject
from perftui.model.probe import ProbeOutcome
from perftui.sources.probes import ProbeReading, ProbesPart


class Probe(NamedTuple):
    name: str
    reading: ProbeReading
    window: ProbeWindow

    @property
    def subject(self) -> Subject:
        return {"probe": self.name}

    @property
    def constraint(self) -> Constraint:
        """Outside of this host where it is another's, or nothing here is said to serve it; otherwise it is not known."""
        reading = self.reading
        elsewhere = reading.local is False and not reading.depends_on
        if reading.external or elsewhere or reading.outcome == ProbeOutcome.DNS:
            return Constraint.EXTERNAL_BOUND
        return Constraint.UNKNOWN

    def path(self, reading: str) -> str:
        return f"probes.{self.name}.{reading}"


def probes(history: History) -> list[Probe]:
    """All that is probed; none while the last samples are stale."""
    part, windows = history.latest(ProbesPart), history.latest(ProbeWindowsPart)
    if part is None or windows is None:
        return []
    return [Probe(name, reading, windows.probes[name]) for name, reading in part.probes.items()]


def alike(bad: Sequence[bool], run: int) -> bool:
    """What the newest `run` results that are alike say: as many must be well to end trouble as must be bad to begin it."""
    for end in range(len(bad), run - 1, -1):
        last = bad[end - run : end]
        if len(set(last)) == 1:
            return last[0]
    return False


def seconds(value: float) -> str:
    """`180 ms`, `2.4 s`."""
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.1f} s"


@gate("it is the same probe")
def same_probe(history: History, cause: Finding, symptom: Finding) -> bool:
    return cause.subject["probe"] == symptom.subject["probe"]


@gate("the probe whose certificate ends fails in the TLS handshake")
def broken_certificate(history: History, cause: Finding, symptom: Finding) -> bool:
    """The probe whose certificate ends fails in the handshake."""
    reading = _reading(history, symptom)
    return same_probe(history, cause, symptom) and reading is not None and reading.outcome == ProbeOutcome.TLS


@gate("what is probed has an address of this host, or is configured to depend on it")
def served_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """What is probed has an address of this host, or is configured to depend on what the cause is about; nobody else's."""
    reading = _reading(history, symptom)
    if reading is None or reading.external:
        return False
    kind = {"pg": "postgres", "pool": "pools"}.get(cause.rule.partition(".")[0], "host")
    return reading.local is True or kind in reading.depends_on


@gate("what is probed stands on this, and is too slow to answer")
def times_out_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """As `served_here`, and it is too slow to answer: a busy host refuses no connection and answers no 404."""
    reading = _reading(history, symptom)
    return reading is not None and reading.outcome == ProbeOutcome.TIMED_OUT and served_here(history, cause, symptom)


@gate("what is probed stands on this, and answers with an error or too late")
def answers_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """As `served_here`, and the service itself answers or is too slow: what it stands on fails, not the way to it."""
    reading = _reading(history, symptom)
    return (
        reading is not None
        and reading.outcome in (ProbeOutcome.TIMED_OUT, ProbeOutcome.STATUS, ProbeOutcome.CLOSED)
        and served_here(history, cause, symptom)
    )


@gate("what is probed stands on this host, and nobody answers any more")
def gone_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """As `served_here`, and nobody answers any more: the killed process may have been it."""
    reading = _reading(history, symptom)
    return (
        reading is not None
        and reading.outcome in (ProbeOutcome.CONNECT, ProbeOutcome.CLOSED, ProbeOutcome.STATUS)
        and served_here(history, cause, symptom)
    )


def _reading(history: History, finding: Finding) -> ProbeReading | None:
    part = history.latest(ProbesPart)
    return part.probes.get(str(finding.subject["probe"])) if part else None
