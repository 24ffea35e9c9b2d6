"""What the server's time goes to, statement by statement: pg_stat_statements, as differences between two readings."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan
from operator import itemgetter
from typing import Any

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.model.own_sql import is_own
from perftui.sources.counters import share
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_text import statement

SHOWN = 100
TEXT_CHARACTERS = 2000
TEXTS_S = 10.0
TEXTS_AGAIN_S = 60.0
"""Texts lie in a file that is read whole for a single one, so they are asked for seldom, and only when new ones are shown.
One that is not in the encoding it claims makes the server refuse all of them; then they are tried again later."""
TEXTS_SLOW_S = 0.2
"""A file that takes longer to read is not read again by itself."""

EXTENSION_SQL = """
select textsend(quote_ident(n.nspname)), array_to_string(p.proargnames, ',')
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  join pg_proc p on p.pronamespace = n.oid and p.proname = 'pg_stat_statements'
 where e.extname = 'pg_stat_statements'
"""
# numeric to int8, and date_part instead of extract, since conversions of numeric by way of text took a third of the time.
ROWS_SQL = """
select userid::int8, dbid::int8, queryid, {toplevel}, calls, total_exec_time, max_exec_time, rows, shared_blks_hit,
       shared_blks_read, temp_blks_written, wal_bytes::int8, {since}
  from {schema}.pg_stat_statements(false)
"""
INFO_SQL = "select dealloc, extract(epoch from stats_reset)::float8 from {schema}.pg_stat_statements_info"
# The list is one literal, so that these texts are one entry of the statistics and not a hundred.
TEXTS_SQL = """
select distinct on (queryid) queryid, substring(textsend(query) from 1 for {bytes})
  from {schema}.pg_stat_statements(true) where queryid = any (string_to_array('{ids}', ',')::int8[])
"""
TEXT_BYTES = 4 * TEXT_CHARACTERS

INTERVAL_S = 5.0
MANY, MANY_STRETCH = 4000, 1.5
"""Each entry costs the server 2 µs at every reading: where so many are kept they are read less often."""
KEPT_TIME_RATIO = 0.05
KEPT_CALLS_RATIO = 0.3
"""A statement with so much of the time, or of the calls, of an interval gets a history of its own."""
SERIES = ("mean_s", "calls_per_s", "rows_per_call", "blocks_per_call", "hit_ratio")


_Key = tuple[Any, ...]
_QUERY_ID, _CALLS, _TOTAL_MS, _SINCE = 2, 4, 5, 12
_NOTHING = (0, 0.0, 0.0, 0, 0, 0, 0, 0)


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
    since_at: float | None = None
    """When the entry was made (17 and newer)."""


class PgStatementsSample(Sample, frozen=True, kw_only=True):
    """The entries that took most time since the reading before, our own left out, each as it was then and is now.

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
    texts_missing: str | None = None
    """Why texts could not be read."""
    evicted: bool = False
    """Entries were thrown out in the interval (14 and newer tell)."""
    unknown: int = 0
    """Entries that appeared in the interval and may be older than it (before 17): not ranked by their lifetime."""
    hidden: int = 0
    """Entries of other roles, which have no identifier for a role without pg_read_all_stats; not among `entries`."""


class StatementReading(msgspec.Struct, frozen=True, kw_only=True):
    """One statement over the interval between two readings."""

    queryid: int
    """Identifier of the statement, as in pg_stat_statements."""
    database_oid: int = 0
    """Database it ran in, as in pg_stat_statements."""
    user_oid: int = 0
    """Role that ran it, as in pg_stat_statements."""
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
    blocks_per_call: float
    """Blocks of 8 KiB that one execution asked for, wherever they were found."""


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
    texts_missing: str | None = None
    """Why texts could not be read; None while they can."""
    hidden: int = 0
    """Entries of other roles that this role may not see; none of the other numbers has them: grant pg_monitor."""


class PgStatementsPart(Part, frozen=True, kw_only=True):
    statements: StatementsReading

    def extra_series(self) -> Iterable[tuple[str, float]]:
        """Of the statements that matter now. Those of one interval are at most 22: of 5,000 that the extension keeps, no more
        than 20 can have a twentieth of the time each."""
        seen: set[int] = set()
        for each in self.statements.top:
            if each.queryid not in seen and _matters(each, self.statements.calls_per_s):
                seen.add(each.queryid)
                for field in SERIES:
                    value = getattr(each, field)
                    yield series(each.queryid, field), nan if value is None else value


def _matters(statement: StatementReading, calls_per_s: float | None) -> bool:
    return statement.time_ratio >= KEPT_TIME_RATIO or statement.calls_per_s >= KEPT_CALLS_RATIO * (calls_per_s or inf)


def series(queryid: int, field: str) -> str:
    """The name under which the history keeps a number of a statement, of the heaviest user of it where there are several."""
    return f"postgres.statements.top.{queryid}.{field}"


class PgStatements:
    """Reads pg_stat_statements(false) every so many seconds, less often when that takes long."""

    name = "pg_statements"
    deadline_s = 2.5

    def __init__(
        self, postgres: PgClient, clock: Clock, control: PgClient | None = None, every_s: float = INTERVAL_S
    ) -> None:
        """Prepare to read.

        Args:
            control: What texts are asked through, so that nobody waits for them; None: as all else.
            every_s: How often, unless that takes long.
        """
        self.interval_s = self._every_s = every_s
        self._postgres = postgres
        self._control = control or postgres
        self._clock = clock
        self._known_connection = -1
        self._schema = ""
        self._columns: frozenset[str] = frozenset()
        self._before: dict[_Key, tuple[Any, ...]] | None = None
        self._before_mono = 0.0
        self._info: tuple[int, float] | None = None
        self._texts: dict[int, str | None] = {}
        self._own: set[int] = set()
        self._texts_due = float("-inf")
        self._texts_missing: str | None = None

    async def sample(self) -> PgStatementsSample:
        """Read once.

        Raises:
            SourceError: MISSING without the extension in this database, UNSUPPORTED when it is not preloaded, or as the
                client tells it.
        """
        if self._postgres.connections != self._known_connection:
            await self._find_extension()
        began = self._clock.mono()
        try:
            rows = await self._postgres.rows(self._rows_sql())
            mono = self._clock.mono()
            evicted, reset = await self._watch_info()
        except SourceError as exc:
            if exc.kind is FailureKind.MISSING:  # dropped, moved or updated under our eyes
                self._known_connection = -1
            raise
        # At most a twentieth of the server's and our time.
        every_s = self._every_s * (MANY_STRETCH if len(rows) > MANY else 1.0)
        self.interval_s = max(every_s, 20 * (mono - began))
        now = {row[:4]: row for row in rows if row[_QUERY_ID] is not None}
        before = None if reset else self._before
        sample = self._compared(now, before, mono, evicted)
        texts = await self._texts_of(sample.now)
        if not self._own.isdisjoint(texts):  # known by their text only
            sample = self._compared(now, before, mono, evicted)
            texts = await self._texts_of(sample.now)
        self._before, self._before_mono = now, mono
        hidden = len(rows) - len(now)
        return msgspec.structs.replace(sample, texts=texts, texts_missing=self._texts_missing, hidden=hidden)

    def _rows_sql(self) -> str:
        since = "date_part('epoch', stats_since)"
        return ROWS_SQL.format(
            schema=self._schema,
            toplevel="toplevel" if "toplevel" in self._columns else "true",
            since=since if "stats_since" in self._columns else "null::float8",
        )

    async def _find_extension(self) -> None:
        found = await self._postgres.rows(EXTENSION_SQL)
        if not found:
            raise SourceError(
                FailureKind.MISSING,
                "pg_stat_statements is not installed in this database; run CREATE EXTENSION pg_stat_statements",
            )
        schema, columns = found[0]
        self._schema = schema.decode("utf-8", "replace")
        self._columns = frozenset(columns.split(","))
        self._known_connection = self._postgres.connections
        self._before, self._info = None, None
        self._texts_due = float("-inf")

    async def _watch_info(self) -> tuple[bool, bool]:
        """(entries were evicted, all were reset) since the last time; 13 can't tell."""
        if "toplevel" not in self._columns:  # came with the info view
            return False, False
        ((dealloc, reset_at),) = await self._postgres.rows(INFO_SQL.format(schema=self._schema))
        before, self._info = self._info, (dealloc, reset_at)
        return (before is not None and dealloc > before[0]), (before is not None and reset_at != before[1])

    def _compared(
        self, now: dict[_Key, tuple[Any, ...]], before: dict[_Key, tuple[Any, ...]] | None, mono: float, evicted: bool
    ) -> PgStatementsSample:
        """Differences of raw rows: of thousands a few have changed, and only those are worth a record."""
        interval_s = None if before is None else mono - self._before_mono
        changed: list[tuple[float, tuple[Any, ...], tuple[Any, ...]]] = []
        unknown = calls = 0
        for key, row in now.items():
            if before is None or interval_s is None:
                break
            if row[_QUERY_ID] in self._own:
                continue
            old = before.get(key)
            if row[_SINCE] is not None and (old is None or old[_SINCE] != row[_SINCE]):
                old = (*key, *_NOTHING, row[_SINCE])
            elif old is None or row[_CALLS] < old[_CALLS]:
                unknown += 1
                continue
            if row[_CALLS] > old[_CALLS]:
                changed.append((row[_TOTAL_MS] - old[_TOTAL_MS], old, row))
                calls += row[_CALLS] - old[_CALLS]
        changed.sort(key=itemgetter(0), reverse=True)
        return PgStatementsSample(
            mono=mono,
            before=tuple(StatementRow(*old) for _, old, _ in changed[:SHOWN]),
            now=tuple(StatementRow(*row) for _, _, row in changed[:SHOWN]),
            interval_s=interval_s,
            total_ms=sum(spent for spent, _, _ in changed),
            total_calls=calls,
            entries=len(now),
            evicted=evicted,
            unknown=unknown,
        )

    async def _texts_of(self, shown: tuple[StatementRow, ...]) -> dict[int, str]:
        """Those that are known; others follow with a later sample. Without them the figures are still worth telling."""
        wanted = {row.query_id for row in shown}
        missing = wanted - self._texts.keys()
        if missing and self._clock.mono() >= self._texts_due:
            ids = ",".join(str(each) for each in sorted(missing))
            began = self._clock.mono()
            try:
                rows = await self._control.rows(TEXTS_SQL.format(schema=self._schema, bytes=TEXT_BYTES, ids=ids))
            except SourceError as exc:
                self._texts_due, self._texts_missing = self._clock.mono() + TEXTS_AGAIN_S, exc.detail
            else:
                took_s = self._clock.mono() - began
                slow = took_s > TEXTS_SLOW_S
                self._texts_due = float("inf") if slow else self._clock.mono() + TEXTS_S
                self._texts_missing = f"reading them took {took_s:.1f} s: Enter reads the chosen one" if slow else None
                self._remember(dict.fromkeys(missing) | dict(rows))
        return {query_id: text for query_id in wanted if (text := self._texts.get(query_id)) is not None}

    def _remember(self, texts: dict[int, bytes | None]) -> None:
        """None stays for a text that is hidden from this role: it is not asked for again and again."""
        if len(self._texts) > 10 * SHOWN:
            self._texts.clear()
        found = {query_id: statement(raw, TEXT_CHARACTERS, TEXT_BYTES) for query_id, raw in texts.items()}
        self._texts |= found
        self._own |= {query_id for query_id, text in found.items() if text and is_own(text)}


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
            texts_missing=current.texts_missing,
            hidden=current.hidden,
            top=tuple(top),
        )
    )


def _reading(before: StatementRow, now: StatementRow, seconds: float, sample: PgStatementsSample) -> StatementReading:
    calls = now.calls - before.calls
    spent_ms = now.total_ms - before.total_ms
    hit, read = now.blocks_hit - before.blocks_hit, now.blocks_read - before.blocks_read
    return StatementReading(
        queryid=now.query_id,
        database_oid=now.database_oid,
        user_oid=now.user_oid,
        query=sample.texts.get(now.query_id),
        calls_per_s=calls / seconds,
        mean_s=spent_ms / 1000 / calls,
        max_s=now.max_ms / 1000,
        time_ratio=spent_ms / sample.total_ms if sample.total_ms > 0 else 0.0,
        rows_per_call=(now.rows - before.rows) / calls,
        hit_ratio=share(hit, hit + read),
        temp_bytes_per_s=(now.temp_blocks - before.temp_blocks) * 8192 / seconds,
        wal_bytes_per_s=(now.wal_bytes - before.wal_bytes) / seconds,
        blocks_per_call=(hit + read) / calls,
    )


KIND = SourceKind(
    name="pg_statements", sample=PgStatementsSample, part=PgStatementsPart, derive=derive, root="postgres", stale_s=30.0
)
