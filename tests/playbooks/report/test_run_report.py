"""A run's report: what it tells of a fixed journal, and of one that was cut, changed or made up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.playbooks.journal import Event, Journal, read
from perftui.playbooks.report.records import RunReport
from perftui.playbooks.report.run_report import KeptFile, run_report
from perftui.reports.html import page_html
from perftui.reports.markdown import page_markdown
from perftui.reports.report_json import run_json
from perftui.reports.run_handoff import handoff_text
from perftui.reports.run_page import TEMPLATES, headline, run_page, standing
from tests.playbooks.report.journals import OPENED_AT, Line, incident, incident_book, iso, journal

CONTAINED = {"a" * 64: KeptFile("a" * 64, 1234)}


def told(lines: list[Line], kept: dict[str, KeptFile] | None = None) -> RunReport:
    return run_report(journal(lines), incident_book(), CONTAINED if kept is None else kept)


def test_who_when_and_how_long_beside_the_yardsticks() -> None:
    report = told(incident())

    assert (report.host, report.users, report.playbook, report.open) == ("db-prod-3", ("ann", "ben"), "sample", False)
    assert (report.opened_at, report.duration_s, report.result) == (OPENED_AT, 1030.0, "finished")
    assert (report.detected_s, report.first_finding_s, report.first_change_s) == (200.0, 6.0, 400.0)
    assert [(each.user, each.start_at) for each in report.sittings] == [("ann", OPENED_AT), ("ben", OPENED_AT + 120)]
    assert report.allowed and not report.problems and report.lines == len(incident())


def test_the_board_holds_the_last_word_on_each_cause_the_gravest_first() -> None:
    board = told(incident()).board

    assert [(each.cause, each.verdict, each.changed) for each in board] == [
        ("locks", "confirmed", True),
        ("disk", "cleared", False),
    ]


def test_a_change_is_told_with_what_was_typed_seen_and_left() -> None:
    (change,) = told(incident()).changes

    assert (change.title, change.state, change.by, change.typed) == ("Terminate the blocker", "passed", "ben", "4242")
    assert change.shown[1] == "because it holds them all"
    assert (change.undo, change.undo_does) == ("kept", ("$ start", "again"))


def test_before_and_after_with_percentiles_variation_and_counts() -> None:
    (compared,) = told(incident()).comparisons

    assert (compared.reading, compared.unit, compared.change_pct, compared.verdict) == (
        "probe.p95_s",
        "s",
        -95.0,
        "shifted",
    )
    assert (compared.spread_before.n, compared.spread_before.p99, compared.spread_after.cv_pct) == (600, 2.42, 11.0)


def test_courses_of_several_marks_are_one_and_what_happened_outside_is_told_once() -> None:
    report = told(incident())
    points = {each.reading: each.points for each in report.series}
    moments = [at for at, _ in points["probe.p95_s"]]

    assert moments == sorted(set(moments)) and moments[0] == OPENED_AT - 1800 and moments[-1] >= OPENED_AT + 1015
    assert (OPENED_AT + 437, 0.12) in points["probe.p95_s"]
    assert [each.words for each in report.timeline if each.sort in ("deploy", "mark")] == [
        "orders-api 2.8.1",
        "pager went off",
    ]
    assert [each.words for each in report.timeline if each.sort == "judged"] == [
        "lock bound (critical): 37 backends wait for pid 4242",
        "healthy: nothing waits",
    ]
    assert [each.sort for each in report.timeline[:3]] == ["deploy", "mark", "run"]


def test_a_mark_of_long_ago_is_no_part_of_the_story() -> None:
    lines = incident()
    lines[1][3]["marks"].append({"at": iso(-90_000), "text": "another incident"})

    assert "another incident" not in page_markdown(run_page(told(lines)))


def test_follow_ups_are_the_playbooks_and_the_notes_that_say_todo() -> None:
    assert told(incident()).follow_up == (
        "Set idle_in_transaction_session_timeout",
        "ask why the job has no timeout",
    )


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        (CONTAINED, "verified"),
        ({"a" * 64: KeptFile("b" * 64, 1234)}, "changed"),
        ({}, "missing"),
    ],
)
def test_evidence_is_held_against_its_hash(kept: dict[str, KeptFile], state: str) -> None:
    report = run_report(journal(incident()), incident_book(), kept)

    assert [each.state for each in report.evidence] == [state]
    assert [state in problem for problem in report.problems] == ([] if state == "verified" else [True])


def test_without_the_evidence_folder_nothing_is_claimed() -> None:
    report = run_report(journal(incident()), incident_book())

    assert [each.state for each in report.evidence] == ["not checked"] and not report.problems


def test_without_the_copies_the_journal_still_tells_what_was_done() -> None:
    report = run_report(journal(incident()), None, CONTAINED, problems=["no copy"])

    assert [each.title for each in report.changes] == ["Terminate the blocker"]
    assert report.changes[0].undo == "kept" and report.problems == ("no copy",)


def test_a_change_that_was_cut_off_is_indeterminate_until_somebody_looked() -> None:
    lines = incident()[:12]
    cut: list[Line] = [*lines, (900, Event.RUN_RESUMED, None, {})]
    report = told(cut)
    assert [(each.state, each.made) for each in report.changes] == [("indeterminate", True)]
    assert any("nobody knows whether this was done: Terminate the blocker" in each for each in report.problems)
    assert standing(report).status == "FAILED" and "indeterminate" in report.next_step

    looked: list[Line] = [*cut, (910, Event.CHOICE, "end_it", {"key": "done"})]
    report = told(looked)
    assert [(each.state, each.undo) for each in report.changes] == [("done", "stands")]
    assert not report.problems and report.first_change_s == 910.0


def test_an_undo_that_was_cut_off_and_one_that_failed() -> None:
    begun: list[Line] = [*incident()[:13], (500, Event.STEP_INTENT, "undo:end_it", {"does": ["$ start"]})]
    assert told(begun).changes[0].undo == "being taken back"

    cut: list[Line] = [*begun, (600, Event.RUN_RESUMED, None, {})]
    assert told(cut).changes[0].undo == "undo indeterminate"
    failed: list[Line] = [*cut, (610, Event.UNDO_DONE, "end_it", {"state": "failed", "why": "exit 1"})]
    assert (told(failed).changes[0].undo, told(failed).changes[0].undo_why) == ("undo failed", "exit 1")
    done: list[Line] = [*failed, (620, Event.UNDO_DONE, "end_it", {"state": "done"})]
    assert told(done).changes[0].undo == "taken back" and not told(done).standing


def test_an_open_run_tells_the_step_at_hand_and_what_stands() -> None:
    report = told(incident()[:13])

    assert report.open and report.next_step.startswith("Did it help (cmp, new")
    assert [each.undo for each in report.standing] == ["stands"]
    assert standing(report).status == "CONDITIONAL" or standing(report).status == "FAILED"


def test_a_changed_line_a_torn_line_and_a_lost_disk_are_told() -> None:
    whole = journal(incident())
    raw = b"".join(line + b"\n" for line in whole.lines)
    changed = read(raw.replace(b'"suspect"', b'"cleared"', 1) + b'{"v":1,"torn')
    assert changed.torn and len(changed.problems) == 1
    problems = run_report(changed, incident_book(), CONTAINED).problems
    assert "something was changed or lost" in problems[0] and "cut while it was written" in problems[1]

    lost = incident()
    lost.insert(7, (61, Event.DURABILITY, None, {"state": "shared memory", "problem": "/var: no space left on device"}))
    lost.insert(9, (70, Event.DURABILITY, None, {"state": "disk", "problem": ""}))
    (problem,) = told(lost).problems
    assert problem == "not durable for a while: the journal is kept in shared memory: /var: no space left on device"


def test_the_copy_of_another_playbook_is_told() -> None:
    lines = incident()
    lines[0][3]["sha256"] = "0" * 64

    assert any("is not the one that the run began with" in problem for problem in told(lines).problems)


def test_secrets_are_hidden_once_more() -> None:
    lines = incident()
    lines[6][3]["text"] = "they log in with password=hunter2 and AKIAABCDEFGHIJKLMNOP"
    page = page_html(run_page(told(lines)))

    assert "hunter2" not in page and "AKIAABCDEFGHIJKLMNOP" not in page and "[hidden]" in page


def test_the_same_journal_gives_the_same_bytes() -> None:
    made = [
        (
            page_html(run_page(told(incident()))),
            page_markdown(run_page(told(incident()), "audit")),
            run_json(told(incident())),
        )
        for _ in range(2)
    ]

    assert made[0] == made[1]


def test_the_headline_and_what_it_came_to() -> None:
    report = told(incident())

    assert headline(report) == (
        "confirmed: locks; changed: Terminate the blocker; the console's last verdict: healthy: nothing waits"
    )
    assert standing(report).status == "PASSED"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**20) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_a_journal_that_somebody_wrote_anew_still_gives_a_report(data: st.DataObject) -> None:
    entries = list(journal(incident()).entries)
    for _ in range(3):
        place = data.draw(st.integers(0, len(entries) - 1))
        entry = entries[place]
        found: dict[str, Any] = dict(entry.data)
        if found:
            found[data.draw(st.sampled_from(sorted(found)))] = data.draw(_JSON)
        kinds = st.sampled_from([*map(str, Event), "of.tomorrow"])
        ev = data.draw(kinds) if data.draw(st.booleans()) else entry.ev
        entries[place] = msgspec.structs.replace(
            entry, ev=ev, data=found, at=data.draw(st.just(entry.at) | st.text(max_size=5))
        )
    report = run_report(Journal(entries=tuple(entries), lines=()), incident_book(), {})

    for template in TEMPLATES:
        page = run_page(report, template)
        assert page_markdown(page) and page_html(page)
    assert run_json(report) and len(handoff_text(report).splitlines()) <= 24
