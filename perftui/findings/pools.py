"""What the rules about pools share: words for a pool, and where a finding about one meets another."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.gate import gate
from perftui.findings.holding import WINDOW_S
from perftui.history.history import History
from perftui.history.pool_links import NO_CONNECTIONS, PoolLink, pool_links
from perftui.history.words import age
from perftui.history.worst_pool import pools
from perftui.model.finding import Finding, Subject
from perftui.sources.pg_activity import IN_TRANSACTION, PgActivityPart
from perftui.sources.pg_lock_tree import LockNode
from perftui.sources.pool import PoolReading

CONNECTIONS = "connections"


def reading(name: str, field: str) -> str:
    """The name of a pool's reading."""
    return f"pools.{name}.{field}"


def subject(name: str, pool: PoolReading) -> Subject:
    found: Subject = {"pool": name, "kind": pool.kind}
    return found | {key: value for key, value in (("database", pool.database), ("user", pool.user)) if value}


def queue_words(waiting: float, wait_s: float | None, pool: PoolReading) -> str:
    """`41 clients wait, the longest 2.4 s`; nothing where none does."""
    count = round(waiting)
    if count < 1:
        return ""
    wait = f"{count} clients wait" if count != 1 else "1 client waits"
    if not wait_s:
        return wait
    lasts = f"{wait_s * 1000:.0f} ms" if wait_s < 0.0995 else f"{wait_s:.1f} s" if wait_s < 10 else age(wait_s)
    # Only poolers tell of the longest wait; applications of the mean of those who got one.
    return f"{wait}, the longest {lasts}" if pool.clients or pool.kind == "pgbouncer" else f"{wait}, {lasts} on average"


def since(history: History, name: str, above: float, window_s: float = WINDOW_S) -> tuple[float, bool]:
    return postgres.since(history, name, above, window_s)


def _pool(history: History, finding: Finding) -> PoolReading | None:
    return pools(history).get(str(finding.subject.get("pool")))


def _holders(history: History, finding: Finding) -> list[PoolLink]:
    """Those of the finding's pool that hold a connection."""
    links = pool_links(history, str(finding.subject.get("pool")))
    return [link for link in links if link.client.backend_pid is not None]


@gate("connections of the pool wait behind the blocker, or one of them is it")
def blocked_in_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """Backends of the pool wait behind the blocker, or one of them is it; where that is not told, its database's do."""
    part = history.latest(PgActivityPart)
    if part is None:
        return False
    waiting = {row.pid for row in part.backends if row.blocked_by}
    held = {link.client.backend_pid for link in _holders(history, symptom)}
    if held:
        return bool(held & (waiting | {cause.subject.get("pid")}))
    database = symptom.subject.get("database")
    if database is not None:
        return any(row.database == database for row in part.backends if row.blocked_by)
    return part.connections.waiting >= part.connections.used / 4


@gate("the idle transaction runs on a connection of the pool, or locks out those that do")
def holds_it_idle(history: History, cause: Finding, symptom: Finding) -> bool:
    """The idle transaction runs on a connection of the pool, or locks out those that do."""
    held = {link.client.backend_pid for link in _holders(history, symptom)}
    pid = cause.subject.get("pid")
    if pid in held:
        return True
    part = history.latest(PgActivityPart)
    victims = _victims(part.locks.tree, pid) if part else set()
    return bool(held & victims)


def _victims(tree: tuple[LockNode, ...], root: object) -> set[int]:
    """All that wait for it, however far."""
    found: set[int] = set()
    reached: set[object] = {root}
    for node in tree:
        if reached & set(node.blocked_by):
            reached.add(node.pid)
            found.add(node.pid)
    return found


@gate("the statement runs on connections of the pool, or half of the server's connections are at work")
def works_in_it(history: History, cause: Finding, symptom: Finding) -> bool:
    """The statement runs on a connection of the pool; where that is not told, half of the server's connections are at work."""
    holders = _holders(history, symptom)
    if holders:
        return any(link.backend and link.backend.query_id == cause.subject.get("queryid") for link in holders)
    part = history.latest(PgActivityPart)
    pool = _pool(history, symptom)
    if part is None or pool is None or pool.kind == NO_CONNECTIONS:
        return False
    return part.connections.active >= part.connections.used / 2


@gate("the pool's connections lead to this server")
def draws_on_server(history: History, cause: Finding, symptom: Finding) -> bool:
    """Its connections lead to a Postgres: more than slots for clients."""
    return symptom.subject.get("kind") != NO_CONNECTIONS


@gate("it is the same pool")
def same_pool(history: History, cause: Finding, symptom: Finding) -> bool:
    return cause.subject.get("pool") == symptom.subject.get("pool") is not None


@gate("clients that wait for the full pool stay until the pooler has no slot left for others")
def fills_its_pooler(history: History, cause: Finding, symptom: Finding) -> bool:
    """Clients that wait for a full pool stay, until the pooler has no slot for others left."""
    if symptom.subject.get("kind") != NO_CONNECTIONS or cause.subject.get("kind") == NO_CONNECTIONS:
        return False
    pooler, name = str(symptom.subject.get("pool")).rpartition("/")[0], str(cause.subject.get("pool"))
    return name.startswith(f"{pooler}/") or "/" not in pooler


@gate("the idle transaction is the connection that somebody holds")
def leaked_there(history: History, cause: Finding, symptom: Finding) -> bool:
    """The idle transaction is the connection that somebody holds."""
    return cause.subject.get("pid") == symptom.subject.get("pid") is not None


def held_idle(link: PoolLink) -> bool:
    """Its client does nothing with it. In transaction pooling that shows as idle in transaction."""
    return link.backend is not None and link.backend.state in IN_TRANSACTION
