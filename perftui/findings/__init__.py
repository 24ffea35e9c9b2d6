"""One file per rule, and the table of what may explain what. Pure functions of the history.

A new rule is its file and its line here; what it may explain or be explained by, its line in `explain`.
"""

from __future__ import annotations

from perftui.findings import (
    cpu_saturated,
    cpu_stolen,
    cpu_throttled,
    deploy_shifted,
    disk_filling,
    fd_exhaustion,
    io_saturated,
    load_abort,
    memory_leak,
    memory_pressure,
    network_retransmits,
    oom_kill,
    pg_archiver_failing,
    pg_cache_misses,
    pg_checkpoint_pressure,
    pg_connections_exhausted,
    pg_dead_tuples,
    pg_deadlocks,
    pg_idle_in_transaction,
    pg_lock_pileup,
    pg_long_statement,
    pg_missing_index,
    pg_n_plus_one,
    pg_replication_conflicts,
    pg_replication_lag,
    pg_slot_retention,
    pg_slow_statements,
    pg_statement_regressed,
    pg_temp_spill,
    pg_unreachable,
    pg_wraparound,
    pool_exhausted,
    pool_leak,
    pool_unreachable,
    pool_waiting,
    probe_failing,
    probe_slow,
    probe_tail_latency,
    slo_error_budget,
    slo_latency,
    swapping,
    tls_expiring,
)
from perftui.findings.rule import ChosenLimits, Rule
from perftui.history.history import History
from perftui.model.finding import Finding

RULES: tuple[Rule, ...] = (
    cpu_saturated.RULE,
    cpu_throttled.RULE,
    cpu_stolen.RULE,
    io_saturated.RULE,
    memory_pressure.RULE,
    swapping.RULE,
    memory_leak.RULE,
    oom_kill.RULE,
    disk_filling.RULE,
    network_retransmits.RULE,
    fd_exhaustion.RULE,
    pg_unreachable.RULE,
    pg_connections_exhausted.RULE,
    pg_lock_pileup.RULE,
    pg_deadlocks.RULE,
    pg_idle_in_transaction.RULE,
    pg_slow_statements.RULE,
    pg_statement_regressed.RULE,
    pg_n_plus_one.RULE,
    pg_long_statement.RULE,
    pg_temp_spill.RULE,
    pg_cache_misses.RULE,
    pg_wraparound.RULE,
    pg_missing_index.RULE,
    pg_dead_tuples.RULE,
    pg_replication_lag.RULE,
    pg_replication_conflicts.RULE,
    pg_slot_retention.RULE,
    pg_archiver_failing.RULE,
    pg_checkpoint_pressure.RULE,
    probe_failing.RULE,
    probe_slow.RULE,
    probe_tail_latency.RULE,
    slo_latency.RULE,
    slo_error_budget.RULE,
    load_abort.RULE,
    deploy_shifted.RULE,
    tls_expiring.RULE,
    pool_unreachable.RULE,
    pool_exhausted.RULE,
    pool_waiting.RULE,
    pool_leak.RULE,
)


def findings(history: History, rules: tuple[Rule, ...], chosen: ChosenLimits) -> tuple[Finding, ...]:
    """What the rules say now, most severe first."""
    found = [finding for rule in rules for finding in rule.find(history, chosen.get(rule.name) or rule.limits())]
    return tuple(sorted(found, key=lambda finding: (-finding.severity, finding.since_at)))
