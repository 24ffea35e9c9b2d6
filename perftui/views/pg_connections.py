"""Connections: how many of how many, what they do, who holds them; and how the whole server is doing."""

from __future__ import annotations

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import ConnectionsReading, HolderReading, IdleRow, PgActivityPart, SessionRow
from perftui.sources.pg_counters import PgCountersPart
from perftui.views.charts import chart
from perftui.views.format import UNKNOWN, bar, count, duration, percent, percent_tenths, rate
from perftui.views.layout import Group, Stretch, flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, TableState, Zoom
from perftui.views.pg_sessions import idle_key
from perftui.views.pg_vacuum import holder_lines
from perftui.views.postgres import (
    after_trouble,
    hidden_words,
    pooled_words,
    silent_zoom,
    state_words,
    trouble,
    trouble_lines,
)
from perftui.views.tables import Field, table
from perftui.views.tone import tone

KEY, TITLE = "connections", "Connections"


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Used of all, by state; then what the server does, and which applications hold the connections."""
    part, problem = snapshot.history.known(PgActivityPart), trouble(snapshot)
    lines = (lambda room: _lines(snapshot, part, width, room)) if part else None
    title = _title(part) if part and problem is None else TITLE
    return Pane(title=title, tone=tone(snapshot, KEY), lines=after_trouble(problem, lines, width, height))


def _title(part: PgActivityPart) -> str:
    return f"{TITLE} · {part.connections.used} of {part.connections.max}"


def _lines(snapshot: Snapshot, part: PgActivityPart, width: int, height: int) -> tuple[Line, ...]:
    connections, counters = part.connections, snapshot.history.latest(PgCountersPart)

    def share(room: int) -> Line:
        return bar(min(1.0, connections.utilization_ratio), room)

    hidden = hidden_words(part, "states and texts")
    groups: list[Group] = [
        [_used(connections), _utilization(connections), Stretch(4, 30, share)],
        _states(part),
        [_oldest(part), *_activity(counters)],
        _cache(counters),
        *[[line] for words in (hidden, pooled_words(part)) for line in wrapped(words, width, Role.WARNING)],
        [_holder(holder, part.sees_others, width) for holder in connections.by_application[:8]],
        [(("server ", Role.DIM), (_server(part), Role.TEXT))],
    ]
    if height == 1:
        # A bar tells the share once more, and here a number more is worth its room.
        groups[0] = [_used(connections)]
    return flow(groups, width, height, essential=3)


def _used(connections: ConnectionsReading) -> Line:
    return labelled("used", f"{connections.used:>3}/{connections.max}", Role.STRONG)


def _utilization(connections: ConnectionsReading) -> Line:
    """Of the slots that ordinary users can have."""
    of = f" of {connections.max - connections.reserved}" if connections.reserved else ""
    return ((percent(connections.utilization_ratio), Role.TEXT), (of, Role.DIM))


def _states(part: PgActivityPart) -> list[Line]:
    """Without the right to see what others do only the number of waits is right."""
    own = part.connections

    def known(number: int) -> str:
        return f"{number if part.sees_others else UNKNOWN:>3}"

    return [
        labelled("active", known(own.active)),
        labelled("idle", known(own.idle)),
        labelled("in tx", known(own.idle_in_transaction)),
        labelled("waiting", f"{own.waiting:>3}"),
    ]


def _oldest(part: PgActivityPart) -> Line:
    oldest = part.connections.oldest_transaction_s
    if oldest is None:
        return labelled("oldest tx", "none" if part.sees_others else UNKNOWN)
    return labelled("oldest tx", f"{'' if part.sees_others else '≥ '}{duration(oldest)}".rjust(6))


def _activity(counters: PgCountersPart | None) -> list[Line]:
    return [
        labelled("tps", count(counters.transactions_per_s if counters else None)),
        labelled("rollbacks/s", count(counters.rollbacks_per_s if counters else None)),
    ]


def _cache(counters: PgCountersPart | None) -> list[Line]:
    if counters is None:
        return []
    return [
        labelled("hit", percent_tenths(counters.cache_hit_ratio)),
        labelled("temp", rate(counters.temp_bytes_per_s)),
        labelled("deadlocks", count(counters.deadlocks_total)),
    ]


def _holder(holder: HolderReading, sees_others: bool, width: int) -> Line:
    busy = f" ({holder.idle_in_transaction} in tx)" if holder.idle_in_transaction and sees_others else ""
    name = short(holder.name or "(no name)", max(6, width - 4 - len(busy)))
    return ((f"{holder.count:>3} ", Role.TEXT), (name, Role.DIM), (busy, Role.TEXT))


def _server(part: PgActivityPart) -> str:
    change = f", {part.change} {duration(part.change_s)} ago" if part.change else ""
    login = f", as {part.login} in {part.database}" if part.login else ""
    return f"{part.version} {part.role}, up {duration(part.uptime_s)}{change}{login}"


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Connections over time, by application and user, every backend that is not idle, and the idle ones in groups."""
    history = snapshot.history
    part = history.known(PgActivityPart)
    problem = trouble(snapshot)
    if part is None:
        return silent_zoom(snapshot, KEY, TITLE, problem, width)
    counters, hidden = history.latest(PgCountersPart), hidden_words(part, "states and texts")
    everybody: list[Item] = [*part.backends, *part.idle]
    groups: list[Group] = [
        [
            _used(part.connections),
            labelled("reserved", str(part.connections.reserved)),
            *_states(part),
            _oldest(part),
            *_activity(counters),
            *_cache(counters),
            *_wraparound(counters),
            (("server ", Role.DIM), (_server(part), Role.TEXT)),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(
            snapshot,
            state,
            "connections",
            "backends",
            1.0,
            [(name, f"postgres.connections.{name}") for name in ("used", "active", "waiting")],
        ),
        lines=(
            *trouble_lines(problem, width),
            *flow(groups, width, 3, essential=1),
            *wrapped(hidden, width, Role.WARNING),
            *wrapped(pooled_words(part), width, Role.WARNING),
            _ranked("by application", part.connections.by_application, part.sees_others, width),
            _ranked("by user", part.connections.by_user, part.sees_others, width),
            *holder_lines(snapshot, width, 2),
        ),
        table=table(
            _FIELDS,
            everybody,
            state,
            width,
            default="open",
            key=_key,
            found_by=_words,
            empty="nobody is connected",
        ),
    )


def _wraparound(counters: PgCountersPart | None) -> list[Line]:
    return [labelled("oldest xid", count(counters.oldest_xid_age))] if counters else []


def _ranked(label: str, holders: tuple[HolderReading, ...], sees_others: bool, width: int) -> Line:
    """`by application  41 orders-api (3 in tx)  20 batch`: as many as the line takes."""
    pieces = [labelled(label, ""), *(_holder(holder, sees_others, width) for holder in holders)]
    return (flow([pieces], width, 1, essential=0) or ((),))[0]


Item = SessionRow | IdleRow


def _key(row: Item) -> str:
    return idle_key(row) if isinstance(row, IdleRow) else f"{row.pid}:{row.backend_start_at}"


def _words(row: Item) -> str:
    """What a filter is looked for in."""
    if isinstance(row, IdleRow):
        return f"{row.user} {row.application} {row.database} idle"
    return f"{row.pid} {row.user} {row.application} {row.database} {row.client} {row.state} {_wait(row)[0]} {row.query or ''}"


def _who(row: Item) -> Span:
    return (f"{row.count} x", Role.DIM) if isinstance(row, IdleRow) else (str(row.pid), Role.DIM)


def _pid_order(row: Item) -> float | None:
    return None if isinstance(row, IdleRow) else -row.pid


def _state_of(row: Item) -> str | None:
    return "idle" if isinstance(row, IdleRow) else row.state


def _wait(row: Item) -> Span:
    """What it waits for: the lock by its relation, anything else as the server calls it."""
    if isinstance(row, IdleRow):
        return "", Role.DIM
    if row.blocked_by:
        return f"lock {row.lock_target or ''}".strip(), Role.WARNING
    if row.wait_type is None:
        return "", Role.DIM
    return f"{row.wait_type} {row.wait_event or ''}".strip(), Role.DIM


def _behind(row: Item) -> Span:
    return ("" if isinstance(row, IdleRow) else " ".join(map(str, row.blocked_by))), Role.DIM


def _query(row: Item) -> Span:
    if isinstance(row, IdleRow):
        return f"idle for up to {duration(row.longest_idle_s)}", Role.DIM
    if not row.query:
        return UNKNOWN, Role.DIM
    return (row.query, Role.TEXT) if row.state == "active" else (f"last: {row.query}", Role.DIM)


def _word(name: str, width: int, rank: int, value: str) -> Field[Item]:
    """A column of text, sorted by under its own name."""

    def words(row: Item) -> str | None:
        found: str | None = getattr(row, value, None)
        return found

    def cell(row: Item) -> Span:
        return words(row) or UNKNOWN, Role.DIM

    return Field(name=name, key=name, width=width, rank=rank, right=False, cell=cell, order=words)


def _age(name: str, key: str, rank: int, value: str) -> Field[Item]:
    def seconds(row: Item) -> float | None:
        found: float | None = getattr(row, value, None)
        return found

    def cell(row: Item) -> Span:
        return ("" if isinstance(row, IdleRow) else duration(seconds(row))), Role.TEXT

    return Field(name=name, key=key, width=8, rank=rank, cell=cell, order=seconds)


_FIELDS: tuple[Field[Item], ...] = (
    Field(name="pid", key="pid", width=7, rank=0, cell=_who, order=_pid_order),
    _word("user", 10, 6, "user"),
    _word("application", 14, 4, "application"),
    _word("database", 10, 8, "database"),
    _word("client", 15, 9, "client"),
    Field(
        name="state",
        key="state",
        width=10,
        rank=3,
        right=False,
        cell=lambda row: (state_words(_state_of(row)) or UNKNOWN, Role.TEXT),
        order=_state_of,
    ),
    _age("tx open", "open", 1, "transaction_s"),
    _age("query", "query", 5, "query_s"),
    Field(name="waits for", width=18, rank=2, right=False, cell=_wait),
    Field(name="behind", width=12, rank=7, right=False, cell=_behind),
    Field(name="statement", width=0, least=16, rank=1, right=False, cell=_query),
)
