"""Interfaces and TCP: /proc/net/dev, /proc/net/snmp, /proc/net/sockstat."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import delta, per_second, share
from perftui.sources.files import Clock, KernelFiles, read_or_none
from perftui.sources.kind import Part, SourceKind
from perftui.sources.text import printable_bytes


class InterfaceRow(msgspec.Struct, frozen=True, array_like=True):
    receive_bytes: int
    receive_packets: int
    receive_errors: int
    receive_drops: int
    transmit_bytes: int
    transmit_packets: int
    transmit_errors: int
    transmit_drops: int


class NetworkSample(Sample, frozen=True, kw_only=True):
    """Source: /proc/net/dev, /proc/net/snmp (Tcp), /proc/net/sockstat; of this network namespace."""

    interfaces: dict[str, InterfaceRow]
    """The 64 that carried most; those that never carried a byte are left out. `lo` counts each byte in both directions."""
    segments_out: int | None
    segments_retransmitted: int | None
    established: int | None
    sockets_used: int | None = None


class InterfaceReading(msgspec.Struct, frozen=True, kw_only=True):
    receive_bytes_per_s: float | None
    """Bytes that came in."""
    transmit_bytes_per_s: float | None
    """Bytes that went out."""
    drops_per_s: float | None
    """Packets dropped, both directions."""
    errors_per_s: float | None
    """Packets with an error, both directions."""


class TcpReading(msgspec.Struct, frozen=True, kw_only=True):
    """Of this network namespace."""

    retransmit_ratio: float | None
    """Segments sent again / segments sent, between two samples; None when none were sent."""
    segments_out_per_s: float | None
    """Segments sent, those sent again aside."""
    retransmits_per_s: float | None
    """Segments sent again."""
    established: int | None
    """Connections that are open now, in ESTABLISHED or CLOSE-WAIT."""


class NetworkPart(Part, frozen=True, kw_only=True):
    network: dict[str, InterfaceReading]
    tcp: TcpReading


_MOST = 64


class Network:
    """Reads /proc/net/dev, /proc/net/snmp and /proc/net/sockstat."""

    name = "network"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    async def sample(self) -> NetworkSample:
        """Read once.

        Raises:
            SourceError: MISSING without /proc/net/dev.
        """
        dev = self._files.read("/proc/net/dev")
        mono = self._clock.mono()
        snmp = read_or_none(self._files, "/proc/net/snmp") or b""
        return parse_network(dev, snmp, read_or_none(self._files, "/proc/net/sockstat") or b"", mono)


def parse_network(dev: bytes, snmp: bytes, sockstat: bytes, mono: float) -> NetworkSample:
    """The sample in the three files' text."""
    tcp = _tcp(snmp)
    sockets = sockstat.split(None, 3)
    return NetworkSample(
        mono=mono,
        interfaces=_interfaces(dev),
        segments_out=tcp.get(b"OutSegs"),
        segments_retransmitted=tcp.get(b"RetransSegs"),
        established=tcp.get(b"CurrEstab"),
        sockets_used=int(sockets[2]) if sockets[:2] == [b"sockets:", b"used"] else None,
    )


def _interfaces(dev: bytes) -> dict[str, InterfaceRow]:
    rows = []
    for line in dev.splitlines()[2:]:
        name, _, rest = line.rpartition(b":")
        words = rest.split()
        numbers = [int(words[place]) for place in (0, 1, 2, 3, 8, 9, 10, 11)]
        if numbers[0] or numbers[4]:
            rows.append((printable_bytes(name.strip(), 32), InterfaceRow(*numbers)))
    if len(rows) > _MOST:
        rows = sorted(rows, key=lambda row: row[1].receive_bytes + row[1].transmit_bytes, reverse=True)[:_MOST]
    return dict(rows)


def _tcp(snmp: bytes) -> dict[bytes, int]:
    lines = [line.split() for line in snmp.splitlines() if line.startswith(b"Tcp:")]
    if len(lines) != 2:
        return {}
    return {name: int(number) for name, number in zip(lines[0][1:], lines[1][1:], strict=False)}


def derive(previous: NetworkSample | None, current: NetworkSample) -> NetworkPart:
    """Readings between two samples."""
    before = previous.interfaces if previous else {}
    elapsed = current.mono - previous.mono if previous else 0.0
    out = delta(previous.segments_out if previous else None, current.segments_out)
    again = delta(previous.segments_retransmitted if previous else None, current.segments_retransmitted)
    return NetworkPart(
        network={name: _reading(before.get(name), row, elapsed) for name, row in current.interfaces.items()},
        tcp=TcpReading(
            retransmit_ratio=share(again, out),
            segments_out_per_s=share(out, elapsed),
            retransmits_per_s=share(again, elapsed),
            established=current.established,
        ),
    )


def _reading(previous: InterfaceRow | None, row: InterfaceRow, elapsed_s: float) -> InterfaceReading:
    if previous is None or any(
        getattr(row, field) < getattr(previous, field) for field in ("receive_packets", "transmit_packets")
    ):
        return InterfaceReading(
            receive_bytes_per_s=None, transmit_bytes_per_s=None, drops_per_s=None, errors_per_s=None
        )
    return InterfaceReading(
        receive_bytes_per_s=per_second(previous.receive_bytes, row.receive_bytes, elapsed_s),
        transmit_bytes_per_s=per_second(previous.transmit_bytes, row.transmit_bytes, elapsed_s),
        drops_per_s=per_second(
            previous.receive_drops + previous.transmit_drops, row.receive_drops + row.transmit_drops, elapsed_s
        ),
        errors_per_s=per_second(
            previous.receive_errors + previous.transmit_errors, row.receive_errors + row.transmit_errors, elapsed_s
        ),
    )


KIND = SourceKind(name="network", sample=NetworkSample, part=NetworkPart, derive=derive)
