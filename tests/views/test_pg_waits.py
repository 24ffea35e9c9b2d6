"""Waits have words, in every spelling that a server uses for them."""

from __future__ import annotations

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.drills.long_statements import unread
from perftui.sources.pg_activity import derive
from perftui.views.model import TableState
from perftui.views.pg_locks import zoom
from perftui.views.pg_waits import EVENTS, meaning
from tests.servers import Clients, connect, dsn, execute, until
from tests.sources.test_pg_session import Look, looking
from tests.views.pg_scenes import database

OF_AN_EXTENSION = {("LWLock", "pg_stat_statements")}
NOT_SHOWN = {"Activity", "Lock", "InjectionPoint"}
"""Idle processes, locks that stand in the tree, and what only the server's own tests wait for."""


@pytest.mark.parametrize("postgres", [18], indirect=True)
async def test_every_event_that_is_explained_exists_and_every_kind_has_words(postgres: OwnPostgres) -> None:
    session = await connect(dsn(postgres))
    rows = await session.fetch("select type, name from pg_wait_events")
    await session.close()
    known = {(row["type"], row["name"].lower()) for row in rows}

    assert {(kind, event) for kind, event in EVENTS if (kind, event.lower()) not in known} == OF_AN_EXTENSION
    assert {kind for kind, event in known - {("Extension", "")} if not meaning(kind, event)} <= NOT_SHOWN


@pytest.mark.parametrize(
    ("kind", "before_17", "from_17"),
    [
        ("IO", "WALSync", "WalSync"),
        ("IO", "WALWrite", "WalWrite"),
        ("IO", "BufFileRead", "BuffileRead"),
        ("IPC", "BgWorkerShutdown", "BgworkerShutdown"),
        ("IPC", "BufferIO", "BufferIo"),
    ],
)
def test_17_spells_some_events_differently(kind: str, before_17: str, from_17: str) -> None:
    assert meaning(kind, before_17) == meaning(kind, from_17) != meaning(kind, "something else")


@pytest.mark.parametrize(
    ("kind", "event"),
    [("LWLock", "OidGen"), ("IO", "TwophaseFileRead"), ("Client", "SslOpenServer"), ("BufferPin", "BufferPin")],
)
def test_what_is_rare_is_explained_by_its_kind(kind: str, event: str) -> None:
    assert meaning(kind, event)
    assert meaning("Unheard", "Of") == ""


async def test_contention_made_for_real_stands_among_the_waits_with_its_words(
    postgres: OwnPostgres, clients: Clients
) -> None:
    """A client that does not read, a cursor that keeps vacuum from a page, a sleep; storage that is slow is made by hand."""
    await execute(
        postgres, "drop table if exists pt_pinned", "create table pt_pinned as select g from generate_series(1, 9) g"
    )
    reader, vacuum, sleeper = [await clients.new(name) for name in ("cursor", "vacuum", "sleeper")]
    await reader.execute("begin; declare pt_cursor cursor for select * from pt_pinned; fetch 1 from pt_cursor")
    clients.start(vacuum, "vacuum (freeze, disable_page_skipping) pt_pinned")
    clients.start(sleeper, "select pg_sleep(30)")
    with unread(postgres.port, b"postgres"):
        async with looking(postgres) as look:
            await until(lambda: all_told(look))


async def all_told(look: Look) -> bool:
    """Whether the four stand in the table of the locks' zoom with the words for them."""
    part = derive(None, await look())
    table = zoom(database(1, pg_activity=part), TableState(), 200).table
    assert table is not None
    return {row.key: row.cells[-1][0] for row in table.rows} == {
        f"wait:{kind} {event}": meaning(kind, event)
        for kind, event in (
            ("BufferPin", "BufferPin"),
            ("Client", "ClientRead"),
            ("Client", "ClientWrite"),
            ("Timeout", "PgSleep"),
        )
    }
