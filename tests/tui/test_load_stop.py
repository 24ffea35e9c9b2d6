"""Ending a load test from the screen: the offer, the question with its evidence, what came of it; and phases by Tab."""

from __future__ import annotations

import msgspec
import pytest

from perftui.pipeline.actions import Reply, Request, StopLoad, Stopped
from perftui.pipeline.player import Mode, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.tui.acting import NO_GENERATOR, NO_STOP, PAST_LOAD, aged, dialog_key, load_stopped, received
from perftui.tui.dialog import EXPIRED
from perftui.tui.keys import Action
from perftui.tui.screen import Painter
from perftui.tui.state import Facts, UiState, reduced, typed
from perftui.views import PANES
from tests.loads import STARTED_AT, Second, watched

COMMAND = "/bin/kill -INT 4242"
STOP = StopLoad(command=COMMAND)


class Named:
    command = COMMAND

    def ask(self, request: StopLoad, told: object) -> None:
        raise AssertionError("these are pure tests")


def scene(*course: Second, stoppable: bool = True) -> Shown:
    snapshot: Snapshot = msgspec.structs.replace(watched(course), stoppable=stoppable)
    return Shown(snapshot=snapshot, mode=Mode.LIVE, newest_at=snapshot.at)


WELL = scene(*[Second()] * 40)
FAILING = scene(*[Second()] * 30, *[Second(failing=0.3)] * 12)


def drawn(shown: Shown, state: UiState, size: tuple[int, int] = (120, 36)) -> str:
    lines = Painter(PANES, plain=False).draw(shown, state, *size).lines
    return "\n".join("".join(words for words, _ in line) for line in lines)


def pressed(state: UiState, *keys: str) -> tuple[UiState, Request | None]:
    request = None
    for key in keys:
        assert state.dialog is not None
        state, request = dialog_key(state, state.dialog, key, key if len(key) == 1 else None)
    return state, request


@pytest.mark.parametrize(("size", "told"), [((120, 36), "[a] stops it"), ((80, 24), "Load        abort  steady ")])
def test_an_abort_offers_its_stop(size: tuple[int, int], told: str) -> None:
    screen = drawn(FAILING, UiState(), size)

    assert "abort the load test: 30% of its requests fail" in screen
    assert told in screen
    assert " a stop the load · " in screen.splitlines()[-1]
    assert "[a] stops it" in drawn(FAILING, UiState(view="load"), size)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
def test_without_a_command_or_a_reason_nothing_is_offered(size: tuple[int, int]) -> None:
    nameless = scene(*[Second()] * 30, *[Second(failing=0.3)] * 12, stoppable=False)

    assert "stop the load" not in drawn(WELL, UiState(), size)
    assert "stop the load" in drawn(WELL, UiState(view="load"), size)
    assert "abort the load test" in drawn(nameless, UiState(), size)
    assert "[a]" not in drawn(nameless, UiState(), size)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
def test_the_question_tells_what_is_run_and_why(size: tuple[int, int]) -> None:
    state = load_stopped(UiState(), FAILING, Named(), live=True)

    screen = drawn(FAILING, state, size)
    assert f"runs, without a shell: {COMMAND}" in screen
    assert "30% of its requests fail (since 10:42:07, as of" in screen
    assert "load.error_ratio  30.0 %  limit 10.0 %  over 10 s  (S002 35.2.4)" in screen
    assert "type stop and Enter:" in screen

    state, request = pressed(state, *"sto", "enter")
    assert request is None
    assert state.message == "type exactly: stop"
    state, request = pressed(state, "p", "enter")
    assert request == STOP
    assert "looking what comes of it" in drawn(FAILING, state, size)
    stopped = Stopped(worked=True, words="ran it: exit code 0; its results have ended")
    state = received(state, Reply(request=STOP, answer=stopped))
    assert "its results have ended" in drawn(FAILING, state, size)
    assert pressed(state, "escape")[0].dialog is None


def test_it_may_be_ended_before_an_abort_too() -> None:
    state = load_stopped(UiState(), WELL, Named(), live=True)

    assert "no limit of the test is exceeded" in drawn(WELL, state)
    assert pressed(state, *"stop", "enter")[1] == STOP


def test_the_question_goes_away_after_a_minute() -> None:
    state = load_stopped(UiState(), FAILING, Named(), live=True)
    later = aged(state, FAILING.newest_at + 61)

    assert (later.dialog, later.message) == (None, EXPIRED)


def test_an_answer_after_the_question_was_closed_is_told_in_the_footer() -> None:
    stopped = Stopped(worked=False, words="results still come after 30 s")

    assert received(UiState(), Reply(request=STOP, answer=stopped)).message == stopped.words


@pytest.mark.parametrize(
    ("shown", "generator", "live", "words"),
    [
        (FAILING, None, True, NO_STOP),
        (FAILING, None, False, NO_GENERATOR),
        (msgspec.structs.replace(FAILING, mode=Mode.PAUSED), Named(), True, PAST_LOAD),
    ],
)
def test_where_it_can_not_be_ended_the_key_says_why(
    shown: Shown, generator: Named | None, live: bool, words: str
) -> None:
    state = load_stopped(UiState(), shown, generator, live)

    assert (state.dialog, state.message) == (None, words)


@pytest.mark.parametrize(
    ("typed_before", "keys", "text"),
    [
        ("", ["tab"], "baseline"),
        ("", ["tab", "tab"], "warm-up"),
        ("", ["shift+tab"], "cool-down"),
        ("s", ["tab"], "steady"),
        ("r", ["tab", "tab"], "ramp-down"),
        ("r", ["tab", "tab", "tab"], "ramp"),
        ("deploy 7", ["tab"], "deploy 7"),
    ],
)
def test_tab_goes_through_the_phases_in_a_mark(typed_before: str, keys: list[str], text: str) -> None:
    state = reduced(UiState(), Action.MARK, Facts(panes=("cpu", "load")))
    for key in [*typed_before, *keys]:
        state = typed(state, key, key if len(key) == 1 else None)

    assert state.edit is not None
    assert (state.edit.text, state.edit.cursor) == (text, len(text))
    assert "Tab phases" in drawn(WELL, state).splitlines()[-1]


def test_without_a_load_test_tab_does_nothing_in_a_mark() -> None:
    state = reduced(UiState(), Action.MARK, Facts(panes=("cpu",)))

    assert typed(state, "tab", None) == state


def test_a_mark_sets_the_phase_at_once() -> None:
    course = [Second()] * 40
    marked = watched(course, [(39, "ramp-down")])
    shown = Shown(snapshot=marked, mode=Mode.LIVE, newest_at=STARTED_AT + 39)

    assert "ramp-down (marked at" in drawn(shown, UiState(view="load"))
