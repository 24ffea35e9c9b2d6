"""A limit must hold for a window, not for one sample, and what held is over when the reading is well below it; the kernel's own
10 s means speak before our first window is full."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.history.history import History
from perftui.model.finding import Evidence
from perftui.sources.pressure import PressurePart, PressureReading

WINDOW_S = 5.0
MIN_COVERED = 0.75
"""Share of a window that must have been watched before it says anything."""
MIN_KNOWN = 0.8
"""Share of a window's ticks that must have a value (the same as for `for` in playbook conditions)."""

RELEASE = 0.6
"""What held is over at once when its mean falls below this share of the limit: a load that comes and goes every few seconds
moves the mean of a window by a fifth either way, so that its low is two thirds of its high."""
LINGER_S = 15.0
"""Above that it stays so long after it was last over its limit, so that what swings around a limit does not come and go."""
_EPISODES = 50
"""So many times that it was over its limit are joined at the most, when it is asked since when."""

Predicate = Callable[[History], bool]
"""Of the numbers that led to a moment: its windows, never its newest readings."""


Since = Callable[[History], tuple[float, bool]]
"""(wall clock, began before) since when something holds at a moment."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that is exceeded over a window, or was of late."""

    mean: float
    highest: float
    """Of the means of late; severities are judged by it."""
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


def kept(history: History, over: Predicate, gone: Predicate) -> History | None:
    """The last moment at which a limit was exceeded, as long as that is not over: now, or less than `LINGER_S` ago.

    Args:
        over: Whether the limit is exceeded at a moment.
        gone: Whether it is so far below that it is over at once; never where the limit is exceeded.
    """
    if gone(history):
        return None  # nearly always, and asked first since it costs least
    if over(history):
        return history
    for ticks in range(1, len(history.ages(LINGER_S))):
        then = history.back(ticks)
        if over(then):
            return then
        if gone(then):
            return None
    return None


def began(then: History, over: Predicate, gone: Predicate, since: Since) -> tuple[float, bool]:
    """(wall clock, began before) since when it has been kept: what was kept until it was over the limit again goes on.

    Args:
        then: The moment that `kept` gave.
        since: Since when it was over the limit, at a moment at which it was.
    """
    since_at, before = since(then)
    for _ in range(_EPISODES):
        last = None if before else then.until(since_at)
        earlier = kept(last, over, gone) if last is not None else None
        if earlier is None:
            break
        since_at, before = since(earlier)
    return since_at, before


def of_late(history: History, reading: str, window_s: float = WINDOW_S) -> list[float]:
    """The means of the windows that ended of late: what a severity is judged by, so that it does not come and go either."""
    means = (mean(history.back(ticks), reading, window_s) for ticks in range(len(history.ages(LINGER_S))))
    return [each for each in means if each is not None]


def exceeded(history: History, reading: str, above: float, window_s: float = WINDOW_S, share: float = 0.6) -> bool:
    """The mean over the window is above the limit, and so are at least `share` of its values."""
    average = mean(history, reading, window_s)
    if average is None or average <= above:
        return False
    values = history.window(reading, window_s).values
    return sum(value > above for value in values) >= share * len(values)


def below(history: History, reading: str, above: float, window_s: float = WINDOW_S) -> bool:
    """It is not known, or so far below the limit that it is over at once."""
    average = mean(history, reading, window_s)
    return average is None or average < RELEASE * above


def held(
    history: History, reading: str, above: float, window_s: float = WINDOW_S, share: float = 0.6, stays: float = 0.8
) -> Held | None:
    """The limit is exceeded over the window, or was of late, and the mean is not far below yet.

    Since: back to where the reading was last below `stays` times the limit for more than a window.
    """

    def over(then: History) -> bool:
        return exceeded(then, reading, above, window_s, share)

    def gone(then: History) -> bool:
        return below(then, reading, above, window_s)

    last = kept(history, over, gone)
    average = mean(history, reading, window_s)
    if last is None or average is None:
        return None
    since_at, before = began(last, over, gone, lambda then: then.held_since(reading, above * stays, window_s))
    highest = max(of_late(history, reading, window_s))
    return Held(mean=average, highest=highest, since_at=since_at, began_before=before)


def pressure(history: History, resource: str) -> PressureReading | None:
    """The newest pressure of cpu, io or memory; None where the kernel has none."""
    part = history.latest(PressurePart)
    found: PressureReading | None = getattr(part.pressure, resource) if part else None
    return found


def from_the_start(history: History, average: float) -> Held:
    """What the kernel's 10 s mean says in our first seconds: it holds, and began before we looked."""
    return Held(mean=average, highest=average, since_at=history.started_at, began_before=True)


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
