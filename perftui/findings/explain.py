"""The one table of what may explain what, and which of it holds now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perftui.findings import pools, probes
from perftui.findings.gate import Gate, both
from perftui.findings.gates import (
    anywhere,
    began_with_it,
    blocks_nobody,
    holds_back_vacuum,
    it_blocks,
    kernel_works,
    log_fills_it,
    more_work,
    names_relation,
    not_failing_fast,
    others_take_cpu,
    postgres_here,
    postgres_leads,
    postgres_uses_disk,
    postgres_waits_here,
    postgres_was_killed,
    same_blocker,
    same_process,
    same_slot,
    same_statement,
    same_work,
    spills_fill_it,
    swap_reaches_disk,
    waiters_hold_connections,
    waiters_run_it,
    waits_for,
    work_holds_connections,
)
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Finding

SLACK_S = 10.0
"""A cause is measured over a window like its symptom, so it may be noticed this much later."""


class Edge(msgspec.Struct, frozen=True):
    """What may explain what."""

    cause: str
    symptom: str
    meets: Gate
    because: str = ""
    """How the one leads to the other, where that says more than the gate's own clause."""


_SERVING = ("probe.tail_latency", "slo.latency", "slo.error_budget")
"""What is told of a service over minutes: it may stand while the newest request was quick or well again."""
_LOADED = "the load test asks what runs here, and gets less from it"

EDGES: tuple[Edge, ...] = (
    Edge("host.memory_leak", "host.memory_pressure", anywhere, "what grows without a plateau uses memory up"),
    Edge("host.memory_leak", "host.swapping", anywhere, "what grows without a plateau pushes other pages out"),
    Edge("host.memory_leak", "host.oom_kill", same_process),
    Edge("host.memory_pressure", "host.oom_kill", anywhere, "the kernel kills when it finds no more memory to give"),
    Edge("host.memory_pressure", "host.swapping", anywhere, "the kernel moves pages to swap to find memory"),
    Edge(
        "host.memory_pressure",
        "host.io_saturated",
        anywhere,
        "pages that were dropped for want of memory are read again from the disk",
    ),
    Edge("host.swapping", "host.io_saturated", swap_reaches_disk),
    Edge("host.swapping", "host.cpu_saturated", kernel_works),
    Edge("host.cpu_stolen", "host.cpu_saturated", anywhere, "what the hypervisor takes is missing to the tasks here"),
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
    Edge("pg.temp_spill", "host.disk_filling", spills_fill_it),
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
    Edge("host.fd_exhaustion", "probe.failing", probes.gone_here),
    Edge("host.fd_exhaustion", "probe.slow", probes.served_here),
    *(
        edge
        for cause in (
            "host.cpu_saturated",
            "host.cpu_throttled",
            "host.cpu_stolen",
            "host.io_saturated",
            "host.memory_pressure",
            "host.swapping",
            "host.network_retransmits",
        )
        for edge in (
            Edge(cause, "probe.slow", probes.served_here),
            Edge(cause, "probe.failing", probes.times_out_here),
            *(Edge(cause, symptom, probes.served_here) for symptom in _SERVING),
        )
    ),
    *(
        edge
        for cause in (
            "pool.exhausted",
            "pool.waiting",
            "pool.unreachable",
            "pg.lock_pileup",
            "pg.slow_statements",
            "pg.statement_regressed",
            "pg.n_plus_one",
            "pg.connections_exhausted",
            "pg.unreachable",
        )
        for edge in (
            Edge(cause, "probe.slow", probes.served_here),
            Edge(cause, "probe.failing", probes.answers_here),
            *(Edge(cause, symptom, probes.served_here) for symptom in _SERVING),
        )
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
        Edge(cause, "load.abort", not_failing_fast, _LOADED)
        for cause in (
            "host.cpu_saturated",
            "host.cpu_throttled",
            "host.cpu_stolen",
            "host.io_saturated",
            "host.memory_pressure",
            "host.swapping",
            "host.network_retransmits",
            "pg.slow_statements",
            "pg.statement_regressed",
            "pg.n_plus_one",
        )
    ),
    *(
        Edge(cause, "load.abort", anywhere, _LOADED)
        for cause in (
            "host.oom_kill",
            "host.fd_exhaustion",
            "pg.lock_pileup",
            "pg.long_statement",
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
    Edge("pool.exhausted", "pool.waiting", pools.same_pool),
    Edge("pool.exhausted", "pool.exhausted", pools.fills_its_pooler),
)


class Links(msgspec.Struct, frozen=True):
    """Which active finding explains which, by their place in the list of findings."""

    symptoms: dict[int, tuple[int, ...]]
    explained: frozenset[int]
    edges: dict[tuple[int, int], Edge]
    """(cause, symptom) → what links them."""


def links(history: History, findings: Sequence[Finding]) -> Links:
    """The edges that hold now: both ends active, the subjects meet, and the cause did not begin after its symptom."""
    symptoms: dict[int, list[int]] = {}
    edges: dict[tuple[int, int], Edge] = {}
    # In an order of their own, so that of two ways as good it is always the same that is taken.
    ordered = sorted(enumerate(findings), key=lambda each: each[1].key)
    for edge in EDGES:
        for cause_at, cause in ordered:
            if cause.rule != edge.cause:
                continue
            for symptom_at, symptom in ordered:
                if symptom.rule == edge.symptom and _in_time(cause, symptom) and edge.meets(history, cause, symptom):
                    symptoms.setdefault(cause_at, []).append(symptom_at)
                    edges[cause_at, symptom_at] = edge
    explained = frozenset(symptom for _, symptom in edges)
    return Links({cause: tuple(found) for cause, found in symptoms.items()}, explained, edges)


_PASSED_OVER = ("processes", "user", "kind", "query")
"""Names in a subject that say nothing more beside the others."""


def because(edge: Edge, cause: Finding, symptom: Finding) -> str:
    """Why the one is held to explain the other: how they meet, what both name, and when the cause began."""
    shared = [
        f"{name} {value}"
        for name, value in cause.subject.items()
        if name not in _PASSED_OVER and symptom.subject.get(name) == value
    ]
    met = f" ({', '.join(shared)})" if shared else ""
    return f"{edge.because or edge.meets.because}{met}; {_when(cause, symptom)}"


def _when(cause: Finding, symptom: Finding) -> str:
    if cause.began_before:
        return "the cause was there before we looked"
    ahead_s = symptom.since_at - cause.since_at
    if ahead_s >= 1:
        return f"the cause began {age(ahead_s)} before"
    return "both began at the same time" if ahead_s > -1 else f"both began within {age(-ahead_s)}"


def _in_time(cause: Finding, symptom: Finding) -> bool:
    return cause.began_before or cause.since_at <= symptom.since_at + SLACK_S
