"""Moments on a time axis: what the operator marked, what was changed, and the phases that a load test told."""

from __future__ import annotations

from datetime import UTC, datetime

from perftui.history.deploys import DeploysPart
from perftui.history.load_phase import fed_phases
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.deploy import Deploy, DeployKind

_LABELLED = 6
"""Lines of a chart that have their words beside them, the newest; more would lie over each other."""


def moments(snapshot: Snapshot, start_at: float, end_at: float) -> tuple[tuple[float, str], ...]:
    """(wall clock, words) of marks, changes and phases in a window, oldest first; the words of all but the newest are left
    out."""
    part = snapshot.history.latest(DeploysPart)
    found = [(mark.at, mark.text) for mark in snapshot.marks]
    found += [(deploy.at, title_of(deploy)) for deploy in (part.deploys if part else ())]
    found += [(at, phase.replace("_", "-")) for at, phase in fed_phases(snapshot.history, end_at - start_at + 1)]
    within = sorted(moment for moment in found if start_at <= moment[0] <= end_at)
    silent = len(within) - _LABELLED
    return tuple((at, words if place >= silent else "") for place, (at, words) in enumerate(within))


def title_of(deploy: Deploy) -> str:
    """`orders-api 2.8.1`, `orders-api rollback to 2.8.0`, `nginx restart`, `openssl 3.0.15`, `12 packages`."""
    version = deploy.version or ""
    match deploy.kind:
        case DeployKind.DEPLOY:
            words = version or "deploy"
        case DeployKind.ROLLBACK:
            words = f"rollback to {version}" if version else "rollback"
        case DeployKind.PACKAGE:
            words = version or ("removed" if deploy.previous else "")
        case _:
            words = deploy.kind.value
    return f"{deploy.service} {words}".rstrip()


def day_clock(at: float, now_at: float) -> str:
    """`10:37` of today, `02-09 10:37` of another day, UTC."""
    moment, now = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now_at, UTC)
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%m-%d %H:%M}"
