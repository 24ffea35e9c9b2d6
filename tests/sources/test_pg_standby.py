"""The sources on a standby, which is read only and replays what the primary does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_activity import derive
from tests.clients.test_postgres import Watched, watching
from tests.servers import SETTINGS, dsn, until


@pytest.fixture
def standby(postgres: OwnPostgres) -> Iterator[OwnPostgres]:
    if not (postgres.binaries / "pg_basebackup").exists():
        pytest.skip("this build of Postgres has no pg_basebackup")
    with tempfile.TemporaryDirectory(prefix="perftui-standby-") as folder:
        place = Path(folder) / "pg"
        place.mkdir(mode=0o700)
        copy = postgres.spawn("pg_basebackup", "-d", dsn(postgres), "-D", str(place / "db"), "-R", "-c", "fast")
        assert copy.wait(30) == 0
        # In words that any libpq knows: a build may load the system's, which is older than itself.
        primary = {"primary_conninfo": f"host=127.0.0.1 port={postgres.port} user=postgres"}
        with OwnPostgres(place, postgres.binaries, {**SETTINGS, **primary}) as server:
            yield server


async def test_a_standby_is_one_and_works(standby: OwnPostgres, postgres: OwnPostgres) -> None:
    async with watching(dsn(standby)) as watched:
        sample = await watched.works()
        counters = await watched.counters.sample()

    part = derive(None, sample)
    assert part.role == "standby"
    assert counters.oldest_xid_age
    async with watching(dsn(postgres)) as primary:
        await until(partial(streams, primary))
    assert derive(None, sample).connections.used == 1


async def streams(primary: Watched) -> bool:
    return [row.backend_type for row in (await primary.works()).sessions].count("walsender") == 1
