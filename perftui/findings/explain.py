"""The one table of what may explain what, and the gates an explanation must pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from perftui.findings import leaders, pools, postgres, probes, statements
from perftui.findings.pg_statement_regressed import BLOCKS as REGRESSED_BLOCKS
from perftui.history.history import History
from perftui.model.finding import Finding
from perftui.sources.disks import DisksPart
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_replication import PgReplicationPart
from perftui.sources.processes import ProcessesPart

SLACK_S = 10.0
"""A cause is measured over a window like its symptom, so it may be noticed this much later."""

Gate = Callable[[History, Finding, Finding], bool]
"""(history, cause, symptom): whether their subjects meet."""


class Edge(msgspec.Struct, frozen=True):
    cause: str
    symptom: str
    meets: Gate


def anywhere(history: History, cause: Finding, symptom: Finding) -> bool:
    """Both are about the host as a whole."""
    return True


def began_with_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """It began within a quarter of an hour after the change that moved something, and not before our watch."""
    return not symptom.began_before and -60.0 <= symptom.since_at - cause.since_at <= 900.0


def same_process(history: History, cause: Finding, symptom: Finding) -> bool:
    """One process leads both; or one of the two names none."""
    ours, theirs = cause.subject.get("process"), symptom.subject.get("process")
    return ours is None or theirs is None or ours == theirs


def swap_reaches_disk(history: History, cause: Finding, symptom: Finding) -> bool:
    """The waited-for disk carries the swap, or swap is a quarter of what that disk moves."""
    part = history.latest(DisksPart)
    name = symptom.subject.get("disk")
    disk = part.disks.get(str(name)) if part and name else None
    if disk is None:
        return True
    moved = (history.value("host.swap.in_bytes_per_s") or 0.0) + (history.value("host.swap.out_bytes_per_s") or 0.0)
    carried = (disk.read_bytes_per_s or 0.0) + (disk.write_bytes_per_s or 0.0)
    return disk.swap or moved > 0.25 * carried


def kernel_works(history: History, cause: Finding, symptom: Finding) -> bool:
    """Most of the CPU time is the kernel's: it reclaims and swaps."""
    return (history.value("host.cpu.system_ratio") or 0.0) > (history.value("host.cpu.user_ratio") or 0.0)


def same_blocker(history: History, cause: Finding, symptom: Finding) -> bool:
    """The idle one is the root that the others are behind."""
    return cause.subject["pid"] == symptom.subject.get("pid")


def waiters_run_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The statement is what somebody runs who waits for a lock, or it names the locked relation."""
    part = history.latest(PgActivityPart)
    waiting = {row.query_id for row in (part.backends if part else ()) if row.blocked_by}
    relation = str(cause.subject.get("relation", "")).rpartition(".")[2]
    return symptom.subject["queryid"] in waiting or (
        bool(relation) and relation in statements.names(history, symptom.subject)
    )


def waiters_hold_connections(history: History, cause: Finding, symptom: Finding) -> bool:
    """A quarter of the connections wait for a lock."""
    part = history.latest(PgActivityPart)
    return part is not None and part.connections.waiting >= part.connections.used / 4


def work_holds_connections(history: History, cause: Finding, symptom: Finding) -> bool:
    """Half of the connections are at work."""
    part = history.latest(PgActivityPart)
    return part is not None and part.connections.active >= part.connections.used / 2


def same_work(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slower statement does what it did before, so the reason lies around it. More blocks or rows are a reason of its own."""
    return all(
        each.limit is None or each.value is None or each.value <= each.limit
        for each in symptom.evidence
        if each.reading == REGRESSED_BLOCKS
    )


def more_work(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slower statement reads more than before, so the host may suffer from it and not the other way round."""
    return not same_work(history, symptom, cause)


def waits_for(kind: str) -> Gate:
    """The long statement waits for that kind of event at this moment; empty is a CPU."""

    def meets(history: History, cause: Finding, symptom: Finding) -> bool:
        part = history.latest(PgActivityPart)
        row = next((row for row in (part.backends if part else ()) if row.pid == symptom.subject.get("pid")), None)
        return row is not None and (row.wait_type or "") == kind

    return meets


def both(*gates: Gate) -> Gate:
    return lambda history, cause, symptom: all(gate(history, cause, symptom) for gate in gates)


def blocks_nobody(history: History, cause: Finding, symptom: Finding) -> bool:
    """The long one is no root of a queue: then it is the cause of more than its own statement's figures."""
    part = history.latest(PgActivityPart)
    roots = {node.pid for node in (part.locks.tree if part else ()) if node.victims}
    return symptom.subject.get("pid") not in roots


def it_blocks(history: History, cause: Finding, symptom: Finding) -> bool:
    """The long one is the root that the others are behind."""
    return cause.subject.get("pid") is not None and cause.subject["pid"] == symptom.subject.get("pid")


def same_statement(history: History, cause: Finding, symptom: Finding) -> bool:
    return cause.subject.get("queryid") == symptom.subject.get("queryid") is not None


def postgres_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """A server runs on this host and does something; a remote one does not suffer from it."""
    part = history.latest(ProcessesPart)
    return any(_is_postgres(process.name) for process in (part.processes.top if part else ()))


def postgres_waits_here(history: History, cause: Finding, symptom: Finding) -> bool:
    """It is still there and late, not gone."""
    late = history.sources["pg_activity"].detail.startswith("timed_out")
    return late and postgres_here(history, cause, symptom)


def postgres_uses_disk(history: History, cause: Finding, symptom: Finding) -> bool:
    """A fifth of what processes move, or wait for, is Postgres'."""
    part = history.latest(ProcessesPart)
    loads = [(leaders.disk(process), process.name) for process in (part.processes.top if part else ())]
    ours = sum(load for load, name in loads if _is_postgres(name))
    return ours > 0 and ours >= 0.2 * sum(load for load, _ in loads)


def others_take_cpu(history: History, cause: Finding, symptom: Finding) -> bool:
    return not postgres_leads(history, symptom, cause) and postgres_here(history, cause, symptom)


def postgres_leads(history: History, cause: Finding, symptom: Finding) -> bool:
    """Postgres leads the symptom, so what is wrong in it may be the cause."""
    return _is_postgres(symptom.subject.get("process", ""))


def postgres_was_killed(history: History, cause: Finding, symptom: Finding) -> bool:
    return _is_postgres(cause.subject.get("process", ""))


def names_relation(history: History, cause: Finding, symptom: Finding) -> bool:
    """The slow statement names the table."""
    relation = str(cause.subject["relation"]).rpartition(".")[2].strip('"')
    return relation in statements.names(history, symptom.subject)


def holds_back_vacuum(history: History, cause: Finding, symptom: Finding) -> bool:
    """The session, or the slot, is who keeps the rows."""
    return any(cause.subject.get(who, "") == symptom.subject.get(who, None) for who in ("pid", "slot"))


def same_slot(history: History, cause: Finding, symptom: Finding) -> bool:
    """The standby that is behind is the one that the slot keeps log for."""
    return cause.subject.get("slot") == symptom.subject["slot"]


def log_fills_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The server's data lie there, and a tenth of what fills it is log that a slot keeps; or the log can't be archived."""
    part = history.latest(PgReplicationPart)
    place = postgres.data_filesystem(history, part) if part else None
    if part is None or place is None or place[0] != symptom.subject["filesystem"]:
        return False
    kept = part.slot_retained_bytes or 0
    return cause.rule == "pg.archiver_failing" or kept >= 0.1 * (place[1].total_bytes - place[1].free_bytes)


def _is_postgres(name: object) -> bool:
    return str(name).startswith(("postgres", "postmaster"))


EDGES: tuple[Edge, ...] = (
    Edge("host.memory_leak", "host.memory_pressure", anywhere),
    Edge("host.memory_leak", "host.swapping", anywhere),
    Edge("host.memory_leak", "host.oom_kill", same_process),
    Edge("host.memory_pressure", "host.oom_kill", anywhere),
    Edge("host.memory_pressure", "host.swapping", anywhere),
    Edge("host.memory_pressure", "host.io_saturated", anywhere),
    Edge("host.swapping", "host.io_saturated", swap_reaches_disk),
    Edge("host.swapping", "host.cpu_saturated", kernel_works),
    Edge("host.cpu_stolen", "host.cpu_saturated", anywhere),
    Edge("pg.idle_in_transaction", "pg.lock_pileup", same_blocker),
    Edge("pg.lock_pileup", "pg.slow_statements", waiters_run_it),
    Edge("pg.lock_pileup", "pg.connections_exhausted", waiters_hold_connections),
    Edge("pg.slow_statements", "pg.connections_exhausted", work_holds_connections),
    Edge("pg.slow_statements", "pg.long_statement", both(same_statement, blocks_nobody)),
    Edge("pg.slow_statements", "host.cpu_saturated", postgres_leads),
    Edge("pg.statement_regressed", "pg.slow_statements", same_statement),
    Edge("pg.statement_regressed", "pg.long_statement", both(same_statement, blocks_nobody)),
    Edge("pg.statement_regressed", "pg.cache_misses", same_statement),
    Edge("pg.statement_regressed", "pg.connections_exhausted", work_holds_connections),
    Edge("pg.statement_regressed", "host.cpu_saturated", both(more_work, postgres_leads)),
    Edge("pg.statement_regressed", "host.io_saturated", both(more_work, postgres_leads)),
    Edge("pg.n_plus_one", "pg.connections_exhausted", work_holds_connections),
    Edge("pg.n_plus_one", "host.cpu_saturated", postgres_leads),
    Edge("pg.long_statement", "pg.lock_pileup", it_blocks),
    Edge("pg.long_statement", "pg.connections_exhausted", work_holds_connections),
    Edge("pg.long_statement", "host.cpu_saturated", postgres_leads),
    Edge("pg.long_statement", "host.io_saturated", postgres_leads),
    Edge("pg.lock_pileup", "pg.statement_regressed", both(same_work, waiters_run_it)),
    Edge("pg.temp_spill", "pg.slow_statements", same_statement),
    Edge("pg.temp_spill", "host.io_saturated", postgres_leads),
    Edge("pg.cache_misses", "host.io_saturated", postgres_leads),
    Edge("pg.missing_index", "pg.slow_statements", names_relation),
    Edge("pg.missing_index", "pg.statement_regressed", names_relation),
    Edge("pg.missing_index", "host.cpu_saturated", postgres_leads),
    Edge("pg.missing_index", "host.io_saturated", postgres_leads),
    Edge("pg.dead_tuples", "pg.slow_statements", names_relation),
    Edge("pg.dead_tuples", "pg.statement_regressed", names_relation),
    Edge("pg.idle_in_transaction", "pg.dead_tuples", holds_back_vacuum),
    Edge("pg.long_statement", "pg.dead_tuples", holds_back_vacuum),
    Edge("pg.idle_in_transaction", "pg.wraparound", holds_back_vacuum),
    Edge("pg.slot_retention", "pg.dead_tuples", holds_back_vacuum),
    Edge("pg.slot_retention", "pg.wraparound", holds_back_vacuum),
    Edge("pg.replication_lag", "pg.slot_retention", same_slot),
    Edge("pg.slot_retention", "host.disk_filling", log_fills_it),
    Edge("pg.archiver_failing", "host.disk_filling", log_fills_it),
    Edge("pg.checkpoint_pressure", "host.io_saturated", postgres_leads),
    Edge("host.io_saturated", "pg.slow_statements", postgres_uses_disk),
    Edge("host.cpu_saturated", "pg.slow_statements", others_take_cpu),
    Edge("host.memory_pressure", "pg.slow_statements", postgres_here),
    Edge("host.swapping", "pg.slow_statements", postgres_here),
    Edge("pg.temp_spill", "pg.statement_regressed", same_statement),
    Edge("host.io_saturated", "pg.statement_regressed", both(same_work, postgres_uses_disk)),
    Edge("host.cpu_saturated", "pg.statement_regressed", both(same_work, others_take_cpu)),
    Edge("host.memory_pressure", "pg.statement_regressed", both(same_work, postgres_here)),
    Edge("host.swapping", "pg.statement_regressed", both(same_work, postgres_here)),
    Edge("host.io_saturated", "pg.long_statement", both(waits_for("IO"), postgres_uses_disk)),
    Edge("host.cpu_saturated", "pg.long_statement", both(waits_for(""), others_take_cpu)),
    Edge("host.swapping", "pg.long_statement", postgres_here),
    Edge("host.io_saturated", "pg.unreachable", postgres_waits_here),
    Edge("host.memory_pressure", "pg.unreachable", postgres_waits_here),
    Edge("host.swapping", "pg.unreachable", postgres_waits_here),
    Edge("host.oom_kill", "pg.unreachable", postgres_was_killed),
    Edge("host.oom_kill", "probe.failing", probes.gone_here),
    *(
        edge
        for cause in (
            "host.cpu_saturated",
            "host.cpu_throttled",
            "host.io_saturated",
            "host.memory_pressure",
            "host.swapping",
        )
        for edge in (Edge(cause, "probe.slow", probes.served_here), Edge(cause, "probe.failing", probes.times_out_here))
    ),
    *(
        edge
        for cause in (
            "pool.exhausted",
            "pool.waiting",
            "pool.unreachable",
            "pg.lock_pileup",
            "pg.slow_statements",
            "pg.connections_exhausted",
            "pg.unreachable",
        )
        for edge in (Edge(cause, "probe.slow", probes.served_here), Edge(cause, "probe.failing", probes.answers_here))
    ),
    *(
        Edge("deploy.shifted", symptom, began_with_it)
        for symptom in (
            "pg.n_plus_one",
            "pg.statement_regressed",
            "pg.missing_index",
            "pg.slow_statements",
            "pg.temp_spill",
            "pool.exhausted",
            "pool.waiting",
            "pool.leak",
            "probe.slow",
            "probe.failing",
            "probe.tail_latency",
            "slo.latency",
            "slo.error_budget",
            "host.cpu_saturated",
            "host.memory_leak",
            "load.abort",
        )
    ),
    *(
        Edge(cause, "load.abort", anywhere)
        for cause in (
            "host.cpu_saturated",
            "host.cpu_throttled",
            "host.cpu_stolen",
            "host.io_saturated",
            "host.memory_pressure",
            "host.swapping",
            "host.fd_exhaustion",
            "pg.lock_pileup",
            "pg.slow_statements",
            "pg.connections_exhausted",
            "pg.unreachable",
            "pool.exhausted",
            "pool.waiting",
            "pool.unreachable",
        )
    ),
    Edge("tls.expiring", "probe.failing", probes.broken_certificate),
    Edge("probe.failing", "slo.error_budget", probes.same_probe),
    Edge("probe.failing", "slo.latency", probes.same_probe),
    Edge("probe.slow", "slo.latency", probes.same_probe),
    Edge("probe.tail_latency", "slo.latency", probes.same_probe),
    Edge("pg.lock_pileup", "pool.exhausted", pools.blocked_in_it),
    Edge("pg.lock_pileup", "pool.waiting", pools.blocked_in_it),
    Edge("pg.idle_in_transaction", "pool.exhausted", pools.holds_it_idle),
    Edge("pg.idle_in_transaction", "pool.waiting", pools.holds_it_idle),
    Edge("pg.idle_in_transaction", "pool.leak", pools.leaked_there),
    Edge("pg.slow_statements", "pool.exhausted", pools.works_in_it),
    Edge("pg.slow_statements", "pool.waiting", pools.works_in_it),
    Edge("pg.long_statement", "pool.exhausted", pools.works_in_it),
    Edge("pg.statement_regressed", "pool.exhausted", pools.works_in_it),
    Edge("pg.connections_exhausted", "pool.exhausted", pools.draws_on_server),
    Edge("pg.connections_exhausted", "pool.waiting", pools.draws_on_server),
    Edge("pg.unreachable", "pool.exhausted", pools.draws_on_server),
    Edge("pg.unreachable", "pool.waiting", pools.draws_on_server),
    Edge("pool.leak", "pool.exhausted", pools.same_pool),
    Edge("pool.leak", "pool.waiting", pools.same_pool),
    Edge("pool.exhausted", "pool.exhausted", pools.fills_its_pooler),
)


class Links(msgspec.Struct, frozen=True):
    """Which active finding explains which, by their place in the list of findings."""

    symptoms: dict[int, tuple[int, ...]]
    explained: frozenset[int]


def links(history: History, findings: Sequence[Finding]) -> Links:
    """The edges that hold now: both ends active, the subjects meet, and the cause did not begin after its symptom."""
    symptoms: dict[int, list[int]] = {}
    explained = set()
    for edge in EDGES:
        for cause_at, cause in enumerate(findings):
            if cause.rule != edge.cause:
                continue
            for symptom_at, symptom in enumerate(findings):
                if symptom.rule == edge.symptom and _in_time(cause, symptom) and edge.meets(history, cause, symptom):
                    symptoms.setdefault(cause_at, []).append(symptom_at)
                    explained.add(symptom_at)
    return Links({cause: tuple(found) for cause, found in symptoms.items()}, frozenset(explained))


def _in_time(cause: Finding, symptom: Finding) -> bool:
    return cause.began_before or cause.since_at <= symptom.since_at + SLACK_S
