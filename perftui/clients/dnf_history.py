"""The database in which dnf 4 and dnf 5 keep their transactions, opened for reading alone.

`dnf history` would cost a second of CPU each time, and tells local time in whole minutes.
"""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from perftui.clients.log_file import file_errors
from perftui.model.failure import FailureKind, SourceError

if TYPE_CHECKING:
    import sqlite3

PATHS = ("/var/lib/dnf/history.sqlite", "/usr/lib/sysimage/libdnf5/transaction_history.sqlite")
"""Of dnf 4 and of dnf 5."""
_MOST_ROWS = 20_000
_WAIT_S = 0.2
_NO_LOGIN = 0xFFFFFFFF
_DNF_4 = """
select t.id, t.dt_begin, t.dt_end, t.user_id, t.cmdline, t.state, i.action, i.reason, r.name, r.epoch, r.version, r.release
from trans t left join trans_item i on i.trans_id = t.id left join rpm r on r.item_id = i.item_id
where t.dt_begin >= ? order by t.id desc, i.id limit ?"""
_DNF_5 = """
select t.id, t.dt_begin, t.dt_end, t.user_id, t.description, t.state_id, i.action_id, i.reason_id, n.name, r.epoch, r.version,
r.release from trans t left join trans_item i on i.trans_id = t.id left join rpm r on r.item_id = i.item_id
left join pkg_name n on n.id = r.name_id where t.dt_begin >= ? order by t.id desc, i.id limit ?"""
_ACTIONS_4 = {
    1: "installed",
    2: "downgraded",
    4: "installed",
    5: "removed",
    6: "upgraded",
    8: "removed",
    9: "reinstalled",
}
_ACTIONS_5 = {1: "installed", 2: "upgraded", 3: "downgraded", 4: "reinstalled", 5: "removed"}
_REPLACED = ({3, 7, 10}, {6})
"""Actions of the package that another one took the place of."""
_STATES = ({1: "ok", 2: "error"}, {2: "ok", 3: "error"})
_AUTOMATIC = (1, 4)
"""Reasons: needed, or recommended, by another package."""

Row = tuple[int, float, float | None, str | None, str | None, str, str, bool, str | None, str | None]
"""Transaction, begin, end, user, command line, state, what was done, whether nobody asked for it, package, version."""


class DnfHistory:
    """One database; blocking, for one thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._known: list[int] = []

    def new(self, since_at: float) -> list[Row] | None:
        """All packages of the transactions since then, the newest transaction first; None when nothing has changed.

        Raises:
            SourceError: MISSING, DENIED, UNREACHABLE while dnf holds it, MALFORMED where it is no such database.
        """
        import sqlite3

        with file_errors(self.path):
            changed = [os.stat(self.path).st_mtime_ns, *_changed(f"{self.path}-wal")]
            if changed == self._known:
                return None
            os.close(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        try:
            with closing(sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, timeout=_WAIT_S)) as database:
                rows = _rows(database, since_at)
        except sqlite3.OperationalError as exc:
            busy = "locked" in str(exc)
            kind = FailureKind.UNREACHABLE if busy else FailureKind.MALFORMED
            raise SourceError(kind, f"{self.path}: {'dnf is writing to it' if busy else exc}") from exc
        except sqlite3.DatabaseError as exc:
            raise SourceError(FailureKind.MALFORMED, f"{self.path}: {exc}") from exc
        self._known = changed
        return rows


def _changed(path: str) -> list[int]:
    try:
        return [os.stat(path).st_mtime_ns]
    except OSError:  # only while dnf 5 writes
        return []


def _rows(database: sqlite3.Connection, since_at: float) -> list[Row]:
    fifth = any(column[1] == "state_id" for column in database.execute("pragma table_info(trans)"))
    actions, replaced, states = (_ACTIONS_5 if fifth else _ACTIONS_4), _REPLACED[fifth], _STATES[fifth]
    found: list[Row] = []
    for row in database.execute(_DNF_5 if fifth else _DNF_4, (since_at, _MOST_ROWS)):
        transaction, begin, end, user, command, state, action, reason, name, epoch, version, release = row
        done = "replaced" if action in replaced else actions.get(action, "")
        evr = None if version is None else f"{f'{epoch}:' if epoch else ''}{version}-{release}"
        found.append(
            (
                transaction,
                float(begin),
                None if end is None else float(end),
                _user(user),
                command,
                states.get(state, ""),
                done,
                reason in _AUTOMATIC,
                name,
                evr,
            )
        )
    return found


def _user(uid: int | None) -> str | None:
    if uid is None or uid in (-1, _NO_LOGIN):
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
