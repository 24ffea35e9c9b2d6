"""Who holds up others in Postgres, in words: what the rules about locks share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from perftui.history.words import age
from perftui.model.finding import Subject
from perftui.sources.pg_activity import IN_TRANSACTION
from perftui.sources.pg_lock_tree import LockNode

_KINDS = ("transactionid", "tuple", "virtualxid", "advisory", "object", "extend", "page", "relation", "userlock")
"""Lock targets that name no relation."""


def idle(node: LockNode) -> bool:
    return node.state in IN_TRANSACTION


class Blocked:
    """One look at a lock tree: who is behind whom."""

    def __init__(self, tree: Sequence[LockNode]) -> None:
        self._nodes = {node.pid: node for node in tree}
        self._waiters: dict[int, list[LockNode]] = defaultdict(list)
        for node in tree:
            for pid in node.blocked_by:
                self._waiters[pid].append(node)

    def behind(self, root: LockNode) -> list[LockNode]:
        """All who wait for it, however far; members of a cycle with it included."""
        found: dict[int, LockNode] = {}
        ahead = [root.pid]
        while ahead:
            for node in self._waiters[ahead.pop()]:
                if node.pid not in found and node.pid != root.pid:
                    found[node.pid] = node
                    ahead.append(node.pid)
        return list(found.values())


def longest_wait(nodes: Sequence[LockNode]) -> float:
    return max((node.waited_s for node in nodes if node.waited_s is not None), default=0.0)


def backends(count: int) -> str:
    """`37 backends wait`, `1 backend waits`."""
    return f"{count} backends wait" if count != 1 else "1 backend waits"


def relation(nodes: Sequence[LockNode]) -> str | None:
    """The relation that most of them wait for; None where they wait for rows, transactions or advisory locks only."""
    wanted = Counter(node.relation.partition(" (")[0] for node in nodes if node.relation)
    named = [(count, name) for name, count in wanted.items() if name not in _KINDS]
    return max(named)[1] if named else None


def held_up(nodes: Sequence[LockNode]) -> str:
    """`orders is locked`, `rows of orders are locked`: what the waiters can't have."""
    name = relation(nodes)
    if name:
        return f"{name} is locked" if any(node.relation == name for node in nodes) else f"rows of {name} are locked"
    kinds = {node.relation for node in nodes}
    return "rows are locked" if kinds & {"transactionid", "tuple"} else "a lock is held"


def words(root: LockNode) -> str:
    """`pid 4242 · idle in transaction 3m12s · orders-api`."""
    who = root.application or root.user
    pieces = [_name(root), _state(root)]
    return " · ".join([*filter(None, pieces), *([who] if who else [])])


def _name(root: LockNode) -> str:
    return f"prepared transaction {root.query or 'of unknown name'}" if root.pid == 0 else f"pid {root.pid}"


def _state(root: LockNode) -> str:
    lasts = f" {age(root.held_s)}" if root.held_s is not None else ""
    query = root.query or ""
    if root.pid == 0:
        return f"open{lasts}" if lasts else ""
    if query.startswith("autovacuum:"):
        return f"autovacuum{' to prevent wraparound' if 'to prevent wraparound' in query else ''}{lasts}"
    if root.state is None:
        return "what it does is not visible to this role"
    if root.state == "idle":
        return "idle, with a lock of its session"
    return f"{root.state}{lasts}" if idle(root) else f"{root.state}, transaction open{lasts}"


def subject(root: LockNode, waiters: Sequence[LockNode]) -> Subject:
    """The blocker, and the relation that is waited for."""
    found: Subject = {"pid": root.pid}
    named = {"application": root.application, "user": root.user, "relation": relation(waiters)}
    return found | {kind: name for kind, name in named.items() if name}
