"""Everything on the screen as lines: a pure function of what the player shows, what the operator chose, and the size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from perftui.pipeline.player import Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.tui.dialog import WIDTH, dialog_lines
from perftui.tui.draw import beside, blank, fit
from perftui.tui.footer import footer
from perftui.tui.layout import Place, numbered, overview
from perftui.tui.manual import manual_lines
from perftui.tui.run_box import SIDE, beside_run, playbooks_zoom, run_box, run_line, run_sign
from perftui.tui.state import FINDINGS, HELP, OVERVIEW, PLAYBOOKS, SOURCES, Facts, UiState
from perftui.tui.zoom import ChartKeeper, zoom_facts, zoom_lines
from perftui.views import PaneKind
from perftui.views.banner import header, verdict_lines
from perftui.views.finding import finding_of, finding_zoom
from perftui.views.findings import findings_zoom
from perftui.views.load import KEY as LOAD
from perftui.views.load import abort_of
from perftui.views.model import Line, Role, TableState, Zoom
from perftui.views.pg_statement import OpenedStatement, statement_zoom
from perftui.views.sources import sources_zoom
from perftui.views.tone import pane_of

if TYPE_CHECKING:
    from perftui.pipeline.playbook.desk import DeskView

DETAIL_LINES = 3


class Drawn(msgspec.Struct, frozen=True):
    """A whole screen: as many lines as it is high, each exactly as wide as it is."""

    lines: list[Line]
    facts: Facts
    places: tuple[Place, ...] = ()


class Painter:
    """Draws screens; keeps the last zoom and chart, since most keys change neither."""

    def __init__(self, panes: Sequence[PaneKind], plain: bool) -> None:
        self._panes = panes
        self._plain = plain
        self._keeper = ChartKeeper()
        self._zoom: tuple[object, str, OpenedStatement | str | None, TableState, int, Zoom] | None = None

    def draw(
        self,
        shown: Shown | None,
        state: UiState,
        width: int,
        height: int,
        stale_s: float | None = None,
        desk: DeskView | None = None,
    ) -> Drawn:
        """The screen.

        Args:
            shown: None before the first reading.
            stale_s: How long nothing new has come although it should have; None while all is well.
            desk: Playbooks and the run that is open; None before anybody asked for them.
        """
        if shown is None:
            waiting = fit(((" reading this host…", Role.DIM),), width)
            return Drawn([waiting, *[blank(width)] * (height - 1)][:height], Facts())
        top = self._top(shown, width, height, stale_s, desk)
        below = 1 if height > len(top) + 1 else 0
        room = height - len(top) - below
        body, facts, places = self._beside_run(shown, state, width, room, desk)
        if shown.snapshot.stoppable and (state.view == LOAD or abort_of(shown.snapshot) is not None):
            facts = msgspec.structs.replace(facts, stop_load=True)
        lines = [*top, *_with_dialog(body, state, facts, width)]
        if below:
            lines.append(footer(state, facts, shown.note, width))
        return Drawn(lines[:height], facts, tuple(p._replace(y=p.y + len(top)) for p in places))

    def _beside_run(
        self, shown: Shown, state: UiState, width: int, height: int, desk: DeskView | None
    ) -> tuple[list[Line], Facts, Sequence[Place]]:
        """The panes, and the panel of a run: beside them where there is room, else one of the two at a time."""
        sitting = desk.sitting if desk is not None else None
        if sitting is None or desk is None or height < 3:
            return self._body(shown, state, width, height, desk)
        if beside_run(width, height):
            panes, facts, places = self._body(shown, state, width - SIDE, height, desk)
            drawn = beside(panes, run_box(desk, sitting, state.panel, shown, SIDE, height))
            return drawn, msgspec.structs.replace(facts, run=True), places
        panes, facts, places = self._body(shown, state, width, height - 1, desk)
        facts = msgspec.structs.replace(facts, run=True)
        if state.panel.focus:
            return run_box(desk, sitting, state.panel, shown, width, height), facts, ()
        return [*panes, run_line(sitting, width)], facts, places

    def _top(self, shown: Shown, width: int, height: int, stale_s: float | None, desk: DeskView | None) -> list[Line]:
        """Header and verdict; the verdict alone where there is no room for more."""
        verdict = [fit(line, width) for line in verdict_lines(shown.snapshot, width)]
        if height < 5:
            return verdict[: max(1, height - 1)]
        if stale_s is not None:
            words = f" ▲ nothing new for {stale_s:.0f} s: what stands below is old"
            return [fit(((words, Role.WARNING),), width), *verdict]
        return [fit(header(shown, width, run_sign(desk)), width), *verdict]

    def _body(
        self, shown: Shown, state: UiState, width: int, height: int, desk: DeskView | None
    ) -> tuple[list[Line], Facts, Sequence[Place]]:
        snapshot = shown.snapshot
        panes = numbered(self._panes, snapshot)
        keys = tuple(pane.kind.key for pane in panes)
        if height < 1:
            return [], Facts(panes=keys), ()
        if state.view == OVERVIEW:
            lines, places, affected = overview(panes, snapshot, state.pane, width, height)
            return lines, Facts(panes=keys, affected=affected), places
        number = keys.index(state.view) + 1 if state.view in keys else None
        kind = panes[number - 1].kind if number else None
        if state.view == PLAYBOOKS:
            zoom, detail = playbooks_zoom(desk, state, width, height)
        else:
            zoom = self._zoomed(shown, state, width, kind)
            detail = _detail(snapshot, zoom, state.row, width, height, kind)
        room = height - len(detail)
        facts = msgspec.structs.replace(zoom_facts(zoom, room - 1), panes=keys, affected=_pointed_at(snapshot, state))
        lines = zoom_lines(zoom, number, state, width, room, self._keeper, self._plain)
        return [*lines, *detail], facts, ()

    def _zoomed(self, shown: Shown, state: UiState, width: int, kind: PaneKind | None) -> Zoom:
        choice, opened = state.table(), state.opened or state.finding
        kept = self._zoom
        if kept and kept[0] is shown.snapshot and kept[1:5] == (state.view, opened, choice, width):
            return kept[5]
        if isinstance(opened, OpenedStatement):
            zoom = statement_zoom(shown.snapshot, opened, width - 2)
        elif opened:
            zoom = finding_zoom(shown.snapshot, opened, width - 2)
        else:
            zoom = _zoom_of(shown, state.view, choice, width, kind)
        self._zoom = (shown.snapshot, state.view, opened, choice, width, zoom)
        return zoom


def _pointed_at(snapshot: Snapshot, state: UiState) -> str:
    """The pane that shows the opened finding."""
    finding = finding_of(snapshot, state.finding) if state.finding else None
    return (pane_of(finding.rule) or "") if finding is not None else ""


def _with_dialog(body: list[Line], state: UiState, facts: Facts, width: int) -> list[Line]:
    """The question over the chart, where there is one, so that what it was asked from stays in sight; else over the end."""
    if state.dialog is None or len(body) < 4:
        return body
    wide = min(width, WIDTH)
    left = (width - wide) // 2
    typed = state.edit.text if state.edit else ""
    drawn = dialog_lines(state.dialog, typed, wide, len(body))
    space = (" " * left, Role.TEXT)
    lines = [fit((space, *line), width) for line in drawn]
    above_table = len(body) - facts.page - 1 if facts.table is not None else 0
    first = 1 if above_table >= len(lines) // 2 else len(body) - len(lines)
    return [*body[:first], *lines, *body[first + len(lines) :]]


def _zoom_of(shown: Shown, view: str, choice: TableState, width: int, kind: PaneKind | None) -> Zoom:
    if kind is not None:
        return kind.zoom(shown.snapshot, choice, width - 2)
    if view == FINDINGS:
        return findings_zoom(shown.snapshot, choice, width - 2)
    if view == SOURCES:
        return sources_zoom(shown.snapshot, choice, width - 2)
    if view == HELP:
        return Zoom(title="Keys", lines=manual_lines())
    return Zoom(title=view, lines=(((f"there is no {view} here", Role.DIM),),))


def _detail(snapshot: Snapshot, zoom: Zoom, chosen: str, width: int, height: int, kind: PaneKind | None) -> list[Line]:
    """What a table has no room for of its chosen row, or of the first; of one height, so that the table stays where it is."""
    rows = zoom.table.rows if zoom.table else ()
    if kind is None or kind.detail is None or not rows or height < 4 * DETAIL_LINES:
        return []
    row = chosen if any(row.key == chosen for row in rows) else rows[0].key
    told = kind.detail(snapshot, row, width - 2)[:DETAIL_LINES]
    return [*(fit(((" ", Role.TEXT), *line), width) for line in told), *[blank(width)] * (DETAIL_LINES - len(told))]
