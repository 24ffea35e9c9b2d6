"""The console of real PgBouncers: what it answers, and how it fails."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from perftui.clients import pgbouncer
from perftui.clients.own_postgres import OwnPostgres, free_port
from perftui.clients.pgbouncer import PgBouncer as Console
from perftui.clients.simple_query import Row
from perftui.model.failure import FailureKind, SourceError
from tests.poolers import PgBouncer, clients_at_work, pgbouncer_version, pooled_postgres, pooler, through
from tests.servers import until

__all__ = ["pgbouncer_version", "pooled_postgres", "pooler"]


async def asked(console: Console, command: str = "SHOW POOLS", columns: Sequence[str] = ("database",)) -> list[Row]:
    """The answer, or the failure that is left when it no longer connects."""

    async def answer() -> list[Row] | SourceError | None:
        try:
            return await console.rows(command, columns)
        except SourceError as exc:
            return None if "connecting…" in exc.detail else exc

    found = await until(answer)
    if isinstance(found, SourceError):
        raise found
    rows: list[Row] = found
    return rows


@pytest.fixture
async def console(pooler: PgBouncer) -> AsyncIterator[Console]:
    found = Console(pooler.console(), time.monotonic)
    yield found
    await found.close()


async def test_columns_come_by_name_and_agree_with_what_psql_reads(pooler: PgBouncer, console: Console) -> None:
    rows = await asked(console, "SHOW DATABASES", ("pool_size", "name", "column_of_tomorrow"))
    by_psql = pooler.ask("SHOW DATABASES")

    assert [row[:2] for row in rows] == [(row["pool_size"], row["name"]) for row in by_psql]
    assert ("3", "app", None) in rows


async def test_questions_at_the_same_time_get_their_own_answers(console: Console) -> None:
    await asked(console)
    answers = await asyncio.gather(
        *(
            console.rows("SHOW LISTS", ("list",)) if odd % 2 else console.rows("SHOW VERSION", ("version",))
            for odd in range(20)
        )
    )

    assert {len(answer) for answer in answers[::2]} == {1}
    assert all(("databases",) in answer for answer in answers[1::2])


async def test_a_refused_command_leaves_the_connection_as_it_was(pooler: PgBouncer, console: Console) -> None:
    await asked(console)
    for command, kind in (("PAUSE app", FailureKind.DENIED), ("SHOW NONSENSE", FailureKind.UNSUPPORTED)):
        with pytest.raises(SourceError) as told:
            await console.rows(command, ())
        assert told.value.kind is kind
    assert await console.rows("SHOW VERSION", ("version",))
    assert console.connections == 1


@pytest.mark.parametrize(
    ("user", "kind", "words"),
    [
        ("postgres:pw", FailureKind.DENIED, "stats_users"),
        ("stats:wrong-secret", FailureKind.DENIED, "authentication failed"),
        ("nobody:wrong-secret", FailureKind.DENIED, "stats_users"),
    ],
)
async def test_who_may_not_read_it_is_told_what_to_do(
    pooler: PgBouncer, user: str, kind: FailureKind, words: str
) -> None:
    console = Console(f"postgresql://{user}@127.0.0.1:{pooler.port}/pgbouncer", time.monotonic)
    with pytest.raises(SourceError) as told:
        await asked(console)
    await console.close()

    assert (told.value.kind, words in told.value.detail) == (kind, True), told.value.detail
    assert "wrong-secret" not in repr(told.value)


async def test_the_password_may_stand_in_the_environment_or_a_password_file(
    pooler: PgBouncer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:pgbouncer:stats:s3cret\n")
    passwords.chmod(0o600)
    for name, value in (("PGPASSWORD", "s3cret"), ("PGPASSFILE", str(passwords))):
        with monkeypatch.context() as environment:
            environment.setenv(name, value)
            console = Console(f"postgresql://stats@127.0.0.1:{pooler.port}", time.monotonic)
            assert await asked(console)
            await console.close()


async def test_a_restart_is_found_again(pooler: PgBouncer, console: Console) -> None:
    await asked(console)
    pooler.restart()

    async def again() -> list[Row] | None:
        try:
            return await console.rows("SHOW VERSION", ("version",))
        except SourceError as exc:
            assert exc.kind is FailureKind.UNREACHABLE
            return None

    assert await until(again)
    assert console.connections == 2


async def test_one_that_hangs_is_given_up_and_found_again(
    pooler: PgBouncer, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgbouncer, "ANSWER_S", 0.2)
    await asked(console)
    os.kill(pooler.pid, signal.SIGSTOP)
    try:
        with pytest.raises(SourceError) as told:
            await console.rows("SHOW POOLS", ())
        assert told.value.kind is FailureKind.TIMED_OUT
    finally:
        os.kill(pooler.pid, signal.SIGCONT)
    with pytest.raises(SourceError):  # the answer that came late is nobody's
        await console.rows("SHOW VERSION", ("version",))
    await until(lambda: _answers(console))


async def _answers(console: Console) -> bool:
    try:
        return "PgBouncer" in str(await console.rows("SHOW VERSION", ("version",)))
    except SourceError:
        return False


async def test_the_console_lets_us_in_when_no_client_is_let_in_any_more(pooler: PgBouncer, console: Console) -> None:
    pooler.ask("SET max_client_conn = 2")
    try:
        async with clients_at_work(pooler, 2):
            with pytest.raises(Exception, match="max_client_conn"):
                await through(pooler)
            assert ("app",) in await asked(console)
    finally:
        pooler.ask("SET max_client_conn = 100")


@pytest.mark.parametrize(
    ("dsn", "kind"),
    [
        ("postgresql://stats:s3cret@127.0.0.1:{closed}", FailureKind.UNREACHABLE),
        ("postgresql://postgres@127.0.0.1:{postgres}", FailureKind.UNSUPPORTED),
        ("postgresql://stats:s3/cret@127.0.0.1:1", FailureKind.MISSING),
        ("mysql://stats:s3cret@127.0.0.1", FailureKind.MISSING),
    ],
    ids=["nobody listens", "a Postgres", "a password that splits the address", "another scheme"],
)
async def test_places_that_are_no_pooler(pooled_postgres: OwnPostgres, dsn: str, kind: FailureKind) -> None:
    console = Console(dsn.format(closed=free_port(), postgres=pooled_postgres.port), time.monotonic)
    with pytest.raises(SourceError) as told:
        await asked(console)
    await console.close()

    assert told.value.kind is kind, told.value.detail
    assert "s3" not in told.value.detail
    assert told.value.detail.startswith("pgbouncer: ")
    assert told.value.detail.isprintable()
