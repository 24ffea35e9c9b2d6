"""One reading over time as SVG: its course, its scale, and what happened as lines on it. No script and no font of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10

from perftui.history.middle import median
from perftui.reports.page import Charts, Plot, numbered, quantity
from perftui.views.format import clock

WIDTH, HEIGHT = 480, 150
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 26, 20
_SECONDS_TELL_S = 600.0
MOST_POINTS = 220
"""Drawn of a series: two for each pixel of a phone tell no more than one."""
STYLE = """
.p-axis{stroke:var(--line);stroke-width:1}.p-t{fill:var(--dim);font:11px system-ui,sans-serif}
.p-n{fill:var(--ink);font:600 12px system-ui,sans-serif}.p-line{fill:none;stroke:var(--a);stroke-width:1.6;stroke-linejoin:round}
.p-dot{fill:var(--a)}.p-run{fill:var(--run)}.p-step{stroke:var(--dim);stroke-width:1;opacity:.6}
.p-deploy{stroke:var(--deploy)}.p-mark{stroke:var(--dim)}.p-change{stroke:var(--bad)}.p-undo{stroke:var(--good)}
.p-verdict{stroke:var(--warn)}.p-pin{stroke-width:1.3;stroke-dasharray:4 2}
.p-no{fill:var(--ink);font:600 9px system-ui,sans-serif}
"""
PALETTE = (
    "--ink:#1b1f24;--dim:#5d6773;--line:#d5dae0;--a:#0b62c4;--run:#eef3f9;--deploy:#8a3ffc;"
    "--bad:#c21c2f;--good:#1a7f37;--warn:#9a6700;"
)


def picture(charts: Charts, plot: Plot) -> str:
    """A chart as a file of its own."""
    style = f"svg{{{PALETTE}background:#fff}}{STYLE}"
    for pair in PALETTE.strip(";").split(";"):  # not every drawer of SVG knows variables
        name, _, colour = pair.partition(":")
        style = style.replace(f"var({name})", colour)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH * 2}" height="{HEIGHT * 2}">'
    return f"{head}<style>{style}</style>{''.join(_inside(charts, plot))}</svg>\n"


def drawn(charts: Charts, plot: Plot) -> str:
    """A chart inside a page that has `STYLE` and the colours."""
    known = [value for _, value in plot.points if value is not None]
    told = (
        f"{plot.reading}: {quantity(min(known), plot.unit)} to {quantity(max(known), plot.unit)}"
        if known
        else plot.reading
    )
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">'
    return f"{head}{''.join(_inside(charts, plot))}</svg>"


def thinned(points: Sequence[tuple[float, float | None]], most: int = MOST_POINTS) -> list[tuple[float, float | None]]:
    """At most so many points; of those that fall together the highest stays, so that no peak is lost."""
    if len(points) <= most:
        return list(points)
    start, end = points[0][0], points[-1][0]
    kept: dict[int, tuple[float, float | None]] = {}
    for at, value in points:
        place = int((at - start) / (end - start) * (most - 1)) if end > start else 0
        there = kept.get(place)
        if there is None or there[1] is None or (value is not None and value > there[1]):
            kept[place] = (at, value)
    return [kept[place] for place in sorted(kept)]


def axis_top(highest: float, unit: str) -> float:
    """A round end of the scale that the course fits below."""
    if unit == "ratio" and 0.5 < highest <= 1:
        return 1.0
    if highest <= 0:
        return 1.0
    whole = 1.0
    while unit.startswith("bytes") and highest / whole >= 1024:  # what is shown in MiB is rounded in MiB
        whole *= 1024
    power = whole * 10.0 ** floor(log10(highest / whole))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest * 0.999999)


def _inside(charts: Charts, plot: Plot) -> Iterator[str]:
    start, end = charts.span
    across = (WIDTH - LEFT - RIGHT) / max(1.0, end - start)
    bottom = HEIGHT - BOTTOM
    top = axis_top(max((value for _, value in plot.points if value is not None), default=0.0), plot.unit)

    def x(at: float) -> float:
        return LEFT + (min(max(at, start), end) - start) * across

    def y(value: float) -> float:
        return bottom - max(0.0, value) / top * (bottom - TOP)

    if charts.shaded is not None:
        first, last = map(x, charts.shaded)
        yield f'<rect class="p-run" x="{first:.1f}" y="{TOP}" width="{max(1.0, last - first):.1f}" height="{bottom - TOP}"/>'
    yield f'<text class="p-n" x="0" y="11">{escape(plot.reading)}</text>'
    for share in (0.0, 0.5, 1.0):
        height = y(top * share)
        yield f'<line class="p-axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        label = escape(quantity(top * share, plot.unit)) if share else "0"
        yield f'<text class="p-t" x="{LEFT - 4}" y="{height + 4:.1f}" text-anchor="end">{label}</text>'
    shown = 8 if end - start < _SECONDS_TELL_S else 5
    for place, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = start + (end - start) * place
        yield f'<text class="p-t" x="{x(at):.1f}" y="{HEIGHT - 5}" text-anchor="{anchor}">{clock(at)[:shown]}</text>'
    ended = sorted({round(x(pin.at)) for pin in charts.pins if pin.sort == "step"})
    if ended:
        yield f'<path class="p-step" d="{"".join(f"M{at_x} {bottom}v-5" for at_x in ended)}"/>'
    taken = float("-inf")
    for number, pin in numbered(charts.pins):
        at_x = x(pin.at)
        yield f'<line class="p-pin p-{pin.sort}" x1="{at_x:.1f}" x2="{at_x:.1f}" y1="{TOP - 2}" y2="{bottom}"/>'
        if at_x - taken > 11:  # a number that would lie on the one before is read from the table beneath
            yield f'<text class="p-no" x="{at_x:.1f}" y="{TOP - 4}" text-anchor="middle">{number}</text>'
            taken = at_x
    for piece in _pieces(thinned(plot.points)):
        if len(piece) == 1:
            yield f'<circle class="p-dot" cx="{x(piece[0][0]):.1f}" cy="{y(piece[0][1]):.1f}" r="1.6"/>'
        else:
            pairs = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in piece)
            yield f'<polyline class="p-line" points="{pairs}"/>'


def _pieces(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """The course cut where it was not known, or not looked at for long: a line across a gap would be made up."""
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(points)]
    longest = max(90.0, 4 * median(gaps)) if gaps else 0.0
    pieces: list[list[tuple[float, float]]] = []
    last_at: float | None = None
    for at, value in points:
        if value is None:
            last_at = None
            continue
        if last_at is None or at - last_at > longest:
            pieces.append([])
        pieces[-1].append((at, value))
        last_at = at
    return pieces
