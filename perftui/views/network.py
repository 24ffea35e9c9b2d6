"""Network: what each interface carries and loses, and TCP."""

from __future__ import annotations

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.network import InterfaceReading, NetworkPart, TcpReading
from perftui.views.charts import MIB, chart
from perftui.views.format import count, percent_tenths, rate, sparkline
from perftui.views.layout import Group, Stretch, flow, labelled, short
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.tables import Field, figure, table
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "network", "Network"
SMALL_BYTES_PER_S = float(1 << 20)


class Interface(msgspec.Struct, frozen=True):
    name: str
    reading: InterfaceReading


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """The busiest interface and TCP's losses first; then the other interfaces, the loopback last."""
    history = snapshot.history
    part = history.latest(NetworkPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "network", width, height)
    interfaces = _interfaces(part)

    def course(room: int) -> Line:
        received = history.recent(f"host.network.{interfaces[0].name}.receive_bytes_per_s", room)
        sent = history.recent(f"host.network.{interfaces[0].name}.transmit_bytes_per_s", room)
        moved = [one + other for one, other in zip(received, sent, strict=True)]
        return ((sparkline(moved, room, floor=SMALL_BYTES_PER_S), Role.FIRST),)

    groups: list[Group] = [
        [*_traffic(interfaces[0], width), Stretch(0, 40, course)] if interfaces else [(("no interface", Role.TEXT),)],
        _tcp(part.tcp),
        _losses(interfaces[0]) if interfaces else [],
        *[[*_traffic(interface, width), *_losses(interface)] for interface in interfaces[1:]],
    ]
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=flow(groups, width, height, essential=2))


def _interfaces(part: NetworkPart) -> list[Interface]:
    """The busiest first, the loopback last."""
    found = [Interface(name, reading) for name, reading in part.network.items()]
    return sorted(found, key=lambda each: (each.name != "lo", _moved(each) or 0.0), reverse=True)


def _moved(interface: Interface) -> float | None:
    received, sent = interface.reading.receive_bytes_per_s, interface.reading.transmit_bytes_per_s
    return None if received is None or sent is None else received + sent


def _need(interface: Interface) -> float | None:
    """What never leaves the host comes last."""
    return None if interface.name == "lo" else _moved(interface)


def _traffic(interface: Interface, width: int) -> list[Line]:
    return [
        labelled(f"{short(interface.name, width - 11)} in", rate(interface.reading.receive_bytes_per_s)),
        labelled("out", rate(interface.reading.transmit_bytes_per_s)),
    ]


def _losses(interface: Interface) -> list[Line]:
    return [
        labelled("drops/s", count(interface.reading.drops_per_s)),
        labelled("errors/s", count(interface.reading.errors_per_s)),
    ]


def _tcp(tcp: TcpReading) -> list[Line]:
    return [
        labelled("resent", percent_tenths(tcp.retransmit_ratio)),
        labelled("estab", count(tcp.established)),
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Rates of the busiest interfaces over time, TCP, and every interface."""
    part = snapshot.history.latest(NetworkPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "network", width)
    interfaces = _interfaces(part)
    readings = [
        (f"{interface.name} {way}", f"host.network.{interface.name}.{reading}")
        for interface in interfaces[:2]
        for way, reading in (("in", "receive_bytes_per_s"), ("out", "transmit_bytes_per_s"))
    ]
    groups: list[Group] = [
        [
            *_tcp(part.tcp),
            labelled("resent/s", count(part.tcp.retransmits_per_s)),
            labelled("sent/s", count(part.tcp.segments_out_per_s)),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "carried", "MiB/s", MIB, readings) if readings else None,
        lines=flow(groups, width, 2, essential=1),
        table=table(
            _FIELDS,
            interfaces,
            state,
            width,
            default="traffic",
            key=lambda interface: interface.name,
            found_by=lambda interface: interface.name,
            empty="no interface has carried a byte",
        ),
    )


_FIELDS: tuple[Field[Interface], ...] = (
    Field(
        name="interface",
        key="name",
        width=0,
        rank=0,
        right=False,
        cell=lambda each: (each.name, Role.TEXT),
        order=lambda each: each.name,
    ),
    figure("in", 7, 1, rate, lambda each: each.reading.receive_bytes_per_s),
    figure("out", 7, 2, rate, lambda each: each.reading.transmit_bytes_per_s),
    Field(
        name="traffic", key="traffic", width=7, rank=5, cell=lambda each: (rate(_moved(each)), Role.STRONG), order=_need
    ),
    figure("drops/s", 7, 3, count, lambda each: each.reading.drops_per_s),
    figure("errors/s", 8, 4, count, lambda each: each.reading.errors_per_s),
)
