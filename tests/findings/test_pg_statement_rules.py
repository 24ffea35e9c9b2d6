"""The rules about single statements: running for long, slower than before, asked one row at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import SessionRow
from tests.findings.postgres import (
    STARTED_AT,
    Second,
    activity,
    always,
    counters,
    of,
    session,
    statements,
    watch,
)
from tests.findings.test_pg_rules import processes, stalled

LONG, REGRESSED, CHATTY = "pg.long_statement", "pg.statement_regressed", "pg.n_plus_one"
SLOW, PILEUP = "pg.slow_statements", "pg.lock_pileup"
LOOKUP = "SELECT * FROM items WHERE order_id = $1"


def told(snapshot: Snapshot) -> set[str]:
    return {finding.rule for finding in snapshot.findings if finding.severity > Severity.INFO}


def only(snapshot: Snapshot, rule: str) -> Finding:
    (found,) = of(snapshot, rule)
    return found


def runs(pid: int, seconds: float, **seen: Any) -> SessionRow:
    return session(pid, **{"query_s": seconds, "transaction_s": seconds, "state_s": seconds, **seen})


# Long statements


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        ([runs(7, 59.0)], None),
        ([runs(7, 61.0)], Severity.INFO),
        ([runs(7, 301.0)], Severity.WARNING),
        ([runs(7, 90_000.0)], Severity.WARNING),
        ([runs(pid, 6.0) for pid in (1, 2, 3)], None),
        ([runs(pid, 6.0) for pid in (1, 2, 3, 4)], Severity.WARNING),
        ([runs(pid, 4.0) for pid in range(1, 40)], None),
        ([runs(pid, 6.0) for pid in range(1, 11)], Severity.CRITICAL),
        ([runs(pid, 6.0, query_id=None, query=None) for pid in range(1, 11)], None),
        ([runs(7, 400.0, state="idle in transaction")], None),
    ],
    ids=[
        "under a minute",
        "over a minute",
        "over five",
        "a day, alone",
        "three in one statement",
        "four",
        "many short ones",
        "ten",
        "texts hidden",
        "idle",
    ],
)
def test_when_a_statement_runs_long(rows: list[SessionRow], severity: Severity | None) -> None:
    found = of(watch(always(pg_activity=activity(*rows)), 2)[-1], LONG)

    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])


def test_a_long_statement_is_told_with_pid_application_wait_and_text() -> None:
    seen = watch(always(pg_activity=activity(runs(4242, 312.0, wait_type="IO", wait_event="DataFileRead"))), 2)[-1]

    found = only(seen, LONG)
    assert found.title == (
        "pid 4242 runs for 5m12s, waits for IO DataFileRead · orders-api · UPDATE orders SET state = ? WHERE id = ?"
    )
    assert found.subject == {
        "pid": 4242,
        "application": "orders-api",
        "user": "app",
        "query": "UPDATE orders SET state = ? WHERE id = ?",
        "queryid": 11,
    }
    assert found.since_at == STARTED_AT + 1 - 312
    assert (found.constraint, seen.verdict.chain) == (Constraint.QUERY_BOUND, (LONG,))


def test_a_crowd_in_one_statement_is_told_before_any_of_it_ends() -> None:
    crowd = [runs(pid, 12.0 - pid / 10) for pid in range(1, 13)]
    found = only(watch(always(pg_activity=activity(*crowd, runs(90, 100.0, query_id=9))), 2)[-1], LONG)

    assert found.title.startswith("12 backends run one statement, the longest 11 s · orders-api · UPDATE orders")
    assert found.title.endswith("and 1 more")
    assert found.evidence[1].value == 12


@pytest.mark.parametrize(
    "row",
    [
        runs(7, 4000.0, query="VACUUM (VERBOSE) orders"),
        runs(7, 4000.0, query="/* cron */ analyze"),
        runs(7, 4000.0, query="CREATE INDEX CONCURRENTLY ON orders (id)"),
        runs(7, 4000.0, query="create unique index i on orders (id)"),
        runs(7, 4000.0, query="REINDEX TABLE orders"),
        runs(7, 4000.0, query="COPY public.orders (id) TO stdout;"),
        runs(7, 4000.0, query="FETCH FORWARD ? FROM c", application="pg_dump"),
        runs(7, 4000.0, query="select pg_sleep(?)", wait_type="Timeout", wait_event="PgSleep"),
        runs(7, 4000.0, query="autovacuum: VACUUM orders", backend_type="autovacuum worker", application=""),
    ],
    ids=lambda row: row.query,
)
def test_upkeep_that_takes_long_is_a_note(row: SessionRow) -> None:
    seen = watch(always(pg_activity=activity(row)), 6)[-1]

    assert only(seen, LONG).severity is Severity.INFO
    assert seen.verdict.constraint is Constraint.HEALTHY


@pytest.mark.parametrize(
    "row",
    [
        runs(7, 9e5, backend_type="walsender", query="START_REPLICATION SLOT ? LOGICAL ?", application="standby"),
        runs(7, 9e5, backend_type="logical replication worker", query=""),
        runs(7, 9e5, backend_type="logical replication apply worker", query=""),
        runs(7, 9e5, backend_type="startup", query="", state=None),
        runs(7, 400.0, blocked_by=(6,), waited_s=2.0),
    ],
    ids=["WAL sender", "logical worker", "apply worker", "replay", "waits for a lock"],
)
def test_what_runs_for_ever_or_only_waits_is_not_told(row: SessionRow) -> None:
    assert of(watch(always(pg_activity=activity(runs(6, 1.0), row)), 2)[-1], LONG) == []


def test_a_long_statement_that_blocks_others_is_the_cause_of_their_queue() -> None:
    waiters = [session(5000 + n, 7, waited_s=200.0) for n in range(4)]
    seen = watch(always(pg_activity=activity(runs(7, 400.0), *waiters)), 2)[-1]

    assert seen.verdict.chain == (LONG, PILEUP)
    assert seen.verdict.summary.startswith("pid 7 runs for 6m40s · blocks 4 · orders-api")


def test_ten_times_its_slowest_interval_is_unusual() -> None:
    quick = statements((11, "UPDATE orders", 100, 0.5))

    def second(number: int) -> Second:
        late = max(0.0, number - 10.0)
        found: Second = {"pg_activity": activity(runs(4242, late))}
        return {**found, "pg_statements": quick} if number in (0, 5, 10) else found

    shown = watch(second, 24)

    assert [told(each) for each in shown[:20]] == [set()] * 20
    found = only(shown[-1], LONG)
    assert found.severity is Severity.WARNING
    assert found.title.startswith("pid 4242 runs for 13 s, 5 ms at most before · orders-api")


# Statements that got slower


Now = Callable[[int], Sample]


def each_fifth(now: Now, **others: Sample) -> Callable[[int], Second]:
    return lambda number: {**others, "pg_statements": now(number)} if number % 5 == 0 else others


def spent(ms: float, calls: int = 500, queryid: int = 11, **of_all: Any) -> Sample:
    return statements((queryid, "SELECT * FROM orders WHERE note = $1", calls, ms * calls / 1000), **of_all)


def changed_at(second: int, before: Sample, after: Sample) -> Now:
    return lambda number: before if number < second else after


def test_a_statement_that_got_slower_is_told_once_it_stayed_so() -> None:
    before, after = spent(1.0, hit=1000), spent(4.0, hit=300_000)
    shown = watch(each_fifth(changed_at(80, before, after)), 120)

    first = next(number for number, each in enumerate(shown) if REGRESSED in told(each))
    assert 92 <= first <= 96, "three intervals"
    found = only(shown[-1], REGRESSED)
    assert found.title == (
        "4 x as slow as before, 1 ms → 4 ms, 2 → 600 blocks for the same rows (plan, index, bloat?): "
        "SELECT * FROM orders WHERE note = $1"
    )
    assert (found.severity, found.constraint) == (Severity.WARNING, Constraint.QUERY_BOUND)
    assert found.subject["queryid"] == 11
    assert found.since_at == STARTED_AT + 75 and not found.began_before
    assert found.evidence[0].seed == "S002 35.3.3"
    assert {each.reading for each in found.evidence} >= {"postgres.statements.top[].blocks_per_call"}


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (spent(1.0), spent(4.0, rows_per_call=30), "1 → 30 rows a call"),
        (spent(1.0, hit=5000), spent(4.0, hit=2500, read=2500), "100% → 50% of its blocks found in shared buffers"),
        (spent(1.0, calls=100), spent(4.0, calls=500), "at 20 → 100 calls a second"),
        (spent(1.0), spent(4.0), "for the same work"),
    ],
    ids=["more rows", "not in the buffers", "more calls", "waits"],
)
def test_what_changed_with_it_hints_at_the_reason(before: Sample, after: Sample, why: str) -> None:
    assert why in only(watch(each_fifth(changed_at(80, before, after)), 100)[-1], REGRESSED).title


def alternating(number: int) -> Sample:
    return spent(1.0 if number // 5 % 2 else 4.0)


def beside(seconds: float) -> Sample:
    """Beside a statement that takes nearly all of the time."""
    return statements((11, "a", 500, seconds), (12, "b", 500, 40.0))


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (changed_at(0, spent(4.0), spent(4.0)), 100),
        (changed_at(30, spent(1.0), spent(4.0)), 60),
        (changed_at(80, spent(1.0), spent(1.15)), 100),
        (changed_at(80, spent(1.0), spent(4.0)), 88),
        (changed_at(80, spent(1.0, calls=3), spent(9.0, calls=3)), 100),
        (changed_at(80, spent(0.02), spent(0.08)), 100),
        (alternating, 100),
        (changed_at(80, beside(0.5), beside(2.0)), 100),
        (changed_at(80, statements((12, "b", 500, 0.5)), spent(4.0)), 100),
    ],
    ids=[
        "always so slow",
        "too little known before",
        "less than a fifth",
        "a moment",
        "a few calls",
        "no time worth telling",
        "always varied",
        "a small share",
        "a new statement",
    ],
)  # fmt: skip
def test_what_is_no_regression(now: Now, seconds: int) -> None:
    assert [number for number, each in enumerate(watch(each_fifth(now), seconds)) if REGRESSED in told(each)] == []


def test_a_regression_is_told_for_as_long_again_and_then_is_how_it_is() -> None:
    shown = watch(each_fifth(changed_at(100, spent(1.0), spent(4.0))), 260)

    assert REGRESSED in told(shown[190])
    assert REGRESSED not in told(shown[-1])


def test_a_slower_statement_explains_that_it_is_slow() -> None:
    before, after = spent(20.0, calls=50, hit=1000), spent(300.0, calls=20, hit=300_000)
    seen = watch(each_fifth(changed_at(80, before, after)), 110)[-1]

    assert told(seen) == {REGRESSED, SLOW}
    assert seen.verdict.chain == (REGRESSED, SLOW)


# One row at a time


def chatter(calls_per_s: float = 500, transactions_per_s: int = 10, **seen: Any) -> Callable[[int], Second]:
    given = {"query": LOOKUP, "ms": 0.1, "rows_per_call": 1, "others": 10, "application": "shop", **seen}
    calls = round(5 * calls_per_s)
    asked = statements(
        (21, given["query"], calls, calls * given["ms"] / 1000),
        (22, "UPDATE orders SET paid = $1", 5 * given["others"], 0.1),
        rows_per_call=given["rows_per_call"],
    )

    def second(number: int) -> Second:
        found: dict[str, Sample] = {
            "pg_counters": counters(commits=1000 + number * transactions_per_s),
            "pg_activity": activity(session(5, application=given["application"], query_id=21, query=given["query"])),
        }
        return {**found, "pg_statements": asked} if number % 5 == 0 else found

    return second


def test_one_row_at_a_time_is_told_with_its_application() -> None:
    seen = watch(chatter(), 16)[-1]

    found = only(seen, CHATTY)
    assert found.title == f"50 calls per transaction for one row each, 500 a second · shop: {LOOKUP}"
    assert found.subject == {"queryid": 21, "query": LOOKUP, "application": "shop"}
    assert (found.severity, seen.verdict.chain) == (Severity.WARNING, (CHATTY,))


def test_calls_that_swing_around_the_limit_are_one_finding_and_it_ends() -> None:
    def second(number: int) -> Second:
        """Twelve, then nine and a half calls a transaction by turns of ten seconds; five at last."""
        calls = 600 if number // 10 % 2 == 0 else 475
        return chatter(calls_per_s=calls if number < 60 else 250, transactions_per_s=50)(number)

    shown = [CHATTY in told(each) for each in watch(second, 90)]

    begun = shown.index(True)
    assert all(shown[begun:60])
    assert not any(shown[80:])


@pytest.mark.parametrize(
    "second",
    [
        chatter(transactions_per_s=500),
        chatter(transactions_per_s=60),
        chatter(calls_per_s=80, transactions_per_s=1),
        chatter(rows_per_call=20),
        chatter(ms=20.0, calls_per_s=200),
        chatter(others=3000, ms=0.001),
        chatter(query="INSERT INTO items VALUES ($1)"),
        chatter(query="SELECT relname FROM pg_catalog.pg_class WHERE oid = $1"),
        chatter(application="pg_dump"),
    ],
    ids=[
        "once a transaction",
        "a few times",
        "a trickle",
        "many rows",
        "slow ones",
        "a small part of the work",
        "a bulk load by rows",
        "a look at the catalogs",
        "a dump",
    ],
)
def test_what_is_no_n_plus_one(second: Callable[[int], Second]) -> None:
    assert all(CHATTY not in told(each) for each in watch(second, 20))


# Upkeep


@pytest.mark.parametrize(
    ("text", "memory", "severity"),
    [
        ("SELECT * FROM items ORDER BY note", "work_mem", Severity.WARNING),
        ("create index concurrently i on items (note)", "maintenance_work_mem", Severity.INFO),
    ],
)
def test_a_spilling_index_build_is_a_note(text: str, memory: str, severity: Severity) -> None:
    def second(number: int) -> Second:
        found: Second = {"pg_counters": counters(temp_bytes=number * (40 << 20))}
        sort = statements((21, text, 1, 0.2), temp_blocks=9000)
        return {**found, "pg_statements": sort} if number % 5 == 0 else found

    found = only(watch(second, 20)[-1], "pg.temp_spill")

    assert (found.severity, f" {memory} is too small" in found.title) == (severity, True)


@pytest.mark.parametrize(("text", "severity"), [("SELECT 1", Severity.WARNING), ("COPY t TO STDOUT", Severity.INFO)])
def test_a_dump_that_reads_all_from_outside_is_a_note(text: str, severity: Severity) -> None:
    def second(number: int) -> Second:
        found: Second = {
            "pg_counters": counters(blocks_read=1000 * number),
            "pg_activity": activity(session(1), session(2)),
        }
        reads = statements((21, text, 1, 4.0), hit=0, read=1000)
        return {**found, "pg_statements": reads} if number % 5 == 0 else found

    assert only(watch(second, 30)[-1], "pg.cache_misses").severity is severity


@pytest.mark.parametrize(("text", "told_of"), [("SELECT 1", {SLOW}), ("VACUUM t", set()), ("COPY t FROM STDIN", set())])
def test_upkeep_is_no_slow_statement(text: str, told_of: set[str]) -> None:
    assert told(watch(always(pg_statements=statements((11, text, 10, 4.0))), 8)[-1]) == told_of


# What explains what


@pytest.mark.parametrize(
    ("after", "explained"),
    [(spent(4.0, hit=1000), True), (spent(4.0, hit=300_000), False)],
    ids=["the same work", "more blocks: a reason of its own"],
)
def test_a_waiting_disk_explains_a_slower_statement_only_while_it_does_the_same_work(
    after: Sample, explained: bool
) -> None:
    now = changed_at(80, spent(1.0, hit=1000), after)

    def second(number: int) -> Second:
        found: Second = {
            "pressure": stalled(number, io=0.5 if number > 70 else 0.0),
            "processes": processes(number, ("postgres", 40.0)),
        }
        return {**found, "pg_statements": now(number)} if number % 5 == 0 else found

    seen = watch(second, 110)[-1]

    assert told(seen) == {"host.io_saturated", REGRESSED}
    both = ("host.io_saturated", REGRESSED)
    assert (seen.verdict.chain == both) is explained
    assert explained or seen.verdict.finding == REGRESSED


@pytest.mark.parametrize(("blocks", "chain"), [(True, (LONG, PILEUP, SLOW)), (False, (SLOW, LONG))])
def test_slow_runs_that_ended_explain_one_that_has_not_unless_it_blocks_others(
    blocks: bool, chain: tuple[str, ...]
) -> None:
    slow = statements((11, "UPDATE orders SET state = $1 WHERE id = $2", 10, 4.0))
    waiters = [session(5000 + n, 7, waited_s=6.0, query_id=99) for n in range(3 if blocks else 0)]

    def second(number: int) -> Second:
        found: Second = {"pg_activity": activity(runs(7, 300.0 + number), *waiters)}
        return {**found, "pg_statements": slow} if number % 5 == 0 else found

    seen = watch(second, 12)[-1]

    assert told(seen) == {SLOW, LONG} | ({PILEUP} if blocks else set())
    assert seen.verdict.chain == chain


def test_a_history_of_their_own_have_only_the_statements_that_matter() -> None:
    even = statements(*((number, "SELECT", 100, 0.02) for number in range(100)))
    heavy = statements(*((number, "SELECT", 100, 5.0) for number in range(19)), (99, "SELECT", 10_000, 0.1))

    for sample, kept in ((even, 0), (heavy, 20)):
        names = watch(always(pg_statements=sample), 2)[-1].history.names()
        assert len({name.split(".")[3] for name in names if ".top." in name}) == kept
