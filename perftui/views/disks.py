"""Disks and filesystems: how busy, how slow, how full."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.disks import DiskReading, DisksPart
from perftui.sources.filesystems import FilesystemReading, FilesystemsPart
from perftui.views.charts import PERCENT, chart
from perftui.views.format import bar_text, count, latency, percent, rate, size
from perftui.views.layout import flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, Table, TableState, Zoom
from perftui.views.tables import Field, columns, figure, fitting, in_order, rows, sorts, table, text_lines
from perftui.views.tone import missing, missing_pane, missing_zoom, tone

KEY, TITLE = "disks", "Disks"


class Disk(msgspec.Struct, frozen=True):
    name: str
    reading: DiskReading


class Filesystem(msgspec.Struct, frozen=True):
    path: str
    reading: FilesystemReading


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """A line per disk, the busiest first, and the fullest filesystems."""
    disks, filesystems = _disks(snapshot), _filesystems(snapshot)
    if disks is None and filesystems is None:
        return missing_pane(snapshot, KEY, TITLE, "disks", width, height)
    if height < 3:
        lines = _packed(disks or [], filesystems or [], width, height)
    else:
        lines = _stacked(disks or [], filesystems or [], width, height)
    for source, known in (("disks", disks), ("filesystems", filesystems)):
        if known is None and len(lines) < height:
            lines += wrapped(f"{source}: {missing(snapshot, source)}", width, Role.WARNING)[: height - len(lines)]
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=lines)


def _disks(snapshot: Snapshot) -> list[Disk] | None:
    part = snapshot.history.latest(DisksPart)
    if part is None:
        return None
    # Of disks that are equally idle the loops come last.
    names = sorted(part.disks, key=lambda name: (name.startswith("loop"), name))
    disks = [Disk(name, part.disks[name]) for name in names]
    return in_order(DISK_FIELDS, disks, TableState(), "util")[0]


def _filesystems(snapshot: Snapshot) -> list[Filesystem] | None:
    part = snapshot.history.latest(FilesystemsPart)
    if part is None:
        return None
    return sorted(
        (Filesystem(path, reading) for path, reading in part.filesystems.items()), key=_fullness, reverse=True
    )


def _fullness(filesystem: Filesystem) -> tuple[bool, float]:
    """What can't be written to is always full and harms nobody."""
    used = max(filesystem.reading.used_ratio, filesystem.reading.inodes_used_ratio or 0.0)
    return not filesystem.reading.read_only, used


def _packed(disks: list[Disk], filesystems: list[Filesystem], width: int, height: int) -> tuple[Line, ...]:
    groups = [
        [
            *[_disk_words(disk, width) for disk in disks[:1]],
            *[_full_words(filesystem, width) for filesystem in filesystems[:1]],
            *[_traffic(disk) for disk in disks[:1]],
            *[_disk_words(disk, width) for disk in disks[1:4]],
            *[_full_words(filesystem, width) for filesystem in filesystems[1:4]],
        ]
    ]
    return flow(groups, width, height, essential=1)


def _disk_words(disk: Disk, width: int) -> Line:
    slow = f" {latency(disk.reading.await_s)}" if width >= 24 else ""
    name = short(disk.name, max(4, width - 6 - len(slow)))
    return (*labelled(name, percent(disk.reading.utilization_ratio)), (slow, Role.TEXT))


def _full_words(filesystem: Filesystem, width: int) -> Line:
    return labelled(short(filesystem.path, max(6, min(30, width - 11))), f"{percent(_fullness(filesystem)[1])} full")


def _traffic(disk: Disk) -> Line:
    read, written = disk.reading.read_bytes_per_s, disk.reading.write_bytes_per_s
    return (*labelled("r", rate(read)), *labelled(" w", rate(written)))


def _stacked(disks: list[Disk], filesystems: list[Filesystem], width: int, height: int) -> tuple[Line, ...]:
    mounted = min(len(filesystems), max(1, height // 3))
    busy = text_lines(DISK_FIELDS, disks[: max(1, height - 1 - mounted)], width) if disks else ()
    room = height - len(busy)
    return (*busy, *(_full_line(filesystem, width) for filesystem in filesystems[:room]))


def _full_line(filesystem: Filesystem, width: int) -> Line:
    reading = filesystem.reading
    share = _fullness(filesystem)[1]
    words = f"{percent(share)} full"
    spans: list[Span] = [(words, Role.TEXT)]
    left = " read-only " if reading.read_only else f" {size(reading.free_bytes)} left"
    if width >= 34:
        spans.append((left, Role.TEXT))
    if width >= 50:
        spans.append((f" {bar_text(share, 12)}", Role.FIRST))
    room = width - sum(len(piece) for piece, _ in spans) - 1
    return (*spans, (f" {short(filesystem.path, room)}", Role.DIM))


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Utilization of the four busiest disks over time, then every disk and every filesystem."""
    disks, filesystems = _disks(snapshot), _filesystems(snapshot)
    if disks is None and filesystems is None:
        return missing_zoom(snapshot, KEY, TITLE, "disks", width)
    readings = [(disk.name, f"host.disks.{disk.name}.utilization_ratio") for disk in (disks or [])[:4]]
    gaps = [
        line
        for source, known in (("disks", disks), ("filesystems", filesystems))
        if known is None
        for line in wrapped(f"{source}: {missing(snapshot, source)}", width, Role.WARNING)
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "time in use", "%", PERCENT, readings, top=100.0) if readings else None,
        lines=tuple(gaps),
        table=_both(disks or [], filesystems or [], state, width),
    )


Place = Disk | Filesystem


def _both(disks: list[Disk], filesystems: list[Filesystem], state: TableState, width: int) -> Table:
    """Disks above filesystems, each sorted by itself; a blank where a column means nothing for a row."""
    wanted = state.filter.lower()
    groups: list[list[Place]] = [
        [disk for disk in disks if wanted in disk.name.lower()],
        [f for f in filesystems if wanted in f"{f.path} {f.reading.device} {f.reading.kind}".lower()],
    ]
    ordered: list[Place] = []
    sorted_by = "use"
    for group in groups:
        placed, sorted_by = in_order(_FIELDS, group, state, "use")
        ordered.extend(placed)
    shown = fitting(_FIELDS, width, sorted_by)
    return Table(
        columns=columns(shown),
        rows=rows(shown, ordered, lambda place: place.name if isinstance(place, Disk) else place.path),
        sorted_by=sorted_by,
        sorts=sorts(_FIELDS),
        empty=f"nothing matches {state.filter!r}" if wanted else "no disks and no filesystems are seen here",
    )


def disk_table(snapshot: Snapshot, state: TableState, width: int) -> Table:
    """Every disk, for the zooms that are about I/O."""
    disks = _disks(snapshot)
    return table(
        DISK_FIELDS,
        disks or [],
        state,
        width,
        default="util",
        key=lambda disk: disk.name,
        found_by=lambda disk: disk.name,
        empty="no disks are seen here" if disks is not None else missing(snapshot, "disks"),
    )


def _name(disk: Disk) -> Span:
    return (f"{disk.name} (swap)" if disk.reading.swap else disk.name), Role.TEXT


DISK_FIELDS: tuple[Field[Disk], ...] = (
    Field(name="disk", key="name", width=0, least=10, rank=0, right=False, cell=_name, order=lambda disk: disk.name),
    figure("util", 5, 1, percent, lambda disk: disk.reading.utilization_ratio, Role.STRONG),
    figure("await", 6, 2, latency, lambda disk: disk.reading.await_s),
    figure("queue", 5, 3, count, lambda disk: disk.reading.queue_length),
    figure("read", 7, 4, rate, lambda disk: disk.reading.read_bytes_per_s),
    figure("write", 7, 5, rate, lambda disk: disk.reading.write_bytes_per_s),
    figure("reads/s", 7, 6, count, lambda disk: disk.reading.reads_per_s),
    figure("writes/s", 8, 7, count, lambda disk: disk.reading.writes_per_s),
    Field(
        name="",
        width=20,
        rank=8,
        right=False,
        cell=lambda disk: (bar_text(disk.reading.utilization_ratio, 20), Role.FIRST),
    ),
)


def _label(place: Place) -> Span:
    if isinstance(place, Disk):
        return _name(place)
    return (f"{place.path} (read-only)" if place.reading.read_only else place.path), Role.TEXT


def _use(place: Place) -> float | None:
    return place.reading.utilization_ratio if isinstance(place, Disk) else place.reading.used_ratio


def _need(place: Place) -> float | None:
    """What can't be written to is full for ever and comes last."""
    return None if isinstance(place, Filesystem) and place.reading.read_only else _use(place)


Words = Callable[[float | None], str]


def _of_disk(
    name: str, width: int, rank: int, words: Words, value: Callable[[DiskReading], float | None]
) -> Field[Place]:
    def known(place: Place) -> float | None:
        return value(place.reading) if isinstance(place, Disk) else None

    def cell(place: Place) -> Span:
        return words(known(place)) if isinstance(place, Disk) else "", Role.TEXT

    return Field(name=name, key=name, width=width, rank=rank, cell=cell, order=known)


def _of_filesystem(
    name: str, width: int, rank: int, words: Words, value: Callable[[FilesystemReading], float | None]
) -> Field[Place]:
    def known(place: Place) -> float | None:
        return value(place.reading) if isinstance(place, Filesystem) else None

    def cell(place: Place) -> Span:
        return words(known(place)) if isinstance(place, Filesystem) else "", Role.TEXT

    return Field(name=name, key=name, width=width, rank=rank, cell=cell, order=known)


def _kind(place: Place) -> Span:
    return place.reading.kind if isinstance(place, Filesystem) else "", Role.DIM


_FIELDS: tuple[Field[Place], ...] = (
    Field(
        name="disk or mount point",
        key="name",
        width=0,
        least=20,
        rank=0,
        right=False,
        cell=_label,
        order=lambda place: _label(place)[0],
    ),
    Field(name="use", key="use", width=5, rank=1, cell=lambda place: (percent(_use(place)), Role.STRONG), order=_need),
    _of_disk("await", 6, 3, latency, lambda disk: disk.await_s),
    _of_disk("queue", 5, 4, count, lambda disk: disk.queue_length),
    _of_disk("read", 7, 5, rate, lambda disk: disk.read_bytes_per_s),
    _of_disk("write", 7, 6, rate, lambda disk: disk.write_bytes_per_s),
    _of_filesystem("free", 5, 2, size, lambda filesystem: filesystem.free_bytes),
    _of_filesystem("total", 5, 8, size, lambda filesystem: filesystem.total_bytes),
    _of_filesystem("inodes", 6, 7, percent, lambda filesystem: filesystem.inodes_used_ratio),
    _of_filesystem("fills by", 8, 9, rate, lambda filesystem: filesystem.fill_bytes_per_s),
    Field(name="kind", width=6, rank=10, right=False, cell=_kind),
    Field(name="", width=16, rank=11, right=False, cell=lambda place: (bar_text(_use(place), 16), Role.FIRST)),
)
