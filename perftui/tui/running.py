"""What the console's state becomes when a run begins, asks, or ends beside the panes. Pure but for what the desk is told.

Imports what knows runs only where there is one: none of it is wanted at the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perftui.tui.desk_side import DeskSide
from perftui.tui.state import OVERVIEW, PLAYBOOKS, Facts, UiState, opened, told

if TYPE_CHECKING:
    from perftui.pipeline.playbook.desk import DeskView, Sitting
    from perftui.tui.run_keys import Told

QUIT_TWICE = "a run is open: q once more quits; it stays open and p goes on with it later"
NO_RUN = "no run is open; p lists the playbooks"
replace = msgspec.structs.replace


def desk_told(state: UiState, view: DeskView | None, now: float) -> UiState:
    """The state after the desk said something new."""
    if view is None:
        return state
    if view.sitting is None:
        state = told(state, view.note) if view.note else state
    if state.view == PLAYBOOKS and not state.row:
        from perftui.views.playbooks import first_row

        state = replace(state, row=first_row(view))
    began = view.sitting is not None and state.view == PLAYBOOKS
    if began:
        state = run_focused(opened(state, OVERVIEW), view.sitting, True)
    return run_settled(state, view.sitting, now)


def run_settled(state: UiState, sitting: Sitting | None, now: float) -> UiState:
    """With the panel as the run's question wants it."""
    if sitting is None and not state.panel.focus and state.panel.asked is None:
        return state
    from perftui.tui.run_keys import settled_panel

    return replace(state, panel=settled_panel(state.panel, sitting, now))


def run_focused(state: UiState, sitting: Sitting | None, focus: bool) -> UiState:
    """Keys go to the panel of the run, or to the panes."""
    if sitting is None:
        return told(state, NO_RUN)
    from perftui.tui.run_keys import focused

    return replace(told(state, ""), panel=focused(state.panel, focus))


def panel_pressed(
    state: UiState, sitting: Sitting | None, key: str, character: str | None, now: float
) -> tuple[UiState, Told | None, bool]:
    """A key, if the panel has the focus and wants it."""
    if sitting is None or not state.panel.focus:
        return state, None, False
    from perftui.tui.run_keys import panel_key

    panel, tells, taken = panel_key(state.panel, sitting, key, character, now)
    return (replace(told(state, ""), panel=panel) if taken else state), tells, taken


def chosen(state: UiState, side: DeskSide, facts: Facts) -> UiState:
    """Enter in the list: goes on with a run, opens a playbook, begins the one that is open."""
    from perftui.views.playbooks import chosen_left, chosen_offer

    view = side.view
    row = state.row or (facts.rows[0] if facts.rows else "")
    offer, left = chosen_offer(view, state.offer or row), chosen_left(view, row)
    if left is not None and not state.offer:
        if left.trouble:
            return told(state, left.trouble)
        side.resume(left.name)
        return told(state, f"going on with {left.name}")
    if offer is None:
        return state
    if not state.offer:
        return replace(state, offer=row, row=row, top=0)
    if view is not None and view.locked:
        return told(state, view.locked)
    if offer.trouble:
        return told(state, offer.trouble)
    side.begin(offer.id)
    return told(state, f"beginning {offer.id}")


def quits(state: UiState, running: bool) -> tuple[UiState, bool]:
    """Whether `q` quits: with a run open it must be pressed twice."""
    if not running or state.message == QUIT_TWICE:
        return state, True
    return told(state, QUIT_TWICE), False
