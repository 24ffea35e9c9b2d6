"""The rules of pools on samples made by hand: fires, stays silent, since when, and what explains what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree
from perftui.sources.pg_activity import IdleRow
from perftui.sources.pgbouncer import FOUND_HERE
from tests.findings.pools import POOL, application, holder, pgbouncer, waiter
from tests.findings.postgres import (
    SERVER,
    STARTED_AT,
    Second,
    activity,
    always,
    failed,
    idle_in_transaction,
    of,
    session,
    statements,
    watch,
)

FULL, WAITING, GONE, LEAK = "pool.exhausted", "pool.waiting", "pool.unreachable", "pool.leak"


def last(second: Callable[[int], Second], seconds: int = 10) -> Snapshot:
    return watch(second, seconds)[-1]


def seen(**sources: Sample | Failed) -> Snapshot:
    return last(always(**sources))


def told(snapshot: Snapshot) -> set[str]:
    return {finding.rule for finding in snapshot.findings if finding.severity > Severity.INFO}


def only(snapshot: Snapshot, rule: str) -> Finding:
    (found,) = of(snapshot, rule)
    return found


def test_a_full_pool_with_a_queue_is_critical() -> None:
    found = seen(pgbouncer=pgbouncer(10, 41, 2.4))

    assert (found.verdict.constraint, found.verdict.severity) == (Constraint.POOL_BOUND, Severity.CRITICAL)
    assert found.verdict.summary == f"pool {POOL} has 10 of 10 connections in use, 41 clients wait, the longest 2.4 s"
    assert told(found) == {FULL}
    assert only(found, FULL).evidence[0].seed == "S002 35.3.3"
    assert tree(found)["pool"]["name"] == POOL
    assert tree(found)["pools"][POOL]["waiting"] == 41


def test_since_when_it_is_full() -> None:
    found = last(lambda second: {"pgbouncer": pgbouncer(10 if second >= 12 else 3, 5 if second >= 12 else 0)}, 20)

    assert only(found, FULL).since_at == STARTED_AT + 12
    assert not only(found, FULL).began_before


@pytest.mark.parametrize(
    ("sample", "seconds", "severity"),
    [
        (pgbouncer(8, 5), 40, None),
        (pgbouncer(9, 5), 10, Severity.CRITICAL),
        (pgbouncer(10, 0), 10, None),
        (pgbouncer(10, 0), 40, Severity.WARNING),
        (pgbouncer(10, 5), 3, None),
        (pgbouncer(14, 5), 10, Severity.CRITICAL),
    ],
    ids=["80 %", "90 %", "full and well", "full and well for long", "too early", "on its reserve"],
)
def test_how_full_and_for_how_long(sample: Sample, seconds: int, severity: Severity | None) -> None:
    found = of(last(always(pgbouncer=sample), seconds), FULL)

    assert [finding.severity for finding in found] == ([] if severity is None else [severity])


def test_a_pool_that_does_not_tell_who_waits_is_judged_by_its_use() -> None:
    found = only(seen(pool_metrics=application(48, None)), FULL)

    assert found.severity is Severity.CRITICAL
    assert found.title == "pool orders has 48 of 50 connections in use; who waits is not told"


def test_numbers_of_a_title_are_of_the_same_seconds() -> None:
    """The last tick saw the pool between two clients."""
    found = last(lambda second: {"pgbouncer": pgbouncer(5 if second == 19 else 10, 25, 0.012)}, 20)

    assert only(found, FULL).title == f"pool {POOL} has 9 of 10 connections in use, 25 clients wait, the longest 12 ms"


def test_a_pool_without_a_size_is_silent() -> None:
    assert told(seen(pool_metrics=application(48, None, None))) == set()


def test_postgres_own_slots_are_told_once() -> None:
    found = seen(pg_activity=activity(idle=90))

    assert told(found) == {"pg.connections_exhausted"}
    assert tree(found)["pool"]["name"] == "postgres"


def test_the_room_there_is_stands_in_the_evidence() -> None:
    found = only(seen(pgbouncer=pgbouncer(10, 5, size=10), pg_activity=activity()), FULL)
    (room,) = [each for each in found.evidence if each.reading == "pools.*.max_size"]

    assert (room.value, room.limit) == (10, SERVER.max_connections - SERVER.reserved_connections)


def test_clients_beyond_the_poolers_limit_are_refused() -> None:
    found = only(seen(pgbouncer=pgbouncer(1, used_clients=95)), FULL)

    assert found.title == "PgBouncer has 95 of 100 clients, those beyond are refused"
    chained = seen(pgbouncer=pgbouncer(10, 60, used_clients=95))
    assert chained.verdict.chain == (FULL, FULL)
    assert chained.verdict.summary.startswith(f"pool {POOL} has 10 of 10")


@pytest.mark.parametrize(
    ("sample", "title"),
    [
        (pgbouncer(5, 11, 0.5), f"pool {POOL}: 11 clients wait, the longest 0.5 s, 5 of 10 connections in use"),
        (
            pgbouncer(0, 1, 65.0),
            f"pool {POOL}: 1 client waits, the longest 1m05s, 0 of 10 connections in use, none is open: does Postgres"
            " answer it?",
        ),
        (pgbouncer(5, 10, 4.9), None),
        (pgbouncer(5, 0, 0.0), None),
        (pgbouncer(10, 50, 60.0), None),
        (application(5, 20, acquires=3.0, acquire_s=1.0), "pool orders: 20 clients wait, 5 of 50 connections in use"),
    ],
    ids=["more than ten", "one for long", "ten for a moment", "nobody", "full", "an application"],
)
def test_a_queue_though_the_pool_is_not_full(sample: Sample, title: str | None) -> None:
    source = "pgbouncer" if "poolers" in sample.__struct_fields__ else "pool_metrics"
    found = of(seen(**{source: sample}), WAITING)

    assert [finding.title for finding in found] == ([] if title is None else [title])


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        (
            {"waiting": 4, "wait_s": 3.0, "paused": True},
            Severity.CRITICAL,
            "is paused by an administrator, 4 clients wait",
        ),
        ({"paused": True}, Severity.WARNING, "is paused by an administrator, nobody waits yet"),
        ({"disabled": True}, Severity.WARNING, "is disabled by an administrator, its clients are refused"),
    ],
)
def test_what_an_administrator_shut(changes: dict[str, Any], severity: Severity, words: str) -> None:
    def second(number: int) -> Second:
        return {"pgbouncer": pgbouncer(0, **changes) if number >= 6 else pgbouncer(0)}

    found = last(second, 12)

    assert told(found) == {GONE}
    assert only(found, GONE).severity is severity
    assert words in only(found, GONE).title
    assert only(found, GONE).since_at == STARTED_AT + 6


def test_a_pooler_that_was_there_and_is_gone_is_critical() -> None:
    refused = failed("pgbouncer: connection refused; is it running there?")
    found = last(lambda second: {"pgbouncer": pgbouncer() if second < 5 else refused}, 12)

    assert only(found, GONE).severity is Severity.CRITICAL
    assert only(found, GONE).title == (
        "PgBouncer does not answer any more, silent for 7 s: connection refused; is it running there?"
    )
    assert only(found, GONE).since_at == STARTED_AT + 4


@pytest.mark.parametrize(
    ("failure", "severity"),
    [
        (failed("pgbouncer: connecting…"), None),
        (failed("pgbouncer: connection refused"), Severity.WARNING),
        (failed("pgbouncer: not allowed; name a user of stats_users", FailureKind.DENIED), Severity.WARNING),
    ],
)
def test_one_that_never_answered_is_not_known(failure: Failed, severity: Severity | None) -> None:
    found = of(seen(pgbouncer=failure), GONE)

    assert [(each.severity, each.constraint, each.began_before) for each in found] == (
        [] if severity is None else [(severity, Constraint.UNKNOWN, True)]
    )


def test_one_that_nobody_asked_to_watch_and_that_refuses_us_is_a_note_and_the_verdict_is_the_hosts() -> None:
    refused = failed(f"pgbouncer: not allowed; name a user of stats_users ({FOUND_HERE})", FailureKind.DENIED)
    found = last(always(pgbouncer=refused), 8)

    assert (only(found, GONE).severity, found.verdict.constraint) == (Severity.INFO, Constraint.HEALTHY)
    assert FOUND_HERE in only(found, GONE).title


def test_a_short_silence_is_a_restart() -> None:
    gone = failed("pgbouncer: connection refused")

    assert told(last(lambda second: {"pgbouncer": pgbouncer() if second < 10 else gone}, 12)) == set()


def test_one_pooler_of_several_that_can_t_be_read() -> None:
    why = Failed(kind=FailureKind.DENIED, detail="pgbouncer: not allowed")
    found = only(seen(pgbouncer=pgbouncer(name="edge", failed={"core": why})), GONE)

    assert (found.title, found.severity) == ("pool core can't be read: not allowed", Severity.WARNING)


IN_TRANSACTION = idle_in_transaction(4242, 90.0)


@pytest.mark.parametrize(
    ("links", "sessions", "mode", "fires"),
    [
        ((holder(4242, 90.0),), (IN_TRANSACTION,), "transaction", True),
        ((holder(4242, 59.0),), (IN_TRANSACTION,), "transaction", False),
        ((holder(4242, 90.0),), (session(4242),), "transaction", False),
        ((holder(4242, 90.0),), (), "transaction", False),
        ((holder(4242, 90.0),), (idle_in_transaction(4242, 90.0, database="other"),), "transaction", False),
        ((holder(4242, 90.0),), (IN_TRANSACTION,), "session", False),
    ],
    ids=["held and idle", "not so long", "a long statement", "not known", "another server's", "session pooling"],
)
def test_a_connection_that_is_held_and_not_used(links: Any, sessions: Any, mode: str, fires: bool) -> None:
    found = of(seen(pgbouncer=pgbouncer(1, links=links, mode=mode), pg_activity=activity(*sessions)), LEAK)

    assert bool(found) == fires
    if fires:
        assert found[0].title == (
            f"pool {POOL}: 1 connection is held and not used, the longest 1m30s by orders-api · pid 4242 idle in transaction"
        )
        assert found[0].subject["pid"] == 4242


def lending(second: int, in_use: int, busy: int, idle: int, who: str = "web") -> Second:
    sessions = [session(100 + n, application=who) for n in range(busy)]
    return {"pool_metrics": application(in_use, 0), "pg_activity": activity(*sessions, idle=idle)}


@pytest.mark.parametrize(
    ("in_use", "busy", "idle", "fires"),
    [(20, 2, 18, True), (20, 2, 22, True), (20, 18, 2, False), (20, 2, 5, False), (20, 2, 30, False), (4, 2, 2, False)],
    ids=["lent and idle", "nearly as many", "at work", "another server's pool", "of many more", "few"],
)
def test_an_application_that_lends_and_nothing_is_done(in_use: int, busy: int, idle: int, fires: bool) -> None:
    found = of(last(lambda second: lending(second, in_use, busy, idle), 70), LEAK)

    assert bool(found) == fires
    if fires:
        assert found[0].title == (
            "pool orders has lent 20 connections for 1m00s, with 18 of which Postgres sees web do nothing"
        )


def test_our_own_idle_connections_are_nobodys_leak() -> None:
    ours = IdleRow(database="app", user="sre", application="perftui/0.1.0", count=5, longest_idle_s=30.0)
    server = activity(idle=1)
    seconds = always(pool_metrics=application(4, 0), pg_activity=msgspec.structs.replace(server, idle=(ours,)))

    assert of(last(seconds, 70), LEAK) == []


def test_a_pool_whose_use_falls_now_and_then_leaks_nothing() -> None:
    found = last(lambda second: lending(second, 3 if second % 20 == 0 else 20, 2, 18), 70)

    assert of(found, LEAK) == []


# What explains what


def blocked(*pids: int) -> list[Any]:
    return [session(pid, 4242, waited_s=30.0 + pid / 1000) for pid in pids]


def test_a_pool_that_is_full_behind_a_lock_that_an_idle_client_holds() -> None:
    """The chain of the incident that this program is made for."""
    links = (holder(4242, 40.0), *(holder(pid, 30.0) for pid in (1, 2, 3)), waiter(25.0))
    found = seen(
        pgbouncer=pgbouncer(10, 41, 25.0, links=links),
        pg_activity=activity(idle_in_transaction(4242, 40.0), *blocked(1, 2, 3)),
    )

    assert found.verdict.chain == ("pg.idle_in_transaction", "pg.lock_pileup", FULL)
    assert found.verdict.severity is Severity.CRITICAL
    assert found.verdict.constraint is Constraint.LOCK_BOUND


@pytest.mark.parametrize(
    ("links", "sessions", "explained"),
    [
        ((holder(1),), blocked(1, 2, 3), True),
        ((holder(77),), blocked(1, 2, 3), False),
        ((), blocked(1, 2, 3), True),
        ((), [session(pid, 4242, waited_s=30.0, database="other") for pid in (1, 2, 3)], False),
    ],
    ids=["its backends wait", "others wait", "its database's wait", "another database's wait"],
)
def test_locks_explain_a_full_pool_where_they_meet(links: Any, sessions: Any, explained: bool) -> None:
    found = seen(
        pgbouncer=pgbouncer(10, 5, 20.0, links=links),
        pg_activity=activity(session(4242, transaction_s=60.0, query_id=99), *sessions),
    )

    assert told(found) >= {"pg.lock_pileup", FULL}
    assert ((FULL in found.verdict.chain) and found.verdict.chain[0] != FULL) == explained


def test_slow_statements_on_its_connections_explain_a_full_pool() -> None:
    links = tuple(holder(pid) for pid in (1, 2, 3))
    working = [session(pid, query_id=11) for pid in (1, 2, 3)]
    found = seen(
        pgbouncer=pgbouncer(10, 5, 20.0, links=links),
        pg_activity=activity(*working),
        pg_statements=statements((11, "SELECT slow", 10, 30.0)),
    )

    assert found.verdict.chain[0] == "pg.slow_statements"
    assert found.verdict.chain[-1] == FULL


def test_a_server_that_is_gone_explains_the_queue_in_front_of_it() -> None:
    gone = failed("postgres: connection refused; is the server running there?")

    def second(number: int) -> Second:
        if number < 5:
            return {"pgbouncer": pgbouncer(2, idle=1), "pg_activity": activity()}
        return {"pgbouncer": pgbouncer(0, 6, number - 4.0), "pg_activity": gone}

    found = last(second, 15)

    assert found.verdict.chain == ("pg.unreachable", WAITING)


def test_a_leak_explains_the_pool_that_it_fills() -> None:
    links = (holder(4242, 300.0), waiter(20.0))
    found = seen(pgbouncer=pgbouncer(10, 5, 20.0, links=links), pg_activity=activity(idle_in_transaction(4242, 300.0)))

    assert found.verdict.chain[-2:] == (LEAK, FULL)
    assert only(found, LEAK).title.endswith("the longest 5m00s by orders-api · pid 4242 idle in transaction")
