"""A standby that receives and does not replay, while the primary writes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.workload import Session
from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import MAX_CONNECTIONS, Stage, Work
from perftui.model.failure import FailureKind, SourceError
from perftui.model.finding import Constraint

WRITES = 16
"""Of some 8 MB of log each; then it writes on slowly, and the disk needs no more than 300 MB."""


@contextlib.asynccontextmanager
async def paused(stage: Stage) -> AsyncIterator[None]:
    folder = stage.folder / "standby"
    folder.mkdir(mode=0o700)
    where = ("-h", "127.0.0.1", "-p", str(stage.postgres.port), "-U", "postgres")
    options = ("-D", str(folder / "db"), "-R", "-c", "fast", "-X", "stream")
    if stage.postgres.spawn("pg_basebackup", *where, *options, application="standby").wait(60) != 0:
        raise SourceError(FailureKind.UNREACHABLE, "pg_basebackup did not make a standby")
    settings = {"max_connections": str(MAX_CONNECTIONS), "max_prepared_transactions": "2"}
    with OwnPostgres(folder, settings=settings) as standby:
        standby.run("select pg_wal_replay_pause()")
        async with Work() as work, stage.sessions() as new:
            work.start(_write(await new.new("import")))
            yield


async def _write(one: Session) -> None:
    await one.run("create table imported (note text)")
    for _ in range(WRITES):
        await one.run("insert into imported select repeat(md5(g::text), 20) from generate_series(1, 10000) g")
    await one.over_and_over("insert into imported values ('more')", 0.2)


DRILL = Drill(
    name="replication-lag",
    title="a standby no longer replays what it receives",
    fault=paused,
    constraints=(Constraint.IO_BOUND, Constraint.QUERY_BOUND, Constraint.EXTERNAL_BOUND),
    rules=("pg.replication_lag",),
    needs=(needs.postgres,),
    within_s=30.0,
    why="the rule wants four segments of log for 15 s: a burst is caught up in less",
    remedies=("pg_wal_replay_resume() on the standby",),
)
