"""All findings together: the one constraint, its chain, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from perftui.findings.explain import Links, links
from perftui.findings.holding import watched
from perftui.history.history import History
from perftui.history.memory_state import MemoryStatePart
from perftui.history.words import age, size
from perftui.model.finding import Constraint, Finding, Severity, Verdict
from perftui.sources.cpu import CpuPart
from perftui.sources.memory import MemoryPart
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pressure import PressurePart

# S003, common bottleneck patterns: database 40 %, application 30 %, infrastructure 20 %, external 10 %. Within the host
# (ours): what harms everything on it first.
PRIORS = (
    Constraint.LOCK_BOUND,
    Constraint.QUERY_BOUND,
    Constraint.POOL_BOUND,
    Constraint.CHANGE_INDUCED,
    Constraint.MEMORY_BOUND,
    Constraint.IO_BOUND,
    Constraint.CPU_BOUND,
    Constraint.EXTERNAL_BOUND,
    Constraint.UNKNOWN,
)


def verdict(history: History, findings: Sequence[Finding]) -> Verdict:
    """The most severe chain that starts at a finding nothing active explains."""
    active = [finding for finding in findings if finding.severity > Severity.INFO]
    if not active:
        return _healthy_or_unknown(history)
    found = links(history, active)
    roots = [place for place in range(len(active)) if place not in found.explained] or list(range(len(active)))
    chains = {root: _chain(root, active, found) for root in roots}

    def weight(root: int) -> tuple[int, int, float]:
        worst = max(active[place].severity for place in chains[root])
        return worst, -PRIORS.index(active[root].constraint), -active[root].since_at

    top = max(roots, key=weight)
    cause = active[top]
    return Verdict(
        constraint=cause.constraint,
        finding=cause.rule,
        severity=Severity(max(active[place].severity for place in chains[top])),
        since_at=cause.since_at,
        began_before=cause.began_before,
        summary=cause.title,
        chain=tuple(active[place].rule for place in chains[top]),
    )


def _chain(root: int, active: Sequence[Finding], found: Links) -> list[int]:
    """The longest way from a root to a last symptom; the more severe one of two as long."""

    def longest(place: int, seen: frozenset[int]) -> list[int]:
        ways = [longest(next_one, seen | {place}) for next_one in found.symptoms.get(place, ()) if next_one not in seen]
        best = max(ways, key=lambda way: (len(way), max(active[step].severity for step in way)), default=[])
        return [place, *best]

    return longest(root, frozenset())


def _healthy_or_unknown(history: History) -> Verdict:
    blind = [
        f"{name}: {history.sources[name].detail or 'no reading yet'}"
        for name, part in (("cpu", CpuPart), ("memory", MemoryPart))
        if name in history.sources and history.latest(part) is None
    ]
    if blind:
        return _nothing(Constraint.UNKNOWN, f"can't tell: {'; '.join(blind)}")
    if not watched(history) and (history.latest(PressurePart) is None or _looks_bad(history)):
        return _nothing(
            Constraint.UNKNOWN,
            f"watching for {history.span_s:.0f} s; a verdict needs 4 s here. {_why_healthy(history)}",
        )
    return _nothing(Constraint.HEALTHY, _why_healthy(history))


def _looks_bad(history: History) -> bool:
    """A first interval that would be a finding if it held for a window, and that the kernel's 10 s means don't show yet."""
    bad = {"host.cpu.busy_ratio": 0.85, "host.cpu.iowait_ratio": 0.2, "host.pressure.memory.some_ratio": 0.1}
    return any((history.value(reading) or 0.0) > limit for reading, limit in bad.items())


def _nothing(constraint: Constraint, summary: str) -> Verdict:
    return Verdict(constraint=constraint, finding=None, severity=Severity.INFO, since_at=None, summary=summary)


def _why_healthy(history: History) -> str:
    """The numbers that would be bad if something were: Postgres, CPU and its queue, I/O wait, memory and swap."""
    parts = [*_postgres(history)]
    cpu = history.latest(CpuPart)
    if cpu and cpu.cpu.busy_ratio is not None and cpu.cpu.iowait_ratio is not None:
        parts.append(f"CPU {cpu.cpu.busy_ratio:.0%} busy of {cpu.cpu.count}, I/O wait {cpu.cpu.iowait_ratio:.0%}")
    memory, state = history.latest(MemoryPart), history.latest(MemoryStatePart)
    if memory:
        parts.append(f"{size(memory.memory.available_bytes)} of {size(memory.memory.total_bytes)} memory available")
        moved = (memory.swap.in_bytes_per_s or 0.0) + (memory.swap.out_bytes_per_s or 0.0)
        parts.append("nothing swaps" if moved == 0 else f"swap moves {size(moved)}/s")
    if state and state.memory.state not in ("healthy", "cache_heavy"):
        parts.append(f"memory {state.memory.state.replace('_', ' ')}")
    return ", ".join(parts)


def _postgres(history: History) -> list[str]:
    """Nothing where none is watched; one that can't be read comes with the reason."""
    state, part = history.sources.get("pg_activity"), history.latest(PgActivityPart)
    if state is not None and (state.state == "failed" or (part is None and state.state != "off")):
        reason = state.detail.partition(": ")[2].removeprefix("postgres: ")
        return [f"Postgres: {reason or f'no answer for {age(state.age_s or 0.0)}'}"]
    if part is None:
        return []
    used = part.connections
    waiting = f"{part.locks.waiting} wait for a lock" if part.locks.waiting else "no lock waits"
    if not part.sees_others:
        waiting += " (what others do is not visible: grant pg_monitor)"
    return [f"Postgres {used.used} of {used.max} connections", waiting]
