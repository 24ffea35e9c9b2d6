"""What a load test's report says of the resource that gave way, from findings made by hand."""

from __future__ import annotations

from perftui.history.load_block import Block
from perftui.history.load_course import LoadCourse
from perftui.reports.load_page import load_page
from perftui.reports.load_report import LoadReport, Remedy, Targets, load_report
from perftui.reports.page import Charts
from perftui.reports.tape_report import Spell, TapeReport
from tests.history.load_models import closed
from tests.loads import STARTED_AT

USERS = (5, 10, 20, 30, 40, 50, 60, 70, 80)
REMEDY = Remedy(playbook="pool-exhaustion", title="Pool", mitigate=())


def spell(pool: str, severity: str, second: float) -> Spell:
    return Spell(
        rule="pool.exhausted",
        severity=severity,
        title=f"{pool}: 40 wait",
        began_as=f"{pool}: 1 waits",
        since_at=STARTED_AT + second,
        seen_at=STARTED_AT + second,
    )


def report(*spells: Spell) -> LoadReport:
    """Of eight servers of 100 ms, with users who think for half a second."""
    course = LoadCourse()
    for place, users in enumerate(users for users in USERS for _ in range(2)):
        rate, mean_s = closed(users, 8, 0.1, 0.5)
        at = STARTED_AT + 10 + place * 10
        course.blocks.append(Block(at=at, users=users, requests_per_s=rate, mean_s=mean_s))
    tape = TapeReport(
        name="t",
        host="h",
        system="Linux",
        cores=2,
        start_at=STARTED_AT,
        end_at=course.blocks[-1].at,
        ticks=180,
        cut=False,
        phases=(),
        spells=spells,
        series=(),
        moments=(),
        silent=(),
    )
    found = load_report(tape, course, Targets(), {"pool.exhausted": REMEDY})
    assert found is not None and found.result.knee_at is not None
    return found


def test_the_pool_that_was_full_first_is_named_beside_one_that_was_worse() -> None:
    found = report(spell("orders", "warning", 80), spell("mail", "critical", 130))

    assert found.gave_way is not None
    assert (found.gave_way.issue, found.gave_way.since_at) == ("orders: 40 wait", STARTED_AT + 80)
    assert [each.issue for each in found.troubles] == ["orders: 40 wait", "mail: 40 wait"]
    assert "pool.exhausted: mail: 40 wait" in found.standing.reasons
    assert found.recommendations == ("first pool.exhausted: playbook pool-exhaustion, Pool",)


def test_one_that_was_no_worse_is_told_once() -> None:
    assert [each.issue for each in report(spell("a", "warning", 80), spell("b", "warning", 90)).troubles] == [
        "a: 40 wait"
    ]


def test_a_chart_tells_a_moment_as_it_was_then() -> None:
    sections = load_page(report(spell("orders", "warning", 80)), "executive").sections
    (charts,) = (block for section in sections for block in section.blocks if isinstance(block, Charts))

    assert [pin.words for pin in charts.pins if pin.at == STARTED_AT + 80] == ["orders: 1 waits"]
