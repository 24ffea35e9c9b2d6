"""The last line: what is being typed, what a key did, and which keys there are."""

from __future__ import annotations

from collections.abc import Iterable

from perftui.tui.draw import fit
from perftui.tui.keys import KEYS, Action
from perftui.tui.state import FINDINGS, HELP, OVERVIEW, SESSIONS, STATEMENTS, Edit, Editing, Facts, UiState
from perftui.tui.widths import cells
from perftui.views.model import Line, Role, Span
from perftui.views.pg_running import SESSION_ROW

_ALWAYS = (Action.HELP, Action.QUIT)
_ORDER = (
    Action.STOP_LOAD,
    Action.ZOOM_NUMBER,
    Action.PANEL,
    Action.PLAYBOOKS,
    Action.BACK,
    Action.ZOOM,
    Action.EXPLAIN,
    Action.LITERALS,
    Action.CANCEL,
    Action.TERMINATE,
    Action.PAUSE,
    Action.EARLIER,
    Action.FILTER,
    Action.SORT,
    Action.TURN,
    Action.FINDINGS,
    Action.SOURCES,
    Action.COPY,
    Action.MARK,
)
_BY_ACTION = {key.action: key for key in KEYS}


def footer(state: UiState, facts: Facts, note: str, width: int) -> Line:
    """The footer in `width` cells; help and quit are always told, the others as far as there is room."""
    if state.edit is not None and state.edit.what is not Editing.CONFIRM:
        return fit(_prompt(state.edit, width), width)
    said = state.message or note
    spans: list[Span] = [(" ", Role.TEXT)]
    if said:
        spans.append((said, Role.STRONG))
    room = width - 1 - sum(cells(words) for words, _ in spans) - sum(_room(action, facts) for action in _ALWAYS)
    told = []
    for action in _ORDER:
        if not _useful(action, state, facts) or _room(action, facts) > room:
            continue
        told.append(action)
        room -= _room(action, facts)
    if room >= 0:
        for place, action in enumerate([*told, *_ALWAYS]):
            spans += _hint(action, facts, first=place == 0 and not said)
    return fit(spans, width)


def _useful(action: Action, state: UiState, facts: Facts) -> bool:
    if action is Action.PANEL:
        return facts.run
    if action is Action.STOP_LOAD:
        return facts.stop_load
    if action is Action.PLAYBOOKS:
        return not facts.run
    if action is Action.TURN:
        return bool(facts.turn)
    if action is Action.ZOOM:
        return state.view in (STATEMENTS, *SESSIONS, FINDINGS) and state.opened is None
    if action is Action.LITERALS:
        return state.opened is not None
    if action is Action.EXPLAIN:
        return state.view == STATEMENTS and not _of_sessions(facts)
    if action in (Action.CANCEL, Action.TERMINATE):
        return state.view in SESSIONS or (state.view == STATEMENTS and _of_sessions(facts))
    if action in (Action.SORT, Action.FILTER) and (state.opened is not None or state.finding):
        return False
    if action is Action.SORT and state.view != OVERVIEW:
        return bool(facts.sorts)
    if action is Action.FILTER:
        return state.view != HELP
    return not (action is Action.BACK and state.view == OVERVIEW)


def _of_sessions(facts: Facts) -> bool:
    return any(row.startswith(SESSION_ROW) for row in facts.rows[:1])


def _room(action: Action, facts: Facts) -> int:
    return sum(cells(words) for words, _ in _hint(action, facts, first=False))


def _hint(action: Action, facts: Facts, first: bool) -> Iterable[Span]:
    key = _BY_ACTION[action]
    sign = {Action.ZOOM_NUMBER: f"1-{min(max(1, len(facts.panes)), 9)}", Action.EARLIER: "←→"}.get(action, key.sign)
    words = facts.turn if action is Action.TURN else key.hint
    return ((("" if first else " · "), Role.DIM), (sign, Role.ACCENT), (f" {words}", Role.DIM))


def _prompt(edit: Edit, width: int) -> Iterable[Span]:
    """What is typed, with a block where the cursor stands; a long text is shown around its cursor."""
    label = f" {edit.what.value}: "
    room = max(4, width - cells(label) - (37 if edit.offers else 24))
    skip = max(0, edit.cursor - room)
    yield (label, Role.ACCENT)
    yield (edit.text[skip : edit.cursor], Role.TEXT)
    yield ("█", Role.ACCENT)
    yield (edit.text[edit.cursor : skip + room], Role.TEXT)
    yield (f"  {'Tab phases · ' if edit.offers else ''}Enter ok · Esc cancel", Role.DIM)
