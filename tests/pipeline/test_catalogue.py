"""The catalogue: every name that was promised, and every number that a snapshot shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from perftui.pipeline.catalogue import catalogue
from perftui.pipeline.tree import tree
from perftui.sources import KINDS
from tests.views.pg_scenes import database
from tests.views.scenes import host

PROMISED = """
host.cpu: count busy_ratio user_ratio nice_ratio system_ratio iowait_ratio irq_ratio softirq_ratio steal_ratio idle_ratio
host.cpu: runnable blocked context_switches_per_s per_core[].busy_ratio throttled_ratio
host.load: avg1 avg5 avg15
host: uptime_s
host.pressure.cpu: some_avg10_ratio full_avg10_ratio
host.pressure.io: some_avg10_ratio full_avg10_ratio
host.pressure.memory: some_avg10_ratio full_avg10_ratio
host.memory: total_bytes available_bytes used_ratio oom_kills_total state growth.state growth.ratio growth.leader.pid
host.memory.classes: anonymous_bytes file_cache_bytes dirty_bytes shared_bytes slab_reclaimable_bytes
host.memory.classes: slab_unreclaimable_bytes page_tables_bytes kernel_stack_bytes huge_pages_bytes other_bytes free_bytes
host.swap: total_bytes used_bytes in_bytes_per_s out_bytes_per_s
host.disks.NAME: utilization_ratio await_s queue_length read_bytes_per_s write_bytes_per_s reads_per_s writes_per_s
host.filesystems.PATH: total_bytes free_bytes used_ratio inodes_used_ratio
host.network.NAME: receive_bytes_per_s transmit_bytes_per_s drops_per_s errors_per_s
host.tcp: retransmit_ratio established
host.processes: total top[].pid top[].ppid top[].name top[].command top[].user top[].state top[].cpu_ratio
host.processes: top[].resident_bytes top[].read_bytes_per_s top[].write_bytes_per_s top[].threads
postgres: reachable version role uptime_s transactions_per_s rollbacks_per_s cache_hit_ratio temp_bytes_per_s
postgres: deadlocks_per_s
postgres.connections: used max reserved utilization_ratio active idle idle_in_transaction waiting oldest_transaction_s
postgres.connections: by_application[].name by_application[].count by_user[].name by_user[].count
postgres.locks: waiting longest_wait_s root_blockers
postgres.locks.tree[]: pid blocked_by[] waited_s held_s mode relation application user state query
postgres.statements: slowest_mean_s
postgres.statements.top[]: queryid query calls_per_s mean_s max_s time_ratio rows_per_call hit_ratio temp_bytes_per_s
postgres.statements.top[]: wal_bytes_per_s
pools.NAME: kind max_size in_use idle waiting utilization_ratio wait_s leaked state
pool: name kind max_size in_use idle waiting utilization_ratio wait_s leaked state
postgres.backends[]: pid backend_start_at database user application state wait_type wait_event query blocked_by[]
"""
"""The names that hold, as the design promises them to scripts."""

NAMES = [
    f"{path}.{name}"
    for line in PROMISED.strip().splitlines()
    for path, _, names in [line.partition(": ")]
    for name in names.split()
]


@pytest.fixture(scope="module")
def entries() -> dict[str, tuple[str, str]]:
    return {entry.name: (entry.unit, entry.text) for entry in catalogue()}


def test_every_promised_name_is_there(entries: dict[str, tuple[str, str]]) -> None:
    assert [name for name in NAMES if name not in entries] == []


def test_every_reading_says_what_it_is_in_words_of_its_own(entries: dict[str, tuple[str, str]]) -> None:
    seen = set()
    for name, (unit, text) in entries.items():
        owner, _, field = name.rpartition(".")
        assert unit and "\n" not in text, name
        assert text != field.replace("_", " "), f"{name} has no docstring"
        assert (owner, text) not in seen, f"{name} has only its record's docstring"
        seen.add((owner, text))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("host.cpu.busy_ratio", "ratio"),
        ("host.memory.growth.ratio", "ratio"),
        ("host.disks.NAME.await_s", "s"),
        ("host.disks.NAME.reads_per_s", "1/s"),
        ("host.disks.NAME.read_bytes_per_s", "bytes/s"),
        ("host.memory.oom_kills_total", "counter"),
        ("host.memory.state", "text"),
        ("host.cpu.runnable", "count"),
        ("host.processes.top[].resident_bytes", "bytes"),
        ("host.processes.complete", "yes/no"),
        ("postgres.reachable", "yes/no"),
        ("postgres.locks.tree[].blocked_by[]", "count"),
        ("postgres.backends[].backend_start_at", "UTC"),
    ],
)
def test_the_unit_follows_from_the_name(entries: dict[str, tuple[str, str]], name: str, unit: str) -> None:
    assert entries[name][0] == unit


def test_the_text_is_the_docstring_of_the_field(entries: dict[str, tuple[str, str]]) -> None:
    assert entries["host.cpu.steal_ratio"][1] == "Taken by the hypervisor for others."


def numbers(value: Any, path: str) -> Iterator[str]:
    """The catalogue's name of each number in a tree."""
    match value:
        case bool() | str() | None:
            return
        case int() | float():
            yield path
        case list():
            for inner in value:
                yield from numbers(inner, f"{path}[]")
        case dict():
            wild = {"host.disks": "NAME", "host.network": "NAME", "host.filesystems": "PATH", "host.cgroups": "PATH"}
            for key, inner in value.items():
                yield from numbers(inner, f"{path}.{wild.get(path, key)}")


def test_every_number_of_a_snapshot_has_its_entry(entries: dict[str, tuple[str, str]]) -> None:
    shown = set(numbers(tree(host(30))["host"], "host"))

    assert len(shown) > 80
    assert sorted(name for name in shown if name not in entries) == []


def test_every_number_of_a_server_has_its_entry(entries: dict[str, tuple[str, str]]) -> None:
    told = tree(database(10))["postgres"]
    shown = set(numbers(told, "postgres"))

    assert len(shown) > 40
    assert sorted(name for name in shown if name not in entries) == []


def test_no_two_sources_give_the_same_reading() -> None:
    assert len({kind.part for kind in KINDS}) == len(KINDS)
