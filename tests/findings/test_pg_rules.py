"""The rules of Postgres on samples made by hand: fires, stays silent, since when, and what explains what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perftui.findings import RULES
from perftui.model.failure import FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.kernel_log import KernelLogSample, OomKill
from perftui.sources.pg_activity import PreparedRow, SessionRow
from perftui.sources.pressure import PressureSample, Stall, StallLine
from perftui.sources.processes import ProcessesSample, ProcessRow
from tests.findings.postgres import (
    SERVER,
    STARTED_AT,
    Second,
    activity,
    always,
    counters,
    failed,
    idle_in_transaction,
    memory,
    of,
    session,
    statements,
    watch,
)

IDLE = "pg.idle_in_transaction"
PILEUP = "pg.lock_pileup"
FULL = "pg.connections_exhausted"
GONE = "pg.unreachable"
DEADLOCKS = "pg.deadlocks"
SLOW = "pg.slow_statements"
SPILL = "pg.temp_spill"
MISSES = "pg.cache_misses"
WRAPAROUND = "pg.wraparound"
MIB = 1 << 20
STORAGE_RULES = {
    "pg.missing_index",
    "pg.dead_tuples",
    "pg.replication_lag",
    "pg.replication_conflicts",
    "pg.slot_retention",
    "pg.archiver_failing",
    "pg.checkpoint_pressure",
}
STATEMENT_RULES = {"pg.long_statement", "pg.statement_regressed", "pg.n_plus_one"}


def waiters(root: int, count: int, longest_s: float, **seen: Any) -> list[SessionRow]:
    return [session(5000 + n, root, **{"waited_s": longest_s - n / 100, **seen}) for n in range(count)]


def last(second: Callable[[int], Second], seconds: int = 2) -> Snapshot:
    return watch(second, seconds)[-1]


def told(snapshot: Snapshot) -> set[str]:
    return {finding.rule for finding in snapshot.findings if finding.severity > Severity.INFO}


def only(snapshot: Snapshot, rule: str) -> Finding:
    (found,) = of(snapshot, rule)
    return found


# Locks


def test_a_pile_up_behind_an_idle_transaction_reads_like_the_incident() -> None:
    seen = last(always(pg_activity=activity(idle_in_transaction(4242, 192.0), *waiters(4242, 37, 170.0))))

    assert seen.verdict.constraint is Constraint.LOCK_BOUND
    assert seen.verdict.severity is Severity.CRITICAL
    assert seen.verdict.summary == "37 backends wait for pid 4242 · idle in transaction 3m12s · orders-api"
    assert seen.verdict.chain == (IDLE, PILEUP)
    assert seen.verdict.since_at == STARTED_AT + 1 - 192
    assert not seen.verdict.began_before, "the server knows since when, though we looked later"
    assert only(seen, IDLE).subject == {
        "pid": 4242,
        "application": "orders-api",
        "user": "app",
        "relation": "orders",
    }
    pileup = only(seen, PILEUP)
    assert pileup.title == "orders is locked by pid 4242 of orders-api, 37 wait, the longest 2m50s"
    assert pileup.since_at == STARTED_AT + 1 - 170
    assert {each.reading: each.value for each in pileup.evidence} == {
        "postgres.locks.tree[].victims": 37.0,
        "postgres.locks.longest_wait_s": 170.0,
        "postgres.locks.tree[].held_s": 192.0,
        "postgres.locks.waiting": 37.0,
    }


@pytest.mark.parametrize(
    ("root", "title"),
    [
        (session(7, transaction_s=75.0), "3 backends wait for pid 7 · active, transaction open 1m15s · orders-api"),
        (session(7, transaction_s=75.0, application=""), "3 backends wait for pid 7 · active, transaction open 1m15s · app"),
        (
            session(7, state=None, transaction_s=None, query=None, application="x"),
            "3 backends wait for pid 7 · what it does is not visible to this role · x",
        ),
        (
            session(
                7,
                backend_type="autovacuum worker",
                application="",
                user=None,
                transaction_s=4000.0,
                query="autovacuum: VACUUM public.orders (to prevent wraparound)",
            ),
            "3 backends wait for pid 7 · autovacuum to prevent wraparound 1h06m",
        ),
        (
            session(7, state="idle", transaction_s=None),
            "3 backends wait for pid 7 · idle, with a lock of its session · orders-api",
        ),
    ],
    ids=["active", "no application", "not visible", "autovacuum", "idle with an advisory lock"],
)  # fmt: skip
def test_a_blocker_that_works_is_named_by_the_pile_up_itself(root: SessionRow, title: str) -> None:
    seen = last(always(pg_activity=activity(root, *waiters(7, 3, 6.0))))

    assert told(seen) == {PILEUP}
    assert seen.verdict.summary == title


def test_a_prepared_transaction_is_named_by_its_gid() -> None:
    orphan = PreparedRow(gid="orphan-17", prepared_s=7300.0, owner="batch", database="app")
    seen = last(always(pg_activity=activity(*waiters(0, 3, 6.0), prepared=(orphan,))))

    assert seen.verdict.summary == "3 backends wait for prepared transaction orphan-17 · open 2h01m · batch"


def test_a_blocker_that_is_gone_from_the_sample_stays_a_bare_pid() -> None:
    assert last(always(pg_activity=activity(*waiters(9, 3, 6.0)))).verdict.summary == (
        "3 backends wait for pid 9 · what it does is not visible to this role"
    )


def test_a_deadlock_that_is_not_broken_is_a_circle() -> None:
    circle = [session(1, 3, waited_s=6.0), session(2, 1, waited_s=6.0), session(3, 2, waited_s=6.0)]
    seen = last(always(pg_activity=activity(*circle, session(4, 2, waited_s=5.5))))

    assert seen.verdict.summary == "4 backends wait in a circle with pid 1, a deadlock that is not broken yet"


@pytest.mark.parametrize(
    ("sessions", "severity"),
    [
        (waiters(7, 2, 20.0), None),
        (waiters(7, 12, 4.0), None),
        (waiters(7, 3, 5.5), Severity.WARNING),
        (waiters(7, 11, 5.5), Severity.CRITICAL),
        (waiters(7, 3, 61.0), Severity.CRITICAL),
        (waiters(7, 1, 29.0), None),
        (waiters(7, 1, 31.0), Severity.WARNING),
        (waiters(7, 1, 500.0), Severity.WARNING),
        ([], None),
    ],
    ids=["two", "short waits", "three", "more than ten", "long", "one", "one for long", "one for very long", "nobody"],
)
def test_when_a_queue_is_a_pile_up(sessions: list[SessionRow], severity: Severity | None) -> None:
    seen = last(always(pg_activity=activity(session(7, transaction_s=900.0), *sessions)))

    assert [finding.severity for finding in of(seen, PILEUP)] == ([severity] if severity is not None else [])


def test_two_roots_of_shared_victims_are_both_told() -> None:
    shared = [session(5000 + n, 7, 8, waited_s=10.0) for n in range(4)]
    seen = last(always(pg_activity=activity(session(7), session(8), *shared, session(6000, 8, waited_s=6.0))))

    assert sorted((finding.subject["pid"], finding.evidence[0].value) for finding in of(seen, PILEUP)) == [
        (7, 4),
        (8, 5),
    ]


def test_locks_that_change_hands_fast_are_told_without_blaming_a_pid() -> None:
    crowd = activity(session(7), *waiters(7, 20, 0.3))
    seen = last(always(pg_activity=crowd), 8)

    found = only(seen, PILEUP)
    assert found.severity is Severity.WARNING
    assert found.title == "20 backends wait for locks at any time on orders, which change hands fast"
    assert found.subject == {"relation": "orders"}
    assert found.began_before
    assert told(last(always(pg_activity=crowd), 3)) == set(), "a moment's crowd"


def test_a_crowd_behind_one_who_has_just_begun_to_block_is_not_told_as_a_lock_that_changes_hands() -> None:
    seen = last(always(pg_activity=activity(session(7), *waiters(7, 40, 3.0))), 8)

    assert told(seen) == set(), "who waits for a second transaction would have waited less"


@pytest.mark.parametrize(
    ("idle_s", "waited_s", "blames"),
    [(192.0, 170.0, True), (4.0, 6.0, False), (30.0, 4.0, False), (6.0, 5.5, True)],
    ids=["long", "just became idle", "just began to wait", "both long enough"],
)
def test_when_an_idle_transaction_is_to_blame(idle_s: float, waited_s: float, blames: bool) -> None:
    blocker = idle_in_transaction(4242, idle_s, transaction_s=300.0)
    seen = last(always(pg_activity=activity(blocker, *waiters(4242, 1, waited_s))))

    assert bool(of(seen, IDLE)) == blames


def test_an_aborted_transaction_is_to_blame_as_well() -> None:
    blocker = idle_in_transaction(4242, 40.0, state="idle in transaction (aborted)")
    seen = last(always(pg_activity=activity(blocker, *waiters(4242, 3, 30.0))))

    assert seen.verdict.summary == "3 backends wait for pid 4242 · idle in transaction (aborted) 40 s · orders-api"


@pytest.mark.parametrize(
    ("idle_s", "severity"), [(59.0, None), (61.0, Severity.INFO), (599.0, Severity.INFO), (601.0, Severity.WARNING)]
)
def test_who_blocks_nobody_is_not_blamed_and_told_when_old(idle_s: float, severity: Severity | None) -> None:
    pair = [idle_in_transaction(1, idle_s, xmin_age=900), idle_in_transaction(2, idle_s / 2)]
    found = of(last(always(pg_activity=activity(*pair))), IDLE)

    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])
    for finding in found:
        assert "blocks nobody, vacuum keeps dead rows for it" in finding.title
        assert finding.subject["pid"] == 1
        assert finding.since_at == STARTED_AT + 1 - idle_s


def test_only_the_one_that_blocks_is_blamed() -> None:
    both = [idle_in_transaction(1, 500.0), idle_in_transaction(4242, 30.0)]
    seen = last(always(pg_activity=activity(*both, *waiters(4242, 3, 20.0))))

    assert seen.verdict.summary.startswith("3 backends wait for pid 4242 ·")
    assert {(finding.subject["pid"], finding.severity) for finding in of(seen, IDLE)} == {
        (1, Severity.INFO),
        (4242, Severity.WARNING),
    }


def test_an_idle_transaction_does_not_explain_another_ones_pile_up() -> None:
    seen = last(
        always(
            pg_activity=activity(idle_in_transaction(1, 700.0), session(7, transaction_s=900.0), *waiters(7, 12, 20.0))
        )
    )

    assert told(seen) == {IDLE, PILEUP}
    assert seen.verdict.chain == (PILEUP,)


def test_deadlocks_are_told_for_a_minute() -> None:
    def second(number: int) -> Second:
        return {"pg_counters": counters(deadlocks=3 + (number >= 5) + (number >= 7))}

    shown = watch(second, 75)

    assert [told(each) for each in shown[:5]] == [set()] * 5
    assert only(shown[5], DEADLOCKS).title == "1 deadlock within 60 s, each ended with a transaction rolled back"
    found = only(shown[8], DEADLOCKS)
    assert found.title.startswith("2 deadlocks")
    assert (found.since_at, found.constraint, found.severity) == (
        STARTED_AT + 5,
        Constraint.LOCK_BOUND,
        Severity.WARNING,
    )
    assert told(shown[-1]) == set()


def test_a_statistics_reset_is_no_deadlock() -> None:
    assert told(last(lambda number: {"pg_counters": counters(deadlocks=900 if number < 4 else 0)}, 8)) == set()


def test_deadlocks_in_a_row_are_critical() -> None:
    seen = last(lambda number: {"pg_counters": counters(deadlocks=2 * number)}, 8)

    assert only(seen, DEADLOCKS).severity is Severity.CRITICAL


# Connections


def test_few_free_connections_are_critical_and_their_holder_is_named() -> None:
    def second(number: int) -> Second:
        return {"pg_activity": activity(session(1), idle=20 if number < 10 else 84)}

    shown = watch(second, 18)

    assert [told(each) for each in shown[:11]] == [set()] * 11, "a moment is not enough"
    found = only(shown[-1], FULL)
    assert found.title == "86 of 100 connections are used, 11 left for ordinary users, 84 of them web (84 idle)"
    assert (found.constraint, found.severity) == (Constraint.POOL_BOUND, Severity.CRITICAL)
    assert found.subject == {"application": "web"}
    assert found.since_at == STARTED_AT + 10
    assert found.evidence[0].seed == "S002 35.3.3"


def test_full_before_we_came() -> None:
    def second(number: int) -> Second:
        return {"pg_activity": activity(idle=90) if number > 2 else failed("postgres: connecting…")}

    assert only(last(second, 9), FULL).began_before


def test_most_of_the_connections_used_is_not_yet_exhausted() -> None:
    assert told(last(always(pg_activity=activity(idle=75)), 8)) == set()


@pytest.mark.parametrize(
    "detail",
    [
        "postgres: sorry, too many clients already; the server is full",
        "postgres: remaining connection slots are reserved for roles with the SUPERUSER attribute; …",
    ],
)
def test_a_server_that_turns_us_away_for_want_of_slots_is_exhausted_and_not_unreachable(detail: str) -> None:
    seen = last(always(pg_activity=failed(detail)), 6)

    assert told(seen) == {FULL}
    assert seen.verdict.constraint is Constraint.POOL_BOUND
    assert seen.verdict.began_before


@pytest.mark.parametrize(
    ("waiting", "active", "explained"),
    [(40, 0, True), (12, 0, False), (12, 60, False)],
    ids=["who waits holds them", "others hold them", "others work"],
)
def test_a_pile_up_explains_used_up_connections_only_when_it_holds_them(
    waiting: int, active: int, explained: bool
) -> None:
    rows = [
        idle_in_transaction(4242, 100.0),
        *waiters(4242, waiting, 90.0),
        *(session(8000 + n) for n in range(active)),
    ]
    seen = last(always(pg_activity=activity(*rows, idle=90 - len(rows))), 8)

    assert {IDLE, PILEUP, FULL} == told(seen)
    assert (seen.verdict.chain == (IDLE, PILEUP, FULL)) == explained


# Unreachable


def test_a_server_that_answered_and_does_not_any_more_is_critical() -> None:
    def second(number: int) -> Second:
        return {"pg_activity": activity() if number < 5 else failed("postgres: [Errno 111] Connect call failed")}

    shown = watch(second, 12)

    assert [GONE in told(each) for each in shown] == [False] * 7 + [True] * 5
    found = only(shown[-1], GONE)
    assert found.title == "Postgres does not answer any more, silent for 7 s: [Errno 111] Connect call failed"
    assert (found.since_at, found.severity) == (STARTED_AT + 4, Severity.CRITICAL)
    assert shown[-1].verdict.constraint is Constraint.EXTERNAL_BOUND


def test_a_restart_that_takes_two_seconds_is_silent() -> None:
    shown = watch(lambda n: {"pg_activity": failed("postgres: starting up") if n in (5, 6) else activity()}, 12)

    assert all(told(each) == set() for each in shown)


def test_a_lost_privilege_is_our_problem_not_the_servers() -> None:
    def second(number: int) -> Second:
        return {"pg_activity": activity() if number < 5 else failed("postgres: password", FailureKind.DENIED)}

    seen = last(second, 12)

    assert only(seen, GONE).severity is Severity.WARNING
    assert seen.verdict.constraint is Constraint.UNKNOWN


def test_a_server_that_never_answered_is_a_warning_with_what_psql_would_say() -> None:
    refused = 'postgres: password authentication failed for user "app"; check user and password'
    seen = last(always(pg_activity=failed(refused, FailureKind.DENIED)))

    found = only(seen, GONE)
    assert found.severity is Severity.WARNING
    assert found.title == (
        'Postgres can\'t be read: password authentication failed for user "app"; check user and password'
    )
    assert seen.verdict.constraint is Constraint.UNKNOWN


def test_while_connecting_nothing_is_claimed() -> None:
    seen = last(always(pg_activity=failed("postgres: connecting…")), 6)

    assert told(seen) == set()
    assert seen.verdict.constraint is Constraint.UNKNOWN
    assert seen.verdict.summary.startswith("still connecting to Postgres, ")


def test_without_a_postgres_it_is_not_mentioned() -> None:
    assert "Postgres" not in last(lambda number: {}, 6).verdict.summary


@pytest.mark.parametrize(("victim", "explains"), [("postgres", True), ("java", False)])
def test_the_kernel_killed_postgres(victim: str, explains: bool) -> None:
    kill = OomKill(pid=9, name=victim, resident_bytes=MIB, cgroup="")

    def second(number: int) -> Second:
        gone = failed("postgres: the database system is in recovery mode")
        return {
            "pg_activity": activity() if number < 5 else gone,
            "memory": memory(oom_kills=int(number >= 5)),
            "kernel_log": KernelLogSample(mono=0.0, oom_kills=(kill,) if number >= 5 else ()),
        }

    seen = last(second, 10)

    assert told(seen) >= {"host.oom_kill", GONE}
    assert (seen.verdict.chain == ("host.oom_kill", GONE)) == explains


# Statements


SLOW_ONE = (11, "UPDATE orders SET state = $1 WHERE id = $2", 10, 4.0)


def every_five(told_then: Sample, **others: Sample) -> Callable[[int], Second]:
    """Statements come each fifth second, the first of them from the eleventh on; before that nothing is slow."""
    quick = statements((11, "UPDATE orders", 100, 0.01))

    def second(number: int) -> Second:
        if number % 5:
            return others
        return {**others, "pg_statements": told_then if number > 10 else quick}

    return second


def test_a_slow_statement_with_its_share_and_text() -> None:
    seen = last(every_five(statements(SLOW_ONE, (12, "select 1", 10, 1.0))), 24)

    found = only(seen, SLOW)
    assert found.title == "400 ms mean for UPDATE orders SET state = $1 WHERE id = $2, 2 a second, 80% of the time"
    assert found.subject == {"queryid": 11, "query": "UPDATE orders SET state = $1 WHERE id = $2"}
    assert (found.constraint, found.severity) == (Constraint.QUERY_BOUND, Severity.WARNING)
    assert found.since_at == STARTED_AT + 10, "it went on during the interval whose end told it"
    assert not found.began_before
    assert found.evidence[0].seed == "S002 35.3.3"
    assert seen.verdict.constraint is Constraint.QUERY_BOUND


def test_a_statement_that_was_slow_in_the_first_interval_began_before() -> None:
    assert only(last(always(pg_statements=statements(SLOW_ONE)), 3), SLOW).began_before


@pytest.mark.parametrize(
    "rows",
    [
        [(11, "a", 100, 4.0)],
        [(11, "a", 1, 2.0)],
        [(11, "a", 10, 3.0), (12, "b", 1000, 20.0)],
        [],
    ],
    ids=["many fast ones", "once in a while", "a small share", "nothing ran"],
)
def test_statements_that_do_not_matter(rows: list[tuple[int, str, int, float]]) -> None:
    assert told(last(always(pg_statements=statements(*rows)), 8)) == set()


def test_many_backends_busy_with_one_statement_are_critical_and_more_are_counted() -> None:
    seen = last(always(pg_statements=statements((11, "", 10, 60.0), (12, "b", 10, 50.0))))

    found = only(seen, SLOW)
    assert found.severity is Severity.CRITICAL
    assert found.title == "6.0 s mean for statement 11, 2 a second, 55% of the time, and 1 more"


def test_a_slow_statement_is_told_by_who_runs_it_until_its_own_text_was_fetched() -> None:
    runs = activity(session(7, query_id=11, query="SELECT total FROM orders"))
    seen = last(always(pg_statements=statements((11, "", 10, 60.0)), pg_activity=runs))

    assert only(seen, SLOW).title.startswith("6.0 s mean for SELECT total FROM orders, ")


@pytest.mark.parametrize(
    ("slow", "chain"),
    [
        (SLOW_ONE, (IDLE, PILEUP, SLOW)),
        ((99, "SELECT * FROM orders WHERE id = $1", 10, 4.0), (IDLE, PILEUP, SLOW)),
        ((99, "SELECT * FROM orders_old", 10, 4.0), (IDLE, PILEUP)),
    ],
    ids=["the same statement", "the same relation", "another relation"],
)
def test_a_statement_is_slow_since_it_waits_for_a_lock(
    slow: tuple[int, str, int, float], chain: tuple[str, ...]
) -> None:
    blocked = activity(idle_in_transaction(4242, 30.0), *waiters(4242, 4, 20.0))
    seen = last(every_five(statements(slow), pg_activity=blocked), 24)

    assert told(seen) == {IDLE, PILEUP, SLOW}
    assert seen.verdict.chain == chain
    assert seen.verdict.constraint is Constraint.LOCK_BOUND


def test_temporary_files_come_in_lumps_and_their_statement_is_named() -> None:
    def second(number: int) -> Second:
        spilled = 400 * MIB * (number // 4) if number >= 12 else 400 * MIB * 3
        found: Second = {"pg_counters": counters(temp_bytes=spilled)}
        sort = statements((21, "SELECT * FROM items ORDER BY note", 1, 0.2), temp_blocks=9000)
        return {**found, "pg_statements": sort} if number % 5 == 0 else found

    seen = last(second, 40)

    found = only(seen, SPILL)
    assert found.title.endswith("work_mem is too small for them: SELECT * FROM items ORDER BY note")
    assert found.subject["queryid"] == 21
    assert (found.constraint, found.severity) == (Constraint.QUERY_BOUND, Severity.WARNING)
    assert found.since_at == STARTED_AT + 16
    assert not found.began_before


def test_a_few_temporary_files_are_no_finding() -> None:
    assert told(last(lambda number: {"pg_counters": counters(temp_bytes=8 * MIB * number)}, 20)) == set()


@pytest.mark.parametrize(
    ("missed", "active", "severity"),
    [
        (0.05, 2, None),
        (0.2, 2, Severity.INFO),
        (0.5, 2, Severity.WARNING),
        (0.5, 0, None),
    ],
    ids=["few misses", "a note", "a warning", "an idle server"],
)
def test_cache_misses(missed: float, active: int, severity: Severity | None) -> None:
    def second(number: int) -> Second:
        slow = max(0, number - 20)
        blocks = counters(
            blocks_hit=1000 * number - round(1000 * missed * slow), blocks_read=round(1000 * missed * slow)
        )
        return {"pg_counters": blocks, "pg_activity": activity(*(session(n) for n in range(1, active + 1)))}

    found = of(last(second, 45), MISSES)

    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])
    for finding in found:
        assert finding.since_at == STARTED_AT + 21
        assert finding.title.startswith(f"{missed:.0%} of the blocks")


@pytest.mark.parametrize(
    ("age", "severity"),
    [(900_000_000, None), (1_100_000_000, Severity.WARNING), (1_700_000_000, Severity.CRITICAL)],
)
def test_wraparound(age: int, severity: Severity | None) -> None:
    found = of(last(always(pg_counters=counters(oldest_xid_age=age))), WRAPAROUND)

    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])
    assert all(finding.began_before for finding in found)


# The host and Postgres


def stalled(number: int, **full: float) -> Sample:
    """Pressure of which a resource has been full for so large a share of the time."""

    def line(resource: str) -> Stall:
        share = full.get(resource, 0.0)
        both = StallLine(100 * share, 100 * share, 100 * share, round(number * share * 1e6))
        return Stall(some=both, full=both)

    return PressureSample(mono=0.0, cpu=line("cpu"), io=line("io"), memory=line("memory"))


def processes(number: int, *named: tuple[str, float]) -> Sample:
    """Processes by name and MiB that they read each second."""
    rows = tuple(
        ProcessRow(
            pid=100 + place,
            started_ticks=1,
            ppid=1,
            name=name,
            command=name,
            user="x",
            state="S",
            cpu_s=0.0,
            resident_bytes=MIB,
            threads=1,
            major_faults=0,
            read_bytes=round(read * MIB * number),
            write_bytes=0,
        )
        for place, (name, read) in enumerate(named)
    )
    return ProcessesSample(mono=0.0, total=len(rows), rows=rows)


@pytest.mark.parametrize(
    ("named", "explained"),
    [
        ([("postgres", 40.0), ("fio", 2.0)], True),
        ([("postgres", 10.0), ("fio", 20.0)], True),
        ([("postgres", 0.1), ("fio", 40.0)], False),
        ([("fio", 40.0)], False),
    ],
    ids=["Postgres leads", "a good part is Postgres'", "Postgres hardly reads", "Postgres is elsewhere"],
)
def test_a_waiting_disk_explains_slow_statements_of_a_postgres_that_uses_it(
    named: list[tuple[str, float]], explained: bool
) -> None:
    def second(number: int) -> Second:
        found: dict[str, Any] = {
            "pressure": stalled(number, io=0.5),
            "processes": processes(number, *named),
        }
        return found | ({"pg_statements": statements(SLOW_ONE)} if number % 5 == 0 else {})

    seen = last(second, 22)

    assert told(seen) == {"host.io_saturated", SLOW}
    assert (seen.verdict.chain == ("host.io_saturated", SLOW)) == explained
    assert (seen.verdict.constraint is Constraint.IO_BOUND) == explained


@pytest.mark.parametrize("here", [True, False])
def test_memory_pressure_reaches_a_postgres_on_the_same_host(here: bool) -> None:
    def second(number: int) -> Second:
        return {
            "pressure": stalled(number, memory=0.2),
            "processes": processes(number, ("postgres" if here else "java", 0.0)),
            "pg_statements": statements(SLOW_ONE),
        }

    seen = last(second, 12)

    assert told(seen) == {"host.memory_pressure", SLOW}
    assert (seen.verdict.chain == ("host.memory_pressure", SLOW)) == here


# The verdict's words


def test_a_healthy_postgres_is_mentioned() -> None:
    seen = last(always(pg_activity=activity(session(1), idle=10)), 6)

    assert told(seen) == set()
    assert "Postgres 12 of 100 connections, no lock waits" in seen.verdict.summary


def test_a_role_without_the_right_to_see_says_so() -> None:
    blind = msgspec.structs.replace(SERVER, sees_others=False)

    assert "grant pg_monitor" in last(always(pg_activity=activity(server=blind)), 6).verdict.summary


def test_without_the_right_to_see_a_pile_up_is_still_found() -> None:
    blind = msgspec.structs.replace(SERVER, sees_others=False)
    hidden = {"state": None, "query": None, "transaction_s": None, "state_s": None, "query_s": None, "wait_type": None}
    rows = [session(4242, **hidden), *waiters(4242, 4, 20.0, **hidden)]
    seen = last(always(pg_activity=activity(*rows, server=blind)))

    assert (
        seen.verdict.summary == "4 backends wait for pid 4242 · what it does is not visible to this role · orders-api"
    )


def test_a_host_in_trouble_is_not_hidden_by_a_postgres_that_can_not_be_read() -> None:
    def second(number: int) -> Second:
        return {"pg_activity": failed("postgres: no such host"), "pressure": stalled(number, io=0.5)}

    seen = last(second, 12)

    assert told(seen) == {"host.io_saturated", GONE}
    assert seen.verdict.finding == "host.io_saturated"


def test_every_rule_of_postgres_has_a_test_here() -> None:
    """Those about statements one by one stand in test_pg_statement_rules, about tables and the log in test_pg_storage_rules."""
    elsewhere = STATEMENT_RULES | STORAGE_RULES
    assert {rule.name for rule in RULES if rule.name.startswith("pg.")} - elsewhere == {
        IDLE, PILEUP, FULL, GONE, DEADLOCKS, SLOW, SPILL, MISSES, WRAPAROUND,
    }  # fmt: skip
