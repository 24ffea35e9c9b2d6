"""Playbooks and a run on the screen: the list, the box beside the panes, the line below them, the sign in the header. Pure.

The views behind it are imported where there is something to draw: the console's start does not know playbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftui.pipeline.player import Shown
from perftui.tui.draw import blank, box, fit
from perftui.tui.state import PanelState, UiState
from perftui.views.model import Line, Role, Zoom, text

if TYPE_CHECKING:
    from perftui.pipeline.playbook.desk import DeskView, Sitting

SIDE = 54
LEAST = 110
LEAST_HEIGHT = 16
DETAIL_LINES = 3


def beside_run(width: int, height: int) -> bool:
    """Whether there is room for the panes and the panel."""
    return width >= LEAST and height >= LEAST_HEIGHT


def playbooks_zoom(desk: DeskView | None, state: UiState, width: int, height: int) -> tuple[Zoom, list[Line]]:
    """The list with what the chosen row has to say, or the playbook that lies open."""
    if desk is None:
        return Zoom(title="Playbooks", lines=(text("reading the playbooks…", Role.DIM),)), []
    from perftui.views.playbooks import chosen_offer, detail, last_look, picker

    offer = chosen_offer(desk, state.offer)
    if offer is not None:
        return last_look(desk, offer, width - 2), []
    zoom = picker(desk, state.table(), width - 2)
    rows = zoom.table.rows if zoom.table else ()
    if not rows or height < 4 * DETAIL_LINES:
        return zoom, []
    row = state.row if any(row.key == state.row for row in rows) else rows[0].key
    told = [fit(((" ", Role.TEXT), *line), width) for line in detail(desk, row, width - 2)[:DETAIL_LINES]]
    return zoom, [*told, *[blank(width)] * (DETAIL_LINES - len(told))]


def run_box(desk: DeskView, sitting: Sitting, panel: PanelState, shown: Shown, width: int, height: int) -> list[Line]:
    """The panel in its border, which tells whether keys go there."""
    from perftui.tui.run_keys import choice
    from perftui.views.playbook_run import run_panel, title

    snapshot = shown.snapshot
    lines = run_panel(sitting, choice(panel), snapshot, desk.note, width - 4, height - 2)
    waits = sitting.question is not None
    tone = Role.ACCENT if panel.focus else Role.WARNING if waits else Role.DIM
    sign = ("▸ ", Role.ACCENT) if panel.focus else ("● " if waits else "", Role.WARNING)
    return box((sign, *title(sitting, snapshot)), lines, width, height, tone)


def run_line(sitting: Sitting, width: int) -> Line:
    """Below the panes, where the panel has no room."""
    from perftui.views.playbook_run import waiting_words

    waits = sitting.question is not None
    sign = ("● ", Role.WARNING) if waits else ("▸ ", Role.DIM)
    end = ((" Tab ", Role.ACCENT), ("answers" if waits else "shows it", Role.DIM))
    room = width - 1 - 2 - sum(len(words) for words, _ in end)
    return fit(((" ", Role.TEXT), sign, *fit(((waiting_words(sitting), Role.STRONG),), room), *end), width)


def run_sign(desk: DeskView | None) -> Line:
    """For the header: that a run is open, and whether it waits."""
    if desk is None or desk.sitting is None or desk.sitting.ended:
        return ()
    from perftui.views.playbook_run import place_words

    words = f"run {place_words(desk.sitting.view.state)}"
    if desk.sitting.question is not None:
        return ((f"● {words} waits for you", Role.WARNING),)
    return ((f"▸ {words}", Role.ACCENT),)
