"""The text to paste: verdict, evidence, numbers, what could not be read."""

from __future__ import annotations

import msgspec

from perftui.reports.text import WIDTH, snapshot_text
from tests.views.pg_scenes import REFUSED, database, down
from tests.views.scenes import host, without
from tests.views.test_banner import CERTIFICATE, SWAPPING, WAITING


def test_it_tells_verdict_chain_evidence_and_numbers() -> None:
    told = snapshot_text(host(30, findings=(SWAPPING, WAITING)))

    assert told.startswith(
        "db-prod-3, 4 cores, Linux 6.1.0-18-amd64, 2026-02-11 10:42:07Z\nMEMORY BOUND (critical): swap in"
    )
    for words in (
        "chain: swap in 140 MiB/s -> work waits for vda 45 % of the time",
        "host.swapping - since 10:41:47",
        "busy 31 %",
        "vda (swap)",
        "4310 postgres  250.0",
    ):
        assert words in told


def test_other_incidents_are_told_with_their_chains() -> None:
    stolen = msgspec.structs.replace(WAITING, rule="host.cpu_stolen", title="the hypervisor takes 20% of the CPU time")
    abort = msgspec.structs.replace(WAITING, rule="load.abort", title="abort the load test: 20% of its requests fail")
    told = snapshot_text(host(30, findings=(SWAPPING, stolen, abort, CERTIFICATE)))

    assert "chain: swap in 140 MiB/s -> abort the load test: 20% of its requests fail\nother incident: IO BOUND" in told
    assert (
        "other incident: IO BOUND (warning): the hypervisor takes 20% of the CPU time, since 10:41:49\n"
        "  chain: the hypervisor takes 20% of the CPU time -> abort the load test: 20% of its requests fail" in told
    )
    assert "other incident: EXTERNAL BOUND (warning): certificate of shop ends in 2 days, renew it" in told


def test_it_is_narrow_and_plain() -> None:
    told = snapshot_text(host(30, without("filesystems", after=3), findings=(SWAPPING, WAITING)))

    assert max(map(len, told.splitlines())) <= WIDTH
    assert told.isascii()


def test_it_says_what_could_not_be_read() -> None:
    told = snapshot_text(host(30, without("filesystems", after=3)))

    assert "not read: filesystems, last read 27 s ago: denied: /proc/filesystems: not allowed; run as root" in told


def test_it_tells_of_the_server() -> None:
    told = snapshot_text(database(30))

    for words in (
        "Slow statements  1.4 k calls/s",
        " 61 %     212 118 ms    2.1 s UPDATE orders SET state",
        "Locks            37 waiting, longest 2m50s",
        "* 4242 idle in tx 3m12s orders-api  blocks 37",
        "` 4310 UPDATE orders",
        "used 87/100  90 % of 97",
    ):
        assert words in told
    assert max(map(len, told.splitlines())) <= WIDTH
    assert told.isascii()


def test_it_says_that_the_numbers_of_a_server_are_old() -> None:
    told = snapshot_text(down(REFUSED, 30, after=18))

    assert "Locks            no reading for 12 s: unreachable: connection refused by db:5432; as it was then:" in told
    assert max(map(len, told.splitlines())) <= WIDTH


def test_a_host_without_a_server_has_none_of_its_panes() -> None:
    assert "Slow statements" not in snapshot_text(host(1))
