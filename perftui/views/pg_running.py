"""What Postgres runs at this moment: the other form of the statements' table, and lines in their pane for what takes long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_running import Running, maintenance, running
from perftui.views.format import UNKNOWN, duration
from perftui.views.layout import short
from perftui.views.model import Line, Role, Span, Table, TableState
from perftui.views.pg_waits import meaning
from perftui.views.postgres import hidden_words, state_words
from perftui.views.tables import Field, table

SESSION_ROW = "session "
"""Begins the key of a row that is a session; beside it the statements' table has rows that are statements."""
LONG_S = 10.0
"""From this age on a statement that has not ended is told beside those that have."""

_WIDE = 110


class Group(msgspec.Struct, frozen=True):
    """Backends that run one statement."""

    oldest: Running
    count: int


def long_ones(part: PgActivityPart) -> list[Group]:
    """Statements that have run for long, each once, the oldest first; those who wait for a lock stand in the lock tree."""
    alike: dict[object, list[Running]] = defaultdict(list)
    for each in running(part):
        if (each.session.query_s or 0.0) >= LONG_S and not each.session.blocked_by:
            alike[each.session.query_id or each.session.query or each.session.pid].append(each)
    return [Group(found[0], len(found)) for found in alike.values()]


def long_line(group: Group, width: int) -> Line:
    """`runs 3m12s  report 4242  IO DataFileRead  SELECT …`, with the number of backends where there are several."""
    session = group.oldest.session
    head = f"runs {duration(session.query_s)}"
    many = f" in {group.count}" if group.count > 1 else ""
    who = short(session.application or session.user or session.backend_type, 16)
    pieces = [f"  {who} {session.pid}", f"  {_wait(group.oldest)[0]}", f"  {short(_query(group.oldest)[0], 200)}"]
    room = width - len(head) - len(many)
    spans: list[Span] = [(head, Role.STRONG), (many, Role.STRONG)]
    for words, role in zip(pieces, (Role.TEXT, Role.DIM, Role.TEXT), strict=True):
        words = short(words, room)
        spans.append((words, role))
        room -= len(words)
    return tuple(spans)


def running_table(part: PgActivityPart, state: TableState, width: int) -> Table:
    """One row for each statement that has not ended, the oldest first."""
    hidden = hidden_words(part, "what runs:")
    return table(
        _fields(width),
        running(part),
        state,
        width,
        default="age",
        key=lambda each: f"{SESSION_ROW}{each.session.pid}:{each.session.backend_start_at}",
        found_by=_found_by,
        empty=f"nothing is seen to run; {hidden}" if hidden else "nothing runs at this moment",
    )


def _found_by(each: Running) -> str:
    row = each.session
    return " ".join(
        str(word)
        for word in (row.pid, row.user, row.application, row.database, row.client, _wait(each)[0], _query(each)[0])
    )


def _wait(each: Running) -> Span:
    """What it waits for: a lock by its relation, anything else as the server calls it."""
    row = each.session
    if row.blocked_by:
        return f"lock {row.lock_target or ''}".strip(), Role.WARNING
    if row.wait_type is None:
        return ("on CPU" if row.state else UNKNOWN), Role.TEXT
    return f"{row.wait_type} {row.wait_event or ''}".strip(), Role.TEXT


def _explained(each: Running) -> Span:
    """The same, with what it means: whom a lock's waiter is behind in the end, or a word on the event."""
    words, role = _wait(each)
    row = each.session
    if each.root is not None:
        held = f" {duration(each.root.held_s)}" if each.root.held_s is not None else ""
        means = f"{state_words(each.root.state) or 'state hidden'}{held} holds it"
    elif row.wait_type is None or row.blocked_by:
        means = ""
    else:
        means = meaning(row.wait_type, row.wait_event or "")
    return (f"{words} · {means}" if means else words), role


def _query(each: Running) -> Span:
    row = each.session
    kind = maintenance(row.query, row.application)
    return (row.query or UNKNOWN), (Role.DIM if kind or not row.query else Role.TEXT)


def _behind(each: Running) -> Span:
    """The root blocker; the ones in between are in the lock tree."""
    if each.root is None:
        return "", Role.DIM
    return (str(each.root.pid) if each.root.pid else "prepared"), Role.WARNING


def _word(name: str, width: int, rank: int, value: Callable[[Running], str | None]) -> Field[Running]:
    return Field(
        name=name,
        key=name,
        width=width,
        rank=rank,
        right=False,
        cell=lambda each: (value(each) or UNKNOWN, Role.DIM),
        order=value,
    )


def _age(name: str, key: str, rank: int, value: Callable[[Running], float | None], role: Role) -> Field[Running]:
    return Field(
        name=name,
        key=key,
        width=8,
        rank=rank,
        cell=lambda each: (duration(value(each)), role),
        order=value,
    )


def _pid(each: Running) -> Span:
    """`4242 +3`: with so many parallel workers."""
    return (f"{each.session.pid} +{each.workers}" if each.workers else str(each.session.pid)), Role.DIM


def _fields(width: int) -> tuple[Field[Running], ...]:
    """A wide screen has room to tell what a wait means."""
    wide = width >= _WIDE
    return (
        Field(name="pid", key="pid", width=11, rank=0, cell=_pid, order=lambda each: -each.session.pid, right=False),
        _age("running", "age", 0, lambda each: each.session.query_s, Role.STRONG),
        _age("tx open", "open", 4, lambda each: each.session.transaction_s, Role.TEXT),
        _word("application", 14, 3, lambda each: each.session.application or each.session.backend_type),
        _word("user", 10, 6, lambda each: each.session.user),
        _word("database", 10, 7, lambda each: each.session.database),
        Field(
            name="waits for",
            key="wait",
            width=36 if wide else 20,
            rank=1,
            right=False,
            cell=_explained if wide else _wait,
            order=lambda each: _wait(each)[0],
        ),
        Field(name="root blocker", width=12, rank=2, right=False, cell=_behind),
        Field(name="statement", width=0, least=18, rank=0, right=False, cell=_query),
    )
