"""Keys that look into a statement or end a session: (state, key, what is shown) → (state, what to ask). Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.pipeline.actions import Actions, Explain, Generator, ReadText, Reply, Request, Stopped
from perftui.pipeline.player import Mode, Shown
from perftui.sources.pg_backend import Outcome, Verb
from perftui.sources.pg_plan import Plan, StatementText
from perftui.tui.dialog import EXPIRED, Dialog, answered, ending, expired, running, stopping, telling
from perftui.tui.keys import Action
from perftui.tui.state import SESSIONS, STATEMENTS, Edit, Editing, Facts, UiState, told, typed
from perftui.views import PANES, Subject
from perftui.views.finding import finding_words
from perftui.views.pg_sessions import SessionSubject
from perftui.views.pg_statement import OpenedStatement, copied

Step = tuple[UiState, Request | None]

CHANGES_OFF = "off here: start perftui with --allow-changes to cancel and terminate"
NO_SERVER = "a tape has no server behind it: nothing can be asked or ended"
THE_PAST = "this moment is past; End goes back to live, where sessions can be ended"
NO_GENERATOR = "a tape has no load test behind it: nothing can be ended"
NO_STOP = "off here: start perftui with --load FEED --abort COMMAND, as --abort 'kill -TERM 4242'"
PAST_LOAD = "this moment is past; End goes back to live, where the load test can be ended"
NO_ROW = "choose a row with ↑ ↓ first"
STILL_RUNS = "this is a session; t turns to the statements that ended, which can be opened"
NOT_HERE = {
    Action.CANCEL: "zoom Locks or Connections and choose a row to cancel its statement",
    Action.TERMINATE: "zoom Locks or Connections and choose a row to terminate its session",
    Action.EXPLAIN: "zoom the statements and choose one to explain",
    Action.ANALYZE: "open a statement with Enter to run it with EXPLAIN ANALYZE",
    Action.LITERALS: "open a statement with Enter to see its literals",
}


def acted(state: UiState, action: Action, shown: Shown, actions: Actions | None, facts: Facts) -> Step:
    """The state after one of these keys, and what to ask of the server."""
    state = told(state, "")
    if action is Action.ZOOM and state.view != STATEMENTS:
        return _told_about(state, shown, actions)
    if action in (Action.CANCEL, Action.TERMINATE):
        return _ending(state, action, shown, actions)
    if state.opened is None:
        if state.view != STATEMENTS or action in (Action.ANALYZE, Action.LITERALS):
            return told(state, NOT_HERE.get(action, "")), None
        return _opened(state, action, shown, actions, facts)
    if actions is None:
        return told(state, NO_SERVER), None
    return _asked(state, state.opened, action, shown, actions)


def _told_about(state: UiState, shown: Shown, actions: Actions | None) -> Step:
    """All about the chosen session, also of a tape or a past moment."""
    subject = _subject_of(shown, state, state.row)
    if not isinstance(subject, SessionSubject):
        return told(state, NO_ROW if state.view in SESSIONS and not state.row else ""), None
    dialog, request = telling(subject, shown.newest_at)
    return with_dialog(state, dialog), request if actions is not None and shown.mode is Mode.LIVE else None


def _ending(state: UiState, action: Action, shown: Shown, actions: Actions | None) -> Step:
    subject = _subject_of(shown, state, state.row)
    here = state.view in SESSIONS or isinstance(subject, SessionSubject)
    if not here or state.opened is not None:
        return told(state, NOT_HERE[action]), None
    if not isinstance(subject, SessionSubject):
        return told(state, "that row is no session" if state.row else NO_ROW), None
    if actions is None:
        return told(state, NO_SERVER), None
    if subject.target is not None and not actions.changes_allowed:
        return told(state, CHANGES_OFF), None
    if subject.target is not None and shown.mode is not Mode.LIVE:
        return told(state, THE_PAST), None
    verb = Verb.CANCEL if action is Action.CANCEL else Verb.TERMINATE
    dialog, request = ending(verb, subject, shown.newest_at)
    return with_dialog(state, dialog), request


def load_stopped(state: UiState, shown: Shown, generator: Generator | None, live: bool) -> UiState:
    """The question whether the load test shall be ended, or why it can't be asked."""
    state = told(state, "")
    if generator is None:
        return told(state, NO_STOP if live else NO_GENERATOR)
    if shown.mode is not Mode.LIVE:
        return told(state, PAST_LOAD)
    return with_dialog(state, stopping(generator.command, shown.snapshot, shown.newest_at))


def _opened(state: UiState, action: Action, shown: Shown, actions: Actions | None, facts: Facts) -> Step:
    """Enter opens the chosen statement, or the first; `e` explains it at once."""
    row = state.row or (facts.rows[0] if facts.rows else "")
    subject = _subject_of(shown, state, row)
    if isinstance(subject, SessionSubject):
        return _told_about(state, shown, actions) if action is Action.ZOOM else (told(state, STILL_RUNS), None)
    if not isinstance(subject, OpenedStatement):
        return told(state, NO_ROW if facts.rows else ""), None
    state = msgspec.structs.replace(state, opened=subject, row=row, top=0)
    if actions is None:
        return (told(state, NO_SERVER) if action is Action.EXPLAIN else state), None
    if action is Action.EXPLAIN:
        return _asked(state, subject, action, shown, actions)
    waits = msgspec.structs.replace(subject, waits_for="reading the whole text")
    return msgspec.structs.replace(state, opened=waits), ReadText(key=subject.key)


def _asked(state: UiState, opened: OpenedStatement, action: Action, shown: Shown, actions: Actions) -> Step:
    key = opened.key
    match action:
        case Action.EXPLAIN:
            request: Request = Explain(key=key)
            waits = "asking for the plan"
        case Action.LITERALS:
            literals = not (opened.whole is not None and opened.whole.literals)
            request, waits = ReadText(key=key, literals=literals), "reading the whole text"
        case Action.ANALYZE:
            if not actions.changes_allowed:
                return told(state, "off here: start perftui with --allow-changes to run a statement"), None
            return with_dialog(state, running(key, shown.newest_at)), None
        case _:
            return state, None
    waiting = msgspec.structs.replace(opened, waits_for=waits, problem="")
    return msgspec.structs.replace(state, opened=waiting), request


def _subject_of(shown: Shown, state: UiState, row: str) -> Subject | None:
    kind = next((kind for kind in PANES if kind.key == state.view), None)
    return kind.subject(shown.snapshot, row) if kind is not None and kind.subject is not None and row else None


def copied_text(state: UiState, shown: Shown, facts: Facts) -> str:
    """What `y` copies: a statement's text, an opened finding, or the chosen row in full; empty where that is the snapshot."""
    if state.finding:
        return finding_words(shown.snapshot, state.finding)
    statement = state.opened or _subject_of(shown, state, state.row)
    if isinstance(statement, OpenedStatement):
        return copied(statement)
    rows = facts.table.rows if facts.table is not None else ()
    cells = next((row.cells for row in rows if row.key == state.row), ())
    return "  ".join(words.strip() for words, _ in cells if words.strip())


def with_dialog(state: UiState, dialog: Dialog | None) -> UiState:
    """A question over the screen; what must be typed for it is edited as any line is."""
    edit = Edit(what=Editing.CONFIRM) if dialog is not None and dialog.wanted else None
    return msgspec.structs.replace(state, dialog=dialog, edit=edit)


def dialog_key(state: UiState, dialog: Dialog, key: str, character: str | None) -> Step:
    """The state after a key while a question is open, and what the confirmation asks for."""
    if key in ("escape", "ctrl+c"):
        words = "" if dialog.outcome or dialog.request is None else "sent already" if dialog.working else "left alone"
        return told(with_dialog(state, None), words), None
    if dialog.outcome or dialog.request is None:
        return (with_dialog(state, None), None) if key in ("enter", "space", "q") else (state, None)
    if key != "enter":
        return (typed(state, key, character), None) if state.edit is not None and not dialog.working else (state, None)
    if not dialog.ready:
        return state, None
    if dialog.wanted and (state.edit is None or state.edit.text.strip() != dialog.wanted):
        return told(state, f"type exactly: {dialog.wanted}"), None
    if isinstance(dialog.request, Explain):
        state = with_dialog(state, None)
        opened = state.opened and msgspec.structs.replace(state.opened, waits_for="running it", problem="")
        return msgspec.structs.replace(state, opened=opened), dialog.request
    working = msgspec.structs.replace(dialog, working=True)
    return msgspec.structs.replace(state, dialog=working, edit=None), dialog.request


def aged(state: UiState, at: float) -> UiState:
    """The state at a frame's time: a question does not stay open for ever."""
    if state.dialog is None or not expired(state.dialog, at):
        return state
    return told(with_dialog(state, None), EXPIRED)


def received(state: UiState, reply: Reply) -> UiState:
    """The state after an answer; one that belongs to nothing on the screen is told in the footer at most."""
    if isinstance(reply.request, (ReadText, Explain)):
        opened = state.opened
        if opened is None or opened.key != reply.request.key:
            return state
        return msgspec.structs.replace(state, opened=_with_answer(opened, reply))
    if state.dialog is None:
        return told(state, reply.answer.words) if isinstance(reply.answer, (Outcome, Stopped)) else state
    dialog = answered(state.dialog, reply)
    if dialog.outcome or (dialog.wanted != state.dialog.wanted and not state.edit):
        edit = None if dialog.outcome else Edit(what=Editing.CONFIRM)
        return msgspec.structs.replace(state, dialog=dialog, edit=edit)
    return msgspec.structs.replace(state, dialog=dialog)


def _with_answer(opened: OpenedStatement, reply: Reply) -> OpenedStatement:
    change: Callable[..., OpenedStatement] = msgspec.structs.replace
    match reply.answer:
        case StatementText() as text:
            return change(opened, whole=text, waits_for="", problem="")
        case Plan() as plan:
            return change(opened, plan=plan, waits_for="", problem="")
    return change(opened, waits_for="", problem=reply.problem)
