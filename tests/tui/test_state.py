from __future__ import annotations

import msgspec
import pytest

from perftui.tui.keys import Action
from perftui.tui.state import (
    FINDINGS,
    HELP,
    OVERVIEW,
    PROCESSES,
    Edit,
    Editing,
    Facts,
    UiState,
    pasted,
    reduced,
    settled,
    typed,
)
from perftui.views.model import Row, Table, TableState

PANES = Facts(panes=("cpu", "io", PROCESSES))
ROWS = Facts(panes=PANES.panes, rows=tuple("abcdefghij"), page=4, sorts=("cpu", "mem", "pid"), sorted_by="mem", lines=0)
ZOOMED = UiState(view=PROCESSES)


@pytest.mark.parametrize(
    ("state", "action", "facts", "key", "view"),
    [
        (UiState(), Action.ZOOM_NUMBER, PANES, "2", "io"),
        (UiState(), Action.ZOOM_NUMBER, PANES, "9", OVERVIEW),
        (UiState(), Action.ZOOM_NUMBER, Facts(panes=tuple("abcdefghij")), "0", "j"),
        (UiState(), Action.ZOOM, PANES, "", PROCESSES),
        (UiState(), Action.ZOOM, Facts(panes=PANES.panes, affected="io"), "", "io"),
        (UiState(pane="cpu"), Action.ZOOM, Facts(panes=PANES.panes, affected="io"), "", "cpu"),
        (UiState(view="cpu"), Action.BACK, PANES, "", OVERVIEW),
        (UiState(view="cpu"), Action.HELP, PANES, "", HELP),
        (UiState(view=HELP), Action.HELP, PANES, "", OVERVIEW),
        (UiState(), Action.FILTER, PANES, "", PROCESSES),
        (UiState(view="disks"), Action.SORT, PANES, "", "disks"),
    ],
)
def test_leads_to_a_view(state: UiState, action: Action, facts: Facts, key: str, view: str) -> None:
    assert reduced(state, action, facts, key).view == view


def test_a_number_without_a_pane_says_so() -> None:
    assert reduced(UiState(), Action.ZOOM_NUMBER, PANES, "9").message == "there is no pane 9"


def test_sort_goes_round_from_the_column_in_force() -> None:
    state = reduced(ZOOMED, Action.SORT, ROWS)

    assert state.table().sort == "pid"
    assert reduced(state, Action.SORT, msgspec.structs.replace(ROWS, sorted_by="pid")).table().sort == "cpu"
    assert reduced(state, Action.REVERSE, ROWS).table().reverse


def test_each_view_has_its_own_table() -> None:
    state = reduced(ZOOMED, Action.TURN, ROWS)

    assert state.table().turned
    assert not msgspec.structs.replace(state, view="disks").table().turned


def test_a_table_is_turned_only_where_it_has_another_form() -> None:
    disks = reduced(UiState(view="disks"), Action.TURN, ROWS)
    statements = reduced(UiState(view="statements"), Action.TURN, msgspec.structs.replace(ROWS, turn="running"))

    assert (disks.table().turned, disks.message) == (False, "this table has one form only")
    assert statements.table().turned
    assert reduced(UiState(), Action.TURN, PANES).table().turned, "on the overview it means the processes"


def test_back_drops_a_filter_first() -> None:
    state = UiState(view=PROCESSES, tables={PROCESSES: TableState(filter="pg")})

    once = reduced(state, Action.BACK, ROWS)

    assert (once.view, once.table().filter) == (PROCESSES, "")
    assert reduced(once, Action.BACK, ROWS).view == OVERVIEW


@pytest.mark.parametrize(
    ("actions", "row", "top"),
    [
        ([Action.DOWN], "a", 0),
        ([Action.DOWN] * 6, "f", 2),
        ([Action.DOWN] * 6 + [Action.UP] * 5, "a", 0),
        ([Action.BOTTOM], "j", 6),
        ([Action.BOTTOM, Action.TOP], "a", 0),
        ([Action.PAGE_DOWN], "e", 1),
        ([Action.PAGE_DOWN] * 9, "j", 6),
        ([Action.PAGE_DOWN, Action.PAGE_UP], "a", 0),
    ],
)
def test_the_cursor_moves_and_stays_in_sight(actions: list[Action], row: str, top: int) -> None:
    state = ZOOMED
    for action in actions:
        state = reduced(state, action, ROWS)

    assert (state.row, state.top) == (row, top)


def test_the_cursor_stays_on_its_row_when_the_order_changes() -> None:
    state = reduced(ZOOMED, Action.DOWN, ROWS)

    moved = settled(state, msgspec.structs.replace(ROWS, rows=tuple("bcdefghija")))

    assert (moved.row, moved.index, moved.top) == ("a", 9, 6)


def test_the_cursor_stays_near_when_its_row_goes_away() -> None:
    state = UiState(view=PROCESSES, row="j", index=9, top=6)

    assert settled(state, msgspec.structs.replace(ROWS, rows=tuple("abc"))).row == "c"


def test_a_text_scrolls_to_its_end_and_no_further() -> None:
    facts = Facts(lines=30, page=10)

    assert reduced(UiState(view=HELP), Action.PAGE_DOWN, facts).top == 10
    assert reduced(UiState(view=HELP), Action.BOTTOM, facts).top == 20
    assert reduced(UiState(view=HELP), Action.UP, facts).top == 0


def test_the_span_has_steps_and_ends() -> None:
    longer = reduced(ZOOMED, Action.LONGER_SPAN, ROWS)
    for _ in range(9):
        longer = reduced(longer, Action.LONGER_SPAN, ROWS)

    assert longer.table().span_s == 3600
    assert longer.message == "charts cover 60 min"
    assert reduced(longer, Action.SHORTER_SPAN, ROWS).table().span_s == 1800


def test_arrows_choose_a_pane_on_the_overview() -> None:
    down = reduced(UiState(), Action.DOWN, PANES)

    assert down.pane == "cpu"
    assert reduced(down, Action.UP, PANES).pane == PROCESSES


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        (["a", "b"], "pg ab", 5),
        (["left", "left", "x"], "pxg ", 2),
        (["backspace", "backspace"], "p", 1),
        (["home", "delete"], "g ", 0),
        (["home", "backspace"], "pg ", 0),
        (["ctrl+u"], "", 0),
        (["x", "y", "ctrl+w"], "pg ", 3),
        (["home", "ctrl+k"], "", 0),
        (["home", "end", "right", "z"], "pg z", 4),
        (["f5"], "pg ", 3),
    ],
)
def test_a_line_is_edited(keys: list[str], text: str, cursor: int) -> None:
    state = UiState(view=PROCESSES, edit=Edit(what=Editing.FILTER, text="pg ", cursor=3))
    for key in keys:
        state = typed(state, key, key if len(key) == 1 else None)

    assert state.edit is not None
    assert (state.edit.text, state.edit.cursor) == (text, cursor)
    assert keys == ["f5"] or state.table().filter in (text, "")


def test_a_filter_holds_while_it_is_typed_and_escape_brings_back_the_one_before() -> None:
    state = UiState(view=PROCESSES, tables={PROCESSES: TableState(filter="pg")})
    state = typed(reduced(state, Action.FILTER, ROWS), "x", "x")

    assert state.table().filter == "pgx"
    assert typed(state, "enter", None).table().filter == "pgx"
    assert typed(state, "escape", None).table().filter == "pg"
    assert typed(state, "escape", None).edit is None


def test_a_paste_is_one_line_without_control_characters() -> None:
    state = reduced(ZOOMED, Action.MARK, ROWS)

    edit = pasted(state, "deploy\x1b 2.8\nrm -rf").edit

    assert edit is not None
    assert edit.text == "deploy 2.8"
    assert pasted(ZOOMED, "x") is ZOOMED


def listed(*rows: tuple[str, bool]) -> Facts:
    """A list of findings of which a row is (key, whether the cursor stops there); those named f… open one."""
    made = tuple(Row(key=key, cells=(), opens=key[:2] if key[0] == "f" else "", head=head) for key, head in rows)
    stops = tuple(place for place, row in enumerate(made) if row.head)
    table = Table(columns=(), rows=made)
    return Facts(
        panes=PANES.panes, rows=tuple(row.key for row in made), stops=stops, page=4, table=table, affected="io"
    )


LISTED = listed(
    ("title", False), ("f1", True), ("f1+", False), ("f2", True), ("f2+", False), ("f2++", False), ("was", True)
)
LIST = UiState(view=FINDINGS)


def test_the_cursor_stops_at_findings_and_brings_all_of_their_lines() -> None:
    first = reduced(LIST, Action.DOWN, LISTED)
    second = reduced(first, Action.DOWN, LISTED)
    last = reduced(second, Action.BOTTOM, LISTED)

    assert (first.row, first.top) == ("f1", 0)
    assert (second.row, second.top) == ("f2", 2)
    assert (last.row, last.top) == ("was", 3)
    assert reduced(second, Action.UP, LISTED) == first
    assert reduced(last, Action.TOP, LISTED).top == 0
    assert reduced(LIST, Action.PAGE_DOWN, LISTED).row == "was"


def test_a_finding_that_went_away_leaves_the_cursor_at_one() -> None:
    state = msgspec.structs.replace(LIST, row="gone", index=4)

    assert settled(state, LISTED).row == "f2"


def test_enter_opens_the_chosen_finding_then_its_pane_and_escape_goes_back_to_the_list() -> None:
    page = reduced(reduced(reduced(LIST, Action.DOWN, LISTED), Action.DOWN, LISTED), Action.ZOOM, LISTED)

    assert (page.view, page.finding, page.row) == (FINDINGS, "f2", "f2")
    assert reduced(page, Action.ZOOM, LISTED).view == "io"
    back = reduced(page, Action.BACK, LISTED)
    assert (back.view, back.finding, back.row) == (FINDINGS, "", "f2")
    assert reduced(back, Action.BACK, LISTED).view == OVERVIEW
    assert reduced(page, Action.ZOOM_NUMBER, LISTED, "1").finding == ""


def test_enter_without_a_choice_opens_the_first_finding_and_an_old_verdict_opens_nothing() -> None:
    assert reduced(LIST, Action.ZOOM, LISTED).finding == "f1"
    told = reduced(msgspec.structs.replace(LIST, row="was", index=6), Action.ZOOM, LISTED)
    assert (told.finding, told.message) == ("", "that row is no finding")
    assert reduced(LIST, Action.ZOOM, Facts()).message == ""
