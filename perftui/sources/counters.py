"""Arithmetic on counters that may be missing, reset or wrap: a gap is None, never 0 and never a spike."""

from __future__ import annotations


def delta(previous: float | None, current: float | None) -> float | None:
    """Growth of a counter; None when either side is missing or the counter went backwards (reset, wrap, hot-plug)."""
    if previous is None or current is None or current < previous:
        return None
    return current - previous


def per_second(previous: float | None, current: float | None, elapsed_s: float) -> float | None:
    """A counter's rate; None as in `delta`, and when no time passed."""
    grown = delta(previous, current)
    return None if grown is None or elapsed_s <= 0 else grown / elapsed_s


def share(part: float | None, whole: float | None) -> float | None:
    """part / whole as a ratio; None when either is missing or there is no whole."""
    return None if part is None or whole is None or whole <= 0 else part / whole
