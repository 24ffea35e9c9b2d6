"""Which pane a finding points at, and what a pane says when its source gave nothing."""

from __future__ import annotations

from perftui.model.finding import Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.views.format import duration
from perftui.views.layout import wrapped
from perftui.views.model import Pane, Role, Zoom

SIGNS = {Severity.CRITICAL: "▲", Severity.WARNING: "△", Severity.INFO: "●"}
ROLES = {Severity.CRITICAL: Role.CRITICAL, Severity.WARNING: Role.WARNING, Severity.INFO: Role.DIM}
SIGN_OF_TONE = {ROLES[severity]: SIGNS[severity] for severity in (Severity.CRITICAL, Severity.WARNING)}
"""What stands in the title of a pane that a finding points at; the same sign as in the verdict."""

_PANES = {
    "probe.failing": "probes",
    "probe.slow": "probes",
    "probe.tail_latency": "probes",
    "slo.latency": "probes",
    "slo.error_budget": "probes",
    "tls.expiring": "probes",
    "host.io_saturated": "io",
    "host.memory_pressure": "memory",
    "host.memory_leak": "memory",
    "host.oom_kill": "memory",
    "host.swapping": "swap",
    "host.disk_filling": "disks",
    "host.network_retransmits": "network",
    "host.fd_exhaustion": "processes",
    "pg.slow_statements": "statements",
    "pg.long_statement": "statements",
    "pg.statement_regressed": "statements",
    "pg.n_plus_one": "statements",
    "pg.temp_spill": "statements",
    "pg.cache_misses": "statements",
    "pg.lock_pileup": "locks",
    "pg.deadlocks": "locks",
    "pg.idle_in_transaction": "locks",
    "pg.connections_exhausted": "connections",
    "pg.unreachable": "connections",
    "pg.wraparound": "connections",
    "pg.missing_index": "tables",
    "pg.dead_tuples": "tables",
    "pg.replication_lag": "replication",
    "pg.replication_conflicts": "replication",
    "pg.slot_retention": "replication",
    "pg.archiver_failing": "replication",
    "pg.checkpoint_pressure": "replication",
    "deploy.shifted": "deploys",
    "load.abort": "load",
}


def pane_of(rule: str) -> str | None:
    """The key of the pane that a rule's finding points at."""
    if rule.startswith("pool."):
        return "pools"
    return "cpu" if rule.startswith("host.cpu_") else _PANES.get(rule)


def severity(snapshot: Snapshot, pane: str) -> Severity:
    """The worst finding that points at a pane; INFO when none does."""
    return max((f.severity for f in snapshot.findings if pane_of(f.rule) == pane), default=Severity.INFO)


def tone(snapshot: Snapshot, pane: str) -> Role:
    return ROLES[severity(snapshot, pane)]


def missing(snapshot: Snapshot, source: str) -> str:
    """`no reading for 12 s: denied: …`."""
    state = snapshot.history.sources.get(source)
    if state is None or state.age_s is None:
        return f"no reading yet: {state.detail}" if state and state.detail else "no reading yet"
    age = f"no reading for {duration(state.age_s)}"
    return f"{age}: {state.detail}" if state.detail else age


def missing_pane(snapshot: Snapshot, key: str, title: str, source: str, width: int, height: int) -> Pane:
    """A pane whose source gave nothing: it says so in words."""
    lines = wrapped(missing(snapshot, source), width, Role.WARNING)
    return Pane(title=title, tone=tone(snapshot, key), lines=lines[:height])


def missing_zoom(snapshot: Snapshot, key: str, title: str, source: str, width: int) -> Zoom:
    lines = wrapped(missing(snapshot, source), width, Role.WARNING)
    return Zoom(title=title, tone=tone(snapshot, key), lines=lines)
