"""Replication of real servers: a standby that follows, pauses, stands still, is cut off; slots that keep log and are lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_columns import PgColumns
from perftui.sources.pg_followers import PgReplication
from perftui.sources.pg_replication import PgReplicationPart, PgReplicationSample, derive
from perftui.sources.pg_vacuum import PgVacuum
from tests.findings.pg_storage import replication, sender, slot, standby
from tests.servers import SETTINGS, connect, dsn, execute, until
from tests.sources.pg_reading import client_of

MIB = 1 << 20
REPLICATING = {
    **SETTINGS,
    "max_wal_size": "32MB",
    "min_wal_size": "32MB",
    "wal_level": "logical",
    "max_standby_streaming_delay": "100ms",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
}


class Pair(NamedTuple):
    primary: OwnPostgres
    standby: OwnPostgres


@pytest.fixture(scope="module")
def pair(postgres: OwnPostgres) -> Iterator[Pair]:
    """A primary and its standby on a slot. The copy is that of a stopped server: the build of 13 has no pg_basebackup."""
    with tempfile.TemporaryDirectory(prefix="perftui-pair-") as folder:
        primary = OwnPostgres(Path(folder) / "one", postgres.binaries, REPLICATING).start()
        place = Path(folder) / "two"
        try:
            primary.stop()
            place.mkdir(mode=0o700)
            shutil.copytree(primary.folder / "db", place / "db")
            (place / "db" / "standby.signal").touch()
            shutil.chown(place, *(os.stat(primary.folder)[4:6]))
            conninfo = f"host=127.0.0.1 port={primary.port} user=postgres application_name=s1"
            primary.start()
            follows = {**REPLICATING, "primary_conninfo": conninfo, "primary_slot_name": "s1"}
            asyncio.run(execute(primary, "select pg_create_physical_replication_slot('s1', true)"))
            with OwnPostgres(place, postgres.binaries, follows) as second:
                yield Pair(primary, second)
        finally:
            primary.stop()


Look = Callable[[], Awaitable[PgReplicationPart]]


@contextlib.asynccontextmanager
async def looking(server: OwnPostgres, user: str = "postgres") -> AsyncIterator[Look]:
    async with client_of(server, user=user) as client:
        source = PgReplication(client, SystemClock(), PgColumns(client))
        previous: PgReplicationSample | None = None

        async def look() -> PgReplicationPart:
            nonlocal previous
            sample = await source.sample()
            part, previous = derive(previous, sample), sample
            return part

        yield look


async def so(look: Look, true: Callable[[Any], Any]) -> PgReplicationPart:
    """The first reading of which something is true."""

    async def found() -> PgReplicationPart | None:
        part = await look()
        return part if true(part) else None

    part: PgReplicationPart = await until(found)
    return part


async def write(server: OwnPostgres, mib: int) -> None:
    """So much log."""
    await execute(
        server,
        "create table if not exists filled (note text)",
        f"insert into filled select repeat('x', 1000) from generate_series(1, {mib * 950})",
    )


def caught_up(part: PgReplicationPart) -> bool:
    return [each.lag_bytes for each in part.replication] == [0]


async def test_a_standby_that_follows(pair: Pair) -> None:
    async with looking(pair.primary) as at_primary, looking(pair.standby) as at_standby:
        await write(pair.primary, 1)
        part = await so(at_primary, caught_up)
        own = await so(at_standby, lambda each: each.standby and each.standby.lag_bytes == 0)

    (replica,) = part.replication
    assert (replica.name, replica.state, replica.sync_state, replica.slot) == ("s1", "streaming", "async", "s1")
    assert (replica.client, replica.unsent_bytes, part.standby) == ("127.0.0.1", 0, None)
    (kept,) = part.slots
    assert (kept.name, kept.kind, kept.active, kept.wal_status) == ("s1", "physical", True, "reserved")
    assert kept.inactive_s is None and kept.safe_wal_bytes is None and part.slot_limit_bytes is None
    assert part.data_directory == str(pair.primary.folder / "db") and part.same_host
    assert own.standby is not None
    assert (own.standby.receiver, own.standby.receiving, own.standby.paused) == ("streaming", True, False)
    assert own.standby.sender == f"127.0.0.1:{pair.primary.port}" and own.standby.lag_s == 0.0
    assert own.replication == ()


async def test_a_paused_replay_is_lag_that_is_on_the_standbys_disk(pair: Pair) -> None:
    async with looking(pair.primary) as at_primary, looking(pair.standby) as at_standby:
        await execute(pair.standby, "select pg_wal_replay_pause()")
        try:
            await write(pair.primary, 6)
            part = await so(at_primary, lambda each: each.replication[0].lag_bytes > 5 * MIB)
            sent = await so(at_primary, lambda each: each.replication[0].unflushed_bytes < MIB)
            own = await so(at_standby, lambda each: (each.standby.lag_bytes or 0) > 5 * MIB)
        finally:
            await execute(pair.standby, "select pg_wal_replay_resume()")
        await so(at_primary, caught_up)

    assert part.replication_lag_bytes == part.replication[0].lag_bytes
    assert (sent.replication[0].lag_bytes or 0) > 5 * MIB
    assert own.standby is not None and own.standby.paused and own.replication_lag_bytes == own.standby.lag_bytes
    assert own.standby.lag_s is not None and own.standby.lag_s > 0


async def test_of_a_receiver_that_stands_still_the_bytes_tell_and_the_time_does_not(pair: Pair) -> None:
    async with looking(pair.primary) as at_primary, client_of(pair.standby) as client:
        await so(at_primary, caught_up)
        ((receiver,),) = await client.rows("select pid::int8 from pg_stat_wal_receiver")
        os.kill(receiver, signal.SIGSTOP)
        try:
            await write(pair.primary, 4)
            before = await so(at_primary, lambda each: each.replication[0].lag_bytes > 3 * MIB)
            await write(pair.primary, 4)
            part = await so(at_primary, lambda each: each.replication[0].lag_bytes > 7 * MIB)
        finally:
            os.kill(receiver, signal.SIGCONT)
        await so(at_primary, caught_up)

    assert part.replication[0].lag_s == before.replication[0].lag_s
    assert (part.replication[0].unflushed_bytes or 0) > 7 * MIB
    assert part.replication[0].state == "streaming"


async def test_queries_that_replay_cancels_are_counted(pair: Pair) -> None:
    await execute(pair.primary, "create table rows_seen as select g from generate_series(1, 1000) g")
    async with looking(pair.primary) as at_primary, looking(pair.standby) as at_standby:
        await so(at_primary, caught_up)
        reader = await connect(dsn(pair.standby), timeout=10)
        try:
            await reader.execute("begin isolation level repeatable read; select count(*) from rows_seen")
            before = await so(at_standby, lambda each: each.standby)
            assert before.standby is not None
            known = before.standby.conflicts_total
            await execute(pair.primary, "delete from rows_seen", "vacuum rows_seen")
            after = await so(at_standby, lambda each: each.standby.conflicts_total > known)
        finally:
            reader.terminate()

    assert after.standby is not None
    assert after.standby.conflicts_per_s is None or after.standby.conflicts_per_s >= 0


async def test_what_a_standby_asks_for_holds_back_vacuum_by_its_slot_or_by_itself(pair: Pair) -> None:
    async with client_of(pair.primary) as client:
        source = PgVacuum(client, SystemClock())

        async def kinds() -> set[tuple[str, str]]:
            return {(each.kind, each.name) for each in (await source.sample()).holders}

        async def holds(kind: str) -> None:
            async def held() -> bool:
                return (kind, "s1") in await kinds()

            await until(held)

        async def reload(*settings: str) -> None:
            await execute(pair.standby, *settings, "select pg_reload_conf()")

        try:
            await reload("alter system set hot_standby_feedback = on")
            await holds("slot")
        finally:
            await reload("alter system reset all")

        async def nobody() -> bool:
            return not await kinds()

        await until(nobody)


async def test_a_standby_that_is_cut_off_says_so(pair: Pair) -> None:
    async with looking(pair.standby) as at_standby:
        await so(at_standby, lambda each: each.standby.receiving)
        pair.primary.stop()
        try:
            part = await so(at_standby, lambda each: not each.standby.receiving)
        finally:
            pair.primary.start()
        await so(at_standby, lambda each: each.standby.receiving)

    assert part.standby is not None
    assert part.standby.receiver is None and part.standby.received and part.standby.lag_s is not None


async def test_a_slot_that_nobody_uses_keeps_log_and_is_lost(pair: Pair) -> None:
    create = "select pg_create_physical_replication_slot('forgotten', true)"
    segment = ["select pg_logical_emit_message(false, 'x', 'x')", "select pg_switch_wal()"]
    limit = ["alter system set max_slot_wal_keep_size = '64MB'", "select pg_reload_conf()"]
    unlimited = ["alter system reset max_slot_wal_keep_size", "select pg_reload_conf()"]

    def forgotten(part: PgReplicationPart) -> Any:
        return next(each for each in part.slots if each.name == "forgotten")

    async with looking(pair.primary) as look, client_of(pair.primary) as client:
        await execute(pair.primary, create)
        try:
            for _ in range(3):
                await execute(pair.primary, *segment)
            kept = forgotten(await so(look, lambda each: forgotten(each).retained_bytes > 40 * MIB))
            ((theirs, version),) = await client.rows(
                "select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8, current_setting('server_version_num')::int8"
                " from pg_replication_slots"
                " where slot_name = 'forgotten'"
            )
            await so(look, caught_up)
            await execute(pair.primary, *limit)
            limited = await so(look, lambda each: each.slot_limit_bytes == 64 * MIB)
            for _ in range(6):
                await execute(pair.primary, *segment)
                await so(look, caught_up)
            await so(look, caught_up)
            await execute(pair.primary, "checkpoint")
            part = await so(look, lambda each: forgotten(each).wal_status == "lost")
        finally:
            await execute(pair.primary, *unlimited, "select pg_drop_replication_slot('forgotten')")

    assert 40 * MIB < kept.retained_bytes <= theirs
    assert not kept.active and kept.wal_status in ("reserved", "extended")
    assert forgotten(limited).safe_wal_bytes is not None
    lost = forgotten(part)
    assert (part.slots_lost, lost.retained_bytes, lost.safe_wal_bytes) == (1, None, None)
    if version >= 170000:
        assert kept.inactive_s is not None and kept.inactive_s >= 0
        assert lost.invalidation_reason == "wal_removed"


async def test_without_rights_who_follows_is_known_and_not_how(pair: Pair) -> None:
    await execute(pair.primary, "create role bare login")
    try:
        async with looking(pair.primary, "bare") as look:
            part = await look()
    finally:
        await execute(pair.primary, "drop role bare")

    (replica,) = part.replication
    assert (replica.name, replica.state, replica.lag_bytes, replica.lag_s) == ("s1", None, None, None)
    assert part.replication_lag_bytes is None and part.data_directory is None
    assert [each.name for each in part.slots] == ["s1"]


def test_standbys_of_one_name_are_told_apart_by_place_or_pid() -> None:
    rows = (
        sender(5, "walreceiver", pid=1, client="10.0.0.1"),
        sender(4, "walreceiver", pid=2, client="10.0.0.2"),
        sender(3, "walreceiver", pid=3, client="10.0.0.2"),
        sender(2, "", pid=4, client=None),
        sender(-1, "ahead", pid=5),
    )
    sample = replication(*rows, slots=(slot("used", active=True, active_pid=3),))
    assert isinstance(sample, PgReplicationSample)
    part = derive(None, sample)

    assert [(each.name, each.lag_bytes) for each in part.replication] == [
        ("walreceiver 10.0.0.1", 5),
        ("walreceiver pid 2", 4),
        ("walreceiver pid 3", 3),
        ("pid 4", 2),
        ("ahead", 0),
    ]
    assert [each.slot for each in part.replication] == [None, None, "used", None, None]


def test_conflicts_a_second_and_none_after_a_reset() -> None:
    def sample(mono: float, conflicts: int) -> PgReplicationSample:
        found = replication(standby=standby(100, 100, conflicts=conflicts))
        assert isinstance(found, PgReplicationSample)
        return msgspec.structs.replace(found, mono=mono)

    rates = [derive(sample(0.0, 4), sample(5.0, after)).standby for after in (14, 0)]

    assert [each.conflicts_per_s for each in rates if each] == [2.0, None]
