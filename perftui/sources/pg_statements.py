"""What the server's time goes to, statement by statement: pg_stat_statements, as differences between two readings."""

from __future__ import annotations

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import share
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_text import decoded

SHOWN = 100
TEXT_CHARACTERS = 2000
TEXTS_S = 5.0
"""Texts lie in a file that is read whole for a single one, so they are asked for seldom, and only when new ones are shown."""

EXTENSION_SQL = """
select textsend(n.nspname::text), array_to_string(p.proargnames, ',')
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  join pg_proc p on p.pronamespace = n.oid and p.proname = 'pg_stat_statements'
 where e.extname = 'pg_stat_statements'
"""
ROWS_SQL = """
select userid::int8, dbid::int8, queryid, {toplevel}, calls, total_exec_time, max_exec_time, rows, shared_blks_hit,
       shared_blks_read, temp_blks_written, wal_bytes::float8, {since}
  from {schema}.pg_stat_statements(false) where queryid is not null
"""
INFO_SQL = "select dealloc, extract(epoch from stats_reset)::float8 from {schema}.pg_stat_statements_info"
TEXTS_SQL = """
select distinct on (queryid) queryid, textsend(left(query, {characters}))
  from {schema}.pg_stat_statements(true) where queryid in ({ids})
"""


class StatementRow(msgspec.Struct, frozen=True, array_like=True):
    """One entry's counters since it was made; times in milliseconds, blocks of 8 KiB."""

    user_oid: int
    database_oid: int
    query_id: int
    toplevel: bool
    calls: int
    total_ms: float
    max_ms: float
    """Of its lifetime, not of the interval."""
    rows: int
    blocks_hit: int
    blocks_read: int
    temp_blocks: int
    wal_bytes: float
    age_s: float | None = None
    """Since the entry was made (17 and newer)."""


class PgStatementsSample(Sample, frozen=True, kw_only=True):
    """The entries that took most time since the reading before, each as it was then and is now.

    Both are kept since most entries are idle most of the time: a sample of its own would hold thousands.
    """

    before: tuple[StatementRow, ...]
    """As they were at the reading before; zeros for an entry that was made since. At most 100."""
    now: tuple[StatementRow, ...]
    """The same entries in the same order."""
    interval_s: float | None
    """Since the reading before; None for the first one, whose entries are lifetimes and are not shown."""
    total_ms: float = 0.0
    """Time of all entries in the interval, those that are not among `now` included."""
    total_calls: int = 0
    entries: int
    texts: dict[int, str] = {}
    """By query_id: normalized text of `now`, as far as fetched and visible."""
    evicted: bool = False
    """Entries were thrown out in the interval (14 and newer tell)."""
    unknown: int = 0
    """Entries that appeared in the interval and may be older than it (before 17): not ranked by their lifetime."""


class StatementReading(msgspec.Struct, frozen=True, kw_only=True):
    """One statement over the interval between two readings."""

    queryid: int
    """Identifier of the statement, as in pg_stat_statements."""
    query: str | None
    """Normalized text; None until it was fetched, or where this role may not see it."""
    calls_per_s: float
    """Executions a second."""
    mean_s: float
    """Mean time of the executions that ended in the interval."""
    max_s: float
    """Of its lifetime, not of the interval."""
    time_ratio: float
    """Its share of the time of all statements in the interval."""
    rows_per_call: float
    """Rows returned or changed by one execution."""
    hit_ratio: float | None
    """Blocks found in shared buffers / blocks asked for; None when it asked for none."""
    temp_bytes_per_s: float
    """Written to temporary files."""
    wal_bytes_per_s: float
    """Write-ahead log it made."""


class StatementsReading(msgspec.Struct, frozen=True, kw_only=True):
    slowest_mean_s: float | None
    """Highest mean of the interval; None when nothing ran or nothing was measured yet."""
    calls_per_s: float | None
    """Executions of all statements a second."""
    time_per_s: float | None
    """Seconds of execution per second: how many backends work at it on average."""
    entries: int
    """Statements that the extension keeps."""
    evicted: bool
    """Entries were thrown out in the interval, so the ranking is incomplete: raise pg_stat_statements.max."""
    interval_s: float | None
    """The interval that the differences cover; None before there are two readings."""
    top: tuple[StatementReading, ...]
    """By time, at most 100."""


class PgStatementsPart(Part, frozen=True, kw_only=True):
    statements: StatementsReading


class PgStatements:
    """Reads pg_stat_statements(false) every 5 s, less often when that takes long."""

    name = "pg_statements"
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock) -> None:
        self.interval_s = 5.0
        self._postgres = postgres
        self._clock = clock
        self._known_connection = -1
        self._schema = ""
        self._columns: frozenset[str] = frozenset()
        self._before: dict[tuple[int, int, int, bool], StatementRow] = {}
        self._before_mono = 0.0
        self._info: tuple[int, float] | None = None
        self._texts: dict[int, str] = {}
        self._texts_mono = float("-inf")

    async def sample(self) -> PgStatementsSample:
        """Read once.

        Raises:
            SourceError: MISSING without the extension in this database, UNSUPPORTED when it is not preloaded, or as the
                client tells it.
        """
        if self._postgres.connections != self._known_connection:
            await self._find_extension()
        began = self._clock.mono()
        toplevel = "toplevel" if "toplevel" in self._columns else "true"
        since = (
            "extract(epoch from clock_timestamp() - stats_since)::float8"
            if "stats_since" in self._columns
            else "null::float8"
        )
        rows = [
            StatementRow(*row)
            for row in await self._postgres.rows(ROWS_SQL.format(schema=self._schema, toplevel=toplevel, since=since))
        ]
        mono = self._clock.mono()
        # At most a twentieth of the server's and our time.
        self.interval_s = max(5.0, 20 * (mono - began))
        evicted, reset = await self._watch_info()
        if reset:
            self._before = {}
        sample = self._compared(rows, mono, evicted)
        self._before = {(row.user_oid, row.database_oid, row.query_id, row.toplevel): row for row in rows}
        self._before_mono = mono
        return msgspec.structs.replace(sample, texts=await self._texts_of(sample.now))

    async def _find_extension(self) -> None:
        found = await self._postgres.rows(EXTENSION_SQL)
        if not found:
            raise SourceError(
                FailureKind.MISSING,
                "pg_stat_statements is not installed in this database; run CREATE EXTENSION pg_stat_statements",
            )
        schema, columns = found[0]
        self._schema = '"' + (decoded(schema, 64) or "public").replace('"', '""') + '"'
        self._columns = frozenset(columns.split(","))
        self._known_connection = self._postgres.connections
        self._before, self._info = {}, None

    async def _watch_info(self) -> tuple[bool, bool]:
        """(entries were evicted, all were reset) since the last time; 13 can't tell."""
        if "toplevel" not in self._columns:  # came with the info view
            return False, False
        ((dealloc, reset_at),) = await self._postgres.rows(INFO_SQL.format(schema=self._schema))
        before, self._info = self._info, (dealloc, reset_at)
        return (before is not None and dealloc > before[0]), (before is not None and reset_at != before[1])

    def _compared(self, rows: list[StatementRow], mono: float, evicted: bool) -> PgStatementsSample:
        interval_s = mono - self._before_mono if self._before else None
        pairs: list[tuple[float, StatementRow, StatementRow]] = []
        unknown = calls = 0
        for row in rows if interval_s is not None else ():
            before = self._before.get((row.user_oid, row.database_oid, row.query_id, row.toplevel))
            if before is None or row.calls < before.calls:
                if row.age_s is None or row.age_s > (interval_s or 0.0):
                    unknown += 1
                    continue
                before = StatementRow(
                    row.user_oid, row.database_oid, row.query_id, row.toplevel, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0
                )
            if row.calls > before.calls:
                pairs.append((row.total_ms - before.total_ms, before, row))
                calls += row.calls - before.calls
        pairs.sort(key=lambda pair: -pair[0])
        return PgStatementsSample(
            mono=mono,
            before=tuple(before for _, before, _ in pairs[:SHOWN]),
            now=tuple(now for _, _, now in pairs[:SHOWN]),
            interval_s=interval_s,
            total_ms=sum(spent for spent, _, _ in pairs),
            total_calls=calls,
            entries=len(rows),
            evicted=evicted,
            unknown=unknown,
        )

    async def _texts_of(self, shown: tuple[StatementRow, ...]) -> dict[int, str]:
        wanted = {row.query_id for row in shown}
        missing = wanted - self._texts.keys()
        if missing and self._clock.mono() - self._texts_mono >= TEXTS_S:
            self._texts_mono = self._clock.mono()
            ids = ",".join(str(each) for each in sorted(missing))
            rows = await self._postgres.rows(TEXTS_SQL.format(schema=self._schema, characters=TEXT_CHARACTERS, ids=ids))
            if len(self._texts) > 10 * SHOWN:
                self._texts.clear()
            self._texts |= {
                query_id: decoded(text, TEXT_CHARACTERS) or "" for query_id, text in rows if text is not None
            }
        return {query_id: self._texts[query_id] for query_id in wanted if query_id in self._texts}


def derive(previous: PgStatementsSample | None, current: PgStatementsSample) -> PgStatementsPart:
    """Readings of the interval that the sample itself spans."""
    seconds = current.interval_s
    top = [
        _reading(before, now, seconds, current)
        for before, now in zip(current.before, current.now, strict=True)
        if seconds
    ]
    return PgStatementsPart(
        statements=StatementsReading(
            slowest_mean_s=max((each.mean_s for each in top), default=None),
            calls_per_s=current.total_calls / seconds if seconds else None,
            time_per_s=current.total_ms / 1000 / seconds if seconds else None,
            entries=current.entries,
            evicted=current.evicted,
            interval_s=seconds,
            top=tuple(top),
        )
    )


def _reading(before: StatementRow, now: StatementRow, seconds: float, sample: PgStatementsSample) -> StatementReading:
    calls = now.calls - before.calls
    spent_ms = now.total_ms - before.total_ms
    hit, read = now.blocks_hit - before.blocks_hit, now.blocks_read - before.blocks_read
    return StatementReading(
        queryid=now.query_id,
        query=sample.texts.get(now.query_id),
        calls_per_s=calls / seconds,
        mean_s=spent_ms / 1000 / calls,
        max_s=now.max_ms / 1000,
        time_ratio=spent_ms / sample.total_ms if sample.total_ms > 0 else 0.0,
        rows_per_call=(now.rows - before.rows) / calls,
        hit_ratio=share(hit, hit + read),
        temp_bytes_per_s=(now.temp_blocks - before.temp_blocks) * 8192 / seconds,
        wal_bytes_per_s=(now.wal_bytes - before.wal_bytes) / seconds,
    )


KIND = SourceKind(
    name="pg_statements", sample=PgStatementsSample, part=PgStatementsPart, derive=derive, root="postgres", stale_s=30.0
)
