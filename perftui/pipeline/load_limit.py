"""Which resource gave way first under the load that is being watched: from what the rules say at its knee or its abort."""

from __future__ import annotations

from math import isnan

import msgspec

from perftui.findings import load_abort
from perftui.findings.gave_way import first_to_give_way, standing
from perftui.history.history import History
from perftui.history.load_knee import LoadKneePart
from perftui.pipeline.snapshot import Snapshot


class LoadLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree tells of the load beside the readings of its sources."""

    gave_way: str | None
    """Rule of the finding of the resource that gave way first, at the knee or the abort; null while there is none of these,
    and where the generator was the limit."""


def load_limit(snapshot: Snapshot) -> LoadLimit | None:
    """None where no load test is watched."""
    part = snapshot.history.latest(LoadKneePart)
    if part is None:
        return None
    aborts = [finding.since_at for finding in snapshot.findings if finding.rule == load_abort.NAME]
    moments = [*aborts, *([] if part.knee_at is None else [part.knee_at])]
    if not moments or (part.knee_limit == "generator" and not aborts):
        return LoadLimit(gave_way=None)
    chains = [snapshot.verdict.chain, *(each.chain for each in snapshot.verdict.others)]
    stood, load_from_at = standing(snapshot.findings), _load_from_at(snapshot.history)
    first = first_to_give_way(stood, min(moments), load_from_at, chains)
    return LoadLimit(gave_way=first.rule if first else None)


def _load_from_at(history: History) -> float:
    """Wall clock of the first requests that are kept: what stood before them is not the load's doing."""
    walls, rates = history.points("load.requests_per_s", history.span_s + 1)
    return next((at for at, rate in zip(walls, rates, strict=True) if not isnan(rate)), history.started_at)
