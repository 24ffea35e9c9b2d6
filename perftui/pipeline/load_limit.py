"""Which resource gave way first under the load that is being watched: from what the rules say at its knee or its abort."""

from __future__ import annotations

import msgspec

from perftui.findings import load_abort
from perftui.findings.gave_way import first_to_give_way, standing
from perftui.history.load_knee import LoadKneePart
from perftui.pipeline.snapshot import Snapshot


class LoadLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree tells of the load beside the readings of its sources."""

    gave_way: str | None
    """Rule of the finding of the resource that gave way first, at the knee or the abort; null while there is none of these."""


def load_limit(snapshot: Snapshot) -> LoadLimit | None:
    """None where no load test is watched."""
    part = snapshot.history.latest(LoadKneePart)
    if part is None:
        return None
    aborts = [finding.since_at for finding in snapshot.findings if finding.rule == load_abort.NAME]
    moments = [*aborts, *([] if part.knee_at is None else [part.knee_at])]
    if not moments:
        return LoadLimit(gave_way=None)
    first = first_to_give_way(
        standing(snapshot.findings), min(moments), snapshot.history.started_at, [snapshot.verdict.chain]
    )
    return LoadLimit(gave_way=first.rule if first else None)
