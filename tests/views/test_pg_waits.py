"""Waits have words, in every spelling that a server uses for them."""

from __future__ import annotations

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.views.pg_waits import EVENTS, meaning
from tests.servers import connect, dsn

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
