"""The one widget: lines with roles in, changed cells out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from perftui.tui.cells import CellRow, cell_row, changed_runs
from perftui.tui.theme import to_ascii
from perftui.views.model import Line, Role

Span = tuple[int, int, int]
"""Line, first cell, cell after the last."""


class Canvas(Widget):
    """Shows lines that are as wide as it is; repaints only the cells that changed."""

    def __init__(self, styles: Mapping[Role, Style], ascii_only: bool, resized: Callable[[], None]) -> None:
        super().__init__()
        self._resized = resized
        self._styles_by_role = styles
        self._ascii_only = ascii_only
        self._lines: list[Line] = []
        self._rows: list[CellRow] = []
        self._sequences: dict[Role, tuple[str, str]] | None = None

    def on_resize(self) -> None:
        self._resized()

    def show(self, lines: list[Line], width: int) -> None:
        """Take the new picture, each line `width` cells wide."""
        old_lines, old_rows = self._lines, self._rows
        self._lines = lines
        if len(lines) != len(old_lines) or len(old_rows[0].text) != width:
            self._rows = [self._row(line) for line in lines]
            self.refresh()
            return
        regions = []
        for y, (before, line) in enumerate(zip(old_lines, lines, strict=True)):
            if before != line:
                row = self._row(line)
                regions += [Region(start, y, end - start, 1) for start, end in changed_runs(old_rows[y], row)]
                old_rows[y] = row
        if regions:
            self.refresh(*regions)

    def _row(self, line: Line) -> CellRow:
        if self._ascii_only:
            line = tuple([(to_ascii(words), role) for words, role in line])
        return cell_row(line)

    def render_lines(self, crop: Region) -> list[Strip]:
        # Not render_line: Textual would pass each line through its cache of borders, padding and colour filters, which
        # costs more than drawing does, and this widget has none of them.
        strips = [self._strip(row, crop) for row in self._rows[crop.y : crop.bottom]]
        return [*strips, *[Strip.blank(crop.width)] * (crop.height - len(strips))]

    def _strip(self, row: CellRow, crop: Region) -> Strip:
        style_of = self._styles_by_role.get
        pieces = row.pieces(0, len(row.text))
        strip = Strip([Segment(words, style_of(role)) for words, role in pieces], len(row.text))
        return strip.crop_extend(crop.x, crop.right, None)

    def written(self, spans: Iterable[Span], console: Console) -> str:
        """What a terminal must be sent to show these cells."""
        if self._sequences is None:
            self._sequences = {role: _sequences(self._styles_by_role.get(role), console) for role in Role}
        sequences = self._sequences
        sent: list[str] = []
        last = -1
        for y, start, end in spans:
            sent.append(f"\x1b[{start + 1}G" if y == last else f"\x1b[{y + 1};{start + 1}H")
            last = y
            for words, role in self._rows[y].pieces(start, end):
                begin, finish = sequences[role]
                sent += (begin, words, finish)
        return "".join(sent)


def _sequences(style: Style | None, console: Console) -> tuple[str, str]:
    """What goes before and after a text in that style, on this terminal."""
    begin = Strip([Segment("x", style)], 1).render(console).partition("x")[0]
    return begin, "\x1b[m" if begin else ""


class CanvasScreen(Screen[None]):
    """The only screen of ours: hands on keys, and writes changed cells rather than changed lines."""

    def __init__(self, canvas: Canvas, pressed: Callable[[events.Key], None], resumed: Callable[[], None]) -> None:
        super().__init__()
        self._canvas = canvas
        self._pressed = pressed
        self._resumed = resumed
        self._compositor = CellCompositor(canvas)

    def compose(self) -> Iterable[Widget]:
        yield self._canvas

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._pressed(event)

    def on_screen_resume(self) -> None:
        self._resumed()


class CellCompositor(Compositor):
    """Textual 8.2.8 writes the strip of a changed region from the strip's left end on: with one strip a line that would
    be 60 cells too many for each value. Here nothing overlaps, so the changed cells themselves are written."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__()
        self._canvas = canvas

    def render_partial_update(self) -> CellUpdate | None:  # type: ignore[override]
        regions = [region.intersection(self.size.region) for region in self._dirty_regions]
        self._dirty_regions.clear()
        return CellUpdate(self._canvas, list(self._regions_to_spans(regions))) if regions else None


class CellUpdate(CompositorUpdate):
    def __init__(self, canvas: Canvas, spans: list[Span]) -> None:
        self._canvas = canvas
        self._spans = spans

    def render_segments(self, console: Console) -> str:
        return self._canvas.written(self._spans, console)
