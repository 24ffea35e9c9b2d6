"""The list of playbooks, and one of them before it is begun."""

from __future__ import annotations

import msgspec

from perftui.pipeline.playbook.desk import DeskView
from perftui.pipeline.playbook.listing import Left, Listing, Offer
from perftui.playbooks.document import Effect
from perftui.playbooks.plan import PlannedStep
from perftui.views.model import TableState
from perftui.views.playbooks import chosen_left, chosen_offer, detail, first_row, last_look, picker
from tests.views.drawn import column, text

STEP = PlannedStep(
    id="off",
    title="Turn it off",
    kind="run",
    effect=Effect.CHANGE,
    does={},
    when=None,
    target="off",
    timeout_s=5,
    undo=None,
)
FITS = Offer(
    id="locks",
    title="Locks",
    summary="Who holds up whom.",
    reason="37 backends wait",
    review="reviewed 2026-11-01",
    origin="shipped",
    effect=Effect.CHANGE,
    missing=("command aws is not installed", "playbook x is not here"),
    asks=("Which service?",),
    mitigate=("Roll back.",),
    steps=(STEP,),
)
BROKEN = Offer(id="broken", trouble="broken.yaml:3:1: no such field")
LEFT = Left(name="run-1", playbook="locks", user="ann", left_at="2026-11-22T10:42:00Z", step="Pick one", place=5, of=12)
VIEW = DeskView(listing=Listing(left=(LEFT,), offers=(FITS, BROKEN), reasons=("/x: others can write to it",)))


def test_what_was_left_open_stands_first_then_what_fits_now() -> None:
    zoom = picker(VIEW, TableState(), 100)

    assert zoom.table is not None
    assert column(zoom.table, "playbook") == ["locks", "locks", "broken"]
    assert column(zoom.table, "why, or what it is for") == [
        "left open at 10:42Z by ann · step 5 of 12: Pick one",
        "fits now: 37 backends wait",
        "can't be used: broken.yaml:3:1: no such field",
    ]
    assert "not trusted, left out: /x: others can write to it" in text(zoom.lines)
    assert first_row(VIEW) == "run:run-1" and first_row(DeskView()) == ""


def test_rows_are_found_by_what_they_stand_for() -> None:
    assert chosen_left(VIEW, "run:run-1") is LEFT and chosen_offer(VIEW, "run:run-1") is None
    assert chosen_offer(VIEW, "playbook:locks") is FITS and chosen_left(VIEW, "playbook:locks") is None
    assert chosen_offer(None, "playbook:locks") is None


def test_the_list_can_be_filtered_and_tells_when_it_is_not_read_yet() -> None:
    filtered = picker(VIEW, TableState(filter="BROKEN"), 100)
    assert filtered.table is not None and column(filtered.table, "playbook") == ["broken"]
    assert "reading the playbooks" in text(picker(None, TableState(), 100).lines)
    assert "reading the playbooks" in text(picker(DeskView(), TableState(), 100).lines)


def test_below_the_list_stands_what_a_row_has_no_room_for() -> None:
    assert text(detail(VIEW, "playbook:locks", 100)).splitlines() == [
        "Who holds up whom.",
        "reviewed 2026-11-01  △ 2 of the things it needs are missing: Enter tells them",
    ]
    other = msgspec.structs.replace(LEFT, trouble="another terminal has it open")
    elsewhere = DeskView(listing=Listing(left=(other,)))
    assert text(detail(elsewhere, "run:run-1", 100)).endswith("another terminal has it open")


def test_the_last_look_tells_what_it_may_do_what_it_misses_and_its_steps() -> None:
    words = text(last_look(VIEW, FITS, 200).lines)

    for wanted in (
        "Enter begins it · Esc back",
        "fits now: 37 backends wait",
        "each is shown first and confirmed by typing; they are locked until you type this host's name",
        "△ command aws is not installed",
        "△ playbook x is not here",
        "· Which service?",
        "· Roll back.",
        "1 Turn it off (run)  ▲ changes",
    ):
        assert wanted in words
    unlocked = msgspec.structs.replace(VIEW, changes_allowed=True)
    assert "locked until" not in text(last_look(unlocked, FITS, 200).lines)


def test_over_a_tape_and_with_a_broken_one_nothing_can_be_begun() -> None:
    tape = msgspec.structs.replace(VIEW, locked="this is a tape")

    assert "this is a tape" in text(last_look(tape, FITS, 100).lines)
    assert "can't be used" in text(last_look(VIEW, BROKEN, 100).lines)
    for view, offer in ((tape, FITS), (VIEW, BROKEN)):
        assert "Enter begins it" not in text(last_look(view, offer, 100).lines)
