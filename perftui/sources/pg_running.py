"""What the server runs at this moment: one row for each statement that has not ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from perftui.sources.pg_activity import IN_TRANSACTION, PgActivityPart, SessionRow
from perftui.sources.pg_lock_tree import LockNode

_ENDLESS = ("walsender", "startup")
"""Processes that do one thing as long as they live."""
_TOOLS = {"pg_dump": "backup", "pg_dumpall": "backup", "pg_restore": "restore", "pg_basebackup": "backup"}
_MAINTENANCE = re.compile(
    r"""(?:\s|/\*.*?\*/)*(?:
      (?P<vacuum>(?:autovacuum:\s*)?vacuum) | (?P<analyze>(?:autovacuum:\s*)?analyze) | (?P<cluster>cluster)
    | (?P<index>create\s+(?:unique\s+)?index | reindex) | (?P<copy>copy)
    | (?P<refresh>refresh\s+materialized) | (?P<checkpoint>checkpoint)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_WORDS = {
    "vacuum": "vacuum",
    "analyze": "analyze",
    "cluster": "cluster",
    "index": "index build",
    "copy": "bulk copy",
    "refresh": "refresh of a materialized view",
    "checkpoint": "checkpoint",
}


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that has not ended, with what works for it and what it waits behind."""

    session: SessionRow
    workers: int = 0
    """Parallel workers that help it."""
    root: LockNode | None = None
    """The backend at the end of its chain of blockers, which waits for nobody; None while it waits for no lock."""


def running(part: PgActivityPart) -> list[Running]:
    """The longest-running first. Who idles, in a transaction or not, runs nothing, and who replicates never ends."""
    helpers = Counter(row.leader_pid for row in part.workers if row.leader_pid)
    known = {row.pid for row in part.backends} | {row.pid for row in part.workers}
    roots = _roots(part.locks.tree)
    rows = [
        *(row for row in part.backends if row.blocked_by or row.state not in (None, "idle", *IN_TRANSACTION)),
        *(row for row in part.workers if _works_alone(row, known)),
    ]
    found = [
        Running(
            session=row,
            workers=helpers[row.pid],
            root=None if (root := roots.get(row.pid)) is None or root.pid == row.pid else root,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: -(each.session.query_s or 0.0))


def maintenance(query: str | None, application: str | None = None) -> str:
    """`vacuum`, `index build`, `backup`: work that takes long by its nature; empty for a program's own statements."""
    if application in _TOOLS:
        return _TOOLS[application]
    match = _MAINTENANCE.match(query or "")
    return _WORDS[match.lastgroup] if match and match.lastgroup else ""


def _works_alone(row: SessionRow, known: set[int]) -> bool:
    """No helper of a backend that is there itself, and not one whose statement is its life."""
    if row.backend_type in _ENDLESS or row.backend_type.startswith("logical replication"):
        return False
    return row.leader_pid not in known and row.state == "active"


def _roots(tree: Iterable[LockNode]) -> dict[int, LockNode]:
    """By pid, the root that a node hangs below; the tree is depth first."""
    found: dict[int, LockNode] = {}
    root: LockNode | None = None
    for node in tree:
        if node.depth == 0:
            root = node
        if root is not None:
            found[node.pid] = root
    return found
