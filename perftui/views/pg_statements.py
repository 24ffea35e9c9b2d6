"""Slow statements: what the server's time goes to, as differences between two readings of pg_stat_statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, StatementsReading
from perftui.views.charts import chart
from perftui.views.format import count, duration, latency, percent, rate
from perftui.views.layout import Group, Stretch, flow, labelled, short, wrapped
from perftui.views.model import Chart, Line, Pane, Role, Span, TableState, Zoom
from perftui.views.pg_running import SESSION_ROW, long_line, long_ones, running_table
from perftui.views.pg_sessions import SessionSubject, backend_subject
from perftui.views.pg_statement import OpenedStatement, key_of
from perftui.views.postgres import Trouble, after_trouble, hidden_words, silent_zoom, trouble, trouble_lines
from perftui.views.tables import Field, figure, table, text_lines
from perftui.views.tone import pane_of, tone

KEY, TITLE = "statements", "Slow statements"
RUNNING_TITLE = "Running queries"
LONG = "pg.long_statement"
SOURCE = "pg_statements"
MEASURING = "first interval is being measured"
MILLISECONDS = 1000.0


class Statement(msgspec.Struct, frozen=True):
    key: str
    reading: StatementReading


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """The statements that took most of the interval's time, a line each."""
    part, problem = snapshot.history.known(PgStatementsPart), _trouble(snapshot)
    now = _long_lines(snapshot, width, max(1, height // 3))
    if part is None and trouble(snapshot) is None:
        # What runs is known without the extension.
        reason = wrapped(problem.words, width, Role.WARNING) if problem else wrapped(MEASURING, width, Role.DIM)
        lines = (*reason[: max(1, height - len(now))], *now) if height > 1 else now or reason
        return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=lines[:height])
    ended = (lambda room: _lines(snapshot, part.statements, width, room)) if part else None
    title = _title(part.statements) if part and problem is None else TITLE
    return Pane(title=title, tone=tone(snapshot, KEY), lines=after_trouble(problem, ended, width, height))


def _long_lines(snapshot: Snapshot, width: int, most: int) -> tuple[Line, ...]:
    """Statements that take long and have not ended, so that no ranking of ended ones tells them."""
    part = snapshot.history.latest(PgActivityPart)
    return tuple(long_line(group, width) for group in long_ones(part)[:most]) if part else ()


def _trouble(snapshot: Snapshot) -> Trouble | None:
    """The server's own comes first; without the extension the other panes live on."""
    own = trouble(snapshot, SOURCE)
    if own is not None and own.reason.startswith(("missing", "unsupported")):
        own = Trouble(f"no pg_stat_statements: {own.reason}", own.age_s)
    return trouble(snapshot) or own


def _title(statements: StatementsReading) -> str:
    if statements.calls_per_s is None or statements.hidden:
        return TITLE
    return f"{TITLE} · {count(statements.calls_per_s).strip()} calls/s"


def _lines(snapshot: Snapshot, statements: StatementsReading, width: int, height: int) -> tuple[Line, ...]:
    now = _long_lines(snapshot, width, max(1, height // 3))
    if height < 3:
        ended = tuple(_words(reading, statements, width) for reading in statements.top[:height])
        both = (*now, *ended) if _still_running(snapshot) else (*ended, *now)
        return (both or _nothing(snapshot, statements, width))[:height]
    if not statements.top:
        return (*_nothing(snapshot, statements, width), *now)[:height]
    notes = _notes(snapshot, statements, width)[: max(0, height - 4 - len(now))]
    items = _statements(statements)[: height - 1 - len(notes) - len(now)]
    return (*text_lines(_PANE_FIELDS, items, width), *now, *notes)


def _still_running(snapshot: Snapshot) -> bool:
    """Whether the worst that is said of statements is said of one that has not ended."""
    worst = next((finding for finding in snapshot.findings if pane_of(finding.rule) == KEY), None)
    return worst is not None and worst.rule == LONG


def _empty(statements: StatementsReading) -> str:
    if statements.interval_s is None:
        return MEASURING
    return f"no statement ended in the last {duration(statements.interval_s)}"


def _nothing(snapshot: Snapshot, statements: StatementsReading, width: int) -> tuple[Line, ...]:
    """Why nothing is ranked: that none of ours ended says little where those of others are hidden."""
    return wrapped(_hidden(snapshot, statements), width, Role.WARNING) or wrapped(_empty(statements), width, Role.DIM)


def _hidden(snapshot: Snapshot, statements: StatementsReading) -> str:
    if not statements.hidden:
        return ""
    return (
        hidden_words(snapshot.history.known(PgActivityPart), "statements") or f"{statements.hidden} are of other roles"
    )


def _words(reading: StatementReading, statements: StatementsReading, width: int) -> Line:
    """One statement in one line: its share, its mean, how often, its text."""

    def query(room: int) -> Line:
        return ((short(_text(reading)[0], room), Role.TEXT),)

    pieces: Group = [
        ((percent(reading.time_ratio), Role.STRONG),),
        labelled("mean", latency(reading.mean_s)),
        (
            (count(reading.calls_per_s).strip(), Role.TEXT),
            ("/s" if statements.hidden else f" of {count(statements.calls_per_s).strip()}/s", Role.DIM),
        ),
        Stretch(8, 400, query),
    ]
    (line,) = flow([pieces], width, 1, essential=0) or ((),)
    return line


def _notes(snapshot: Snapshot, statements: StatementsReading, width: int) -> tuple[Line, ...]:
    """What makes the ranking less than it looks."""
    evicted = "entries were evicted: ranking incomplete" if statements.evicted else ""
    hidden = _hidden(snapshot, statements)
    missing = f"no texts: {statements.texts_missing.removeprefix('postgres: ')}" if statements.texts_missing else ""
    return tuple(line for note in (evicted, hidden, missing) for line in wrapped(note, width, Role.WARNING))


def _statements(statements: StatementsReading) -> list[Statement]:
    """One queryid may stand for several users or databases: the second of them is told apart by its place."""
    seen: Counter[int] = Counter()
    found = []
    for reading in statements.top:
        seen[reading.queryid] += 1
        found.append(Statement(f"{reading.queryid}:{seen[reading.queryid]}", reading))
    return found


def subject(snapshot: Snapshot, row: str) -> OpenedStatement | SessionSubject | None:
    """The statement of a row, or the session that runs one."""
    if row.startswith(SESSION_ROW):
        return backend_subject(snapshot, row.removeprefix(SESSION_ROW))
    part = snapshot.history.known(PgStatementsPart)
    found = next((each.reading for each in _statements(part.statements) if each.key == row), None) if part else None
    return OpenedStatement(key=key_of(found), brief=found.query) if found else None


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Every statement of the interval; the chart shows how often when sorted by that, otherwise how slow."""
    part, activity = snapshot.history.known(PgStatementsPart), snapshot.history.known(PgActivityPart)
    problem = _trouble(snapshot)
    if activity and (state.turned or part is None):
        return _running_zoom(snapshot, activity, state, width, problem, turn="ended" if part else "")
    if part is None:
        return silent_zoom(snapshot, KEY, TITLE, problem or Trouble(MEASURING, None), width)
    statements = part.statements
    groups: list[Group] = [
        [
            labelled("calls/s", count(statements.calls_per_s)),
            labelled("slowest mean", latency(statements.slowest_mean_s)),
            labelled("interval", duration(statements.interval_s)),
            labelled("entries", count(statements.entries)),
            (("max is of the entry's whole life", Role.DIM),),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=_chart(snapshot, state),
        lines=(
            *trouble_lines(problem, width),
            *flow(groups, width, 2, essential=1),
            *_notes(snapshot, statements, width),
        ),
        table=table(
            _FIELDS,
            _statements(statements),
            state,
            width,
            default="time",
            key=lambda each: each.key,
            found_by=lambda each: f"{each.reading.queryid} {each.reading.query or ''}",
            empty=_empty(statements),
        ),
        turn="running" if activity else "",
    )


def _running_zoom(
    snapshot: Snapshot, part: PgActivityPart, state: TableState, width: int, problem: Trouble | None, turn: str
) -> Zoom:
    """What runs now; all there is where pg_stat_statements can't be read."""
    return Zoom(
        title=RUNNING_TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "at work", "backends", 1.0, [("active", "postgres.connections.active")]),
        lines=(
            *trouble_lines(problem, width),
            *wrapped(hidden_words(part, "states and texts"), width, Role.WARNING),
        ),
        table=running_table(part, state, width),
        turn=turn,
    )


def _chart(snapshot: Snapshot, state: TableState) -> Chart:
    if state.sort == "calls":
        readings = [("all statements", "postgres.statements.calls_per_s")]
        return chart(snapshot, state, "calls", "1/s", 1.0, readings)
    readings = [("slowest mean", "postgres.statements.slowest_mean_s")]
    return chart(snapshot, state, "mean time of a call", "ms", MILLISECONDS, readings)


def _text(reading: StatementReading) -> Span:
    """The text, or the identifier until the text is known."""
    return (reading.query, Role.TEXT) if reading.query else (f"queryid {reading.queryid}", Role.DIM)


def _time(each: Statement) -> Span:
    return percent(each.reading.time_ratio), Role.STRONG


def _number(
    name: str, key: str, width: int, rank: int, words: Callable[[float | None], str], value: str
) -> Field[Statement]:
    def read(each: Statement) -> float | None:
        found: float | None = getattr(each.reading, value)
        return found

    return msgspec.structs.replace(figure(name, width, rank, words, read), key=key)


TIME: Field[Statement] = Field(
    name="time%", key="time", width=5, rank=1, cell=_time, order=lambda each: each.reading.time_ratio
)
CALLS = _number("calls/s", "calls", 7, 2, count, "calls_per_s")
MEAN = _number("mean", "mean", 6, 1, latency, "mean_s")
MAX = _number("max ever", "max", 8, 3, latency, "max_s")
QUERY: Field[Statement] = Field(
    name="query", width=0, least=16, rank=0, right=False, cell=lambda each: _text(each.reading)
)
_PANE_FIELDS = (TIME, CALLS, MEAN, MAX, QUERY)
_FIELDS = (
    TIME,
    CALLS,
    MEAN,
    MAX,
    _number("rows/call", "rows", 9, 4, count, "rows_per_call"),
    _number("hit", "hit", 5, 5, percent, "hit_ratio"),
    _number("temp", "temp", 7, 6, rate, "temp_bytes_per_s"),
    _number("wal", "wal", 7, 7, rate, "wal_bytes_per_s"),
    msgspec.structs.replace(QUERY, least=24),
)
