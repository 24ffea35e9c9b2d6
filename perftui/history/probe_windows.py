"""Probes over windows: percentiles, errors, error budget, and the worst of all probes.

Percentiles are taken of the raw results of the window, which the series hold one by one; windows are never merged by
averaging. Ours: 10 minutes, the window of S001's incident script; at 5 s between two requests that is 120 results, so
that a P99 exists. Burn rates over 5 min and over the budget's window, as two windows tell what still goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isnan
from typing import NamedTuple

import msgspec

from perftui.history.history import History, Trend
from perftui.history.percentiles import APDEX_TARGET_S, apdex, percentile, variation
from perftui.sources.kind import Part
from perftui.sources.probes import ProbeReading, ProbesPart

WINDOW_S = 600.0
BURN_WINDOW_S = 300.0
MIN_FOR_P95 = 20
"""With fewer results the highest one would be the P95."""
MIN_FOR_P99 = 100
DAY_S = 86400.0
CALM_AFTER = 5
"""Ours: so many requests must go well before trouble that came and went is over."""


class ProbeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One probe over the last 10 minutes."""

    window_results: int
    """Requests that ended within the last 10 minutes."""
    p50_s: float | None
    """Median of 10 minutes; half of the requests took longer."""
    p95_s: float | None
    """95 of 100 requests within 10 minutes were faster; null with fewer than 20 of them."""
    p99_s: float | None
    """99 of 100 requests within 10 minutes were faster; null with fewer than 100 of them."""
    cv_ratio: float | None
    """Standard deviation over mean within 10 minutes: over 0.1 moderate, over 0.3 high variance."""
    error_ratio: float | None
    """Share of the requests within 10 minutes that failed."""
    apdex: float | None
    """1 when all are answered within the target, 0 when all fail or take over four times as long."""
    apdex_target_s: float
    """What Apdex calls T: the SLO's P95, else 0.5 s."""
    budget_left_ratio: float | None
    """Share of the error budget of the whole window that is left, as far as failures were watched; below 0 it is overspent.
    Null without an SLO."""
    budget_failures: int | None
    """Requests that failed within the budget's window."""
    burn_rate: float | None
    """Errors of the last 5 minutes over what the SLO allows: at 1 the budget is used up just at the end of its window."""
    long_burn_rate: float | None
    """The same over the budget's whole window."""
    certificate_days: float | None
    """Until the first certificate of the chain ends; below 0 it has ended. Null without TLS."""


class WorstProbe(msgspec.Struct, frozen=True, kw_only=True):
    """The worst probe: one that fails before one that is slow."""

    name: str
    """The worst probe: one that fails before one that is slow against its target."""
    up: bool | None
    """Whether the worst probe was answered as expected."""
    status_code: int | None
    """Of the worst probe's newest request."""
    total_s: float | None
    """Time of the worst probe's newest request."""
    dns_s: float | None
    """The worst probe's time of resolving."""
    connect_s: float | None
    """The worst probe's time to connect."""
    tls_s: float | None
    """The worst probe's time of the TLS handshake."""
    first_byte_s: float | None
    """The worst probe's time to the answer's head."""
    p50_s: float | None
    """Median of the worst probe over 10 minutes."""
    p95_s: float | None
    """P95 of the worst probe over 10 minutes."""
    p99_s: float | None
    """P99 of the worst probe over 10 minutes."""
    error_ratio: float | None
    """Share of the worst probe's requests within 10 minutes that failed."""
    apdex: float | None
    """Apdex of the worst probe over 10 minutes."""
    certificate_days: float | None
    """Until the first certificate of any probe ends."""


class SloReading(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the worst probe, and what it has left."""

    p95_s: float | None
    """The P95 that the worst probe may have."""
    error_ratio: float | None
    """The share of the worst probe's requests that may fail."""
    budget_left_ratio: float | None
    """What the worst probe has left of its error budget."""
    burn_rate: float | None
    """How fast the worst probe uses its error budget, over 5 minutes."""
    long_burn_rate: float | None
    """How fast the worst probe uses its error budget, over its whole window."""


class ProbeWindowsPart(Part, frozen=True, kw_only=True):
    probes: dict[str, ProbeWindow]
    probe: WorstProbe
    slo: SloReading | None


def probe_windows(history: History) -> ProbeWindowsPart | None:
    """The windows that end now; None where nothing is probed."""
    part = history.latest(ProbesPart)
    if part is None or not part.probes:
        return None
    windows = {name: _window(history, name, reading) for name, reading in part.probes.items()}
    worst = max(part.probes, key=lambda name: _badness(part.probes[name], windows[name]))
    reading, window = part.probes[worst], windows[worst]
    days = [each.certificate_days for each in windows.values() if each.certificate_days is not None]
    return ProbeWindowsPart(
        probes=windows,
        probe=WorstProbe(
            name=worst,
            up=reading.up,
            status_code=reading.status_code,
            total_s=reading.total_s,
            dns_s=reading.dns_s,
            connect_s=reading.connect_s,
            tls_s=reading.tls_s,
            first_byte_s=reading.first_byte_s,
            p50_s=window.p50_s,
            p95_s=window.p95_s,
            p99_s=window.p99_s,
            error_ratio=window.error_ratio,
            apdex=window.apdex,
            certificate_days=min(days, default=None),
        ),
        slo=_slo(reading, window),
    )


class Ended(NamedTuple):
    """One request that ended within a window."""

    time_s: float
    """NaN where it failed at once, so that its time says nothing."""
    failed: bool


def ended(history: History, name: str, seconds: float) -> list[Ended]:
    """The requests of a probe that ended within so many seconds, oldest first."""
    results, failures, times = (
        history.points(f"probes.{name}.{reading}", seconds)[1]
        for reading in ("results_total", "failures_total", "latency_s")
    )
    # A result stays the newest one for some ticks; it is counted where the count of results grows.
    return [
        Ended(times[tick], failures[tick] > failures[tick - 1])
        for tick in range(1, len(results))
        if results[tick] > results[tick - 1]
    ]


def latencies(found: Iterable[Ended]) -> list[float]:
    """The times of those that succeeded or timed out."""
    return [each.time_s for each in found if not isnan(each.time_s)]


def is_over(bad: Sequence[bool]) -> bool:
    """Whether trouble has come to its end: more requests went well since than twice the longest pause within it."""
    times = [place for place, each in enumerate(bad) if each]
    if not times:
        return True
    longest = max((later - earlier - 1 for earlier, later in pairwise(times)), default=0)
    return len(bad) - 1 - times[-1] >= max(CALM_AFTER, 2 * longest)


def _window(history: History, name: str, reading: ProbeReading) -> ProbeWindow:
    found = ended(history, name, WINDOW_S)
    times = latencies(found)
    ordered = sorted(times)
    failures = sum(each.failed for each in found)
    _, within_budget = _counted(history, name, reading.budget_window_s)
    target_s = reading.p95_s_target or APDEX_TARGET_S
    burn = _burn(history, name, BURN_WINDOW_S, reading)
    long_burn = _burn(history, name, reading.budget_window_s, reading)
    return ProbeWindow(
        window_results=len(found),
        p50_s=percentile(ordered, 0.5),
        p95_s=percentile(ordered, 0.95, MIN_FOR_P95),
        p99_s=percentile(ordered, 0.99, MIN_FOR_P99),
        cv_ratio=variation(times, MIN_FOR_P95),
        error_ratio=failures / len(found) if found else None,
        apdex=apdex([each.time_s for each in found if not each.failed], failures, target_s),
        apdex_target_s=target_s,
        budget_left_ratio=_budget_left(history, name, reading),
        budget_failures=None if reading.error_ratio_target is None else within_budget,
        burn_rate=burn,
        long_burn_rate=long_burn,
        certificate_days=_certificate_days(history, reading),
    )


def _counted(history: History, name: str, seconds: float) -> tuple[int, int]:
    """(requests that ended, those that failed) within so many seconds."""
    results = history.increase(f"probes.{name}.results_total", seconds)
    failures = history.increase(f"probes.{name}.failures_total", seconds)
    return round(results or 0), round(failures or 0)


def _burn(history: History, name: str, seconds: float, reading: ProbeReading) -> float | None:
    results, failures = _counted(history, name, seconds)
    if not reading.error_ratio_target or results == 0:
        return None
    return failures / results / reading.error_ratio_target


def _budget_left(history: History, name: str, reading: ProbeReading) -> float | None:
    """Of the failures that a whole window of requests may have, so that the first minutes of a watch have no budget of a
    fraction of one failure."""
    results, failures = _counted(history, name, reading.budget_window_s)
    if not reading.error_ratio_target or results == 0:
        return None
    requests = max(results, reading.budget_window_s / reading.every_s)
    return 1 - failures / (requests * reading.error_ratio_target)


def _certificate_days(history: History, reading: ProbeReading) -> float | None:
    ends = [certificate.not_after_at for certificate in reading.certificates]
    return (min(ends) - history.at) / DAY_S if ends else None


def _badness(reading: ProbeReading, window: ProbeWindow) -> tuple[int, float]:
    """Failures in a row first, then the time against the target."""
    time = window.p95_s or window.p50_s or reading.total_s or 0.0
    return reading.failed_in_a_row, time / (reading.p95_s_target or 1.0)


def _slo(reading: ProbeReading, window: ProbeWindow) -> SloReading | None:
    if reading.p95_s_target is None and reading.error_ratio_target is None:
        return None
    return SloReading(
        p95_s=reading.p95_s_target,
        error_ratio=reading.error_ratio_target,
        budget_left_ratio=window.budget_left_ratio,
        burn_rate=window.burn_rate,
        long_burn_rate=window.long_burn_rate,
    )


TREND = Trend(part=ProbeWindowsPart, root="", read=probe_windows)
