"""Interfaces and TCP: /proc/net/dev, /proc/net/snmp, /proc/net/sockstat."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


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
    interfaces: dict[str, InterfaceRow]
    """Without `lo`'s twin directions being merged; interfaces that never carried a byte are left out."""
    segments_out: int | None
    segments_retransmitted: int | None
    established: int | None
    sockets_used: int | None = None


class InterfaceReading(msgspec.Struct, frozen=True, kw_only=True):
    receive_bytes_per_s: float | None
    transmit_bytes_per_s: float | None
    drops_per_s: float | None
    """Both directions."""
    errors_per_s: float | None
    """Both directions."""


class TcpReading(msgspec.Struct, frozen=True, kw_only=True):
    """Of this network namespace."""

    retransmit_ratio: float | None
    """Segments sent again / segments sent, between two samples; None when none were sent."""
    segments_out_per_s: float | None
    retransmits_per_s: float | None
    established: int | None


class NetworkPart(Part, frozen=True, kw_only=True):
    network: dict[str, InterfaceReading]
    tcp: TcpReading
