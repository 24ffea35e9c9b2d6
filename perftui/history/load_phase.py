"""Which phase a load test is in (S002 35.2): as the operator marked it, as the feed says, or as the course of users tells."""

from __future__ import annotations

import re
from math import isnan

from perftui.history.deploys import DeploysPart
from perftui.history.history import History, Trend
from perftui.model.frame import Mark
from perftui.sources.kind import Part
from perftui.sources.load import LoadPart

PHASES = ("baseline", "warm_up", "ramp", "steady", "ramp_down", "cool_down")
COURSE_S = 20.0
"""Ours: users are said to ramp when they moved by a twentieth within so long."""
_MOVED = 0.05
MARKED_S = 43_200.0
"""Ours: a mark of yesterday's test says nothing of this one."""
_MARK = re.compile(rf"(?:phase[ :=]+)?({'|'.join(p.replace('_', '[ _-]?') for p in PHASES)})", re.IGNORECASE)


class LoadPhasePart(Part, frozen=True, kw_only=True):
    phase: str | None
    """baseline | warm_up | ramp | steady | ramp_down | cool_down; null while nothing tells it."""
    phase_source: str | None
    """Who tells the phase: mark | feed | users (their course over 20 s)."""
    phase_since_at: float | None
    """When it was marked; null where nobody marked it."""
    fed_step: int | None = None
    """Which phase the feed itself names, from 1 (baseline) to 6 (cool_down); null where it names none."""


def phase_named(text: str) -> str | None:
    """The phase that words name: `steady`, `phase: ramp-down`; None where they name none."""
    found = _MARK.fullmatch(text.strip())
    if found is None:
        return None
    bare = re.sub("[ _-]", "", found[1]).lower()
    return next(phase for phase in PHASES if phase.replace("_", "") == bare)


def load_phase(history: History) -> LoadPhasePart | None:
    """The phase now; None where no load test is watched."""
    part = history.latest(LoadPart)
    if part is None:
        return None
    told = phase_named(part.told_phase or "")
    step = PHASES.index(told) + 1 if told else None
    marked = _marked(history)
    if marked is not None:
        phase = phase_named(marked.text)
        return LoadPhasePart(phase=phase, phase_source="mark", phase_since_at=marked.at, fed_step=step)
    if told is not None:
        return LoadPhasePart(phase=told, phase_source="feed", phase_since_at=None, fed_step=step)
    phase = _by_users(history)
    return LoadPhasePart(phase=phase, phase_source="users" if phase else None, phase_since_at=None)


def _marked(history: History) -> Mark | None:
    changes = history.latest(DeploysPart)
    marks = [*history.marks, *(changes.marks if changes else ())]
    since_at = history.at - MARKED_S
    named = [mark for mark in marks if since_at <= mark.at <= history.at and phase_named(mark.text) is not None]
    return max(named, key=lambda mark: mark.at, default=None)


def fed_phases(history: History, seconds: float) -> list[tuple[float, str]]:
    """(wall clock, phase) of each phase that the feed began in the last seconds, oldest first."""
    found: list[tuple[float, str]] = []
    walls, steps = history.points("load.fed_step", seconds)
    before: float | None = None
    for place, (at, step) in enumerate(zip(walls, steps, strict=True)):
        if isnan(step):
            continue
        # One that was there when the window begins did not begin there.
        if step != before and place:
            found.append((at, PHASES[int(step) - 1]))
        before = step
    return found


def _by_users(history: History) -> str | None:
    values = [value for value in history.points("load.users", COURSE_S)[1] if not isnan(value)]
    if len(values) < COURSE_S / 4:
        return None
    first, last = values[0], values[-1]
    moved = last - first
    if abs(moved) <= _MOVED * max(first, last):
        return "baseline" if last == 1 else "steady" if last > 0 else None
    return "ramp" if moved > 0 else "ramp_down"


TREND = Trend(part=LoadPhasePart, root="load", read=load_phase)
