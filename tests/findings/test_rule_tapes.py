"""Each rule's pair of tapes: one on which it fires, and a near miss, where what it looks at is there and nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from perftui.findings import RULES
from perftui.findings.pg_statement_regressed import PgStatementRegressedLimits
from perftui.findings.rule import ChosenLimits
from perftui.history.history import History
from perftui.model.finding import Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_replication import PgReplicationPart
from perftui.sources.pg_tables import PgTablesPart
from perftui.sources.probes import ProbesPart
from tests.findings import cuts, probe_cuts
from tests.findings.tapes import TAPES, Variant, as_recorded, both, played, told
from tests.findings.variants import every, lasts

Sees = Callable[[History], bool]


class Scene(NamedTuple):
    """A tape; with a cut where it could not be recorded so."""

    tape: str
    cut: Variant = as_recorded
    limits: ChosenLimits = {}


class Pair(NamedTuple):
    fires: Scene
    near: Scene
    sees: Sees
    """That on the near miss, at one tick at least, what the rule looks at is there."""


def above(reading: str, least: float) -> Sees:
    return lambda history: (history.value(reading) or 0.0) >= least


def any_above(words: str, least: float) -> Sees:
    """Of one of the readings in whose name that stands."""
    return lambda history: any(above(name, least)(history) for name in history.names() if words in name)


def grew(words: str, least: float) -> Sees:
    """One of the readings in whose name that stands rose by so much."""
    return lambda history: any(
        (history.increase(name, history.span_s + 1) or 0.0) >= least for name in history.names() if words in name
    )


def running_for(seconds: float) -> Sees:
    def sees(history: History) -> bool:
        part = history.latest(PgActivityPart)
        return any((row.query_s or 0.0) >= seconds and row.state == "active" for row in (part.backends if part else ()))

    return sees


def scanned(history: History) -> bool:
    part = history.latest(PgTablesPart)
    return any((each.sequential_scans_per_s or 0.0) > 0 for each in (part.tables if part else ()))


def dead_rows(least: int) -> Sees:
    def sees(history: History) -> bool:
        part = history.latest(PgTablesPart)
        return any((each.dead_rows or 0) >= least for each in (part.tables if part else ()))

    return sees


def keeps_log(least: int) -> Sees:
    def sees(history: History) -> bool:
        part = history.latest(PgReplicationPart)
        return any((each.retained_bytes or 0) >= least for each in (part.slots if part else ()))

    return sees


def shown_certificate(history: History) -> bool:
    part = history.latest(ProbesPart)
    return any(probe.certificates for probe in (part.probes.values() if part else ()))


def read(source: str) -> Sees:
    return lambda history: source in history.sources and history.sources[source].state == "ok"


SHORT = {"pg.statement_regressed": PgStatementRegressedLimits(window_s=4.0, baseline_s=5.0)}
"""By default a minute before the change must be known."""
MIB, GIB = 1 << 20, 1 << 30

PAIRS = {
    "host.cpu_saturated": Pair(Scene("cpu-hog"), Scene("busy-build"), above("host.cpu.busy_ratio", 0.85)),
    "host.cpu_throttled": Pair(
        Scene("cpu-quota"), Scene("cpu-quota", cuts.throttled(0.15)), any_above(".throttled_ratio", 0.1)
    ),
    "host.cpu_stolen": Pair(
        Scene("cpu-hog", cuts.stolen(1.0)), Scene("cpu-hog", cuts.stolen(0.06)), above("host.cpu.steal_ratio", 0.04)
    ),
    "host.io_saturated": Pair(
        Scene("disk-saturation"), Scene("drill-pooler-full"), any_above(".utilization_ratio", 0.4)
    ),
    "host.io_saturated, beside full CPUs": Pair(
        Scene("drill-io-saturation"), Scene("drill-healthy"), above("host.cpu.busy_ratio", 0.95)
    ),
    "host.memory_pressure": Pair(
        Scene("swap-thrash"),
        Scene("busy-build", cuts.full_of_cache),
        lambda history: (history.value("host.memory.classes.free_bytes") or 1e18) < 1 * GIB,
    ),
    "host.swapping": Pair(
        Scene("swap-thrash"), Scene("busy-build", cuts.parked_in_swap), above("host.swap.used_bytes", GIB)
    ),
    "host.memory_leak": Pair(
        Scene("memory-leak"),
        Scene("memory-leak", cuts.grows_until(21.0)),
        grew("host.processes.resident", 128 * MIB),
    ),
    "host.oom_kill": Pair(Scene("oom-kill"), Scene("cpu-hog"), above("host.memory.oom_kills_total", 1)),
    "host.disk_filling": Pair(
        Scene("disk-fill"), Scene("disk-fill", cuts.in_a_filesystem(2)), any_above(".fill_bytes_per_s", MIB)
    ),
    "host.network_retransmits": Pair(
        Scene("lost-segments"), Scene("lost-segments", cuts.sent_again(0.05)), above("host.tcp.retransmits_per_s", 1)
    ),
    "host.fd_exhaustion": Pair(
        Scene("open-files"), Scene("open-files", cuts.may_open(1.25)), any_above(".open_files.", 100)
    ),
    "pg.unreachable": Pair(
        Scene("pg-frozen-server"),
        Scene("pg-slow-statement", cuts.silent("pg_activity", "pg_counters", ticks=2)),
        lambda history: history.sources["pg_activity"].state == "failed",
    ),
    "pg.unreachable, asked each 5 s": Pair(
        Scene("pg-killed-server", both(lasts(15), every(5))),
        Scene("pg-slow-statement", both(both(lasts(15), cuts.silent("pg_activity", ticks=5, after=11)), every(5))),
        lambda history: history.sources["pg_activity"].state == "failed",
    ),
    "pg.connections_exhausted": Pair(
        Scene("pg-too-many-clients"),
        Scene("pg-too-many-clients", cuts.room_for(60)),
        above("postgres.connections.utilization_ratio", 0.6),
    ),
    "pg.lock_pileup": Pair(Scene("pg-lock-chain"), Scene("pg-deadlock"), above("postgres.locks.waiting", 1)),
    "pg.deadlocks": Pair(Scene("pg-deadlock"), Scene("pg-lock-chain"), above("postgres.locks.waiting", 3)),
    "pg.idle_in_transaction": Pair(
        Scene("pg-lock-chain"),
        Scene("pg-lock-chain", cuts.sessions(blocked_by=())),
        above("postgres.connections.idle_in_transaction", 1),
    ),
    "pg.slow_statements": Pair(
        Scene("pg-slow-statement"), Scene("pg-n-plus-one"), above("postgres.statements.calls_per_s", 100)
    ),
    "pg.statement_regressed": Pair(
        Scene("pg-dropped-index", limits=SHORT),
        Scene("pg-slow-statement", limits=SHORT),
        above("postgres.statements.slowest_mean_s", 0.1),
    ),
    "pg.n_plus_one": Pair(
        Scene("pg-n-plus-one"), Scene("drill-slow-query"), above("postgres.statements.calls_per_s", 100)
    ),
    "pg.long_statement": Pair(Scene("pg-unread-results"), Scene("drill-pooler-full"), running_for(5.0)),
    "pg.temp_spill": Pair(
        Scene("pg-temp-spill"), Scene("pg-temp-spill", cuts.spilled(0.1)), above("postgres.temp_bytes_per_s", MIB)
    ),
    "pg.cache_misses": Pair(
        Scene("pg-cold-reads"),
        Scene("pg-cold-reads", cuts.blocks_missed(0.2)),
        lambda history: (history.value("postgres.cache_hit_ratio") or 1.0) < 0.9,
    ),
    "pg.wraparound": Pair(
        Scene("pg-lock-chain", cuts.old_ids(1_700_000_000)),
        Scene("pg-lock-chain", cuts.old_ids(250_000_000)),
        above("postgres.oldest_xid_age", 200_000_000),
    ),
    "pg.missing_index": Pair(Scene("drill-slow-query"), Scene("drill-bad-deploy"), scanned),
    "pg.dead_tuples": Pair(
        Scene("pg-dead-rows"), Scene("pg-dead-rows", cuts.tables(live=1_000_000, dead=60_000)), dead_rows(50_000)
    ),
    "pg.replication_lag": Pair(
        Scene("drill-replication-lag"),
        Scene("drill-replication-lag", cuts.standby_behind(0.2)),
        above("postgres.replication_lag_bytes", 4 * MIB),
    ),
    "pg.replication_conflicts": Pair(
        Scene("pg-standby-conflict"),
        Scene("pg-standby-conflict", cuts.until(4.0)),
        lambda history: history.value("postgres.standby.conflicts_total") is not None,
    ),
    "pg.slot_retention": Pair(Scene("pg-full-log"), Scene("pg-full-log", cuts.slots(64 * GIB)), keeps_log(64 * MIB)),
    "pg.archiver_failing": Pair(
        Scene("pg-full-log"),
        Scene("pg-full-log", cuts.wal(lambda sample: {"archive_done_s": 0.0})),
        above("postgres.archiver.failures_total", 3),
    ),
    "pg.checkpoint_pressure": Pair(
        Scene("pg-full-log"),
        Scene("pg-full-log", cuts.wal(lambda sample: {"requested": 2, "timed": sample.requested})),
        above("postgres.checkpoints.timed_total", 3),
    ),
    "probe.failing": Pair(Scene("probe-hung-service"), Scene("drill-slow-dependency"), above("probe.total_s", 1.0)),
    "probe.slow": Pair(Scene("drill-slow-dependency"), Scene("drill-pool-exhaustion"), above("probe.total_s", 0.4)),
    "probe.tail_latency": Pair(
        Scene("drill-healthy", probe_cuts.late_ones(40, 3.0)),
        Scene("drill-healthy", probe_cuts.late_ones(400, 3.0)),
        above("probes.app.p99_s", 0.001),
    ),
    "slo.latency": Pair(
        Scene("drill-healthy", probe_cuts.objective(p95_s=0.06)),
        Scene("drill-healthy", probe_cuts.objective(p95_s=0.15)),
        above("probe.p95_s", 0.08),
    ),
    "slo.error_budget": Pair(
        Scene("probe-hung-service", probe_cuts.objective(error_ratio=0.001)),
        Scene("probe-hung-service", probe_cuts.objective(error_ratio=0.01)),
        above("probe.error_ratio", 0.01),
    ),
    "load.abort": Pair(Scene("load-steady", cuts.failing(0.2)), Scene("load-steady"), above("load.error_ratio", 0.01)),
    "deploy.shifted": Pair(
        Scene("drill-healthy", probe_cuts.released(1.8)),
        Scene("drill-healthy", probe_cuts.released(1.0)),
        lambda history: read("deploy_file")(history),
    ),
    "tls.expiring": Pair(
        Scene("drill-expired-certificate"),
        Scene("drill-expired-certificate", probe_cuts.certificates_end(45)),
        shown_certificate,
    ),
    "pool.unreachable": Pair(
        Scene("pool-killed-pooler"),
        Scene("pool-full", cuts.silent("pgbouncer", ticks=2)),
        lambda history: history.sources["pgbouncer"].state == "failed",
    ),
    "pool.unreachable, asked each 5 s": Pair(
        Scene("pool-killed-pooler", both(cuts.until(8.0), both(lasts(15), every(5)))),
        Scene("drill-healthy", both(cuts.silent("pgbouncer", ticks=5, after=11), every(5))),
        lambda history: history.sources["pgbouncer"].state == "failed",
    ),
    "pool.exhausted": Pair(
        Scene("pool-full"),
        Scene("pool-full", cuts.pool_of(5, waiting_clients=0, wait_s=0.0)),
        above("pool.utilization_ratio", 0.6),
    ),
    "pool.waiting": Pair(Scene("drill-postgres-restart"), Scene("pool-full"), above("pool.waiting", 3)),
    "pool.leak": Pair(Scene("drill-pool-leak"), Scene("drill-healthy"), above("pools.shop.in_use", 1)),
}
"""By rule; one with several ways to fire has a pair for each, told behind a comma."""
BY_NAME = {rule.name: rule for rule in RULES}
HAND_CUT = {name for name, pair in PAIRS.items() if pair.fires.cut is not as_recorded and name in BY_NAME}


def watched(name: str, scene: Scene) -> list[Snapshot]:
    """As this rule alone sees it."""
    return played(scene.tape, scene.cut, scene.limits, (BY_NAME[of(name)],))


def of(name: str) -> str:
    return name.partition(",")[0]


def test_every_rule_has_its_pair() -> None:
    assert set(map(of, PAIRS)) == set(BY_NAME)


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_fires_on_its_tape(name: str) -> None:
    shown = watched(name, PAIRS[name].fires)

    assert of(name) in told(shown)
    assert all(each.evidence for snapshot in shown for each in snapshot.findings if each.severity > Severity.INFO)


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_is_silent_on_its_near_miss(name: str) -> None:
    shown = watched(name, PAIRS[name].near)

    assert any(PAIRS[name].sees(each.history) for each in shown), "what it looks at is there"
    assert told(shown) == set()


def test_the_tapes_page_tells_which_sides_are_cut_by_hand() -> None:
    page = (TAPES / "README.md").read_text()
    told_there = {
        line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and "fires on a cut" in line
    }

    assert told_there == HAND_CUT
