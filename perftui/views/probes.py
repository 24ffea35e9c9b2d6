"""Probes: what users see, how the time is spent, and what is left of the objectives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from perftui.history.probe_windows import DAY_S, WINDOW_S, ProbeWindow, ProbeWindowsPart, ended, latencies
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.probes import ProbeReading, ProbesPart
from perftui.views.charts import chart
from perftui.views.format import UNKNOWN, bar, duration, latency, percent, percent_tenths, sparkline
from perftui.views.layout import Piece, Stretch, clipped, flow, labelled, length, short, wrapped
from perftui.views.model import Line, Pane, Role, Span, TableState, Zoom
from perftui.views.tables import Field, figure, table
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "probes", "Probes"
SOURCE = "probes"
MILLISECONDS = 1000.0
FIRST = "first request is under way"
PARTS = (
    ("dns", "dns_s"),
    ("connect", "connect_s"),
    ("tls", "tls_s"),
    ("first byte", "first_byte_s"),
    ("body", "body_s"),
)
_BAR = 30
_SHAPE_BINS = 8
_SOON_DAYS = 30
_HANGS_S = 4.0
"""As probe.slow has it: what one request alone may take before it is told."""
_WORDS = {"timed_out": "timeout", "connect": "no conn"}
"""Of outcomes, where their own name is too long for a column."""


class Probed(msgspec.Struct, frozen=True):
    """One probe with its windows."""

    name: str
    reading: ProbeReading
    window: ProbeWindow


def shown(snapshot: Snapshot) -> bool:
    """Whether anything is probed here, or was when the tape was recorded."""
    return snapshot.history.known(ProbesPart) is not None


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """A line for each probe, the worst first."""
    probes = _probes(snapshot)
    if not probes:
        return missing_pane(snapshot, KEY, TITLE, SOURCE, width, height)
    if height == 1:
        return Pane(title=_title(probes), tone=tone(snapshot, KEY), lines=(_one_line(snapshot, probes, width),))
    name_width = min(max(len(each.name) for each in probes[:height]), max(8, width // 4))
    lines = tuple(_line(snapshot, each, name_width, width) for each in probes[:height])
    return Pane(title=_title(probes), tone=tone(snapshot, KEY), lines=lines)


def _one_line(snapshot: Snapshot, probes: list[Probed], width: int) -> Line:
    """How many are up, where there are several, and the worst."""
    up = sum(each.reading.up is True for each in probes)
    role = Role.TEXT if up == len(probes) else Role.CRITICAL
    head: Line = ((f"{up}/{len(probes)} up ", role),) if len(probes) > 1 else ()
    worst = probes[0]
    return (*head, *_line(snapshot, worst, min(len(worst.name), max(8, width // 4)), width - length(head)))


def _title(probes: list[Probed]) -> str:
    down = sum(each.reading.up is False for each in probes)
    return f"{TITLE} · {len(probes) - down} of {len(probes)} up" if len(probes) > 1 or down else TITLE


def _probes(snapshot: Snapshot) -> list[Probed]:
    """The worst first: failures in a row, then the time against the objective."""
    part, windows = snapshot.history.latest(ProbesPart), snapshot.history.latest(ProbeWindowsPart)
    if part is None or windows is None:
        return []
    found = [Probed(name, reading, windows.probes[name]) for name, reading in part.probes.items()]
    return sorted(found, key=_order)


def _order(each: Probed) -> tuple[int, float]:
    reading = each.reading
    hangs_s = reading.running_s if reading.running_s is not None and reading.running_s > _HANGS_S else 0.0
    time = max(hangs_s, each.window.p95_s or reading.total_s or 0.0)
    return -reading.failed_in_a_row, -time / (reading.p95_s_target or 1.0)


def _line(snapshot: Snapshot, each: Probed, name_width: int, width: int) -> Line:
    """`health 200 2.4 s p95 2.4 s ▂▂▂▅█  budget 62 % left`."""
    reading, window = each.reading, each.window
    name: Line = ((short(each.name, name_width).ljust(name_width), Role.STRONG),)
    if reading.up is None:
        return clipped((*name, (f" {reading.detail or FIRST}", Role.WARNING if reading.detail else Role.DIM)), width)
    if not reading.up:
        row = f" ({reading.failed_in_a_row} in a row)" if reading.failed_in_a_row > 1 else ""
        told = f"{reading.detail}{row}"
        if len(told) >= width - name_width:  # what went wrong stands behind what was asked
            told = f"{reading.detail.rpartition(': ')[2]}{row}"
        return clipped((*name, (f" {told}", Role.CRITICAL)), width)

    if reading.running_s is not None and reading.running_s > _HANGS_S:
        words = f" no answer for {duration(reading.running_s)} so far; before {reading.status_code} in "
        return clipped((*name, (f"{words}{latency(reading.total_s).strip()}", Role.WARNING)), width)

    def course(room: int) -> Line:
        times = snapshot.history.recent(f"probes.{each.name}.latency_s", room)
        return ((sparkline(times, room), Role.FIRST),)

    pieces: list[Piece] = [
        (*name, (" ", Role.DIM), *_state(reading)),
        ((latency(reading.total_s), _time_role(reading, reading.total_s)),),
        labelled("p95", latency(window.p95_s), _time_role(reading, window.p95_s)),
    ]
    if window.certificate_days is not None and window.certificate_days <= _SOON_DAYS:
        pieces.append(((f"cert {_days(window.certificate_days)}", Role.WARNING),))
    spent = window.budget_left_ratio is not None and window.budget_left_ratio < 1
    # An untouched budget gives way to the course where the room is small.
    pieces += [_budget(window), Stretch(4, 30, course)] if spent else [Stretch(4, 30, course), _budget(window)]
    (line,) = flow([pieces], width, 1, essential=0) or ((),)
    return line


def _state(reading: ProbeReading) -> Line:
    """The status, or how it failed; a word beside the colour."""
    if reading.up is None:
        return (("…", Role.DIM),)
    if reading.up:
        return ((str(reading.status_code), Role.GOOD),)
    if reading.outcome == "status":
        return ((str(reading.status_code), Role.CRITICAL),)
    return ((_WORDS.get(reading.outcome or "", reading.outcome or UNKNOWN), Role.CRITICAL),)


def _time_role(reading: ProbeReading, time_s: float | None) -> Role:
    limit_s = reading.p95_s_target or 1.0
    return Role.WARNING if time_s is not None and time_s > limit_s else Role.TEXT


def _budget(window: ProbeWindow) -> Line:
    left = window.budget_left_ratio
    if left is None:
        return ()
    role = Role.CRITICAL if left <= 0 else Role.WARNING if left <= 0.5 else Role.TEXT
    return (("budget ", Role.DIM), (f"{percent(left).strip()} left" if left > 0 else "used up", role))


def _days(days: float) -> str:
    return "ended" if days <= 0 else f"{days:.0f} d" if days >= 2 else f"{days * 24:.0f} h"


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The course of up to four probes, and all of them with their parts and windows."""
    probes = _probes(snapshot)
    if not probes:
        return missing_zoom(snapshot, KEY, TITLE, SOURCE, width)
    readings = [(each.name, f"probes.{each.name}.total_s") for each in probes[:4]]
    return Zoom(
        title=_title(probes),
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "time of a request", "ms", MILLISECONDS, readings),
        lines=tuple(clipped(line, width) for line in (*_broken(probes, width), *_parts(probes[0]))),
        table=table(
            _FIELDS,
            probes,
            state,
            width,
            default="p95",
            key=lambda each: each.name,
            found_by=lambda each: f"{each.name} {each.reading.url} {each.reading.detail}",
            empty="nothing is probed",
        ),
    )


def _broken(probes: Iterable[Probed], width: int) -> tuple[Line, ...]:
    """What fails, in full."""
    return tuple(
        line
        for each in probes
        if each.reading.detail
        for line in wrapped(f"{each.name}: {each.reading.detail}", width, Role.CRITICAL)
    )


def detail(snapshot: Snapshot, key: str, width: int) -> tuple[Line, ...]:
    """One probe: its windows and the shape of its times, its objective, and its chain of certificates or its place."""
    each = next((found for found in _probes(snapshot) if found.name == key), None)
    if each is None:
        return ()
    return tuple(
        clipped(line, width)
        for line in (
            (*_percentiles(each), *_shape(snapshot, each)),
            _objective(each),
            *_place(snapshot, each.reading, width),
        )
    )


def _percentiles(each: Probed) -> Line:
    window = each.window
    spans: list[Span] = [
        (f"{each.name} ", Role.STRONG),
        (f"{window.window_results} requests in {duration(WINDOW_S)}  ", Role.DIM),
    ]
    for name, value in (("p50", window.p50_s), ("p95", window.p95_s), ("p99", window.p99_s)):
        spans += [*labelled(name, latency(value).strip()), ("  ", Role.DIM)]
    spans += labelled("cv", percent(window.cv_ratio).strip())
    spans.append((f" {_variance(window.cv_ratio)}", Role.DIM))
    if window.p95_s is not None and window.p99_s is not None and window.p99_s > 2 * window.p95_s:
        spans.append(("  hockey stick: P99 over twice the P95", Role.WARNING))
    return tuple(spans)


def _variance(ratio: float | None) -> str:
    """S002 35.4.1's bands."""
    return "" if ratio is None else "high" if ratio > 0.3 else "moderate" if ratio > 0.1 else "low"


def _objective(each: Probed) -> Line:
    reading, window = each.reading, each.window
    apdex = UNKNOWN if window.apdex is None else f"{window.apdex:.2f}"
    spans: list[Span] = [
        *labelled("errors", percent_tenths(window.error_ratio).strip()),
        ("  ", Role.DIM),
        *labelled("apdex", f"{apdex} (T {latency(window.apdex_target_s).strip()})"),
    ]
    if reading.p95_s_target is not None:
        used = UNKNOWN if window.p95_s is None else percent(window.p95_s / reading.p95_s_target).strip()
        spans += [("  ", Role.DIM), *labelled("slo p95", f"{latency(reading.p95_s_target).strip()} ({used} used)")]
    if reading.error_ratio_target is not None:
        burn = UNKNOWN if window.burn_rate is None else f"{window.burn_rate:.3g}"
        allowed = f"{reading.error_ratio_target:.3%}".rstrip("0%").rstrip(".")
        spans += [
            *(("  ", Role.DIM), *_budget(window)),
            (f" of {allowed} % in {duration(reading.budget_window_s)}, burn {burn}", Role.DIM),
        ]
    return tuple(spans)


def _parts(each: Probed) -> list[Line]:
    """A bar for each part of the worst probe's newest request."""
    reading = each.reading
    if not reading.total_s:
        return []
    lines: list[Line] = [
        ((each.name, Role.STRONG), (f": newest request, {latency(reading.total_s).strip()}", Role.DIM))
    ]
    for name, field in PARTS:
        time_s: float | None = getattr(reading, field)
        if time_s is not None:
            head: Line = ((name.rjust(10), Role.DIM), (f" {latency(time_s)} ", Role.TEXT))
            lines.append((*head, *bar(time_s / reading.total_s, _BAR)))
    return lines


def _shape(snapshot: Snapshot, each: Probed) -> Line:
    """How many requests took how long, from the fastest to the slowest in even steps."""
    times = latencies(ended(snapshot.history, each.name, WINDOW_S))
    if len(times) < _SHAPE_BINS:
        return ()
    least, most = min(times), max(times)
    counts = [0.0] * _SHAPE_BINS
    for time_s in times:
        counts[min(_SHAPE_BINS - 1, int((time_s - least) / ((most - least) or 1.0) * _SHAPE_BINS))] += 1
    spread = f"{latency(least).strip()} {sparkline(counts, _SHAPE_BINS)} {latency(most).strip()}"
    return (("  shape ", Role.DIM), (spread, Role.TEXT))


def _place(snapshot: Snapshot, reading: ProbeReading, width: int) -> tuple[Line, ...]:
    """The chain of certificates and what is asked where; in two lines where one is too short."""
    chain, where = _certificates(snapshot, reading), ((_where(reading), Role.DIM),)
    whole = (*chain, *where)
    return (whole,) if not chain or length(whole) <= width else (chain, where)


def _certificates(snapshot: Snapshot, reading: ProbeReading) -> Line:
    """`certificate localhost 60 d ← Middle 20 d ← root  `: the last one's issuer is not sent, so its end is not known."""
    if not reading.certificates:
        return ()
    spans: list[Span] = [("certificate ", Role.DIM)]
    for certificate in reading.certificates:
        days = (certificate.not_after_at - snapshot.at) / DAY_S
        role = Role.CRITICAL if days <= 0 else Role.WARNING if days <= _SOON_DAYS else Role.TEXT
        spans += [(f"{certificate.subject} ", Role.TEXT), (_days(days), role), (" ← ", Role.DIM)]
    return (*spans, (f"{reading.certificates[-1].issuer}  ", Role.DIM))


def _where(reading: ProbeReading) -> str:
    here = "this host" if reading.local else "another host"
    address = f" at {reading.address} ({here})" if reading.address else ""
    outside = ", external" if reading.external else ""
    pace = f"every {duration(reading.every_s)}, timeout {duration(reading.timeout_s)}"
    return f"{reading.method} {reading.url}{address}{outside}, {pace}"


def header_words(snapshot: Snapshot) -> Line:
    """`probes 2/3 △` where something is probed."""
    probes = _probes(snapshot)
    up = sum(each.reading.up is True for each in probes)
    if not probes or any(each.reading.up is None and not each.reading.detail for each in probes):
        return ()
    if up == len(probes):
        return (("probes ", Role.DIM), (f"{up}/{up}", Role.TEXT))
    return ((f"probes {up}/{len(probes)} △", Role.WARNING),)


def _time(name: str, width: int, rank: int, value: Callable[[Probed], float | None]) -> Field[Probed]:
    return figure(name, width, rank, latency, value)


def _ratio(name: str, width: int, rank: int, value: Callable[[Probed], float | None]) -> Field[Probed]:
    return figure(name, width, rank, lambda ratio: percent(ratio), value)


_FIELDS: tuple[Field[Probed], ...] = (
    Field(
        name="probe",
        key="name",
        width=0,
        least=10,
        rank=0,
        right=False,
        cell=lambda each: (each.name, Role.STRONG),
        order=lambda each: each.name,
    ),
    Field(name="state", width=9, rank=0, right=False, cell=lambda each: _state(each.reading)[0]),
    _time("total", 6, 0, lambda each: each.reading.total_s),
    _time("dns", 6, 7, lambda each: each.reading.dns_s),
    _time("connect", 7, 7, lambda each: each.reading.connect_s),
    _time("tls", 6, 7, lambda each: each.reading.tls_s),
    _time("first", 6, 5, lambda each: each.reading.first_byte_s),
    _time("body", 6, 8, lambda each: each.reading.body_s),
    _time("p50", 6, 4, lambda each: each.window.p50_s),
    _time("p95", 6, 1, lambda each: each.window.p95_s),
    _time("p99", 6, 3, lambda each: each.window.p99_s),
    _ratio("errors", 6, 2, lambda each: each.window.error_ratio),
    figure("apdex", 5, 6, lambda value: UNKNOWN if value is None else f"{value:.2f}", lambda each: each.window.apdex),
    _ratio("budget", 7, 3, lambda each: each.window.budget_left_ratio),
    figure(
        "cert", 6, 4, lambda days: UNKNOWN if days is None else _days(days), lambda each: each.window.certificate_days
    ),
)
