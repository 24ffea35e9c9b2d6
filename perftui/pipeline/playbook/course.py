"""What a run keeps of its readings, so that its report needs nothing but the journal."""

from __future__ import annotations

from math import isnan
from typing import Any

from perftui.history.deploys import DeploysPart
from perftui.pipeline.main_readings import MAIN
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import iso
from perftui.playbooks.run.state import Book

LOOK_BACK_S = 1800.0
POINTS = 120
MOST_FINDINGS = 20


def watched_readings(book: Book, snapshot: Snapshot) -> tuple[str, ...]:
    """What the run's playbook needs, and what every incident is about, as far as it has a course."""
    wanted = dict.fromkeys((*book.playbooks[book.main].needs.metrics, *MAIN))
    known = set(snapshot.history.names())
    return tuple(name for name in wanted if name in known)


def course(snapshot: Snapshot, readings: tuple[str, ...]) -> dict[str, Any]:
    """Each reading over the last half hour: moments (seconds since 1970) and values, null where not known."""
    history = snapshot.history
    series = {}
    for name in readings:
        walls, _, values = history.spread(name, LOOK_BACK_S, POINTS)
        if any(not isnan(value) for value in values):
            points = [
                [round(w, 1), None if isnan(v) else float(f"{v:.5g}")] for w, v in zip(walls, values, strict=True)
            ]
            series[name] = points
    known = history.known(DeploysPart)
    deploys = known.between(snapshot.at - LOOK_BACK_S, snapshot.at) if known else ()
    return {
        "series": series,
        "deploys": [{"at": iso(each.at), "service": each.service, "version": each.version} for each in deploys],
        "marks": [{"at": iso(mark.at), "text": mark.text} for mark in snapshot.marks],
        "verdict": _judged(snapshot),
        "findings": [
            {"rule": each.rule, "severity": each.severity.word, "title": each.title, "since_at": iso(each.since_at)}
            for each in snapshot.findings[:MOST_FINDINGS]
        ],
    }


def _judged(snapshot: Snapshot) -> dict[str, Any]:
    verdict = snapshot.verdict
    return {
        "class": verdict.constraint.value,
        "severity": verdict.severity.word,
        "summary": verdict.summary,
        "chain": list(verdict.chain),
        "others": [each.summary for each in verdict.others],
        "since_at": iso(verdict.since_at),
        "began_before": verdict.began_before,
    }


def values_now(snapshot: Snapshot, readings: tuple[str, ...]) -> dict[str, Any]:
    """Each reading as it is now, and what the rules say of it."""
    values = {name: snapshot.history.value(name) for name in readings}
    known = {name: value for name, value in values.items() if value is not None}
    return {"at": snapshot.at, "values": known, "verdict": _judged(snapshot)}
