"""All findings together: the one constraint, its chain, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from perftui.findings.explain import Links, because, links
from perftui.findings.holding import watched
from perftui.history.history import History
from perftui.history.memory_state import MemoryStatePart
from perftui.history.words import age, size
from perftui.model.failure import FailureKind
from perftui.model.finding import Chain, Constraint, Finding, Link, Severity, Verdict
from perftui.sources.cpu import CpuPart
from perftui.sources.memory import MemoryPart
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pressure import PressurePart
from perftui.sources.probes import ProbesPart

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


TOGETHER_S = 1.5
"""What began within so long of each other began at once: ages that a server tells differ by milliseconds from tick to tick."""


def verdict(history: History, findings: Sequence[Finding]) -> Verdict:
    """The heaviest incident, with the others beside it; or why there is none."""
    chains = incidents(history, findings)
    if not chains:
        return _healthy_or_unknown(history)
    top, *others = chains
    return Verdict(
        constraint=top.constraint,
        finding=top.finding,
        severity=top.severity,
        since_at=top.since_at,
        began_before=top.began_before,
        summary=top.summary,
        chain=top.chain,
        links=top.links,
        beside=top.beside,
        others=tuple(others),
    )


def incidents(history: History, findings: Sequence[Finding]) -> list[Chain]:
    """A chain for each finding that nothing active explains, the heaviest first. What two causes explain is in both."""
    places = [place for place, finding in enumerate(findings) if finding.severity > Severity.INFO]
    active = [findings[place] for place in places]
    found = links(history, active)
    chains = [_incident(root, active, found, places) for root in _roots(active, found)]
    return _heaviest_first(chains, findings)


def told_order(said: Verdict, findings: Sequence[Finding]) -> list[Finding]:
    """The findings chain by chain, each from its cause on with what follows beside its way after it; then the rest."""
    chains: Sequence[Verdict | Chain] = (said, *said.others)
    places = [link.finding for chain in chains for link in (*chain.links, *chain.beside)]
    return [findings[place] for place in dict.fromkeys((*places, *range(len(findings))))]


def _roots(active: Sequence[Finding], found: Links) -> list[int]:
    """What nothing explains; and of those that explain each other in a circle the one that began first."""
    roots = [place for place in range(len(active)) if place not in found.explained]
    reached = {place for root in roots for place in _reach(root, found)}
    while left := [place for place in range(len(active)) if place not in reached]:
        first = min(left, key=lambda place: (active[place].since_at, active[place].key))
        roots.append(first)
        reached |= _reach(first, found).keys()
    return roots


def _reach(root: int, found: Links) -> dict[int, int]:
    """All that follows from a root, however far, and what each follows from; the root from itself."""
    reached = {root: root}
    ahead = [root]
    for place in ahead:
        for symptom in found.symptoms.get(place, ()):
            if symptom not in reached:
                reached[symptom] = place
                ahead.append(symptom)
    return reached


def _incident(root: int, active: Sequence[Finding], found: Links, places: Sequence[int]) -> Chain:
    cause, way, reached = active[root], _longest(root, active, found), _reach(root, found)

    def link(place: int, before: int) -> Link:
        return Link(
            finding=places[place],
            rule=active[place].rule,
            explained_by=places[before],
            because=because(found.edges[before, place], active[before], active[place]),
        )

    return Chain(
        constraint=cause.constraint,
        finding=cause.rule,
        severity=max(active[place].severity for place in reached),
        since_at=cause.since_at,
        began_before=cause.began_before,
        summary=cause.title,
        chain=tuple(active[place].rule for place in way),
        links=(
            Link(finding=places[root], rule=cause.rule),
            *(link(place, before) for before, place in pairwise(way)),
        ),
        beside=tuple(link(place, before) for place, before in reached.items() if place not in way),
    )


def _longest(root: int, active: Sequence[Finding], found: Links) -> list[int]:
    """The longest way from a root to a last symptom; the more severe one of two as long."""
    known: dict[int, list[int]] = {}

    def way(place: int, above: frozenset[int]) -> list[int]:
        if place not in known:
            below = above | {place}
            ways = [way(symptom, below) for symptom in found.symptoms.get(place, ()) if symptom not in below]
            best = max(ways, key=lambda each: (len(each), max(active[step].severity for step in each)), default=[])
            known[place] = [place, *best]
        return known[place]

    return way(root, frozenset())


def _heaviest_first(chains: Sequence[Chain], findings: Sequence[Finding]) -> list[Chain]:
    """By severity, prior and beginning. Of those that began at once always the same one is first."""

    def weight(chain: Chain) -> tuple[int, int]:
        return -chain.severity, PRIORS.index(chain.constraint)

    ranked: list[tuple[int, str, Chain]] = []
    first: Chain | None = None
    group = 0
    for each in sorted(chains, key=lambda chain: (*weight(chain), chain.since_at)):
        if first is None or weight(first) != weight(each) or each.since_at - first.since_at > TOGETHER_S:
            first, group = each, group + 1
        ranked.append((group, findings[each.links[0].finding].key, each))
    return [each for *_, each in sorted(ranked, key=lambda rank: rank[:2])]


def _healthy_or_unknown(history: History) -> Verdict:
    blind = [
        f"{name}: {history.sources[name].detail or 'no reading yet'}"
        for name, part in (("cpu", CpuPart), ("memory", MemoryPart))
        if name in history.sources and history.latest(part) is None
    ]
    if blind:
        return _nothing(Constraint.UNKNOWN, f"can't tell: {'; '.join(blind)}")
    if _postgres_unread(history):
        return _nothing(Constraint.UNKNOWN, _why_healthy(history))
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
    return ", ".join((*parts, *_not_read_yet(history)))


def _not_read_yet(history: History) -> list[str]:
    """What stands around the host and has told nothing so far: it is not judged, and that is said."""
    found = []
    pooler = history.sources.get("pgbouncer")
    if pooler is not None and pooler.state == "failed" and "connecting…" in pooler.detail:
        found.append("still connecting to PgBouncer")
    part = history.latest(ProbesPart)
    probes = part.probes if part else {}
    waiting = sum(each.results_total == 0 for each in probes.values())
    if waiting:
        found.append(f"{waiting} of {len(probes)} probes not answered yet")
    return found


_GONE = (FailureKind.UNREACHABLE, FailureKind.NOT_READY, FailureKind.FULL)
"""Failures that tell of the server itself, at once; a late answer is one only when no reading has come for a while."""


def _postgres_unread(history: History) -> bool:
    """A server is watched, and what it does now is not known: it was never read, or it is gone, or its last reading is stale."""
    state = history.sources.get("pg_activity")
    if state is None or state.state == "off":
        return False
    gone = state.state == "failed" and state.detail.partition(":")[0] in _GONE
    return gone or history.latest(PgActivityPart) is None


def _postgres(history: History) -> list[str]:
    """Nothing where none is watched; one that can't be read comes with the reason."""
    state, part = history.sources.get("pg_activity"), history.latest(PgActivityPart)
    if state is not None and (state.state == "failed" or (part is None and state.state != "off")):
        reason = state.detail.partition(": ")[2].removeprefix("postgres: ")
        if reason.startswith("connecting"):
            return ["still connecting to Postgres"]
        last = f", last read {age(state.age_s)} ago" if state.age_s is not None else ""
        return [f"Postgres: {reason or 'no answer'}{last}"]
    if part is None:
        return []
    used = part.connections
    waiting = f"{part.locks.waiting} wait for a lock" if part.locks.waiting else "no lock waits"
    if not part.sees_others:
        waiting += " (what others do is not visible: grant pg_monitor)"
    return [f"Postgres {used.used} of {used.max} connections", waiting]
