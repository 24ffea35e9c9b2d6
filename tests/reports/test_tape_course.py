"""What changes from snapshot to snapshot, and a tape's phases: other incidents have their place in both."""

from __future__ import annotations

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.reports.changes import Changes
from perftui.reports.page import Table
from perftui.reports.tape_page import tape_page
from perftui.reports.tape_report import Gathering
from tests.loads import STARTED_AT, told_phases
from tests.views.scenes import host
from tests.views.test_banner import CERTIFICATE, SWAPPING, WAITING


def seen() -> list[Snapshot]:
    return [
        host(1),
        host(11, findings=(SWAPPING,)),
        host(13, findings=(SWAPPING, WAITING)),
        host(15, findings=(SWAPPING, WAITING, CERTIFICATE)),
    ]


def test_another_incident_is_a_change_of_the_verdict() -> None:
    changes = Changes(as_json=False)
    told = [line for snapshot in seen() for line in changes.lines(snapshot) if " verdict " in line]

    assert [line.split("verdict ")[1].split(maxsplit=2)[2] for line in told[1:]] == [
        "host.swapping",
        "host.swapping → host.io_saturated",
        "host.swapping → host.io_saturated; beside it tls.expiring",
    ]


def test_the_same_rule_about_another_thing_is_another_finding() -> None:
    other = msgspec.structs.replace(CERTIFICATE, subject={"probe": "mail", "certificate": "mail"})
    changes = Changes(as_json=False)

    told = changes.lines(host(15, findings=(CERTIFICATE, other)))

    assert len([line for line in told if " began " in line]) == 2


def test_a_tapes_report_tells_other_incidents_beside_the_chain_of_a_phase() -> None:
    gathering = Gathering()
    for snapshot in seen():
        gathering.put(snapshot)
    report = gathering.report("incident", cut=False)

    assert report is not None
    assert [list(phase.others.values()) for phase in report.phases] == [[], [], [CERTIFICATE.title]]
    verdicts = next(section for section in tape_page(report).sections if section.title == "Verdicts")
    (table,) = verdicts.blocks
    assert isinstance(table, Table)
    assert table.rows[-1][-2:] == ("host.swapping → host.io_saturated", CERTIFICATE.title)


def test_phases_of_a_load_test_are_moments_of_its_tape() -> None:
    gathering = Gathering()
    for snapshot in told_phases(["warm-up"] * 12 + ["steady"] * 12 + ["ramp-down"] * 3, [(20, "cache cleared")]):
        gathering.put(snapshot)
    report = gathering.report("test.ptape", cut=False)

    assert report is not None
    assert [(at - STARTED_AT, sort, words) for at, sort, words in report.moments] == [
        (12, "phase", "steady"),
        (20, "mark", "cache cleared"),
        (24, "phase", "ramp-down"),
    ]
