"""The findings' zoom: every number with its limit, nothing cut."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.finding import Constraint, Evidence, Finding, Said, Severity, Verdict
from perftui.views.findings import findings_zoom
from perftui.views.model import TableState
from tests.views.drawn import column, text
from tests.views.scenes import STARTED_AT, host

FINDING = Finding(
    rule="host.memory_pressure",
    severity=Severity.CRITICAL,
    constraint=Constraint.MEMORY_BOUND,
    title="94 % of the memory is used, 700 MiB available, led by leaky (pid 4242)",
    since_at=STARTED_AT,
    subject={"process": "leaky", "pid": 4242},
    evidence=(
        Evidence(
            reading="host.memory.used_ratio", value=0.94, limit=0.9, unit="ratio", window_s=10.0, seed="S002 35.3.2"
        ),
        Evidence(reading="host.memory.available_bytes", value=None, unit="bytes"),
    ),
)


def test_each_finding_stands_with_its_evidence() -> None:
    table = findings_zoom(host(5, findings=(FINDING,)), TableState(), 118).table

    assert table is not None
    assert column(table, "finding and evidence") == [
        "▲ critical  94 % of the memory is used, 700 MiB available, led by leaky (pid 4242)",
        "  host.memory_pressure · since 10:41:37 · process leaky · pid 4242",
        "  host.memory.used_ratio  94.0 %  limit 90.0 %  over 10 s  (S002 35.3.2)",
        "  host.memory.available_bytes  –",
    ]


@pytest.mark.parametrize("width", [40, 60, 76])
def test_a_narrow_screen_wraps_and_cuts_nothing(width: int) -> None:
    table = findings_zoom(host(5, findings=(FINDING,)), TableState(), width).table

    assert table is not None
    rows = column(table, "finding and evidence")
    assert max(map(len, rows)) <= width
    assert [word for word in FINDING.title.split() if word not in " ".join(rows).split()] == []
    assert len({row.key for row in table.rows}) == len(table.rows)


def test_without_findings_it_says_why_all_is_well() -> None:
    zoom = findings_zoom(host(5), TableState(), 118)

    assert zoom.table is not None
    assert zoom.table.empty == "no limit is exceeded"
    assert text(zoom.lines).startswith("CPU 31% busy of 4")


def test_a_filter_looks_at_rules_and_titles() -> None:
    for wanted, rows in (("LEAKY", 4), ("disk", 0)):
        table = findings_zoom(host(5, findings=(FINDING,)), TableState(filter=wanted), 118).table
        assert table is not None
        assert len(table.rows) == rows


def test_the_verdicts_so_far_stand_below_with_their_times_newest_first() -> None:
    now = host(5, findings=(FINDING,))
    said = Verdict(
        constraint=Constraint.MEMORY_BOUND,
        finding=FINDING.rule,
        severity=Severity.CRITICAL,
        since_at=STARTED_AT,
        summary="memory is short",
    )
    before = Said(at=STARTED_AT, verdict=host(0).verdict)
    snapshot = msgspec.structs.replace(now, verdicts=(before, Said(at=STARTED_AT + 4, verdict=said)))

    table = findings_zoom(snapshot, TableState(), 118).table

    assert table is not None
    rows = column(table, "finding and evidence")
    below = rows[rows.index("verdicts so far") + 1 :]
    assert below[0] == "10:41:41  ▲ MEMORY BOUND  memory is short"
    assert below[1].startswith("10:41:37  ● HEALTHY")
    assert len({row.key for row in table.rows}) == len(table.rows)
    filtered = findings_zoom(snapshot, TableState(filter="memory"), 118).table
    assert filtered is not None
    assert "verdicts so far" not in column(filtered, "finding and evidence")
