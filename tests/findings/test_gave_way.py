"""Which of the findings at a knee gave way first."""

from __future__ import annotations

import pytest

from perftui.findings.gave_way import Stood, first_to_give_way

CHAIN = ("pg.lock_pileup", "pool.exhausted", "probe.slow")


def stood(rule: str, since_at: float, ended_at: float | None = None) -> Stood:
    return Stood(rule=rule, title=rule, since_at=since_at, ended_at=ended_at)


@pytest.mark.parametrize(
    ("findings", "first"),
    [
        ([], None),
        ([stood("pool.exhausted", 95), stood("host.cpu_saturated", 60)], "host.cpu_saturated"),
        ([stood("pool.exhausted", 95), stood("pg.lock_pileup", 99)], "pg.lock_pileup"),
        ([stood("pool.exhausted", 95), stood("pg.lock_pileup", 120)], "pool.exhausted"),
        ([stood("probe.slow", 90), stood("load.abort", 90), stood("deploy.shifted", 20)], None),
        ([stood("host.cpu_saturated", 5)], None),
        ([stood("host.cpu_saturated", 20, ended_at=40)], None),
        ([stood("host.cpu_saturated", 161)], None),
        ([stood("host.cpu_saturated", 155)], "host.cpu_saturated"),
    ],
    ids=["none", "earliest", "cause", "later cause", "no resource", "before", "over", "too late", "after a window"],
)
def test_the_first_of_what_stood_at_the_knee(findings: list[Stood], first: str | None) -> None:
    found = first_to_give_way(findings, moment_at=100, load_from_at=10, chains=[CHAIN])

    assert (found.rule if found else None) == first
