"""A view's chart → lines, through plotext: imported on first use, since most sessions never zoom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import floor, isnan, log10
from typing import Any

from perftui.tui.draw import blank, fit
from perftui.views.model import Chart, ChartLine, Line, Role, Span

# plotext gives its lines these colours, which are read back out of its text as roles.
_CODES = {Role.FIRST: 1, Role.SECOND: 2, Role.THIRD: 3, Role.FOURTH: 4, Role.ACCENT: 5}
_ROLES = {code: role for role, code in _CODES.items()}
_PIECE = re.compile(r"\x1b\[(?:38;5;(\d+)|0)m")
_MARKERS = "*+xo"
_SHORTEST_S = 60.0

Points = list[tuple[float, float]]


def chart_lines(chart: Chart, width: int, height: int, span_s: float, plain: bool) -> list[Line]:
    """The chart in `height` lines of `width` cells: a legend, the plot, a UTC time axis.

    Args:
        plain: Draw with ASCII markers, one a line, for terminals without colours or braille.
    """
    if height < 4 or width < 24 or not chart.at:
        return [blank(width)] * height
    start, end = chart_range(chart, span_s)
    legend = fit((*_legend(chart, plain), (f"   last {(end - start) / 60:.0f} min, UTC", Role.DIM)), width)
    plot = _plot(chart, width, height - 1, start, end, plain)
    lines = [legend, *(fit(line, width) for line in plot)]
    return [*lines, *[blank(width)] * (height - len(lines))][:height]


def chart_range(chart: Chart, span_s: float) -> tuple[float, float]:
    """Wall clock of the axis' ends; a young history is drawn over a minute at least."""
    end = chart.at[-1]
    return max(end - span_s, min(chart.at[0], end - _SHORTEST_S)), end


def _legend(chart: Chart, plain: bool) -> Iterator[Span]:
    yield (f" {chart.title}", Role.STRONG)
    yield (f" {chart.unit}" if chart.unit else "", Role.DIM)
    for place, line in enumerate(chart.lines):
        yield (f"   {_MARKERS[place % len(_MARKERS)] if plain else '━'} {line.name}", line.role)
        last = line.values[-1] if line.values else float("nan")
        yield (" -" if isnan(last) else f" {last:.3g}", Role.DIM)


def _plot(chart: Chart, width: int, height: int, start: float, end: float, plain: bool) -> list[Line]:
    import plotext

    plt: Any = plotext  # it has no types
    plt.clear_figure()
    plt.theme("clear")
    plt.limit_size(False, False)  # else it asks the terminal on stdout, which may be none
    plt.plotsize(width, height)
    plt.xaxes(True, False)  # no frame above and on the right: the room is the lines'
    plt.yaxes(True, False)
    top = _top(chart)
    plt.ylim(0, top)
    plt.xlim(0, end - start)
    ticks = [top * step / 4 for step in range(5)] if height >= 12 else [0, top / 2, top]
    plt.yticks(ticks, [f"{tick:.3g}" for tick in ticks])
    marks, words = _time_ticks(start, end, width)
    plt.xticks(marks, words)
    for place, line in enumerate(chart.lines):
        marker = _MARKERS[place % len(_MARKERS)] if plain else "braille"
        for piece in _pieces(chart.at, line, start, end, width * 2):
            xs, ys = [x for x, _ in piece], [min(max(y, 0.0), top) for _, y in piece]
            plt.plot(xs, ys, marker=marker, color=_CODES.get(line.role, 1))
    marked = [(at, label) for at, label in chart.marks if start <= at <= end]
    rows = _label_rows(marked, start, end, width)
    for (at, label), row in zip(marked, rows, strict=True):
        plt.vertical_line(at - start, color=_CODES[Role.ACCENT])
        if label and row < height - 4:
            y = top * (1 - row / max(1, height - 3))
            plt.text(label, at - start, y, color=_CODES[Role.ACCENT], alignment=_alignment(at, start, end))
    return [_line(row) for row in plt.build().splitlines()]


def _alignment(at: float, start: float, end: float) -> str:
    """Towards the middle, so that a label at the edge is not cut."""
    return "left" if at - start < (end - start) / 2 else "right"


def _label_rows(marked: list[tuple[float, str]], start: float, end: float, width: int) -> list[int]:
    """The row below the top that each label gets: the first one where it does not lie over an earlier label."""
    taken: list[list[tuple[float, float]]] = []
    rows = []
    for at, label in marked:
        x = (at - start) / max(end - start, 1e-9) * width
        left = x if _alignment(at, start, end) == "left" else x - len(label)
        span = (left - 1, left + len(label) + 1)
        row = next(
            (i for i, spans in enumerate(taken) if all(span[1] < a or span[0] > b for a, b in spans)), len(taken)
        )
        if label:
            taken += [[]] * (row == len(taken))
            taken[row] = [*taken[row], span]
        rows.append(row)
    return rows


def _top(chart: Chart) -> float:
    if chart.top is not None:
        return chart.top
    highest = max((v for line in chart.lines for v in line.values if not isnan(v)), default=0.0)
    return _round_up(highest)


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 4, 5, 8 times a power of ten: ends of an axis that halves and quarters well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next((power * step for step in (1, 2, 2.5, 4, 5, 8) if value <= power * step), power * 10)


def _pieces(at: list[float], line: ChartLine, start: float, end: float, columns: int) -> Iterator[Points]:
    """The known stretches of a line, thinned to the lowest and highest value of each column: a peak is never lost."""
    piece: Points = []
    bucket: Points = []
    bucket_width = max((end - start) / columns, 1e-9)
    for moment, value in zip(at, line.values, strict=True):
        if moment < start or moment > end:
            continue
        x = moment - start
        if isnan(value):
            piece += _extremes(bucket)
            bucket = []
            if piece:
                yield piece
            piece = []
            continue
        if bucket and int(bucket[0][0] / bucket_width) != int(x / bucket_width):
            piece += _extremes(bucket)
            bucket = []
        bucket.append((x, value))
    piece += _extremes(bucket)
    if piece:
        yield piece


def _extremes(bucket: Points) -> Points:
    if len(bucket) <= 2:
        return bucket
    return sorted({min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])})


def _time_ticks(start: float, end: float, width: int) -> tuple[list[float], list[str]]:
    """Round moments on the axis with their UTC time, as many as have room."""
    most = max(2, width // 16)
    steps = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
    step = next((s for s in steps if (end - start) / s <= most), steps[-1])
    first = -(-start // step) * step
    moments = [first + step * i for i in range(int((end - first) // step) + 1)]
    return [moment - start for moment in moments], [_clock(moment) for moment in moments]


def _clock(moment: float) -> str:
    seconds = int(moment) % 86400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _line(row: str) -> Line:
    """plotext's colours as roles; its frame and its numbers are dim."""
    spans: list[Span] = []
    role = Role.DIM
    rest = 0
    for match in _PIECE.finditer(row):
        spans.append((row[rest : match.start()], role))
        role = _ROLES.get(int(match[1]), Role.DIM) if match[1] else Role.DIM
        rest = match.end()
    spans.append((row[rest:], role))
    return tuple(span for span in spans if span[0])
