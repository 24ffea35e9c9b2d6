"""Load: what the generator of a load test measures, beside what host and database do in the same seconds."""

from __future__ import annotations

from itertools import pairwise
from math import isnan

from perftui.findings.load_abort import NAME as ABORT
from perftui.history.load_knee import LoadKneePart
from perftui.history.load_phase import LoadPhasePart
from perftui.model.finding import Finding
from perftui.pipeline.load_limit import load_limit
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.load import SILENT_S, LoadPart
from perftui.views.charts import PERCENT, chart
from perftui.views.format import UNKNOWN, clock, count, duration, latency, percent, percent_tenths, size, sparkline
from perftui.views.layout import Piece, Stretch, clipped, flow, labelled, length, short, wrapped
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "load", "Load"
SOURCE = "load"
MILLISECONDS = 1000.0
_ERRORS_MATTER = 0.01
"""S002 35.2: at most 1 % of errors after warm-up."""
_LAGS_BYTES = 1 << 20
_COURSES = (
    ("requests/s", "load.requests_per_s", 1.0, count),
    ("errors %", "load.error_ratio", PERCENT, count),
    ("users", "load.users", 1.0, count),
    ("CPU busy %", "host.cpu.busy_ratio", PERCENT, count),
    ("iowait %", "host.cpu.iowait_ratio", PERCENT, count),
    ("pg active", "postgres.connections.active", 1.0, count),
    ("pool in use", "pool.in_use", 1.0, count),
)
"""What stands below the chart on its time axis; what is not watched is left out."""


def shown(snapshot: Snapshot) -> bool:
    """Whether a feed was named, or was when the tape was recorded."""
    state = snapshot.history.sources.get(SOURCE)
    return state is not None and state.state != "off"


def abort_of(snapshot: Snapshot) -> Finding | None:
    """What says that the test should be ended; None while nothing does."""
    return next((finding for finding in snapshot.findings if finding.rule == ABORT), None)


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Who makes the load, how much, and what it takes."""
    part = snapshot.history.latest(LoadPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, SOURCE, width, height)
    phase = snapshot.history.latest(LoadPhasePart)
    doubt = _doubt(part)
    lines = _abort(snapshot, width) or (tuple(wrapped(doubt, width, Role.WARNING)) if doubt else ())
    numbers = _numbers(snapshot, part, phase)
    if height < 2 and abort_of(snapshot) is not None:
        numbers = [(("abort", Role.CRITICAL),), *numbers]
    lines = (*flow([numbers], width, max(1, height - len(lines)), essential=0), *lines)
    return Pane(
        title=_title(part), tone=tone(snapshot, KEY), lines=(lines if not _silent(part) else lines[::-1])[:height]
    )


def _title(part: LoadPart) -> str:
    return f"{TITLE} · {part.tool}" if part.tool else TITLE


def _numbers(snapshot: Snapshot, part: LoadPart, phase: LoadPhasePart | None) -> list[Piece]:
    def course(room: int) -> Line:
        return ((sparkline(snapshot.history.recent("load.p95_s", room), room), Role.FIRST),)

    errors = Role.WARNING if (part.error_ratio or 0.0) > _ERRORS_MATTER else Role.TEXT
    pieces: list[Piece] = []
    if phase is not None and phase.phase is not None:
        pieces.append(((phase.phase.replace("_", "-"), Role.STRONG),))
    return [
        *pieces,
        ((count(part.requests_per_s), Role.STRONG), ("/s", Role.DIM)),
        labelled("err", percent_tenths(part.error_ratio).strip(), errors),
        labelled("p95", latency(part.p95_s)),
        labelled("p50", latency(part.p50_s)),
        labelled("p99", latency(part.p99_s)),
        labelled("users", count(part.users)),
        Stretch(4, 30, course),
    ]


def _abort(snapshot: Snapshot, width: int) -> tuple[Line, ...]:
    """That the test should be ended, why, and what does it."""
    finding = abort_of(snapshot)
    if finding is None:
        return ()
    lines = tuple(wrapped(finding.title, width, Role.CRITICAL))
    if not snapshot.stoppable:
        return lines
    key: Line = (("[a]", Role.ACCENT), (" stops it", Role.TEXT))
    room = width - length(lines[-1]) - 2
    return (*lines[:-1], (*lines[-1], ("  ", Role.DIM), *key)) if length(key) <= room else (*lines, key)


def _silent(part: LoadPart) -> bool:
    return part.age_s is None or part.age_s > SILENT_S


def _doubt(part: LoadPart) -> str:
    """What makes the numbers less than whole; empty where nothing does."""
    if part.age_s is None:
        return part.trouble or f"{part.feed}: nothing came yet"
    if part.age_s > SILENT_S:
        return f"silent for {duration(part.age_s)}: rates are not known"
    if part.behind_bytes > _LAGS_BYTES:
        return f"{size(part.behind_bytes).strip()} behind the generator"
    return f"{part.skipped_total} lines skipped, {part.trouble}" if part.skipped_total else ""


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The percentiles over time; below them, on the same axis, rate, errors, users, host and database."""
    part = snapshot.history.latest(LoadPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, SOURCE, width)
    phase = snapshot.history.latest(LoadPhasePart)
    readings = [(name, f"load.{name}_s") for name in ("p50", "p95", "p99")]
    return Zoom(
        title=_title(part),
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "time of a request, over 10 s", "ms", MILLISECONDS, readings),
        lines=tuple(
            clipped(line, width)
            for line in (
                *_abort(snapshot, width),
                *_courses(snapshot, state, width),
                *_facts(part, phase, snapshot.history.value("load.concurrency")),
                *_limits(snapshot),
                *wrapped(_doubt(part), width, Role.WARNING),
            )
        ),
    )


def _courses(snapshot: Snapshot, state: TableState, width: int) -> list[Line]:
    """A line each: its name, its highest value, its course over the span of the chart, its newest value."""
    lines: list[Line] = []
    room = max(10, width - 28)
    for name, reading, scale, words in _COURSES:
        values = [value * scale for value in snapshot.history.points(reading, state.span_s)[1]]
        if all(isnan(value) for value in values):
            continue
        drawn = _condensed(values, room)
        newest = None if isnan(values[-1]) else values[-1]
        top = max(value for value in values if not isnan(value))
        lines.append(
            (
                (f"{name:<12}", Role.DIM),
                (f"{words(newest)} ", Role.STRONG),
                (sparkline(drawn, room, PERCENT if name.endswith("%") else None), Role.FIRST),
                (f" max {words(top).strip()}", Role.DIM),
            )
        )
    return lines


def _condensed(values: list[float], room: int) -> list[float]:
    """The highest known value of each of so many equal parts."""
    if len(values) <= room:
        return values
    edges = [round(place * len(values) / room) for place in range(room + 1)]
    parts = [values[start:end] for start, end in pairwise(edges)]
    return [max((value for value in part if not isnan(value)), default=float("nan")) for part in parts]


def _facts(part: LoadPart, phase: LoadPhasePart | None, busy: float | None) -> list[Line]:
    """Where it comes from, the phase and who says so, and how far the clocks are apart."""
    source = {"mark": "marked", "feed": "from the feed", "users": "by its users"}
    told = "not known; mark it: m, then Tab or its name"
    if phase is not None and phase.phase is not None:
        since = f" at {clock(phase.phase_since_at)}" if phase.phase_since_at else ""
        told = f"{phase.phase.replace('_', '-')} ({source[phase.phase_source or 'users']}{since})"
    offset = UNKNOWN if part.offset_s is None else f"{part.offset_s:+.1f} s"
    failed = part.failures_total / part.results_total if part.results_total else None
    lines: list[Line] = [
        (("phase ", Role.DIM), (told, Role.TEXT)),
        (
            ("feed ", Role.DIM),
            (short(part.feed, 60), Role.TEXT),
            (f" · last {duration(part.age_s)} ago · generator's clock {offset}", Role.DIM),
        ),
        (
            ("seen ", Role.DIM),
            (f"{part.results_total} requests, {percent(failed).strip()} failed", Role.TEXT),
            (f" · {count(busy).strip()} under way" if busy is not None else "", Role.TEXT),
            (f" · {size(part.left_out_bytes).strip()} older, not read" if part.left_out_bytes else "", Role.DIM),
        ),
    ]
    return lines


def _limits(snapshot: Snapshot) -> list[Line]:
    """The knee with what gave way there, or why there is none."""
    part, limit = snapshot.history.latest(LoadKneePart), load_limit(snapshot)
    if part is None or limit is None:
        return []
    words = part.knee_says.removeprefix("knee ").replace("no knee seen", "none seen")
    if part.knee_limit == "generator":
        words += ": the generator is the limit"
    elif limit.gave_way is not None:
        words += f": {limit.gave_way} gave way first"
    return [(("knee ", Role.DIM), (words, Role.TEXT))]
