"""A load test that should be ended: what it shows is no longer the system under that load (S002 35.2.4, made robust)."""

from __future__ import annotations

from perftui.findings.holding import evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.load_phase import LoadPhasePart
from perftui.history.middle import median
from perftui.history.percentiles import percentile
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.load import LoadPart

NAME = "load.abort"
SEED = "S002 35.2.4"
_LEAVING = ("ramp_down", "cool_down")
_RATE, _USERS = "load.requests_per_s", "load.users"
_USUAL_S = 600.0
"""What the rate was before it fell is looked for in so long."""
_REACHED_S = 3600.0


class LoadAbortLimits(Limits, frozen=True, kw_only=True):
    error_ratio: float = 0.1
    """S002 35.2.4: more than so many requests fail …"""
    error_window_s: float = 10.0
    """… over so long (ours): one bad second is no reason."""
    p95_s: float = 5.0
    """S002 35.2.4: the P95 of 10 s is above this …"""
    p95_samples: float = 6
    """… in so many windows of 10 s one after the other, without an exception."""
    drop_ratio: float = 0.5
    """S002 35.2.4: requests a second fell by more than this share, while users did not …"""
    drop_samples: float = 3
    """… in so many windows of 10 s one after the other; not in ramp-down and cool-down."""
    requests_per_s: float = 100.0
    """S002 35.2.4: the least rate in steady state, for a test that had reached it; 0 asks for none."""


def load_abort(history: History, limits: LoadAbortLimits) -> list[Finding]:
    """One finding with all reasons there are."""
    if history.latest(LoadPart) is None:
        return []
    part = history.latest(LoadPhasePart)
    phase = part.phase if part else None
    found = [
        reason
        for reason in (
            _errors(history, limits),
            _slow(history, limits),
            None if phase in _LEAVING else _dropped(history, limits),
            _below_floor(history, limits) if phase == "steady" else None,
        )
        if reason is not None
    ]
    if not found:
        return []
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL,
            constraint=Constraint.UNKNOWN,
            title=f"abort the load test: {'; '.join(words for words, _, _ in found)}",
            since_at=min(since_at for _, since_at, _ in found),
            subject={"phase": phase} if phase else {},
            evidence=tuple(each for _, _, each in found),
        )
    ]


Reason = tuple[str, float, Evidence]
"""(words, since when, the number it stands on)"""


def _errors(history: History, limits: LoadAbortLimits) -> Reason | None:
    found = held(history, "load.error_ratio", limits.error_ratio, limits.error_window_s)
    if found is None:
        return None
    proof = evidence("load.error_ratio", found.mean, "ratio", limits.error_ratio, limits.error_window_s, SEED)
    return f"{found.mean:.0%} of its requests fail", found.since_at, proof


def _slow(history: History, limits: LoadAbortLimits) -> Reason | None:
    window_s = limits.p95_samples * 10
    values = _known(history, "load.p95_s", window_s)
    if not values or min(values) <= limits.p95_s:
        return None
    typical = median(values)
    proof = evidence("load.p95_s", typical, "s", limits.p95_s, window_s, SEED)
    return f"its P95 is {typical:.1f} s", history.held_since("load.p95_s", limits.p95_s)[0], proof


def _dropped(history: History, limits: LoadAbortLimits) -> Reason | None:
    window_s = limits.drop_samples * 10
    values = _known(history, _RATE, window_s)
    before = sorted(history.window(_RATE, _USUAL_S).values[: -len(values) or None])
    if not values or len(before) < 15 or _users_fell(history, _USUAL_S):
        return None
    usual = percentile(before, 0.75) or 0.0  # not the median: it would soon be that of the low rate itself
    limit = usual * (1 - limits.drop_ratio)
    if max(values) >= limit:
        return None
    now = median(values)
    proof = evidence(_RATE, now, "1/s", limit, window_s, SEED)
    return f"its rate fell from {usual:.0f} to {now:.0f} a second", _below_since(history, limit), proof


def _below_floor(history: History, limits: LoadAbortLimits) -> Reason | None:
    window_s = limits.drop_samples * 10
    values = _known(history, _RATE, window_s)
    if not values or max(values) >= limits.requests_per_s or _users_fell(history, _USUAL_S):
        return None
    if (history.window(_RATE, _REACHED_S).highest or 0.0) < limits.requests_per_s:
        return None
    now = median(values)
    proof = evidence(_RATE, now, "1/s", limits.requests_per_s, window_s, SEED)
    return f"{now:.0f} requests a second in steady state", _below_since(history, limits.requests_per_s), proof


def _known(history: History, reading: str, window_s: float) -> list[float]:
    """All values of a window that was watched whole; none where a fifth of them is not known."""
    window = history.window(reading, window_s)
    whole = window.covered_s >= window_s - 1.5 and len(window.values) >= 0.8 * window.ticks
    return window.values if whole else []


def _below_since(history: History, limit: float) -> float:
    """Wall clock since when the rate has been below a limit."""
    since_at = history.at
    for at, value in zip(*map(reversed, history.points(_RATE, _REACHED_S)), strict=True):
        if value >= limit:
            break
        since_at = at
    return since_at


def _users_fell(history: History, seconds: float) -> bool:
    """Fewer users ask for less: that is the plan and no fault."""
    users = history.window(_USERS, seconds).values
    return bool(users) and users[-1] < 0.8 * max(users)


RULE = Rule(name=NAME, constraint=Constraint.UNKNOWN, limits=LoadAbortLimits, find=load_abort, needs=("load",))
