"""The pane and the zoom of pools: how full, who waits, who holds what."""

from __future__ import annotations

import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree
from perftui.sources.pool import PoolState
from perftui.views import pools
from perftui.views.model import Role, TableState
from perftui.views.pg_sessions import backend_subject
from tests.views.drawn import column, flat, text
from tests.views.pool_scenes import DOWN, PAUSED, POOLS, pool, pooled
from tests.views.scenes import host


def test_the_pane_is_there_where_there_are_pools() -> None:
    assert pools.configured(pooled())
    assert pools.configured(pooled(failures={"pgbouncer": DOWN}, applications=None))
    assert not pools.configured(pooled(None, None))
    assert not pools.configured(host(1))


def test_each_pool_is_a_line_the_worst_first() -> None:
    pane = pools.pane(pooled(), 40, 4)

    assert [flat(line) for line in pane.lines] == [
        "orders  50/50 ████████████ wait 41 2.4 s",
        "billing  4/10 ████████░░░░░░░░░░░ wait –",
        "reports   1/5 ████░░░░░░░░░░░░░░░ wait 0",
    ]
    assert pane.title == "Pools · 41 waiting"


@pytest.mark.parametrize("width", [20, 28, 36, 60, 100])
@pytest.mark.parametrize("height", [1, 2, 3, 8])
def test_it_stays_within_its_size(width: int, height: int) -> None:
    many = {f"database-{n}/application": pool(n, 50, n) for n in range(12)}
    for snapshot in (pooled(), pooled(many), pooled(failures={"pgbouncer": DOWN}, after=5), pooled(PAUSED, {})):
        lines = pools.pane(snapshot, width, height).lines
        assert 1 <= len(lines) <= height
        assert max(len(flat(line)) for line in lines) <= width


def test_what_has_no_room_is_counted() -> None:
    lines = pools.pane(pooled({f"db{n}/app": pool(n, 50, 0) for n in range(9)}, None), 40, 4).lines

    assert [flat(line)[:4].strip() for line in lines[:3]] == ["db8", "db7", "db6"]
    assert flat(lines[3]) == "and 6 more"


def test_one_line_tells_the_worst() -> None:
    (line,) = pools.pane(pooled(), 60, 1).lines

    assert flat(line).startswith("orders  50/50 ")
    assert flat(line).endswith(" wait 41 2.4 s")
    assert ("50/50 ", Role.CRITICAL) in line


def test_users_of_one_database_keep_their_names_apart() -> None:
    shown = text(pools.pane(pooled({"orders/app": pool(1, 5, 0), "orders/batch": pool(2, 5, 0)}, None), 60, 3).lines)

    assert "orders/app" in shown
    assert "orders/batch" in shown


def test_slots_for_clients_are_told_when_they_run_out() -> None:
    nearly = {**POOLS, "pgbouncer/clients": pool(95, 100, None, kind="clients")}

    assert "clients" not in text(pools.pane(pooled(), 60, 5).lines)
    assert "95/100" in text(pools.pane(pooled(nearly), 60, 5).lines)
    assert "pgbouncer/clients" in column_of(pooled(), "pool, clients")


def column_of(snapshot: Snapshot, name: str, sort: str = "", filter: str = "") -> list[str]:
    table = pools.zoom(snapshot, TableState(sort=sort, filter=filter), 150).table
    assert table is not None
    return column(table, name)


def test_what_is_shut_says_so() -> None:
    (line,) = pools.pane(pooled(PAUSED, None), 60, 1).lines

    assert flat(line).endswith(" paused, 8 wait")
    assert line[-1][1] is Role.CRITICAL


def test_a_pooler_that_is_down_is_told_above_what_was_known() -> None:
    snapshot = pooled(failures={"pgbouncer": DOWN}, after=5)
    lines = pools.pane(snapshot, 60, 6).lines

    assert text(lines[:2]).replace("\n", " ") == (
        "no reading for 6 s: unreachable: nobody listens at 10.0.0.7:6432; is it running there?"
    )
    assert {role for _, role in lines[0]} == {Role.WARNING}
    known = next(line for line in lines if flat(line).startswith("orders"))
    assert {role for _, role in known} == {Role.DIM}
    fresh = next(line for line in lines if flat(line).startswith("billing"))
    assert {role for _, role in fresh} != {Role.DIM}


def test_one_that_was_never_read_says_why() -> None:
    denied = Failed(kind=FailureKind.DENIED, detail="pgbouncer: not allowed; name a user of stats_users")
    snapshot = pooled(applications=None, failures={"pgbouncer": denied})

    assert text(pools.pane(snapshot, 80, 3).lines) == "denied: not allowed; name a user of stats_users"
    assert "denied: not allowed" in text(pools.zoom(snapshot, TableState(), 80).lines)
    assert text(pools.pane(pooled({}, None), 80, 3).lines) == "no pool yet: nobody has connected through it"


def test_clients_stand_below_their_pool_with_what_their_backends_do() -> None:
    snapshot = pooled()

    assert column_of(snapshot, "pool, clients") == [
        "orders/app",
        "├ orders-api",
        "├ orders-api",
        "├ mallory \\x1b",
        "└ orders-web",
        "postgres",
        "billing",
        "reports/app",
        "pgbouncer/clients",
    ]
    assert column_of(snapshot, "state")[:5] == ["critical", "idle in tx", "lock orders", "holds", "waits"]
    assert column_of(snapshot, "held")[1:5] == ["3m12s", "2m50s", "1 s", ""]
    assert column_of(snapshot, "pid")[1:5] == ["4242", "4310", "99", ""]
    assert column_of(snapshot, "statement")[1].startswith("last: ")


@pytest.mark.parametrize("sort", ["pool", "use", "need", "waiting", "wait", "idle", "queries/s", "leaked"])
@pytest.mark.parametrize("reverse", [False, True])
def test_clients_stay_with_their_pool_however_it_is_sorted(sort: str, reverse: bool) -> None:
    table = pools.zoom(pooled(), TableState(sort=sort, reverse=reverse), 150).table
    assert table is not None
    names = column(table, "pool, clients")
    first = names.index("orders/app")

    assert names[first + 4] == "└ orders-web"
    assert len({row.key for row in table.rows}) == len(table.rows)


def test_a_filter_finds_pools_clients_and_statements() -> None:
    assert column_of(pooled(), "pid", filter="4310") == ["4310"]
    assert column_of(pooled(), "pool, clients", filter="sqlalchemy") == ["billing"]


def test_the_backend_of_a_client_can_be_chosen() -> None:
    table = pools.zoom(pooled(), TableState(), 150).table
    assert table is not None
    chosen = backend_subject(pooled(), table.rows[1].key)

    assert chosen is not None
    assert chosen.title.startswith("4242")
    assert backend_subject(pooled(), table.rows[0].key) is None


def test_how_large_the_pools_may_be_together() -> None:
    words = text(pools.zoom(pooled(), TableState(), 150).lines)

    assert words.startswith("the pools may open 65 of the server's ")
    assert "4 cores x 2 + 2 disks feed about 10" in words


def test_instances_count_together_and_a_disk_made_of_memory_is_none() -> None:
    shared = {"billing": pool(4, 10, None, kind="sqlalchemy", wait_s=None, leaked=None, instances=12)}
    words = text(pools.zoom(pooled(applications=shared), TableState(), 200).lines)

    assert words.startswith("the pools may open 175 (billing 10 x 12), more than the server's ")


def test_a_line_says_what_went_wrong_and_not_what_was_asked() -> None:
    problem = "denied: http://10.0.0.5:8080/metrics: status 403; these headers give no right to it"
    refused = {"orders": pool(None, None, None, kind="metrics", problem=problem, state=PoolState.UNKNOWN)}
    lines = pools.pane(pooled(None, refused), 48, 3).lines

    assert text(lines).startswith("orders –/– denied: status 403")


def test_the_chart_draws_the_worst_in_per_cent() -> None:
    drawn = pools.zoom(pooled(), TableState(), 150).chart

    assert drawn is not None
    assert (drawn.lines[0].name, drawn.lines[0].values[-1], drawn.top) == ("orders/app", 100.0, 100.0)


def test_readings_stand_in_the_tree_by_name() -> None:
    told = tree(pooled())

    assert told["pools"]["orders/app"]["clients"][0]["backend_pid"] == 4242
    assert told["pools"]["billing"]["waiting"] is None
    assert told["pool"]["name"] == "orders/app"
