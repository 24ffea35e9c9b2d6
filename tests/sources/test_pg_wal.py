"""The log, checkpoints and the archiver of real servers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_columns import PgColumns
from perftui.sources.pg_wal import PgWal, PgWalSample, derive
from tests.findings.pg_storage import wal
from tests.servers import execute, restarted, until
from tests.sources.pg_reading import client_of

SAMPLE = wal(1000, full_page_images=10, buffers=5, by_backends=None, archives=True, archive_failures=1)


def later(**changes: Any) -> PgWalSample:
    return msgspec.structs.replace(SAMPLE, mono=5.0, **changes)


def test_rates() -> None:
    part = derive(SAMPLE, later(position=6000, full_page_images=20, buffers=10, archive_failures=6, write_ms=1500.0))

    assert (part.wal_bytes_per_s, part.full_page_images_per_s) == (1000.0, 2.0)
    assert (part.checkpoints.buffers_per_s, part.checkpoints.backend_buffers_per_s) == (1.0, None)
    assert part.checkpoints.write_s_total == 1.5
    assert part.archiver is not None and part.archiver.failures_per_s == 1.0


@pytest.mark.parametrize("current", [later(position=2000, server_started_at=9.0), later(position=0)])
def test_no_rate_across_a_restart_or_a_failover(current: PgWalSample) -> None:
    assert derive(SAMPLE, current).wal_bytes_per_s is None


@pytest.mark.parametrize(
    ("failed_s", "done_s", "failing"),
    [(None, None, False), (None, 3.0, False), (2.0, None, True), (2.0, 9.0, True), (9.0, 2.0, False)],
)
def test_whether_the_last_attempt_to_archive_failed(
    failed_s: float | None, done_s: float | None, failing: bool
) -> None:
    archiver = derive(None, later(archive_failed_s=failed_s, archive_done_s=done_s)).archiver

    assert archiver is not None and archiver.failing is failing


async def test_without_an_archive_there_is_no_archiver(postgres: OwnPostgres) -> None:
    async with client_of(postgres) as client:
        sample = await PgWal(client, SystemClock(), PgColumns(client)).sample()

    part = derive(None, sample)
    assert part.archiver is None
    assert (part.checkpoints.timeout_s, part.checkpoints.max_wal_bytes) == (300.0, 1 << 30)


async def test_a_small_max_wal_size_asks_for_checkpoints_and_a_broken_archive_fails(postgres: OwnPostgres) -> None:
    """The bytes are those that the server's own difference of positions tells."""
    with restarted(
        postgres, max_wal_size="32MB", min_wal_size="32MB", archive_mode="on", archive_command="/bin/false"
    ) as server:
        async with client_of(server) as client:
            source = PgWal(client, SystemClock(), PgColumns(client))
            first = await source.sample()
            await execute(
                server,
                "create table filled as select g, repeat('x', 400) from generate_series(1, 100000) g",
                "drop table filled",
            )

            async def pressed() -> PgWalSample | None:
                sample = await source.sample()
                return sample if sample.requested - first.requested >= 1 and sample.archive_failures >= 1 else None

            last: PgWalSample = await until(pressed, 15)
            ((position,),) = await client.rows("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8")

    part = derive(first, last)
    assert last.max_wal_bytes == 32 << 20
    assert part.wal_bytes_per_s is not None and part.wal_bytes_per_s > 0
    assert last.position is not None and first.position is not None
    assert 40 << 20 < last.position - first.position <= position - first.position
    assert part.checkpoints.requested_total > first.requested and part.checkpoints.write_s_total >= 0
    assert part.archiver is not None and part.archiver.failing and part.archiver.archived_s is None
