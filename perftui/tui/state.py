"""What the operator chose to look at, and how each key changes it. Pure: (state, action, what is on the screen) → state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import msgspec

from perftui.history.load_phase import PHASES
from perftui.tui.dialog import Dialog
from perftui.tui.keys import Action
from perftui.views.model import Table, TableState
from perftui.views.pg_statement import OpenedStatement

if TYPE_CHECKING:
    from perftui.pipeline.playbook.talk import Question

OVERVIEW = "overview"
FINDINGS = "findings"
SOURCES = "sources"
HELP = "help"
PLAYBOOKS = "playbooks"
PROCESSES = "processes"
STATEMENTS = "statements"
SESSIONS = ("locks", "connections")
"""Panes whose rows are sessions of Postgres."""

PHASE_WORDS = tuple(phase.replace("_", "-") for phase in PHASES)
"""What a mark begins a phase of a load test with."""
SPANS_S = (60.0, 300.0, 900.0, 1800.0, 3600.0)


class Editing(StrEnum):
    FILTER = "filter"
    MARK = "mark"
    CONFIRM = "confirm"
    RUN = "run"
    """In the panel of a run."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A line being typed in the footer."""

    what: Editing
    text: str = ""
    cursor: int = 0
    before: str = ""
    """What Esc brings back."""
    offers: tuple[str, ...] = ()
    """Words that Tab goes through."""
    stem: str = ""
    """What stood there before Tab: the offers that begin so are gone through."""


class PanelState(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen and typed in the panel of a run."""

    focus: bool = False
    """Keys go to the panel first."""
    asked: Question | None = None
    """The question that all of this belongs to."""
    asked_at: float = 0.0
    """When it came, by the clock of the screen."""
    texts: Mapping[str, str] = {}
    """Inputs as they stand, by name."""
    field: int = 0
    row: int = 0
    top: int = 0
    edit: Edit | None = None
    what: Literal["field", "typed", "note", "blocked", "stop"] = "field"
    """What is typed in `edit`."""
    undoing: bool = False
    """One of several changes is to be named."""


class UiState(msgspec.Struct, frozen=True, kw_only=True):
    view: str = OVERVIEW
    """OVERVIEW, FINDINGS, SOURCES, HELP, PLAYBOOKS or the key of a zoomed pane."""
    pane: str = ""
    """The pane chosen on the overview; empty until one is."""
    tables: Mapping[str, TableState] = {}
    """By view."""
    row: str = ""
    """Key of the chosen row; empty until one is."""
    index: int = 0
    """Where the chosen row stood last, for when it goes away."""
    top: int = 0
    """First row or line that is shown."""
    edit: Edit | None = None
    opened: OpenedStatement | None = None
    """The statement that lies over the table it was chosen from."""
    dialog: Dialog | None = None
    """The question that must be answered before anything else."""
    offer: str = ""
    """The playbook that lies open over the list of them."""
    finding: str = ""
    """The finding that lies open over the list of them."""
    panel: PanelState = PanelState()
    message: str = ""
    """What the last key did; until the next one."""

    def table(self) -> TableState:
        return self.tables.get(self.view, TableState())


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is on the screen now, as far as keys depend on it."""

    panes: tuple[str, ...] = ()
    """In the order of their numbers."""
    affected: str = ""
    """The pane that a finding, or the opened one, points at; empty where none does."""
    rows: tuple[str, ...] = ()
    """Keys of the table's rows, those out of sight included."""
    stops: tuple[int, ...] = ()
    """Places of the rows that the cursor stops at; empty where that is any."""
    page: int = 1
    """Rows or lines that are visible at once."""
    lines: int = 0
    """Lines of a text to scroll through, where there is no table."""
    sorts: tuple[str, ...] = ()
    """What the table can be sorted by."""
    sorted_by: str = ""
    turn: str = ""
    """A word for the table's other form; empty where it has none."""
    table: Table | None = None
    run: bool = False
    """A run is open here."""
    stop_load: bool = False
    """The load test can be ended from here, and should be or is what is looked at."""


def reduced(state: UiState, action: Action, facts: Facts, key: str = "") -> UiState:
    """The state after an action. `key` is the number pressed, for ZOOM_NUMBER."""
    state = msgspec.structs.replace(state, message="")
    match action:
        case Action.ZOOM_NUMBER:
            number = (int(key) - 1) % 10  # 0 is the tenth
            if number < len(facts.panes):
                return opened(state, facts.panes[number])
            return told(state, f"there is no pane {key}")
        case Action.ZOOM:
            return _zoomed(state, facts)
        case Action.BACK:
            return _back(state)
        case Action.FINDINGS | Action.SOURCES | Action.HELP:
            view = action.value
            return opened(state, OVERVIEW if state.view == view else view)
        case Action.FILTER | Action.SORT | Action.REVERSE | Action.TURN:
            return _table_action(_with_table(state), action, facts)
        case Action.SHORTER_SPAN | Action.LONGER_SPAN:
            return _spanned(state, 1 if action is Action.LONGER_SPAN else -1)
        case Action.MARK:
            offers = PHASE_WORDS if "load" in facts.panes else ()
            return msgspec.structs.replace(state, edit=Edit(what=Editing.MARK, offers=offers))
        case Action.UP | Action.DOWN | Action.PAGE_UP | Action.PAGE_DOWN | Action.TOP | Action.BOTTOM:
            return _moved(state, action, facts)
        case _:
            return state


def opened(state: UiState, view: str) -> UiState:
    """Another view, from its top."""
    pane = view if view not in (OVERVIEW, FINDINGS, SOURCES, HELP, PLAYBOOKS) else state.pane
    return msgspec.structs.replace(
        state, view=view, pane=pane, row="", index=0, top=0, edit=None, opened=None, offer="", finding=""
    )


def told(state: UiState, message: str) -> UiState:
    return msgspec.structs.replace(state, message=message)


def settled(state: UiState, facts: Facts) -> UiState:
    """The state after the rows changed: the cursor stays on its row, and in sight."""
    if not facts.rows:
        most = max(0, facts.lines - facts.page)
        return state if state.top <= most else msgspec.structs.replace(state, top=most)
    most = max(0, len(facts.rows) - facts.page)
    if not state.row:
        return state if state.top <= most else msgspec.structs.replace(state, top=most)
    try:
        index = facts.rows.index(state.row)
    except ValueError:
        index = _stop(facts, min(state.index, len(facts.rows) - 1), forward=False)
    # With the first row that can be chosen comes what stands above it.
    first = 0 if facts.stops[:1] == (index,) else index
    top = min(max(state.top, _end(facts, index) - facts.page + 1), first, most)
    if (index, top) == (state.index, state.top) and facts.rows[index] == state.row:
        return state
    return msgspec.structs.replace(state, row=facts.rows[index], index=index, top=max(0, top))


def _end(facts: Facts, index: int) -> int:
    """The last of the rows that go with this one."""
    return next((stop for stop in facts.stops if stop > index), len(facts.rows)) - 1 if facts.stops else index


def _zoomed(state: UiState, facts: Facts) -> UiState:
    if state.view == FINDINGS and not state.finding:
        return _finding_opened(state, facts)
    if state.view == FINDINGS:
        return opened(state, facts.affected) if facts.affected in facts.panes else state
    if state.view != OVERVIEW:
        return state
    for pane in (state.pane, facts.affected, PROCESSES, *facts.panes):
        if pane in facts.panes:
            return opened(state, pane)
    return state


def _finding_opened(state: UiState, facts: Facts) -> UiState:
    """The chosen finding, or the first."""
    rows = facts.table.rows if facts.table is not None else ()
    found = next((row for row in rows if row.opens and row.key == (state.row or row.key)), None)
    if found is None:
        return told(state, "that row is no finding" if state.row else "")
    return msgspec.structs.replace(state, finding=found.opens, row=found.key, top=0)


def _back(state: UiState) -> UiState:
    if state.opened is not None:
        return msgspec.structs.replace(state, opened=None)
    if state.offer or state.finding:
        return msgspec.structs.replace(state, offer="", finding="", top=0)
    if state.table().filter:
        return _choose(state, filter="")
    if state.view == OVERVIEW:
        return msgspec.structs.replace(state, pane="")
    return opened(state, OVERVIEW)


def _with_table(state: UiState) -> UiState:
    """Where there is no table of its own, keys of a table mean the processes."""
    return opened(state, PROCESSES) if state.view in (OVERVIEW, HELP) else state


def _choose(state: UiState, **chosen: object) -> UiState:
    table = msgspec.structs.replace(state.table(), **chosen)
    return msgspec.structs.replace(state, tables={**state.tables, state.view: table})


def _table_action(state: UiState, action: Action, facts: Facts) -> UiState:
    table = state.table()
    if action is Action.FILTER:
        edit = Edit(what=Editing.FILTER, text=table.filter, cursor=len(table.filter), before=table.filter)
        return msgspec.structs.replace(state, edit=edit)
    if action is Action.TURN:
        if not facts.turn and state.view != PROCESSES:
            return told(state, "this table has one form only")
        return _choose(state, turned=not table.turned)
    if action is Action.REVERSE:
        return _choose(state, reverse=not table.reverse)
    if not facts.sorts:
        return state
    place = facts.sorts.index(facts.sorted_by) if facts.sorted_by in facts.sorts else -1
    return _choose(state, sort=facts.sorts[(place + 1) % len(facts.sorts)], reverse=False)


def _spanned(state: UiState, step: int) -> UiState:
    span = state.table().span_s
    place = min(range(len(SPANS_S)), key=lambda i: abs(SPANS_S[i] - span))
    span = SPANS_S[min(max(place + step, 0), len(SPANS_S) - 1)]
    return told(_choose(state, span_s=span), f"charts cover {span / 60:.0f} min")


def _moved(state: UiState, action: Action, facts: Facts) -> UiState:
    if state.view == OVERVIEW:
        return _pane_moved(state, action, facts)
    count = len(facts.rows)
    steps = {
        Action.UP: -1,
        Action.DOWN: 1,
        Action.PAGE_UP: -facts.page,
        Action.PAGE_DOWN: facts.page,
        Action.TOP: -max(count, facts.lines),
        Action.BOTTOM: max(count, facts.lines),
    }
    if not count:
        return settled(msgspec.structs.replace(state, top=max(0, state.top + steps[action])), facts)
    if not state.row and action in (Action.UP, Action.DOWN):
        index = state.top
    else:
        index = min(max(state.index + steps[action], 0), count - 1)
    index = _stop(facts, index, forward=steps[action] > 0)
    return settled(msgspec.structs.replace(state, row=facts.rows[index], index=index), facts)


def _stop(facts: Facts, index: int, forward: bool) -> int:
    """The next row in this direction that the cursor stops at; the last one there is where none follows."""
    if not facts.stops:
        return index
    if forward:
        return next((stop for stop in facts.stops if stop >= index), facts.stops[-1])
    return next((stop for stop in reversed(facts.stops) if stop <= index), facts.stops[0])


def _pane_moved(state: UiState, action: Action, facts: Facts) -> UiState:
    if not facts.panes:
        return state
    if action in (Action.TOP, Action.PAGE_UP):
        place = 0
    elif action in (Action.BOTTOM, Action.PAGE_DOWN):
        place = -1
    elif state.pane in facts.panes:
        place = (facts.panes.index(state.pane) + (1 if action is Action.DOWN else -1)) % len(facts.panes)
    else:
        place = 0 if action is Action.DOWN else -1
    return msgspec.structs.replace(state, pane=facts.panes[place])


def typed(state: UiState, key: str, character: str | None) -> UiState:
    """The state after a key while a line is typed. Enter and Esc are the caller's to carry out for a mark."""
    edit = state.edit
    if edit is None:
        return state
    if key in ("escape", "ctrl+c"):
        state = _choose(state, filter=edit.before) if edit.what is Editing.FILTER else state
        return msgspec.structs.replace(state, edit=None)
    if key == "enter":
        return msgspec.structs.replace(state, edit=None)
    if key in ("tab", "shift+tab") and edit.offers:
        return msgspec.structs.replace(state, edit=_offered(edit, 1 if key == "tab" else -1))
    return _edited(state, keyed(edit, key, character))


def _offered(edit: Edit, step: int) -> Edit:
    """The line with the next offer that begins with what was typed."""
    stem = edit.stem if edit.text in edit.offers else edit.text
    fitting = [offer for offer in edit.offers if offer.startswith(stem.lower())]
    if not fitting:
        return edit
    first = 0 if step > 0 else -1
    place = (fitting.index(edit.text) + step) % len(fitting) if edit.text in fitting else first
    return msgspec.structs.replace(edit, text=fitting[place], cursor=len(fitting[place]), stem=stem)


def pasted(state: UiState, words: str) -> UiState:
    """The state after a paste: its first line, without control characters, where the cursor stands."""
    first = "".join(sign for sign in (words.splitlines() or [""])[0] if sign.isprintable())
    if state.edit is not None:
        return _edited(state, inserted(state.edit, first))
    if state.panel.focus and state.panel.edit is not None:
        panel = msgspec.structs.replace(state.panel, edit=inserted(state.panel.edit, first))
        return msgspec.structs.replace(state, panel=panel)
    return state


def _edited(state: UiState, edit: Edit) -> UiState:
    edit = msgspec.structs.replace(edit, stem="")
    if edit.what is Editing.FILTER:
        state = _choose(state, filter=edit.text)
    return msgspec.structs.replace(state, edit=edit)


def inserted(edit: Edit, words: str) -> Edit:
    """The line after words were put where its cursor stands."""
    text = edit.text[: edit.cursor] + words + edit.text[edit.cursor :]
    return msgspec.structs.replace(edit, text=text, cursor=edit.cursor + len(words))


def keyed(edit: Edit, key: str, character: str | None) -> Edit:
    """The line after one of the keys that edit it."""
    text, cursor = edit.text, edit.cursor
    match key:
        case "left" | "ctrl+b":
            cursor -= 1
        case "right" | "ctrl+f":
            cursor += 1
        case "home" | "ctrl+a":
            cursor = 0
        case "end" | "ctrl+e":
            cursor = len(text)
        case "ctrl+u":
            text, cursor = text[cursor:], 0
        case "ctrl+k":
            text = text[:cursor]
        case "ctrl+w":
            kept = text[:cursor].rstrip().rpartition(" ")
            kept_text = kept[0] + kept[1]
            text, cursor = kept_text + text[cursor:], len(kept_text)
        case "backspace" if cursor > 0:
            text, cursor = text[: cursor - 1] + text[cursor:], cursor - 1
        case "delete":
            text = text[:cursor] + text[cursor + 1 :]
        case _ if character and character.isprintable():
            return inserted(edit, character)
        case _:
            pass
    return msgspec.structs.replace(edit, text=text, cursor=min(max(cursor, 0), len(text)))
