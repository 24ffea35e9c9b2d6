"""The overview for every size: where each pane stands, and its lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perftui.pipeline.snapshot import Snapshot
from perftui.tui.draw import beside, blank, box, fit, rule
from perftui.tui.keys import number_sign
from perftui.tui.state import PROCESSES
from perftui.tui.widths import cells
from perftui.views import PaneKind
from perftui.views.model import Line, Pane, Role, Span
from perftui.views.tone import SIGN_OF_TONE, severity

GRID_WIDTH = 100
GRID_HEIGHT = 26
_ACROSS = 4
_SERVER, _CONNECTIONS = ("statements", "locks"), "connections"
_SERVICES = ("pools", "deploys", "probes", "load")
"""What stands between the server and its users, what was changed, and who makes the load."""
_REPLICATION = "replication"
_STORAGE = (_REPLICATION, "tables")
_LEAST = 6
"""Lines of a pane that is to tell more than one thing."""
_BRIEF = 4
"""Lines of a pane that is to tell one thing."""
_PROCESSES = 6
"""Lines that a list leaves to the processes before it tells of what is well."""


class Place(NamedTuple):
    """The rectangle of a pane on the overview, for the mouse."""

    key: str
    x: int
    y: int
    width: int
    height: int


class Numbered(NamedTuple):
    """A pane kind that is shown, with its number: the key that zooms it, 0 for the tenth, none for those after it."""

    number: int
    kind: PaneKind


def numbered(panes: Sequence[PaneKind], snapshot: Snapshot) -> list[Numbered]:
    """The panes whose layer exists, numbered from 1."""
    return [Numbered(i, kind) for i, kind in enumerate((p for p in panes if p.shown(snapshot)), start=1)]


def overview(
    shown: Sequence[Numbered], snapshot: Snapshot, chosen: str, width: int, height: int
) -> tuple[list[Line], list[Place], str]:
    """The panes in `width` x `height` cells, where they stand, and the key of the one a finding points at."""
    if width >= GRID_WIDTH and height >= GRID_HEIGHT - 4:
        return _grid(shown, snapshot, chosen, width, height)
    return _list(shown, snapshot, chosen, width, height)


class _Drawing:
    """Lines so far, with the places and the worst tone met on the way."""

    def __init__(self, snapshot: Snapshot, chosen: str) -> None:
        self.snapshot = snapshot
        self.chosen = chosen
        self.places: list[Place] = []
        self._tones: dict[str, Role] = {}

    def model(self, pane: Numbered, width: int, height: int) -> Pane:
        model = pane.kind.pane(self.snapshot, max(1, width), max(1, height))
        self._tones[pane.kind.key] = model.tone
        return model

    def boxed(self, pane: Numbered, x: int, y: int, width: int, height: int) -> list[Line]:
        model = self.model(pane, width - 4, height - 2)
        self.places.append(Place(pane.kind.key, x, y, width, height))
        return box(self.signed(pane, model), model.lines, width, height, model.tone)

    def columns(self, columns: Sequence[Sequence[Numbered]], widths: Sequence[int], y: int, height: int) -> list[Line]:
        """Panes one above the other, beside others."""
        blocks: list[list[Line]] = []
        x = 0
        for panes, width in zip(columns, widths, strict=True):
            block: list[Line] = []
            for pane, size in zip(panes, _shared(height, len(panes)), strict=True):
                block += self.boxed(pane, x, y + len(block), width, size)
            blocks.append(block)
            x += width
        return beside(*blocks)

    def signed(self, pane: Numbered, model: Pane) -> tuple[Span, ...]:
        """The title, after a sign where a finding points at the pane: colours alone don't tell it."""
        sign = SIGN_OF_TONE.get(model.tone, "")
        return ((f"{sign} " if sign else "", model.tone), *self.title(pane, model.title))

    def title(self, pane: Numbered, words: str) -> tuple[Span, ...]:
        role = Role.ACCENT if pane.kind.key == self.chosen else Role.TITLE
        sign = "▸" if pane.kind.key == self.chosen else ""
        key = f"{sign}{number_sign(pane.number)}"
        return ((f"{key} " if key else "", Role.ACCENT), (words, role))

    @property
    def affected(self) -> str:
        for tone in (Role.CRITICAL, Role.WARNING):
            for key, own in self._tones.items():
                if own is tone:
                    return key
        return ""


def _grid(
    shown: Sequence[Numbered], snapshot: Snapshot, chosen: str, width: int, height: int
) -> tuple[list[Line], list[Place], str]:
    """Small panes in a row on top. Below: the server's panes, its connections beside processes and devices; without a server
    the processes large and the others beside them. In a row at the foot: pools, deploys, probes, the load test."""
    drawing = _Drawing(snapshot, chosen)
    top, below = [[pane] for pane in shown[:_ACROSS]], shown[_ACROSS:]
    server = [[pane] for pane in below if pane.kind.key in _SERVER]
    connections = [pane for pane in below if pane.kind.key == _CONNECTIONS]
    services = [[pane] for pane in below if pane.kind.key in _SERVICES]
    storage = [pane for pane in below if pane.kind.key in _STORAGE]
    large = [pane for pane in below if pane.kind.key == PROCESSES]
    small = [pane for pane in below if pane.kind.key not in (*_SERVER, *_STORAGE, *_SERVICES, _CONNECTIONS, PROCESSES)]
    top_height = 4 if height < 24 else 6 if height < 30 or server else 7
    foot = (4 if height < 30 else 5 if height < 40 else 7) if services else 0
    lines = drawing.columns(top, _shared(width, len(top)), 0, top_height) if top else []
    if server:
        middle = (height - foot - len(lines)) // 2
        lines += drawing.columns(server, _shared(width, len(server)), len(lines), middle)
    connections += _beneath_connections(storage, snapshot, chosen, len(connections), height - foot - len(lines))
    beneath = [panes for panes in (connections, large, small) if panes]
    if beneath:
        widths = _shared(width, len(beneath))
        if len(beneath) == 2:
            side_width = min(72, max(44, width * 5 // 12))
            widths = [width - side_width, side_width]
        lines += drawing.columns(beneath, widths, len(lines), height - foot - len(lines))
    if services:
        lines += drawing.columns(services, _shared(width, len(services)), len(lines), foot)
    return [*lines, *[blank(width)] * (height - len(lines))], drawing.places, drawing.affected


def _beneath_connections(
    storage: Sequence[Numbered], snapshot: Snapshot, chosen: str, above: int, height: int
) -> list[Numbered]:
    """What is chosen or in trouble first, and that with a line or two if need be; tables that are well only where there is
    much room."""

    def calm(pane: Numbered) -> bool:
        return pane.kind.key != chosen and not severity(snapshot, pane.kind.key)

    found: list[Numbered] = []
    for pane in sorted(storage, key=calm):  # stable: the others keep their order
        least = _LEAST if calm(pane) else _BRIEF
        wanted = not calm(pane) or pane.kind.key == _REPLICATION or height >= 3 * _LEAST
        if wanted and height >= least * (above + len(found) + 1):
            found.append(pane)
    return found


def _list(
    shown: Sequence[Numbered], snapshot: Snapshot, chosen: str, width: int, height: int
) -> tuple[list[Line], list[Place], str]:
    """One line a pane, and the processes in the rest; where even that is too much, affected panes go first."""
    if height < len(shown) + _PROCESSES:
        shown = [pane for pane in shown if pane.kind.key not in _STORAGE or severity(snapshot, pane.kind.key)]
    drawing = _Drawing(snapshot, chosen)
    label_width = min(max((cells(pane.kind.title) for pane in shown), default=0) + 6, max(7, width // 3))
    rows: list[tuple[Numbered, Line]] = []
    large = next((pane for pane in shown if pane.kind.key == PROCESSES), None)
    for pane in shown:
        if pane is large and height >= len(shown) + 2:
            continue
        model = drawing.model(pane, width - label_width, 1)
        rows.append((pane, _row(drawing, pane, model, label_width, width)))
    if len(rows) > height:
        rows.sort(key=lambda row: row[0].kind.key != drawing.affected)  # stable: the others keep their order
    lines: list[Line] = []
    for pane, line in rows[:height]:
        drawing.places.append(Place(pane.kind.key, 0, len(lines), width, 1))
        lines.append(line)
    rest = height - len(lines)
    if large is not None and rest >= 3 and not any(pane is large for pane, _ in rows):
        model = drawing.model(large, width - 2, rest - 1)
        drawing.places.append(Place(large.kind.key, 0, len(lines), width, rest))
        lines.append(rule(drawing.signed(large, model), width, model.tone))
        lines += [fit(((" ", Role.TEXT), *line), width) for line in model.lines[: rest - 1]]
    return [*lines, *[blank(width)] * (height - len(lines))][:height], drawing.places, drawing.affected


def _row(drawing: _Drawing, pane: Numbered, model: Pane, label_width: int, width: int) -> Line:
    label = ((SIGN_OF_TONE.get(model.tone, " "), model.tone), *drawing.title(pane, pane.kind.title))
    return fit((*fit(label, label_width - 1), (" ", Role.TEXT), *(model.lines[0] if model.lines else ())), width)


def _shared(size: int, count: int) -> list[int]:
    """A length in `count` parts that differ by one at the most."""
    return [size * (i + 1) // count - size * i // count for i in range(count)]
