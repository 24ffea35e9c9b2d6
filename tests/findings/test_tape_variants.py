"""Each recorded fault as it would have been elsewhere: other hosts, other load, less to be seen. The verdict stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from perftui.drills import DRILLS
from perftui.findings import RULES
from perftui.findings.rule import ChosenLimits
from perftui.model.finding import Severity
from tests.findings import cuts, test_pg_tapes, test_pool_tapes, test_probe_tapes, test_tapes
from tests.findings.tapes import TAPES, Variant, as_recorded, both, each, frames, played, told, without
from tests.findings.variants import (
    at_rate,
    busy,
    clock_set,
    every,
    goes_on,
    idle_cores,
    lasts,
    late_ticks,
    now_and_then,
    on_cores,
    renamed,
)

HOST = frozenset(test_tapes.EXPECTED)
NEGLECTED = {
    "pg-full-log": ("pg.checkpoint_pressure", "pg.slot_retention"),
    "pg-cold-reads": ("pg.cache_misses",),
    "pg-dead-rows": ("pg.dead_tuples",),
    "pg-standby-conflict": ("pg.replication_conflicts",),
}
DRILLED = {
    f"drill-{drill.name}": drill.rules
    for drill in DRILLS
    if drill.rules and (TAPES / f"drill-{drill.name}.ptape").exists()
}
TOP: dict[str, tuple[str, ...]] = {
    name: (expected.chain[0],)
    for table in (test_tapes.EXPECTED, test_pg_tapes.EXPECTED, test_pool_tapes.EXPECTED, test_probe_tapes.EXPECTED)
    for name, expected in table.items()
}
TOP |= NEGLECTED | DRILLED
"""Rule at the top of the chain, either of them."""
LIMITS: dict[str, ChosenLimits] = {name: expected.limits for name, expected in test_pg_tapes.EXPECTED.items()}

VARIANTS: dict[str, Variant] = {
    "as recorded": as_recorded,
    "1 core": on_cores(1),
    "4 cores": on_cores(4),
    "16 cores": on_cores(16),
    "64 cores": on_cores(64),
    "30 % busy": busy(0.3),
    "60 % busy": busy(0.6),
    "half the rate": at_rate(0.5),
    "twice the rate": at_rate(2.0),
    "every 2 s": every(2),
    "every 5 s": both(lasts(15), every(5)),
    "late ticks": late_ticks,
    "late sources": now_and_then,
    "the clock goes back": clock_set(-3600.0),
    "the clock goes ahead": clock_set(3600.0),
    "other names": renamed,
    "no pressure": each(without("pressure")),
    "no processes": each(without("processes")),
    "no statements": each(without("pg_statements")),
}
OF_HOSTS = ("1 core", "4 cores", "16 cores", "64 cores")
"""The number of cores is the host's business."""
OF_QUIET = ("30 % busy", "60 % busy", "no pressure", "no processes", "the clock goes back")
"""The machine had other work while the rest was recorded."""
NO_STATEMENTS = "what statements take is told by pg_stat_statements alone"
OTHERWISE: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("swap-thrash", "no pressure"): (("host.swapping",), "that tasks wait for memory is told by pressure alone"),
    ("memory-leak", "no processes"): ((), "no process is seen that could grow"),
    ("open-files", "no processes"): ((), "it is one process that runs out, not the host"),
    ("memory-leak", "every 5 s"): ((), "S002 wants ten measurements, and the tape has no ten of the leak"),
    ("pg-slow-statement", "no statements"): ((), NO_STATEMENTS),
    ("pg-n-plus-one", "no statements"): ((), NO_STATEMENTS),
    ("pg-dropped-index", "no statements"): ((), NO_STATEMENTS),
    ("drill-bad-deploy", "no statements"): ((), NO_STATEMENTS),
    ("pg-slow-statement", "twice the rate"): (("pg.temp_spill",), "it spills, and twice of that is told as the reason"),
    ("pg-dropped-index", "half the rate"): ((), "the additional time keeps less than a tenth of a backend busy"),
    ("pg-unread-results", "every 2 s"): (("host.cpu_saturated",), "others fill the CPUs, in fewer ticks critically so"),
    ("pg-temp-spill", "every 5 s"): ((), "spills come in lumps, and as the tape goes on no more come"),
    ("pool-full", "every 2 s"): ((), "it was full for five seconds, of which two ticks tell too little"),
    ("pool-full", "every 5 s"): ((), "it was full for five seconds, of which one tick tells too little"),
    ("pool-idle-holder", "late ticks"): (("pool.exhausted",), "the one tick that shows the whole chain does not come"),
}
"""(rules at the top instead, none: nothing that the tape is about; why)"""


def cases() -> Iterator[tuple[str, str]]:
    """All that make a difference to what was recorded."""
    for name in TOP:
        sources = {source for frame in frames(name) for source in frame.samples}
        beside_others = name in DRILLED or name in NEGLECTED
        for variant in VARIANTS:
            if variant in OF_HOSTS and name not in HOST:
                continue
            if (variant in OF_QUIET and beside_others) or (
                variant == "no statements" and "pg_statements" not in sources
            ):
                continue
            yield name, variant


@pytest.mark.parametrize(("name", "variant"), list(cases()))
def test_the_same_rule_is_at_the_top_of_the_chain_and_no_other_cries(name: str, variant: str) -> None:
    wanted, _ = OTHERWISE.get((name, variant), (TOP[name], ""))
    shown = played(name, VARIANTS[variant], LIMITS.get(name, {}))
    tops = {each.verdict.finding for each in shown}
    if name in DRILLED or name in NEGLECTED:
        tops |= {other.finding for each in shown for other in each.verdict.others}

    assert tops & set(wanted) or (not wanted and not tops & set(TOP[name])), tops
    if variant not in GONE_ON:
        assert told(shown) <= usual(name) | set(wanted)


GONE_ON = ("every 5 s",)
"""What the last second of a tape grows by is not what all of it would have grown by."""


@cache
def usual(name: str) -> set[str]:
    """What the tape as recorded tells; of the machine's other work anything."""
    others = {rule.name for rule in RULES if rule.name.startswith("host.")}
    return told(played(name, limits=LIMITS.get(name, {}))) | (others if name in DRILLED or name in NEGLECTED else set())


def test_exceptions_are_of_cases_that_there_are() -> None:
    assert set(OTHERWISE) <= set(cases())


@pytest.mark.parametrize("share", [0.3, 0.6])
@pytest.mark.parametrize("name", sorted(HOST))
def test_a_busy_host_is_healthy_until_the_fault_and_after_it(name: str, share: float) -> None:
    calm = played(name, lambda course: busy(share)(cuts.until(5.5)(course)))
    after = played(name, lambda course: goes_on(25, share)(busy(share)(course)))[-1]

    assert told(calm) == set()
    assert told([after]) <= REMEMBERED.get(name, set())


REMEMBERED = {"oom-kill": {"host.oom_kill"}, "disk-fill": {"host.disk_filling"}}
"""A kill is told for some minutes, and a full disk stays full."""


@pytest.mark.parametrize(
    ("name", "change", "rules"),
    [
        ("cpu-hog", cuts.changed("cpu", cuts.niced), set()),
        ("cpu-hog", idle_cores(16), set()),
        ("disk-saturation", idle_cores(16), {"host.io_saturated"}),
        ("disk-saturation", each(without("disks")), {"host.io_saturated"}),
        ("oom-kill", each(without("kernel_log")), {"host.oom_kill"}),
        ("swap-thrash", each(without("pressure", "processes", "cgroups")), {"host.swapping"}),
        ("busy-build", cuts.nearly_full, {"host.memory_pressure"}),
        ("pg-too-many-clients", cuts.room_for(400), set()),
        ("pg-too-many-clients", cuts.room_for(45), {"pg.connections_exhausted"}),
        (
            "pg-lock-chain",
            cuts.room_for(8),
            {"pg.idle_in_transaction", "pg.lock_pileup", "pg.connections_exhausted"},
        ),
        ("pg-lock-chain", cuts.changed("pg_activity", cuts.as_an_ordinary_role), {"pg.lock_pileup"}),
        ("pg-lock-chain", cuts.old_ids(1_700_000_000), {"pg.wraparound"}),
        ("pg-deadlock", each(without("pg_counters")), set()),
        ("pg-slow-statement", cuts.old_ids(1_100_000_000), {"pg.wraparound"}),
        ("pg-unread-results", cuts.sessions(query_id=None), {"pg.long_statement"}),
        ("pg-unread-results", cuts.sessions(query_id=None, query=None), set()),
        ("pg-unread-results", cuts.sessions(query="COPY orders TO STDOUT"), set()),
        ("pg-n-plus-one", cuts.sessions(query_id=None), {"pg.n_plus_one"}),
        ("pg-n-plus-one", each(without("pg_counters")), set()),
        ("pg-dropped-index", as_recorded, set()),
    ],
    ids=[
        "niced work gives way",
        "eight hogs on 16 cores",
        "I/O wait diluted by 16 cores",
        "disks can't be read",
        "no right to the kernel's log",
        "swap alone tells",
        "two per cent of memory left",
        "the same clients where there is room for 400",
        "a few more slots than that",
        "the pile-up takes all connections",
        "a role that may not see what others do",
        "ids run out beside",
        "deadlocks are counted there",
        "old ids",
        "13 gives no queryid",
        "no texts, no queryid",
        "an export by COPY",
        "13 gives no queryid, statements do",
        "transactions can't be counted",
        "a minute before a regression is needed by default",
    ],
)
def test_what_makes_a_difference(name: str, change: Variant, rules: set[str]) -> None:
    found = told(played(name, change)) - (test_pg_tapes.HOST if name not in HOST else set())
    expected = test_tapes.EXPECTED.get(name) or test_pg_tapes.EXPECTED.get(name)

    assert rules <= found
    assert found <= rules | ({*expected.chain, *expected.also} if expected and rules else set())


def test_ids_that_run_out_are_no_part_of_a_lock_chain() -> None:
    last = played("pg-lock-chain", cuts.old_ids(1_700_000_000))[-1]

    assert last.verdict.severity is Severity.CRITICAL, "the queue is a warning"
    assert last.verdict.chain == ("pg.wraparound",)
