"""The chosen session: who it is, what ending it would lose, and whom it would free."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import IdleRow, PgActivityPart, SessionRow
from perftui.sources.pg_backend import Backend, Target
from perftui.sources.pg_lock_tree import LockNode
from perftui.views.format import duration

_END_IDLE = "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle'"
_NAMED = 6
"""Freed backends that are named; of the others the number is told."""


class SessionSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A session that may be ended."""

    target: Target | None
    """None where it can't be ended from here."""
    title: str
    """`4242 orders-api`."""
    name: str
    """The application, else the role."""
    lines: tuple[str, ...]
    """What is lost and who is freed; or why it can't be ended from here, and what can be done instead."""
    about: tuple[str, ...] = ()
    """All that is known of it, its statement last; empty where `lines` tell that."""


def lock_subject(snapshot: Snapshot, row: str) -> SessionSubject | None:
    """The backend of a row of the lock tree."""
    part = snapshot.history.known(PgActivityPart)
    nodes = part.locks.tree if part else ()
    place = next((i for i, node in enumerate(nodes) if str(node.pid) == row), None)
    if place is None:
        return None
    node = nodes[place]
    freed = _freed(nodes, place)
    if node.pid == 0:
        return SessionSubject(target=None, title="a prepared transaction", name="", lines=(*_by_hand(node), freed))
    name = node.application or node.user or ""
    title = f"{node.pid} {name}".strip()
    if node.backend_start_at is None:
        reason = "nothing is known of it but its pid, and a pid alone is not enough to end the right session"
        return SessionSubject(target=None, title=title, name=name, lines=(reason,))
    words = _lines(node.state, node.held_s, node.query)
    target = Target(pid=node.pid, backend_start_at=node.backend_start_at)
    sessions = (*part.backends, *part.workers) if part else ()
    known = next((each for each in sessions if each.pid == node.pid), None)
    about = _about(known, freed, snapshot.at) if known else ()
    return SessionSubject(target=target, title=title, name=name, lines=(*words, freed), about=about)


def idle_key(group: IdleRow) -> str:
    """The row of a group of idle sessions."""
    return f"idle:{group.database}:{group.user}:{group.application}"


def backend_subject(snapshot: Snapshot, row: str) -> SessionSubject | None:
    """The backend of a row of the connections, or a group of idle ones."""
    part = snapshot.history.known(PgActivityPart)
    group = next((each for each in part.idle if idle_key(each) == row), None) if part else None
    if group is not None:
        return _idle_subject(group)
    found = (
        next((each for each in part.backends if f"{each.pid}:{each.backend_start_at}" == row), None) if part else None
    )
    if part is None or found is None:
        return None
    name = found.application or found.user or ""
    nodes = part.locks.tree
    place = next((i for i, node in enumerate(nodes) if node.pid == found.pid), None)
    freed = "nobody waits for it" if place is None else _freed(nodes, place)
    return SessionSubject(
        target=Target(pid=found.pid, backend_start_at=found.backend_start_at),
        title=f"{found.pid} {name}".strip(),
        name=name,
        lines=(*_lines(found.state, found.transaction_s, found.query), freed),
        about=_about(found, freed, snapshot.at),
    )


def _idle_subject(group: IdleRow) -> SessionSubject:
    """Not one session, so nothing here ends them; but slots are freed by ending such."""
    name = group.application or group.user or ""
    wanted = {"datname": group.database, "usename": group.user, "application_name": group.application}
    where = " and ".join(f"{column} = {_quoted(value)}" for column, value in wanted.items() if value is not None)
    return SessionSubject(
        target=None,
        title=f"{group.count} idle sessions {name}".strip(),
        name=name,
        lines=(
            f"idle for up to {duration(group.longest_idle_s)}; no transaction of theirs is open, so ending them loses none."
            " Make the pool that holds them smaller, or free their slots by hand:",
            f"{_END_IDLE} and {where};",
        ),
    )


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def now_words(found: Backend) -> str:
    """`now: idle in transaction, transaction open 3m15s, role orders`."""
    words = [found.state or found.backend_type or "state hidden"]
    if found.transaction_s is not None:
        words.append(f"transaction open {duration(found.transaction_s)}")
    if found.user:
        words.append(f"role {found.user}")
    return f"now: {', '.join(words)}"


def _about(row: SessionRow, freed: str, at: float) -> tuple[str, ...]:
    """Who it is, what it does, what it waits for, whom it holds up, its statement."""
    place = f"in {row.database} " if row.database else ""
    kind = f" · {row.backend_type}" if row.backend_type != "client backend" else ""
    connected = f", connected for {duration(max(0.0, at - row.backend_start_at))}" if row.backend_start_at else ""
    who = f"{row.user or 'no role'} {place}from {row.client or 'this host'}{connected}{kind}"
    ages = {"transaction open": row.transaction_s, "statement began": row.query_s, "in this state": row.state_s}
    does = [
        row.state or "state hidden",
        *(f"{words} {duration(age)}" for words, age in ages.items() if age is not None),
    ]
    label = "statement" if row.state == "active" else "last statement"
    return (who, ", ".join(does), *_waits(row), freed, f"{label}: {row.query or 'not known'}")


def _waits(row: SessionRow) -> tuple[str, ...]:
    if row.blocked_by:
        behind = ", ".join("a prepared transaction" if pid == 0 else str(pid) for pid in row.blocked_by)
        wanted = " of ".join(filter(None, (row.lock_mode, row.lock_target))) or "a lock"
        return (f"waits {duration(row.waited_s)} for {wanted}, behind {behind}",)
    return (f"waits for {row.wait_type} {row.wait_event or ''}".rstrip(),) if row.wait_type else ()


def _lines(state: str | None, transaction_s: float | None, query: str | None) -> tuple[str, ...]:
    lost = "no transaction is open"
    if transaction_s is not None:
        lost = f"its transaction of {duration(transaction_s)} is lost with it"
    label = "statement" if state == "active" else "last statement"
    return f"{state or 'state hidden'}; {lost}", f"{label}: {query or 'not known'}"


def _freed(nodes: Sequence[LockNode], place: int) -> str:
    """Those who wait behind a node, by pid; they may wait for others too."""
    node = nodes[place]
    if not node.victims:
        return "nobody waits for it"
    below = []
    for each in nodes[place + 1 :]:
        if each.depth <= node.depth:
            break
        below.append(str(each.pid))
    more = node.victims - min(len(below), _NAMED)
    named = ", ".join(below[:_NAMED]) + (f" and {more} more" if below and more > 0 else "")
    return f"behind it wait {node.victims}{': ' if named else ''}{named}"


def _by_hand(node: LockNode) -> tuple[str, ...]:
    gid = (node.query or "").replace("'", "''")
    return (
        f"open for {duration(node.held_s)}; it has no session that could be ended. In its database, as {node.user or 'its owner'}"
        " or a superuser, run by hand:",
        f"ROLLBACK PREPARED '{gid}';",
    )
