"""A change moved what users or statements wait for. By the series' own noise, never by the moment alone (docs/decisions/005)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.deploys import DeploysPart
from perftui.history.history import History
from perftui.history.impact import SETTLE_S, Change, Impact, Shift, full_blocks, shift
from perftui.history.probe_windows import ProbeWindowsPart
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.deploy import Deploy, DeployStatus
from perftui.sources.probes import ProbesPart

NAME = "deploy.shifted"
LOOK_BACK_S = 3600.0
TOGETHER_S = 120.0
"""Changes that begin so close to each other are looked at as one."""
MOST_CHANGES = 3
OWN_LOAD = "load.requests_per_s"
_CALLS, _TIME = "postgres.statements.calls_per_s", "postgres.statements.time_per_s"


class DeployShiftedLimits(Limits, frozen=True, kw_only=True):
    alpha: float = 0.05
    """Ours: how often chance alone may look like it, for all that is looked at together."""
    critical_ratio: float = 1.0
    """Ours: twice as slow as before."""


class Metric(NamedTuple):
    """What is looked at around a change."""

    reading: str
    words: str
    floor: float
    """Smaller values are noise."""
    walls: tuple[float, ...]
    values: tuple[float, ...]


class Moved(NamedTuple):
    """What one metric did around changes that were made together."""

    deploys: tuple[Deploy, ...]
    """The newest first."""
    metric: Metric
    shift: Shift
    load_ratio: float | None
    """How much the load moved at the same time; None where it is not measured."""


def deploy_shifted(history: History, limits: DeployShiftedLimits) -> list[Finding]:
    """Each change after which a metric is higher, beyond what it does without a change."""
    return [_finding(history, moved, limits) for moved in around(history, limits.alpha) if _regressed(moved.shift)]


def around(history: History, alpha: float = 0.05) -> list[Moved]:
    """What each metric did around each of the last changes."""
    groups = _groups(history)
    if not groups:
        return []
    metrics = _metrics(history)
    changes = [_change(group) for group in groups]
    found = []
    for place, (group, change) in enumerate(zip(groups[:MOST_CHANGES], changes, strict=False)):
        if history.at < change.end + SETTLE_S:
            continue
        others = tuple(other for number, other in enumerate(changes) if number != place)
        load = _load_ratio(history, change)
        for metric in metrics:
            walls, values = full_blocks(metric.walls, metric.values, change.end)
            told = shift(walls, values, change, others, metric.floor, alpha / len(metrics))
            found.append(Moved(group, metric, told, load))
    return found


def _groups(history: History) -> list[tuple[Deploy, ...]]:
    """The changes of the last hour, newest first; those that were made together as one."""
    part = history.latest(DeploysPart)
    recent = part.between(history.at - LOOK_BACK_S, history.at) if part else ()
    groups: list[list[Deploy]] = []
    for deploy in sorted(recent, key=lambda deploy: -deploy.at):
        if deploy.status is DeployStatus.FAILED:
            continue
        if groups and groups[-1][-1].at - deploy.at <= TOGETHER_S:
            groups[-1].append(deploy)
        else:
            groups.append([deploy])
    return [tuple(group) for group in groups]


def _change(group: Sequence[Deploy]) -> Change:
    start = min(deploy.at - (deploy.precision_s if deploy.precision_s > 1 else 0.0) for deploy in group)
    return Change(start, max(deploy.at_end or deploy.at for deploy in group))


def _metrics(history: History) -> list[Metric]:
    """What users wait for, and what statements take: at most two, since each more costs the others their certainty."""
    found = []
    for reading, words, floor in _candidates(history):
        walls, values = history.points(reading, LOOK_BACK_S)
        if any(not isnan(value) for value in values):
            found.append(Metric(reading, words, floor, tuple(walls), tuple(values)))
    walls, times = history.points(_TIME, LOOK_BACK_S)
    calls = history.points(_CALLS, LOOK_BACK_S)[1]
    means = tuple(time / count if count > 0 else float("nan") for time, count in zip(times, calls, strict=True))
    if any(not isnan(mean) for mean in means):
        found.append(Metric(_TIME, "the mean time of statements", 0.0001, tuple(walls), means))
    return found[:2]


def _candidates(history: History) -> list[tuple[str, str, float]]:
    """The load test's own latency, else that of the probe of this service that is worst now."""
    part, windows = history.latest(ProbesPart), history.latest(ProbeWindowsPart)
    own = [name for name, probe in (part.probes.items() if part else ()) if not probe.external]
    worst = max(own, key=lambda name: (windows.probes[name].p95_s or 0.0) if windows else 0.0, default=None)
    probes = [(f"probes.{worst}.latency_s", f"probe {worst}", 0.001)] if worst else []
    return [("load.p95_s", "the load test's P95", 0.001), *probes]


def _load_ratio(history: History, change: Change) -> float | None:
    """How much the load changed; a metric that rose with it was not moved by the change."""
    walls, values = history.points(OWN_LOAD, LOOK_BACK_S)
    before = [v for w, v in zip(walls, values, strict=True) if change.start - 600 <= w < change.start and not isnan(v)]
    after = [v for w, v in zip(walls, values, strict=True) if w >= change.end + SETTLE_S and not isnan(v)]
    if not before or not after or not sum(before):
        return None
    return (sum(after) / len(after)) / (sum(before) / len(before)) - 1


def _regressed(told: Shift) -> bool:
    return told.impact is Impact.SHIFTED and (told.ratio or 0.0) > 0


def _finding(history: History, moved: Moved, limits: DeployShiftedLimits) -> Finding:
    found, newest, oldest = moved.shift, moved.deploys[0], moved.deploys[-1]
    ratio = found.ratio or 0.0
    name = f"{newest.service} {newest.version}" if newest.version else newest.service
    more = f" and {len(moved.deploys) - 1} more" if len(moved.deploys) > 1 else ""
    with_load = moved.load_ratio is not None and abs(moved.load_ratio) > 0.2
    doubt = f", but the load moved by {moved.load_ratio:+.0%} as well" if with_load else ""
    rise = f"went up by {ratio:.0%}" if ratio < 2 else f"went up to {1 + ratio:.1f} times what it was"
    return Finding(
        rule=NAME,
        # What rose with the load may have risen for it: told, and no verdict built upon it.
        severity=Severity.INFO
        if with_load
        else Severity.CRITICAL
        if ratio >= limits.critical_ratio
        else Severity.WARNING,
        constraint=Constraint.CHANGE_INDUCED,
        title=f"{moved.metric.words} {rise} with {name}{more}{doubt}",
        since_at=found.turned_at or oldest.at,
        subject={"service": newest.service, "deploy": newest.id},
        evidence=tuple(_evidence(moved)),
    )


def _evidence(moved: Moved) -> list[Evidence]:
    """The two medians, how often chance does it, and what else moved."""
    found, metric = moved.shift, moved.metric
    told = [
        evidence(metric.reading, found.after, "s", found.before, found.after_blocks * 30.0),
        evidence("shift", found.ratio, "ratio", 0.2, seed="S001, S002"),
        evidence("rank among moments without a change", found.p, "ratio", 0.05),
    ]
    if moved.load_ratio is not None:
        told.append(evidence(OWN_LOAD, moved.load_ratio, "ratio"))
    return told


RULE = Rule(name=NAME, constraint=Constraint.CHANGE_INDUCED, limits=DeployShiftedLimits, find=deploy_shifted)
