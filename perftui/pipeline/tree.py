"""A snapshot as one tree of plain values: what scripts, playbook conditions and exports name readings by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from perftui import __version__
from perftui.model.finding import Finding, Verdict
from perftui.pipeline.load_limit import load_limit
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.deploy import DeploysRead

Tree = dict[str, Any]
_POSTGRES, _ACTIVITY = "postgres", "pg_activity"


class Reachable(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree tells of a server beside the readings of its sources."""

    reachable: bool | None
    """Whether the last look at who is connected was answered; null while that is not known."""


def tree(snapshot: Snapshot) -> Tree:
    """The tree of `perftui snapshot --json`. What is not known is None; a layer that isn't there is empty or None."""
    roots: Tree = {"host": {}}
    for root, part in snapshot.history.fresh_parts():
        if isinstance(part, DeploysRead):  # what one source told; `DeploysPart` tells what all of them know
            continue
        told = _with_moments(msgspec.to_builtins(part))
        _merge(roots.setdefault(root, {}) if root else roots, told)
    limit = load_limit(snapshot)
    if limit is not None:
        roots["load"].update(msgspec.to_builtins(limit))
    return {
        "at": iso(snapshot.at),
        "version": __version__,
        "host": roots["host"],
        "postgres": _postgres(snapshot, roots.get(_POSTGRES)),
        "pools": roots.get("pools", {}),
        "pool": roots.get("pool"),
        "deploys": roots.get("deploys", []),
        "deploy_places": roots.get("deploy_places", []),
        "marks": [_with_moments(msgspec.to_builtins(mark)) for mark in snapshot.marks],
        "probes": roots.get("probes", {}),
        "probe": roots.get("probe"),
        "slo": roots.get("slo", {}),
        "load": roots.get("load"),
        "findings": [finding_tree(finding) for finding in snapshot.findings],
        "verdict": verdict_tree(snapshot.verdict),
        "sources": msgspec.to_builtins(snapshot.sources),
    }


def _postgres(snapshot: Snapshot, readings: Tree | None) -> Tree | None:
    """All that is known of the server; None where none is watched."""
    state = snapshot.history.sources.get(_ACTIVITY)
    told = {"ok": True, "failed": False}.get(state.state) if state else None
    if told is None and readings is None:
        return None
    return {**msgspec.to_builtins(Reachable(reachable=told)), **(readings or {})}


def iso(at: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _merge(into: Tree, part: Tree) -> None:
    """Several sources give readings of one thing: `host.memory` has sizes from one and its state from another."""
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _with_moments(value: Any) -> Any:
    """The same with every `at` and `_at` as text, as the names of readings promise."""
    if isinstance(value, dict):
        return {
            key: iso(inner) if _is_moment(key) and isinstance(inner, float) else _with_moments(inner)
            for key, inner in value.items()
        }
    return [_with_moments(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _is_moment(key: str) -> bool:
    return key.endswith("_at") or key in ("at", "at_end")


def finding_tree(finding: Finding) -> Tree:
    """A finding with its severity as a word and its moments as text."""
    told: Tree = _with_moments(msgspec.to_builtins(finding))
    return {**told, "severity": finding.severity.word}


def verdict_tree(verdict: Verdict) -> Tree:
    """A verdict, as `finding_tree`."""
    told: Tree = _with_moments(msgspec.to_builtins(verdict))
    others = [
        {**other, "severity": each.severity.word} for other, each in zip(told["others"], verdict.others, strict=True)
    ]
    return {**told, "severity": verdict.severity.word, "others": others}
