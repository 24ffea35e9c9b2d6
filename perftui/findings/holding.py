"""A limit must hold for a window, not for one sample; and the kernel's own 10 s means speak before our first window is full."""

from __future__ import annotations

import msgspec

from perftui.history.history import History
from perftui.model.finding import Evidence
from perftui.sources.pressure import PressurePart, PressureReading

WINDOW_S = 5.0
MIN_COVERED = 0.75
"""Share of a window that must have been watched before it says anything."""
MIN_KNOWN = 0.8
"""Share of a window's ticks that must have a value (the same as for `for` in playbook conditions)."""

NEAR = 0.7
"""From this share of a limit on a reading is near to it."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that was exceeded over a window."""

    mean: float
    since_at: float
    began_before: bool


def watched(history: History, window_s: float = WINDOW_S) -> bool:
    """Whether we have been watching long enough for a window to say something."""
    return history.span_s >= window_s * MIN_COVERED


def mean(history: History, reading: str, window_s: float = WINDOW_S) -> float | None:
    """The mean of a window; None while it is too short or has too many gaps."""
    window = history.window(reading, window_s)
    if window.covered_s < window_s * MIN_COVERED or len(window.values) < MIN_KNOWN * window.ticks:
        return None
    return window.mean


def damped(history: History, reading: str, limit: float, window_s: float = WINDOW_S) -> float | None:
    """The mean of a window; where it is a little below the limit, that of four windows if it is higher.

    So what swings around a limit does not come and go with each swing.
    """
    now = mean(history, reading, window_s)
    if now is None or now >= limit or now < NEAR * limit:
        return now
    longer = mean(history, reading, 4 * window_s)
    return now if longer is None else max(now, longer)


def held(
    history: History, reading: str, above: float, window_s: float = WINDOW_S, share: float = 0.6, stays: float = 0.8
) -> Held | None:
    """The mean over the window is above the limit, and so are at least `share` of its values.

    Since: back to where the reading was last below `stays` times the limit for more than a window.
    """
    average = mean(history, reading, window_s)
    if average is None or average <= above:
        return None
    values = history.window(reading, window_s).values
    if sum(value > above for value in values) < share * len(values):
        return None
    since_at, before = history.held_since(reading, above * stays, window_s)
    return Held(mean=average, since_at=since_at, began_before=before)


def pressure(history: History, resource: str) -> PressureReading | None:
    """The newest pressure of cpu, io or memory; None where the kernel has none."""
    part = history.latest(PressurePart)
    found: PressureReading | None = getattr(part.pressure, resource) if part else None
    return found


def from_the_start(history: History, average: float) -> Held:
    """What the kernel's 10 s mean says in our first seconds: it holds, and began before we looked."""
    return Held(mean=average, since_at=history.started_at, began_before=True)


def evidence(
    reading: str,
    value: float | None,
    unit: str,
    limit: float | None = None,
    window_s: float | None = None,
    seed: str = "",
) -> Evidence:
    """Evidence with its value cut to six digits: more would claim a precision that a window's mean does not have."""
    rounded = None if value is None else float(f"{value:.6g}")
    return Evidence(reading=reading, value=rounded, limit=limit, unit=unit, window_s=window_s, seed=seed)
