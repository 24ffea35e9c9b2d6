"""What a drill's watch amounts to: whether the verdict was right, how soon, and what was cried beside it. Pure, tick by tick."""

from __future__ import annotations

import msgspec

from perftui.drills.kind import Drill
from perftui.findings.explain import links
from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.snapshot import Snapshot


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict from when it was first given, until the next."""

    after_s: float
    """Since the fault was made; negative before."""
    constraint: Constraint = msgspec.field(name="class")
    finding: str | None
    chain: tuple[str, ...]
    summary: str
    others: tuple[tuple[str, ...], ...] = ()
    """Chains of other incidents at that moment."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One round of a drill."""

    drill: str
    right: bool
    expected: tuple[str, ...]
    """Rules, either of them; empty: nothing may be found."""
    reason: str
    """Why it is not right; empty where it is."""
    verdict: Told | None
    """The right one when it was first given, else the last."""
    symptom_s: float | None
    """From the fault to the first tick at which it could be measured."""
    verdict_s: float | None
    """From there to the right verdict."""
    within_s: float
    alarms_before: tuple[str, ...]
    """Titles of findings before the fault was made; each rule and subject once."""
    alarms_beside: tuple[str, ...]
    """Titles of findings during it that it does not explain; each rule and subject once."""
    course: tuple[Told, ...]
    """Every verdict that was given, in their order."""


class Score:
    """Takes the snapshots of one round."""

    def __init__(self, drill: Drill) -> None:
        self._drill = drill
        self._begun: float | None = None
        self._symptom: float | None = None
        self._right: float | None = None
        self._right_told: Told | None = None
        self._is_right = False
        self._course: list[Told] = []
        self._before: dict[str, str] = {}
        self._beside: dict[str, str] = {}
        self._of_the_fault: set[str] = set()
        self._clock: float | None = None

    def begun(self, mono: float | None) -> None:
        """The fault is made; None while it is not."""
        if mono is None or self._begun is not None:
            return
        self._begun = mono
        self._course = [msgspec.structs.replace(each, after_s=each.after_s - mono) for each in self._course]

    def take(self, snapshot: Snapshot) -> None:
        """The next tick."""
        mono = snapshot.history.mono
        self._clock = mono
        self._note(snapshot, mono)
        if self._begun is None or mono < self._begun:
            self._before |= alarms(snapshot, frozenset())
            return
        symptom = self._drill.symptom
        if self._symptom is None and (symptom is None or _above(snapshot, symptom.reading, symptom.above)):
            self._symptom = self._begun if symptom is None else mono
        self._beside |= alarms(snapshot, frozenset({*self._drill.rules, *self._drill.also}))
        self._is_right = self._judge(snapshot)
        if self._is_right:
            self._of_the_fault |= _explained(snapshot)
        if self._is_right and self._right is None:
            self._right, self._right_told = mono, self._course[-1]

    @property
    def right_for_s(self) -> float:
        """Since the right verdict was first given; 0 while it was not."""
        return 0.0 if self._right is None or self._clock is None else self._clock - self._right

    @property
    def lasts_s(self) -> float:
        """Since the fault was made."""
        return 0.0 if self._begun is None or self._clock is None else self._clock - self._begun

    @property
    def overdue(self) -> bool:
        """Twice the time has passed since the symptom, without the right verdict."""
        since = self._symptom if self._symptom is not None else self._begun
        return (
            self._right is None
            and since is not None
            and self._clock is not None
            and self._clock - since > 2 * self._drill.within_s + (0 if self._symptom is not None else 20)
        )

    def result(self) -> Result:
        drill = self._drill
        verdict_s = None
        if self._right is not None:
            # A verdict can stand on another reading and be there before.
            verdict_s = max(0.0, self._right - (self._symptom if self._symptom is not None else self._right))
        symptom_s = None if self._symptom is None or self._begun is None else self._symptom - self._begun
        reason = self._reason(verdict_s)
        return Result(
            drill=drill.name,
            right=not reason,
            expected=drill.rules,
            reason=reason,
            verdict=self._right_told or (self._course[-1] if self._course else None),
            symptom_s=symptom_s,
            verdict_s=verdict_s,
            within_s=drill.within_s,
            alarms_before=tuple(self._before.values()),
            alarms_beside=tuple(self._cried_beside.values()),
            course=tuple(self._course),
        )

    @property
    def _cried_beside(self) -> dict[str, str]:
        """A symptom may be told before its cause is: what the right verdict then explains was none too many."""
        return {key: title for key, title in self._beside.items() if key not in self._of_the_fault}

    def _reason(self, verdict_s: float | None) -> str:
        if self._begun is None:
            return "the fault was never made"
        if self._drill.healthy:
            beside = self._cried_beside
            return f"{len(beside)} findings where nothing is wrong" if beside else ""
        if verdict_s is None:
            return "another verdict" if self._symptom is not None else "the fault could not be measured"
        if verdict_s > self._drill.within_s:
            return f"{verdict_s:.1f} s to the verdict, {self._drill.within_s:g} s allowed"
        return "" if self._is_right else "it was right, and then another verdict took its place"

    def _judge(self, snapshot: Snapshot) -> bool:
        said, drill = snapshot.verdict, self._drill
        if drill.healthy:
            return said.constraint in drill.constraints
        found = {finding.rule for finding in snapshot.findings if finding.severity > Severity.INFO}
        return (
            said.finding in drill.rules
            and said.constraint in drill.constraints
            and set(drill.also) <= found | {said.finding}
            and set(drill.apart) <= {said.finding, *(each.finding for each in said.others)}
        )

    def _note(self, snapshot: Snapshot, mono: float) -> None:
        said = snapshot.verdict
        last = self._course[-1] if self._course else None
        told = Told(
            after_s=mono - (self._begun or 0.0),
            constraint=said.constraint,
            finding=said.finding,
            chain=said.chain,
            summary=said.summary,
            others=tuple(each.chain for each in said.others),
        )
        if last is None or _meaning(last) != _meaning(told):
            self._course.append(told)


def _meaning(told: Told) -> tuple[object, ...]:
    return told.constraint, told.finding, told.chain, {each[0] for each in told.others}


def _above(snapshot: Snapshot, reading: str, above: float) -> bool:
    value = snapshot.history.value(reading)
    return value is not None and value > above


def alarms(snapshot: Snapshot, expected: frozenset[str]) -> dict[str, str]:
    """Findings that no active one explains and that were not expected, by rule and subject."""
    active, explained = _active(snapshot)
    return {
        _key(finding): f"{finding.rule}: {finding.title}"
        for place, finding in enumerate(active)
        if place not in explained and finding.rule not in expected
    }


def _explained(snapshot: Snapshot) -> set[str]:
    """Findings that an active one explains, as `alarms` would name them."""
    active, explained = _active(snapshot)
    return {_key(active[place]) for place in explained}


def _active(snapshot: Snapshot) -> tuple[list[Finding], frozenset[int]]:
    """Findings that call for somebody, and the places of those that another explains."""
    active = [finding for finding in snapshot.findings if finding.severity > Severity.INFO]
    return active, links(snapshot.history, active).explained


_LEADER = ("pid", "process", "processes")


def _key(finding: Finding) -> str:
    """The rule and where it is, without who leads there at the moment."""
    where = " ".join(str(value) for name, value in finding.subject.items() if name not in _LEADER)
    return f"{finding.rule} {where}"
