"""The log and who follows it: standbys, slots, on a standby how it follows; checkpoints and the archiver."""

from __future__ import annotations

import msgspec

from perftui.model.finding import Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_replication import PgReplicationPart, ReplicaReading, SlotReading, StandbyReading, lag_series
from perftui.sources.pg_wal import PgWalPart
from perftui.views.charts import MIB, chart
from perftui.views.format import UNKNOWN, count, duration, percent, rate, size
from perftui.views.layout import Group, flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, TableState, Zoom
from perftui.views.postgres import after_trouble, configured, silent_zoom, trouble, trouble_lines
from perftui.views.tables import Field, figure, table
from perftui.views.tone import severity, tone

KEY, TITLE = "replication", "Replication"
SOURCE = "pg_replication"


def shown(snapshot: Snapshot) -> bool:
    """Where there is a standby or a slot, where this is a standby, or while something is wrong with the log."""
    if not configured(snapshot):
        return False
    part = snapshot.history.known(PgReplicationPart)
    exists = part is not None and bool(part.replication or part.slots or part.standby)
    return exists or severity(snapshot, KEY) > Severity.INFO


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """How this server follows, who follows it, what slots keep; then the log."""
    part = snapshot.history.known(PgReplicationPart)
    problem = trouble(snapshot) or trouble(snapshot, SOURCE)
    lines = (lambda room: _lines(snapshot, part, width, room)) if part else None
    title = _title(part) if part and problem is None else TITLE
    return Pane(title=title, tone=tone(snapshot, KEY), lines=after_trouble(problem, lines, width, height))


def _title(part: PgReplicationPart) -> str:
    behind = part.replication_lag_bytes
    return TITLE if behind is None else f"{TITLE} · {size(behind).strip()} behind"


def _lines(snapshot: Snapshot, part: PgReplicationPart, width: int, height: int) -> tuple[Line, ...]:
    groups: list[Group] = [
        *([_own(part.standby)] if part.standby else []),
        *([_replica(each, width)] for each in part.replication),
        *([_slot(each, width)] for each in part.slots if not each.active or each.wal_status != "reserved"),
        _log(snapshot),
        _checkpoints(snapshot),
    ]
    return flow(groups, width, height, essential=min(len(groups), height))


def _own(standby: StandbyReading) -> Group:
    """`from 10.0.0.1:5432 streaming  behind 12 M  paused  conflicts 3`."""
    state: Line = (
        (f"from {standby.sender or UNKNOWN} ", Role.DIM),
        (standby.receiver or "nothing received", Role.TEXT if standby.receiving else Role.WARNING),
    )
    pieces: list[Line] = [state, labelled("behind", size(standby.lag_bytes), Role.STRONG)]
    if standby.paused:
        pieces.append((("replay paused", Role.WARNING),))
    if standby.lag_s is not None:
        pieces.append(labelled("age", duration(standby.lag_s)))
    if standby.conflicts_total:
        pieces.append(labelled("conflicts", count(standby.conflicts_total)))
    return pieces


def _replica(replica: ReplicaReading, width: int) -> Line:
    """`s1 streaming async  12 M behind`."""
    state = f"{replica.state or UNKNOWN}{f' {replica.sync_state}' if replica.sync_state else ''}"
    behind = f"  {size(replica.lag_bytes).strip()} behind"
    name = short(replica.name, max(6, width - len(state) - len(behind) - 1))
    return (
        (f"{name} ", Role.DIM),
        (state, Role.TEXT if replica.state == "streaming" else Role.WARNING),
        (behind, Role.STRONG),
    )


def _slot(slot: SlotReading, width: int) -> Line:
    """`slot s1 inactive 2h01m  keeps 33 M extended`: as much of it as there is room for, the name first."""
    lost = slot.wal_status == "lost"
    use = "active" if slot.active else "inactive"
    since = f" {duration(slot.inactive_s)}" if slot.inactive_s is not None else ""
    kept = "  lost" if lost else f"  keeps {size(slot.retained_bytes).strip()}"
    status = f" {slot.wal_status}" if slot.wal_status in ("unreserved", "extended") else ""
    for more, state in ((since, status), ("", status), ("", "")):
        room = width - len(use) - len(more) - len(kept) - len(state) - 1
        if room >= len(slot.name) + 5:
            break
    spans: list[Span] = [(f"{short(f'slot {slot.name}', max(8, room))} ", Role.DIM)]
    spans.append((f"{use}{more}", Role.TEXT if slot.active else Role.WARNING))
    return (*spans, (f"{kept}{state}", Role.CRITICAL if lost else Role.STRONG))


def _log(snapshot: Snapshot) -> Group:
    """How fast the log grows, and whether it can be archived."""
    part = snapshot.history.latest(PgWalPart)
    if part is None:
        return []
    pieces = [labelled("log", rate(part.wal_bytes_per_s))]
    if part.archiver:
        failing = part.archiver.failing
        words = f"fails, {part.archiver.failures_total} times" if failing else "ok"
        pieces.append(labelled("archiver", words, Role.WARNING if failing else Role.TEXT))
    return pieces


def _checkpoints(snapshot: Snapshot) -> Group:
    part = snapshot.history.latest(PgWalPart)
    if part is None:
        return []
    return [
        labelled("checkpoints timed", count(part.checkpoints.timed_total)),
        labelled("requested", count(part.checkpoints.requested_total)),
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Lag over time, the log, and every standby and slot."""
    part = snapshot.history.known(PgReplicationPart)
    problem = trouble(snapshot) or trouble(snapshot, SOURCE)
    if part is None:
        return silent_zoom(snapshot, KEY, TITLE, problem, width)
    readings = [(each.name, lag_series(each.name)) for each in part.replication[:4]]
    if part.standby:
        readings = [("this standby", "postgres.standby.lag_bytes"), *readings[:3]]
    groups: list[Group] = [
        *([_own(part.standby)] if part.standby else []),
        [*_log(snapshot), *_checkpoints(snapshot), *_work(snapshot)],
    ]
    limit = "none: a slot may fill the disk" if part.slot_limit_bytes is None else size(part.slot_limit_bytes).strip()
    notes = "lag by bytes of the log; the time stays as it is when a standby stops answering"
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "log not replayed", "MiB", MIB, readings)
        if readings
        else chart(snapshot, state, "log written", "MiB/s", MIB, [("log", "postgres.wal_bytes_per_s")]),
        lines=(
            *trouble_lines(problem, width),
            *flow(groups, width, 4, essential=len(groups)),
            *((labelled("max_slot_wal_keep_size", limit),) if part.slots else ()),
            *wrapped(notes, width, Role.DIM),
        ),
        table=table(
            _FIELDS,
            [*map(_of_replica, part.replication), *map(_of_slot, part.slots)],
            state,
            width,
            default="log",
            key=lambda each: f"{each.kind} {each.name}",
            found_by=lambda each: f"{each.kind} {each.name} {each.state} {each.client or ''}",
            empty="nobody follows this server and no slot keeps its log",
        ),
    )


def _work(snapshot: Snapshot) -> list[Line]:
    """How hard checkpoints work."""
    part = snapshot.history.latest(PgWalPart)
    if part is None:
        return []
    checkpoints = part.checkpoints
    work = checkpoints.write_s_total + checkpoints.sync_s_total
    share = checkpoints.sync_s_total / work if work else None
    return [
        labelled("each", duration(checkpoints.timeout_s)),
        labelled("or", size(checkpoints.max_wal_bytes)),
        labelled("pages/s", count(checkpoints.buffers_per_s)),
        labelled("by sessions", count(checkpoints.backend_buffers_per_s)),
        labelled("time in fsync", percent(share)),
        labelled("full pages/s", count(part.full_page_images_per_s)),
    ]


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A standby or a slot as a row."""

    kind: str
    name: str
    state: str
    bad: bool
    log_bytes: int | None
    """Behind, or kept."""
    unsent_bytes: int | None = None
    unflushed_bytes: int | None = None
    safe_bytes: int | None = None
    lag_s: float | None = None
    client: str | None = None
    note: str = ""


def _of_replica(each: ReplicaReading) -> Follower:
    return Follower(
        kind="standby",
        name=each.name,
        state=f"{each.state or UNKNOWN} {each.sync_state or ''}".strip(),
        bad=each.state not in ("streaming", "backup"),
        log_bytes=each.lag_bytes,
        unsent_bytes=each.unsent_bytes,
        unflushed_bytes=each.unflushed_bytes,
        lag_s=each.lag_s,
        client=each.client,
        note=f"slot {each.slot}" if each.slot else "",
    )


def _of_slot(each: SlotReading) -> Follower:
    use = "active" if each.active else "inactive"
    since = f"unused for {duration(each.inactive_s)}" if each.inactive_s is not None else ""
    return Follower(
        kind=f"{each.kind} slot",
        name=each.name,
        state=f"{use} {each.wal_status or ''}".strip(),
        bad=not each.active or each.wal_status in ("unreserved", "lost"),
        log_bytes=each.retained_bytes,
        safe_bytes=each.safe_wal_bytes,
        note=(each.invalidation_reason or "").replace("_", " ") or since,
    )


_FIELDS: tuple[Field[Follower], ...] = (
    Field(
        name="kind",
        key="kind",
        width=13,
        rank=2,
        right=False,
        cell=lambda each: (each.kind, Role.DIM),
        order=lambda each: each.kind,
    ),
    Field(
        name="name",
        key="name",
        width=0,
        least=12,
        rank=0,
        right=False,
        cell=lambda each: (each.name, Role.TEXT),
        order=lambda each: each.name,
    ),
    Field(
        name="state",
        width=19,
        rank=1,
        right=False,
        cell=lambda each: (each.state, Role.WARNING if each.bad else Role.TEXT),
    ),
    msgspec.structs.replace(figure("behind/kept", 11, 1, size, lambda each: each.log_bytes, Role.STRONG), key="log"),
    figure("unsent", 6, 4, size, lambda each: each.unsent_bytes),
    figure("unflushed", 9, 5, size, lambda each: each.unflushed_bytes),
    figure("safe", 5, 3, size, lambda each: each.safe_bytes),
    Field(name="time", width=7, rank=6, cell=lambda each: (duration(each.lag_s), Role.DIM)),
    Field(name="client", width=15, rank=8, right=False, cell=lambda each: (each.client or "", Role.DIM)),
    Field(name="note", width=22, rank=7, right=False, cell=lambda each: (each.note, Role.DIM)),
)
