"""Snapshot → pane model, one file per pane. Units are formatted here; nothing here knows a terminal.

A new pane is its file and its line here, in the order of their numbers on the screen.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.views import (
    cpu,
    deploys,
    disks,
    io,
    load,
    memory,
    network,
    pg_connections,
    pg_locks,
    pg_replication,
    pg_statements,
    pg_tables,
    pools,
    probes,
    processes,
    swap,
)
from perftui.views.model import Line, Pane, TableState, Zoom
from perftui.views.pg_sessions import SessionSubject, backend_subject, lock_subject
from perftui.views.pg_statement import OpenedStatement
from perftui.views.postgres import configured

Subject = SessionSubject | OpenedStatement
"""What the chosen row of a table stands for, where something can be asked of it or done to it."""


def _always(snapshot: Snapshot) -> bool:
    return True


class PaneKind(msgspec.Struct, frozen=True, kw_only=True):
    """One pane: how it is drawn small and on the whole screen."""

    key: str
    title: str
    pane: Callable[[Snapshot, int, int], Pane]
    """(snapshot, inner width, inner height of at least 1)"""
    zoom: Callable[[Snapshot, TableState, int], Zoom]
    """(snapshot, what the operator chose, width)"""
    shown: Callable[[Snapshot], bool] = _always
    """Whether its layer exists."""
    detail: Callable[[Snapshot, str, int], tuple[Line, ...]] | None = None
    """(snapshot, key of the chosen row, width) → what the table has no room for; None where it tells all."""
    subject: Callable[[Snapshot, str], Subject | None] | None = None
    """(snapshot, key of the chosen row) → what it stands for."""


PANES: tuple[PaneKind, ...] = (
    PaneKind(key=cpu.KEY, title=cpu.TITLE, pane=cpu.pane, zoom=cpu.zoom),
    PaneKind(key=io.KEY, title=io.TITLE, pane=io.pane, zoom=io.zoom),
    PaneKind(key=memory.KEY, title=memory.TITLE, pane=memory.pane, zoom=memory.zoom),
    PaneKind(key=swap.KEY, title=swap.TITLE, pane=swap.pane, zoom=swap.zoom),
    PaneKind(
        key=pg_statements.KEY,
        title=pg_statements.TITLE,
        pane=pg_statements.pane,
        zoom=pg_statements.zoom,
        shown=configured,
        subject=pg_statements.subject,
    ),
    PaneKind(
        key=pg_locks.KEY,
        title=pg_locks.TITLE,
        pane=pg_locks.pane,
        zoom=pg_locks.zoom,
        shown=configured,
        subject=lock_subject,
    ),
    PaneKind(
        key=pg_connections.KEY,
        title=pg_connections.TITLE,
        pane=pg_connections.pane,
        zoom=pg_connections.zoom,
        shown=configured,
        subject=backend_subject,
    ),
    PaneKind(
        key=pools.KEY,
        title=pools.TITLE,
        pane=pools.pane,
        zoom=pools.zoom,
        shown=pools.configured,
        subject=backend_subject,
    ),
    PaneKind(
        key=deploys.KEY,
        title=deploys.TITLE,
        pane=deploys.pane,
        zoom=deploys.zoom,
        shown=deploys.shown,
        detail=deploys.detail_lines,
    ),
    PaneKind(
        key=probes.KEY,
        title=probes.TITLE,
        pane=probes.pane,
        zoom=probes.zoom,
        shown=probes.shown,
        detail=probes.detail,
    ),
    PaneKind(key=load.KEY, title=load.TITLE, pane=load.pane, zoom=load.zoom, shown=load.shown),
    PaneKind(key=processes.KEY, title=processes.TITLE, pane=processes.pane, zoom=processes.zoom),
    PaneKind(key=disks.KEY, title=disks.TITLE, pane=disks.pane, zoom=disks.zoom),
    PaneKind(key=network.KEY, title=network.TITLE, pane=network.pane, zoom=network.zoom),
    PaneKind(
        key=pg_replication.KEY,
        title=pg_replication.TITLE,
        pane=pg_replication.pane,
        zoom=pg_replication.zoom,
        shown=pg_replication.shown,
    ),
    PaneKind(key=pg_tables.KEY, title=pg_tables.TITLE, pane=pg_tables.pane, zoom=pg_tables.zoom, shown=configured),
)
