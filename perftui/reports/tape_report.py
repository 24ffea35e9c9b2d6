"""A tape's findings and verdicts over its time, gathered snapshot by snapshot."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from perftui.history.deploys import DeploysPart
from perftui.history.load_phase import fed_phases
from perftui.model.finding import Chain, Finding, Severity
from perftui.model.units import unit_of
from perftui.pipeline.main_readings import MAIN
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.text import printable
from perftui.views.findings import evidence_words
from perftui.views.moments import title_of

_MOST_POINTS = 480
"""Kept of a series; when there are more, every second one goes, the higher of two stays."""

_BEGUN_S = 5.0
"""A phase that began is looked for among the last ticks."""


class Phase(msgspec.Struct, kw_only=True):
    """A stretch of time with one verdict."""

    start_at: float
    end_at: float
    constraint: str
    severity: str
    summary: str
    chain: tuple[str, ...]
    others: dict[str, str] = {}
    """Causes of other incidents during it → what was said of them first."""


class Spell(msgspec.Struct, kw_only=True):
    """A finding from its beginning to its end, at its worst."""

    rule: str
    severity: str
    title: str
    began_as: str
    """Its title when it was told for the first time: what stood at its beginning, before it grew."""
    since_at: float
    seen_at: float
    ended_at: float | None = None
    """None while the tape ends with it."""
    evidence: tuple[str, ...] = ()


class Course(msgspec.Struct, kw_only=True):
    reading: str
    unit: str
    points: list[tuple[float, float | None]] = []
    every: int = 1
    """Ticks in a point."""


class TapeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a tape shows. Moments are seconds since 1970 UTC."""

    name: str
    host: str
    system: str
    cores: int | None
    start_at: float
    end_at: float
    ticks: int
    cut: bool
    phases: tuple[Phase, ...]
    spells: tuple[Spell, ...]
    """In the order of their beginning."""
    series: tuple[Course, ...]
    moments: tuple[tuple[float, str, str], ...]
    """(moment, `deploy`, `mark` or `phase` of a load test, words)."""
    silent: tuple[str, ...]
    """Sources that failed at the tape's end, with why."""


class Gathering:
    """Fed the snapshots of a tape in order."""

    def __init__(self, readings: Iterable[str] = MAIN) -> None:
        self.phases: list[Phase] = []
        self.spells: list[Spell] = []
        self._active: dict[str, Spell] = {}
        self._worst: dict[int, Severity] = {}
        self._courses = {name: Course(reading=name, unit=unit_of(name)) for name in readings}
        self._moments: set[tuple[float, str, str]] = set()
        self._ticks = 0
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None

    def put(self, snapshot: Snapshot) -> None:
        self._first, self._last = self._first or snapshot, snapshot
        self._judge(snapshot)
        self._find(snapshot)
        for course in self._courses.values():
            _add(course, snapshot.at, snapshot.history.value(course.reading), self._ticks)
        self._ticks += 1
        self._moments |= {(mark.at, "mark", printable(mark.text, 200)) for mark in snapshot.marks}
        known = snapshot.history.known(DeploysPart)
        self._moments |= {(each.at, "deploy", title_of(each)) for each in (known.deploys if known else ())}
        begun = fed_phases(snapshot.history, _BEGUN_S)
        self._moments |= {(at, "phase", phase.replace("_", "-")) for at, phase in begun}

    def report(self, name: str, cut: bool) -> TapeReport | None:
        """All of it; None where there was no frame."""
        if self._first is None or self._last is None:
            return None
        machine, start, end = self._last.machine, self._first.at, self._last.at
        return TapeReport(
            name=printable(name, 200),
            host=printable(machine.hostname, 200),
            system=printable(machine.system, 200),
            cores=machine.cores,
            start_at=start,
            end_at=end,
            ticks=self._ticks,
            cut=cut,
            phases=tuple(self.phases),
            spells=tuple(self.spells),
            series=tuple(each for each in self._courses.values() if any(value is not None for _, value in each.points)),
            moments=tuple(sorted(each for each in self._moments if start <= each[0] <= end)),
            silent=tuple(
                printable(f"{source}: {state.detail or state.state}", 300)
                for source, state in self._last.sources.items()
                if state.state == "failed"
            ),
        )

    def _judge(self, snapshot: Snapshot) -> None:
        verdict, last = snapshot.verdict, self.phases[-1] if self.phases else None
        if last is not None:
            last.end_at = snapshot.at
        if last is None or (last.constraint, last.chain) != (verdict.constraint.value, verdict.chain):
            self.phases.append(
                Phase(
                    start_at=snapshot.at,
                    end_at=snapshot.at,
                    constraint=verdict.constraint.value,
                    severity=verdict.severity.word,
                    summary=printable(verdict.summary, 300),
                    chain=verdict.chain,
                )
            )
        others = {each.finding: printable(_incident(each), 300) for each in verdict.others}
        self.phases[-1].others = {**others, **self.phases[-1].others}

    def _find(self, snapshot: Snapshot) -> None:
        found = {finding.key: finding for finding in snapshot.findings}
        for key in self._active.keys() - found.keys():
            self._active.pop(key).ended_at = snapshot.at
        for key, finding in found.items():
            spell = self._active.get(key)
            if spell is None:
                spell = Spell(
                    rule=finding.rule,
                    severity="",
                    title="",
                    began_as=printable(finding.title, 300),
                    since_at=finding.since_at,
                    seen_at=snapshot.at,
                )
                self._active[key] = spell
                self.spells.append(spell)
            self._worsen(spell, finding)

    def _worsen(self, spell: Spell, finding: Finding) -> None:
        """Told as it was when it was worst for the first time, with the numbers of its last moment in that state."""
        if finding.severity < self._worst.get(id(spell), Severity.INFO):
            return
        self._worst[id(spell)] = finding.severity
        spell.severity, spell.title = finding.severity.word, printable(finding.title, 300)
        spell.evidence = tuple(printable(evidence_words(each), 300) for each in finding.evidence)


def _incident(chain: Chain) -> str:
    """Its sentence, and the chain where there is more than its cause."""
    return f"{chain.summary} ({' → '.join(chain.chain)})" if len(chain.chain) > 1 else chain.summary


def _add(course: Course, at: float, value: float | None, tick: int) -> None:
    if tick % course.every == 0:
        course.points.append((at, value))
    elif value is not None and (course.points[-1][1] is None or value > course.points[-1][1]):
        course.points[-1] = (at, value)
    if len(course.points) > 2 * _MOST_POINTS:
        course.points = [_higher(course.points[place : place + 2]) for place in range(0, len(course.points), 2)]
        course.every *= 2


def _higher(pair: Iterable[tuple[float, float | None]]) -> tuple[float, float | None]:
    return max(pair, key=lambda point: float("-inf") if point[1] is None else point[1])
