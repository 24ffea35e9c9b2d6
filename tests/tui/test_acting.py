"""Ending sessions and looking into statements: the keys, the question before, and what comes back."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from perftui.pipeline.actions import EndSession, Explain, LookAt, ReadText, Reply, Request
from perftui.pipeline.player import Mode, Shown
from perftui.sources.pg_backend import Backend, Outcome, Target, Verb
from perftui.sources.pg_plan import How, Plan, StatementText
from perftui.tui.acting import (
    CHANGES_OFF,
    NO_ROW,
    NO_SERVER,
    STILL_RUNS,
    THE_PAST,
    acted,
    aged,
    copied_text,
    dialog_key,
    received,
)
from perftui.tui.dialog import EXPIRED
from perftui.tui.keys import Action
from perftui.tui.screen import Painter
from perftui.tui.state import Editing, Facts, UiState
from perftui.views import PANES
from tests.views.pg_scenes import ACTIVITY, database, node, root, session

BLOCKER = session(4242, state="idle in transaction", application="orders-api", transaction_s=192.0)
TREE = (
    root(victims=2, backend_start_at=BLOCKER.backend_start_at),
    node(4310, backend_start_at=1.0),
    node(4311, depth=2, backend_start_at=2.0),
    root(0, victims=1, query="it's", user="app"),
    node(4400, backend_start_at=3.0),
    root(4500, victims=1),
    node(4510, backend_start_at=4.0),
)
SCENE = database(
    pg_activity=msgspec.structs.replace(
        ACTIVITY, locks=msgspec.structs.replace(ACTIVITY.locks, tree=TREE), backends=(BLOCKER,)
    )
)
SHOWN = Shown(snapshot=SCENE, mode=Mode.LIVE, newest_at=SCENE.at)
TARGET = Target(pid=4242, backend_start_at=BLOCKER.backend_start_at)
IDLE = Backend(
    backend_type="client backend",
    user="orders",
    application="orders-api",
    state="idle in transaction",
    transaction_s=195.0,
    state_s=190.0,
    query="SELECT ?",
    began_at=1.0,
    protected="",
)
ON_BLOCKER = UiState(view="locks", row="4242")
END = EndSession(verb=Verb.TERMINATE, target=TARGET, name="orders-api")


class Asked:
    """Actions that only note what they are asked."""

    def __init__(self, changes_allowed: bool = True) -> None:
        self.changes_allowed = changes_allowed

    def ask(self, request: Request, told: Callable[[Reply], None]) -> None:
        raise AssertionError("these are pure tests")


def pressed(state: UiState, *keys: str) -> tuple[UiState, Request | None]:
    request = None
    for key in keys:
        assert state.dialog is not None
        state, request = dialog_key(state, state.dialog, key, key if len(key) == 1 else " " if key == "space" else None)
    return state, request


def drawn(state: UiState, width: int = 120, height: int = 36) -> str:
    lines = Painter(PANES, plain=False).draw(SHOWN, state, width, height).lines
    assert len(lines) == height
    return "\n".join("".join(words for words, _ in line) for line in lines)


def opened(verb: Action = Action.TERMINATE, backend: Backend | None = IDLE, problem: str = "") -> UiState:
    """The question, after the server has said what the session does now."""
    state, request = acted(ON_BLOCKER, verb, SHOWN, Asked(), Facts())
    assert request == LookAt(target=TARGET)
    return received(state, Reply(request=request, answer=backend, problem=problem))


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
def test_terminating_shows_what_is_lost_and_wants_a_typed_line(size: tuple[int, int]) -> None:
    state = opened()

    screen = drawn(state, *size)
    assert "terminate 4242 orders-api" in screen
    assert "its transaction of 3m12s is lost with it" in screen
    assert "last statement: SELECT * FROM orders FOR UPDATE" in screen
    assert "behind it wait 2: 4310, 4311" in screen
    assert "now: idle in transaction, transaction open 3m15s, role orders" in screen
    assert "type terminate 4242 and Enter:" in screen
    assert "● 4242" in screen

    state, request = pressed(state, *"terminate", "space", *"424", "enter")
    assert request is None
    assert state.message == "type exactly: terminate 4242"
    state, request = pressed(state, "2", "enter")
    assert request == END
    assert "looking what comes of it" in drawn(state, *size)

    outcome = Outcome(
        verb=Verb.TERMINATE, target=TARGET, signalled=True, worked=True, words="terminated 4242: it is gone"
    )
    state = received(state, Reply(request=END, answer=outcome))
    assert "terminated 4242: it is gone" in drawn(state, *size)
    assert pressed(state, "escape")[0].dialog is None


def test_nothing_is_sent_before_the_server_has_said_what_the_session_does_now() -> None:
    state, _ = acted(ON_BLOCKER, Action.TERMINATE, SHOWN, Asked(), Facts())

    assert "asking the server" in drawn(state)
    state, request = pressed(state, *"terminate", "space", *"4242", "enter")
    assert request is None
    assert state.dialog is not None and not state.dialog.working


def test_cancelling_takes_one_key() -> None:
    state, request = pressed(opened(Action.CANCEL, msgspec.structs.replace(IDLE, state="active")), "x", "enter")

    assert isinstance(request, EndSession)
    assert (request.verb, request.override) == (Verb.CANCEL, False)
    assert pressed(state, "enter")[1] is None


def test_where_no_statement_runs_cancel_says_so() -> None:
    state = opened(Action.CANCEL)

    assert "k terminates the session" in drawn(state)
    assert pressed(state, "enter") == (msgspec.structs.replace(state, dialog=None, edit=None), None)


@pytest.mark.parametrize("verb", [Action.CANCEL, Action.TERMINATE])
def test_a_protected_session_wants_it_said_twice(verb: Action) -> None:
    state = opened(verb, msgspec.structs.replace(IDLE, state="active", protected="it is a superuser's session"))

    assert "it is a superuser's session" in drawn(state)
    state, request = pressed(state, *verb.value, "space", *"4242", "enter")
    assert request is None
    state, request = pressed(state, "space", *"anyway", "enter")
    assert isinstance(request, EndSession) and request.override


@pytest.mark.parametrize(
    ("backend", "problem", "words"),
    [
        (None, "", "it is gone already"),
        (None, "the server closed the connection", "the server closed the connection"),
        (None, "this role may not see; grant pg_monitor", "grant pg_monitor"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_can_be_confirmed(
    backend: Backend | None, problem: str, words: str
) -> None:
    state = opened(backend=backend, problem=problem)

    assert words in drawn(state)
    assert pressed(state, "enter")[1] is None


def test_a_question_expires_by_the_frames_clock() -> None:
    state = opened()

    assert aged(state, SHOWN.newest_at + 59) == state
    late = aged(state, SHOWN.newest_at + 60)
    assert (late.dialog, late.edit, late.message) == (None, None, EXPIRED)
    sent, _ = pressed(state, *"terminate", "space", *"4242", "enter")
    assert aged(sent, SHOWN.newest_at + 60) == sent


def test_escape_leaves_it_alone() -> None:
    state, request = pressed(opened(), "x", "escape")

    assert (state.dialog, state.edit, state.message, request) == (None, None, "left alone", None)


def test_an_outcome_whose_question_was_closed_is_told_in_the_footer() -> None:
    outcome = Outcome(verb=Verb.CANCEL, target=TARGET, signalled=True, worked=True, words="cancelled 4242")

    assert received(ON_BLOCKER, Reply(request=END, answer=outcome)).message == "cancelled 4242"


@pytest.mark.parametrize(
    ("state", "shown", "actions", "words"),
    [
        (ON_BLOCKER, SHOWN, Asked(changes_allowed=False), CHANGES_OFF),
        (ON_BLOCKER, SHOWN, None, NO_SERVER),
        (ON_BLOCKER, msgspec.structs.replace(SHOWN, mode=Mode.PAUSED), Asked(), THE_PAST),
        (UiState(view="locks"), SHOWN, Asked(), NO_ROW),
        (UiState(view="locks", row="wait:CPU"), SHOWN, Asked(), "that row is no session"),
        (UiState(view="cpu"), SHOWN, Asked(), "zoom Locks or Connections and choose a row to terminate its session"),
    ],
)
def test_why_nothing_can_be_ended(state: UiState, shown: Shown, actions: Asked | None, words: str) -> None:
    found, request = acted(state, Action.TERMINATE, shown, actions, Facts())

    assert (found.message, found.dialog, request) == (words, None, None)


def test_a_prepared_transaction_comes_with_what_to_run_by_hand() -> None:
    state, request = acted(UiState(view="locks", row="0"), Action.TERMINATE, SHOWN, Asked(False), Facts())

    assert request is None
    assert "ROLLBACK PREPARED 'it''s';" in drawn(state)
    assert pressed(state, "enter")[0].dialog is None


def test_a_bare_pid_is_not_enough() -> None:
    state, request = acted(UiState(view="locks", row="4500"), Action.TERMINATE, SHOWN, Asked(), Facts())

    assert request is None
    assert "a pid alone is not enough" in drawn(state)


def test_a_row_of_the_connections_is_a_session_too() -> None:
    row = f"4242:{BLOCKER.backend_start_at}"
    state, request = acted(UiState(view="connections", row=row), Action.TERMINATE, SHOWN, Asked(), Facts())

    assert request == LookAt(target=TARGET)
    assert "behind it wait 2" in drawn(state)


def statement(action: Action = Action.ZOOM) -> tuple[UiState, Request | None]:
    return acted(UiState(view="statements", row="11:1"), action, SHOWN, Asked(), Facts())


def test_a_query_that_runs_is_a_session_too() -> None:
    runs = session(4310, query_s=90.0)
    shown = Shown(
        snapshot=database(pg_activity=msgspec.structs.replace(ACTIVITY, backends=(runs,))),
        mode=Mode.LIVE,
        newest_at=SCENE.at,
    )
    state = UiState(view="statements", row=f"session 4310:{runs.backend_start_at}")
    target = Target(pid=4310, backend_start_at=runs.backend_start_at)

    asked, request = acted(state, Action.CANCEL, shown, Asked(), Facts())
    explained, nothing = acted(state, Action.EXPLAIN, shown, Asked(), Facts(rows=(state.row,)))
    opened, looked = acted(state, Action.ZOOM, shown, Asked(), Facts(rows=(state.row,)))

    assert asked.dialog is not None and request == LookAt(target=target)
    assert (explained.opened, explained.message, nothing) == (None, STILL_RUNS, None)
    assert opened.dialog is not None and looked == LookAt(target=target)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
def test_enter_tells_all_about_a_session_and_asks_for_its_whole_statement(size: tuple[int, int]) -> None:
    state, request = acted(ON_BLOCKER, Action.ZOOM, SHOWN, Asked(changes_allowed=False), Facts())
    assert request == LookAt(target=TARGET)
    screen = drawn(state, *size)
    assert "idle in transaction, transaction open 3m12s" in screen
    assert "behind it wait 2: 4310, 4311" in screen
    assert "last statement: UPDATE" in screen

    long = msgspec.structs.replace(IDLE, query="SELECT " + "state, " * 60 + "last_of_all FROM orders")
    state = received(state, Reply(request=request, answer=long))
    assert "last_of_all" in drawn(state, *size)
    assert aged(state, SHOWN.newest_at + 600).dialog is not None, "what only tells does not run out"
    assert pressed(state, "escape") == (msgspec.structs.replace(state, dialog=None), None)


def test_a_session_that_waits_tells_for_what_and_behind_whom() -> None:
    waiter = session(4310, blocked_by=(4242,), lock_mode="ShareLock", lock_target="orders (row)", waited_s=170.0)
    both = msgspec.structs.replace(
        ACTIVITY, locks=msgspec.structs.replace(ACTIVITY.locks, tree=TREE), backends=(BLOCKER, waiter)
    )
    scene = Shown(snapshot=database(pg_activity=both), mode=Mode.LIVE, newest_at=SCENE.at)
    waits, nothing = acted(UiState(view="locks", row="4310"), Action.ZOOM, scene, None, Facts())
    assert "waits 2m50s for ShareLock of orders (row), behind 4242" in drawn(waits)
    assert "orders in shop from 10.0.0.7, connected for" in drawn(waits)
    assert nothing is None, "a tape has nobody to ask"
    gone = received(
        acted(ON_BLOCKER, Action.ZOOM, SHOWN, Asked(), Facts())[0], Reply(request=LookAt(target=TARGET), answer=None)
    )
    assert "now: it is gone" in drawn(gone)


def test_enter_without_a_row_says_so() -> None:
    state, request = acted(UiState(view="locks"), Action.ZOOM, SHOWN, Asked(), Facts())
    assert (state.dialog, state.message, request) == (None, NO_ROW, None)


def test_enter_opens_a_statement_with_its_numbers_and_its_whole_text() -> None:
    state, request = statement()
    assert isinstance(request, ReadText)
    assert "UPDATE orders SET state = $1" in drawn(state)

    text = StatementText(text="UPDATE orders\n  SET state = $1", literals=False, cut=False)
    state = received(state, Reply(request=request, answer=text))
    screen = drawn(state)
    assert "── 5 Statement 11" in screen
    assert "time 61 %" in screen
    assert "   SET state = $1" in screen
    assert copied_text(state, SHOWN, Facts()) == "UPDATE orders\n  SET state = $1\n"


def test_explain_is_asked_shown_and_copied() -> None:
    state, request = statement(Action.EXPLAIN)
    assert request == Explain(key=state.opened.key) if state.opened else False
    assert "asking for the plan" in drawn(state)
    assert request is not None

    plan = Plan(how=How.GENERIC, lines=("Update on orders", "  ->  Index Scan"), search_path="shop")
    state = received(state, Reply(request=request, answer=plan))
    assert "generic plan, for any values of the parameters · search_path shop" in drawn(state)
    assert "  ->  Index Scan" in drawn(state, 80, 24)
    assert copied_text(state, SHOWN, Facts()).endswith("Update on orders\n  ->  Index Scan\n")


def test_why_there_is_no_plan_is_told_and_an_answer_for_another_statement_is_dropped() -> None:
    state, request = statement(Action.EXPLAIN)
    assert request is not None

    assert "no plan: it ran in" in drawn(received(state, Reply(request=request, problem="no plan: it ran in another")))
    assert received(UiState(view="statements"), Reply(request=request)) == UiState(view="statements")


def test_analyze_wants_a_typed_word() -> None:
    state, _ = statement()
    state, request = acted(state, Action.ANALYZE, SHOWN, Asked(), Facts())
    assert request is None
    assert state.edit is not None and state.edit.what is Editing.CONFIRM
    assert "type analyze and Enter" in drawn(state)

    state, request = pressed(state, *"analyze", "enter")
    assert isinstance(request, Explain) and request.analyze
    assert "running it" in drawn(state)


def test_analyze_is_off_unless_changes_are_allowed() -> None:
    state, _ = statement()

    found, request = acted(state, Action.ANALYZE, SHOWN, Asked(changes_allowed=False), Facts())

    assert (found.dialog, request) == (None, None)
    assert "--allow-changes" in found.message


def test_literals_are_asked_for_and_masked_again() -> None:
    state, _ = statement()
    state, request = acted(state, Action.LITERALS, SHOWN, Asked(), Facts())
    assert isinstance(request, ReadText) and request.literals

    state = received(state, Reply(request=request, answer=StatementText(text="x", literals=True, cut=False)))
    assert "literals as they stand" in drawn(state)
    _, request = acted(state, Action.LITERALS, SHOWN, Asked(), Facts())
    assert isinstance(request, ReadText) and not request.literals


def test_a_tape_opens_what_it_holds_and_asks_nobody() -> None:
    state, request = acted(UiState(view="statements", row="11:1"), Action.ZOOM, SHOWN, None, Facts())

    assert request is None
    assert "UPDATE orders SET state = $1" in drawn(state)
    assert acted(state, Action.EXPLAIN, SHOWN, None, Facts())[0].message == NO_SERVER
