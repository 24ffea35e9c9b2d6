"""The snapshot for scripts: the tree of readings, findings and verdict as JSON."""

from __future__ import annotations

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree


def snapshot_json(snapshot: Snapshot, pretty: bool = True) -> bytes:
    """One JSON object, without a newline at its end. What is not known is null."""
    raw = msgspec.json.encode(tree(snapshot))
    return msgspec.json.format(raw, indent=2) if pretty else raw
