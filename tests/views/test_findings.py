"""The list of findings: incident by incident from the cause on, each row of a finding opens it, and nothing is cut."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.finding import Constraint, Evidence, Finding, Said, Severity, Verdict
from perftui.views.findings import findings_zoom
from perftui.views.model import Table, TableState
from tests.views.drawn import column, text
from tests.views.scenes import STARTED_AT, host
from tests.views.test_banner import CERTIFICATE, SWAPPING, WAITING

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
KILLED = msgspec.structs.replace(
    SWAPPING, rule="host.oom_kill", title="the kernel killed leaky", since_at=STARTED_AT + 20
)
NOTE = msgspec.structs.replace(CERTIFICATE, rule="slo.latency", severity=Severity.INFO, title="SLO of shop is near")


def table_of(*findings: Finding, width: int = 118, wanted: str = "") -> Table:
    table = findings_zoom(host(30, findings=findings), TableState(filter=wanted), width).table
    assert table is not None
    return table


def rows_of(table: Table) -> list[str]:
    return column(table, table.columns[0].name)


def test_one_finding_stands_with_its_facts() -> None:
    assert rows_of(table_of(FINDING)) == [
        "▲ critical  94 % of the memory is used, 700 MiB available, led by leaky (pid 4242)",
        "  host.memory_pressure · since 10:41:37 · process leaky · pid 4242",
    ]


def test_a_chain_stands_from_its_cause_to_its_last_symptom_with_the_reason_of_each_link() -> None:
    rows = rows_of(table_of(WAITING, FINDING, SWAPPING, KILLED, width=160))

    assert [row for row in rows if "because" not in row and " · since" not in row] == [
        f"▲ critical  {FINDING.title}",
        f"→ ▲ critical  {SWAPPING.title}",
        f"→ △ warning  {WAITING.title}",
        f"↳ ▲ critical  {KILLED.title}",
    ]
    assert rows[4] == ("    because the kernel moves pages to swap to find memory; the cause began 10 s before")


def test_two_incidents_stand_apart_and_notes_below_them() -> None:
    rows = rows_of(table_of(FINDING, CERTIFICATE, NOTE))

    assert rows[0] == "the verdict: MEMORY BOUND, since 10:41:37"
    place = rows.index("another incident: EXTERNAL BOUND, since 10:41:37")
    assert rows[place - 1] == ""
    assert rows[place + 1] == f"△ warning  {CERTIFICATE.title}"
    assert rows[-2] == f"● info  {NOTE.title}"


def test_every_line_of_a_finding_opens_it_and_the_cursor_stops_at_the_first() -> None:
    table = table_of(FINDING, CERTIFICATE, width=50)

    assert {row.opens for row in table.rows} == {"", FINDING.key, CERTIFICATE.key}
    heads = [row for row in table.rows if row.head]
    assert [row.opens for row in heads] == [FINDING.key, CERTIFICATE.key]
    assert len({row.key for row in table.rows}) == len(table.rows)


@pytest.mark.parametrize("width", [40, 60, 76])
def test_a_narrow_screen_wraps_and_cuts_nothing(width: int) -> None:
    table = table_of(FINDING, CERTIFICATE, width=width)

    rows = rows_of(table)
    assert max(map(len, rows)) <= width
    assert [word for word in FINDING.title.split() if word not in " ".join(rows).split()] == []
    assert len({row.key for row in table.rows}) == len(table.rows)


def test_without_findings_it_says_why_all_is_well() -> None:
    zoom = findings_zoom(host(5), TableState(), 118)

    assert zoom.table is not None
    assert zoom.table.empty == "no limit is exceeded"
    assert text(zoom.lines).startswith("CPU 31% busy of 4")


def test_a_filter_looks_at_rules_and_titles() -> None:
    assert len(rows_of(table_of(FINDING, CERTIFICATE, wanted="LEAKY"))) == 3
    assert rows_of(table_of(FINDING, wanted="disk")) == []


def test_the_verdicts_so_far_stand_below_with_their_times_newest_first() -> None:
    now = host(5, findings=(FINDING,))
    said = Verdict(
        constraint=Constraint.MEMORY_BOUND,
        finding=FINDING.rule,
        severity=Severity.CRITICAL,
        since_at=STARTED_AT,
        summary="memory is short",
        chain=(FINDING.rule, "host.swapping"),
        others=host(5, findings=(CERTIFICATE, FINDING)).verdict.others,
    )
    before = Said(at=STARTED_AT, verdict=host(0).verdict)
    snapshot = msgspec.structs.replace(now, verdicts=(before, Said(at=STARTED_AT + 4, verdict=said)))

    table = findings_zoom(snapshot, TableState(), 118).table

    assert table is not None
    rows = rows_of(table)
    below = rows[rows.index("verdicts so far") + 1 :]
    assert below[0] == "10:41:41  ▲ MEMORY BOUND  memory is short → host.swapping · beside it tls.expiring"
    assert below[1].startswith("10:41:37  ● HEALTHY")
    assert len({row.key for row in table.rows}) == len(table.rows)
    filtered = findings_zoom(snapshot, TableState(filter="memory"), 118).table
    assert filtered is not None
    assert "verdicts so far" not in rows_of(filtered)
