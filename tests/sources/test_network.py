from __future__ import annotations

import pytest

from perftui.sources.network import InterfaceRow, NetworkSample, derive, parse_network

DEV = b"""Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
eth0:109489999   4906    1    2    0     0          0         0   282802    2647    3    4    0     0       0          0
"""
SNMP = b"""Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm CurrEstab InSegs OutSegs RetransSegs
Tcp: 1 7 4806 2565 12
"""
SOCKSTAT = b"sockets: used 13\nTCP: inuse 1 orphan 0\n"


def test_reads_the_three_files() -> None:
    sample = parse_network(DEV, SNMP, SOCKSTAT, 1.0)
    assert sample.interfaces == {
        "lo": InterfaceRow(3193, 29, 0, 0, 3193, 29, 0, 0),
        "eth0": InterfaceRow(109489999, 4906, 1, 2, 282802, 2647, 3, 4),
    }
    assert (sample.segments_out, sample.segments_retransmitted, sample.established) == (2565, 12, 7)
    assert sample.sockets_used == 13


def test_without_tcp_counters_they_are_unknown() -> None:
    sample = parse_network(DEV, b"", b"", 1.0)
    assert sample.segments_out is sample.established is sample.sockets_used is None
    assert derive(sample, sample).tcp.retransmit_ratio is None


def test_the_busiest_of_very_many_interfaces() -> None:
    head = b"\n".join(DEV.splitlines()[:2]) + b"\n"
    many = b"".join(b"veth%d: %d 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n" % (number, number + 1) for number in range(100))
    names = list(parse_network(head + many, b"", b"", 1.0).interfaces)
    assert len(names) == 64
    assert names[0] == "veth99"


def sample(mono: float, row: InterfaceRow | None, out: int | None = 0, again: int | None = 0) -> NetworkSample:
    return NetworkSample(
        mono=mono,
        interfaces={"eth0": row} if row else {},
        segments_out=out,
        segments_retransmitted=again,
        established=1,
    )


def test_rates_add_both_directions_of_what_went_wrong() -> None:
    before, after = InterfaceRow(0, 0, 0, 0, 0, 0, 0, 0), InterfaceRow(2000, 20, 2, 4, 1000, 10, 6, 8)
    (reading,) = derive(sample(1.0, before), sample(3.0, after)).network.values()
    assert (reading.receive_bytes_per_s, reading.transmit_bytes_per_s) == (1000, 500)
    assert (reading.errors_per_s, reading.drops_per_s) == (4, 6)


@pytest.mark.parametrize(
    "before", [None, InterfaceRow(9, 50, 0, 0, 9, 9, 0, 0)], ids=["new interface", "same name, counters began anew"]
)
def test_a_new_interface_has_no_rates(before: InterfaceRow | None) -> None:
    after = InterfaceRow(2000, 20, 0, 0, 1000, 10, 0, 0)
    (reading,) = derive(sample(1.0, before), sample(2.0, after)).network.values()
    assert reading.receive_bytes_per_s is reading.drops_per_s is None


@pytest.mark.parametrize(
    ("out", "again", "ratio"),
    [(1100, 15, 0.05), (1000, 10, None), (50, 1, None), (None, None, None)],
    ids=["some", "none sent", "reset", "gone"],
)
def test_retransmit_ratio(out: int | None, again: int | None, ratio: float | None) -> None:
    tcp = derive(sample(1.0, None, 1000, 10), sample(2.0, None, out, again)).tcp
    assert tcp.retransmit_ratio == ratio
