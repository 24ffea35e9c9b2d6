"""A load test's report: what it came to against its targets, what gave way first, what to do (S002 35.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor

import msgspec

from perftui.findings import load_abort
from perftui.findings.budget import Outcome, State
from perftui.findings.gave_way import RESOURCES, Stood, first_to_give_way
from perftui.history.growth import GrowthState
from perftui.history.load_block import Level
from perftui.history.load_course import LoadCourse
from perftui.history.load_result import LoadResult, load_result
from perftui.history.words import number, people
from perftui.model.units import unit_of
from perftui.reports.page import quantity
from perftui.reports.run_page import Standing
from perftui.reports.tape_report import Spell, TapeReport
from perftui.sources.text import printable
from perftui.views.model import Role

READINGS = ("load.users", "load.requests_per_s", "load.p95_s", "load.error_ratio", "load.concurrency")
"""Drawn before those of every tape."""
UNSEEN = "no resource that is watched reached a limit"
_USERS_FEEL = "slo."


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The playbook that answers a rule."""

    playbook: str
    title: str
    mitigate: tuple[str, ...]


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What the test is measured against."""

    title: str = ""
    """Of the budgets; empty where none were given."""
    outcomes: tuple[Outcome, ...] = ()
    cost_per_hour: float | None = None
    """Of the infrastructure, as the operator tells it; in whatever money."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that held the test back (S002 35.6.2)."""

    component: str
    rule: str
    severity: str
    issue: str
    """At its worst."""
    began_as: str
    """The issue as it was told at first."""
    evidence: tuple[str, ...]
    since_at: float
    ended_at: float | None
    remedy: Remedy | None
    gave_way_first: bool
    before_test: bool
    """It stood already when the load began."""


class Supported(msgspec.Struct, frozen=True, kw_only=True):
    """How many users the system carries."""

    users: int | None
    """Whole ones: of a knee at 18.7 users 18 are carried."""
    says: str
    at_least: bool = False
    """Nothing stopped it there: it may carry more."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Moments are seconds since 1970 UTC."""

    tape: TapeReport
    tool: str
    feed: str
    load_from_at: float
    load_to_at: float
    requests: int
    failures: int
    result: LoadResult
    targets: Targets
    standing: Standing
    measured_against: str
    supported: Supported
    gave_way: Trouble | None
    gave_way_says: str
    troubles: tuple[Trouble, ...]
    recommendations: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def error_ratio(self) -> float | None:
        return self.failures / self.requests if self.requests else None

    @property
    def cost_per_1000_users(self) -> float | None:
        """An hour; None where the operator told no cost, or the users are not known."""
        cost, users = self.targets.cost_per_hour, self.supported.users
        return None if cost is None or not users else cost / users * 1000


def load_report(
    tape: TapeReport, course: LoadCourse, targets: Targets, remedies: Mapping[str, Remedy]
) -> LoadReport | None:
    """None where no whole block of a load test is on the tape."""
    if not course.blocks:
        return None
    result = load_result(course.blocks)
    begin_at = course.blocks[0].at - 10.0
    supported = _supported(result, targets)
    aborts = [spell for spell in tape.spells if spell.rule == load_abort.NAME]
    first, says = _gave_way(tape, result, aborts, begin_at)
    troubles = tuple(_troubles(tape, remedies, first, begin_at))
    named = next((each for each in troubles if each.gave_way_first), None)
    standing = _standing(tape, result, targets, aborts, troubles)
    return LoadReport(
        tape=tape,
        tool=printable(course.tool, 40),
        feed=printable(course.feed, 200),
        load_from_at=begin_at,
        load_to_at=course.blocks[-1].at,
        requests=course.ended.requests,
        failures=course.ended.failures,
        result=result,
        targets=targets,
        standing=standing,
        measured_against=_measured_against(tape, targets),
        supported=supported,
        gave_way=named,
        gave_way_says=says,
        troubles=troubles,
        recommendations=tuple(_recommendations(result, supported, troubles, named)),
        missing=tuple(printable(each, 300) for each in course.missing()),
    )


def _supported(result: LoadResult, targets: Targets) -> Supported:
    """The knee, or the highest level that kept the budgets, whichever is lower."""
    knee, levels = result.knee, result.levels
    if not levels:
        return Supported(users=None, says="the feed told no users")
    most = levels[-1].users
    limits = [
        each
        for each in targets.outcomes
        if not each.at_least and any(_of_level(level, each.reading) is not None for level in levels)
    ]
    kept = most
    if limits:
        good = [level for level in levels if all(_kept(level, each) for each in limits)]
        bad = [level.users for level in levels if level not in good]
        below = [level.users for level in good if not bad or level.users < min(bad)]
        if not below:
            return Supported(users=None, says=f"no level kept the budgets, not even {people(levels[0].users)} users")
        kept = max(below)
    words = f", which kept {', '.join(each.name for each in limits)}" if limits else ""
    if knee.users is not None and knee.limited_by == "generator" and knee.users <= kept:
        return Supported(users=floor(knee.users), says="beyond which the generator was the limit", at_least=True)
    if knee.users is not None and knee.users <= kept:
        return Supported(users=floor(knee.users), says="the knee, beyond which more users bring hardly more requests")
    if kept < most:
        return Supported(users=floor(kept), says=f"the highest level{words}; the next one did not")
    if knee.state == "flat":
        return Supported(users=None, says=knee.says)
    seen = f"; {knee.says}" if knee.state == "none" else ""
    return Supported(users=floor(most), says=f"the most there were{words}{seen}", at_least=True)


def _of_level(level: Level, reading: str) -> float | None:
    told = {"p50_s": level.p50_s, "p95_s": level.p95_s, "p99_s": level.p99_s, "error_ratio": level.error_ratio}
    return told.get(reading.removeprefix("load.")) if reading.startswith("load.") else None


def _kept(level: Level, outcome: Outcome) -> bool:
    value = _of_level(level, outcome.reading)
    return value is None or outcome.limit is None or value <= outcome.limit


def _gave_way(
    tape: TapeReport, result: LoadResult, aborts: Sequence[Spell], begin_at: float
) -> tuple[Spell | None, str]:
    """(the finding, in words what is known of it)"""
    moments = [(each.since_at, "the abort") for each in aborts[:1]]
    if result.knee_at is not None:
        moments.append((result.knee_at, "the knee"))
    if not moments and result.knee.state == "too_little":
        return None, f"what gives way first can't be told: {result.knee.says}"
    if not moments:
        return None, f"no resource gave way: {result.knee.says}"
    if result.knee.limited_by == "generator" and not aborts:
        return None, "the generator gave way: beyond the knee requests take no longer, its users wait within it"
    moment_at, name = min(moments)
    spells = {
        Stood(rule=each.rule, title=each.title, since_at=each.since_at, ended_at=each.ended_at): each
        for each in tape.spells
        if each.severity != "info"
    }
    found = first_to_give_way(spells, moment_at, begin_at, [phase.chain for phase in tape.phases])
    if found is not None:
        first = spells[found]
        late_s = first.since_at - moment_at
        when = f"{number(abs(late_s))} s {'after' if late_s > 0 else 'before'} {name}"
        return first, f"{first.rule} gave way first, {when}; at its worst {first.title}"
    return None, f"{UNSEEN} at {name}: it lies within the service, or is not watched"


def _troubles(
    tape: TapeReport, remedies: Mapping[str, Remedy], first: Spell | None, begin_at: float
) -> Iterator[Trouble]:
    """What gave way first before all, then the resources' findings, each rule once at its worst."""
    by_rule: dict[str, Spell] = {}
    for spell in tape.spells:
        if spell.rule.startswith(RESOURCES) and spell.severity != "info":
            known = by_rule.get(spell.rule)
            if known is None or (spell.severity, known.severity) == ("critical", "warning"):
                by_rule[spell.rule] = spell
    if first is not None and by_rule[first.rule].severity == first.severity:
        del by_rule[first.rule]
    told = sorted((each for each in by_rule.values() if each is not first), key=lambda each: each.since_at)
    for spell in (*([first] if first is not None else []), *told):
        yield Trouble(
            component={"host": "host", "pg": "Postgres", "pool": "pool"}[spell.rule.partition(".")[0]],
            rule=spell.rule,
            severity=spell.severity,
            issue=spell.title,
            began_as=spell.began_as,
            evidence=spell.evidence,
            since_at=spell.since_at,
            ended_at=spell.ended_at,
            remedy=remedies.get(spell.rule),
            gave_way_first=spell is first,
            before_test=spell.since_at < begin_at,
        )


def _measured_against(tape: TapeReport, targets: Targets) -> str:
    slo = any(spell.rule.startswith(_USERS_FEEL) for spell in tape.spells)
    told = [f"the budgets of {targets.title}"] if targets.outcomes else []
    told += ["the objectives of its probes"] if slo else []
    if told:
        return f"{', '.join(told)} and the abort rules"
    return "the abort rules alone: no budget was given (--budget FILE)"


def _standing(
    tape: TapeReport, result: LoadResult, targets: Targets, aborts: Sequence[Spell], troubles: Sequence[Trouble]
) -> Standing:
    """FAILED against a target or an abort rule; CONDITIONAL where something is left open; else PASSED."""
    failed = [each.title for each in aborts]
    failed += [_missed(each) for each in targets.outcomes if each.state is State.FAIL]
    failed += [each.title for each in tape.spells if each.rule.startswith(_USERS_FEEL) and each.severity == "critical"]
    left = [f"{each.name} could not be measured" for each in targets.outcomes if each.state is State.UNKNOWN]
    left += [f"{each.name} is near its limit" for each in targets.outcomes if each.state is State.NEAR]
    left += [
        f"{each.reading} grew by {each.ratio:.0%} in steady state, and still rises"
        for each in result.grown
        if each.state in (GrowthState.LIKELY, GrowthState.LEAK) and each.ratio is not None
    ]
    knee = result.knee
    if knee.users is not None and knee.peak_users is not None and knee.limited_by != "generator":
        left.append(f"the test went to {people(knee.peak_users)} users, beyond the knee at {people(knee.users)}")
    left += [f"{each.rule}: {each.issue}" for each in troubles if each.severity == "critical" and not each.before_test]
    if knee.limited_by == "generator":
        left.append("the generator was the limit: what the system carries is not known")
    if knee.state == "flat":
        left.append(knee.says)
    if failed:
        return Standing("FAILED", "HIGH", Role.CRITICAL, (*failed, *left))
    if left:
        return Standing("CONDITIONAL", "MEDIUM", Role.WARNING, tuple(left))
    seen = f", and {knee.says}" if knee.state == "none" else ""
    return Standing("PASSED", "LOW", Role.GOOD, (f"nothing was exceeded{seen}",))


def _missed(each: Outcome) -> str:
    side = "at least" if each.at_least else "at most"
    return f"{each.name}: {quantity(each.value, each.unit)}, {side} {quantity(each.limit, each.unit)} allowed"


def _recommendations(
    result: LoadResult, supported: Supported, troubles: Sequence[Trouble], first: Trouble | None
) -> Iterator[str]:
    """Only what the findings and the numbers say."""
    answered: set[str] = set()
    for each in troubles:
        if each.remedy is not None and not each.before_test and each.rule not in answered:
            answered.add(each.rule)
            begins = "" if first is None else "first " if each is first else "then "
            does = f": {each.remedy.mitigate[0]}" if each.remedy.mitigate else ""
            yield f"{begins}{each.rule}: playbook {each.remedy.playbook}, {each.remedy.title}{does}"
    knee = result.knee
    if knee.state == "found" and first is None and knee.limited_by != "generator":
        yield "watch what the service waits for (its pool, its own host) and test again: nothing that is watched gave way"
    if knee.limited_by == "generator":
        yield "test again with more or larger generators: this one was the limit"
    if knee.state == "too_little":
        yield f"to find the limit, raise the users in steps or evenly: {knee.says}"
    if knee.state == "none" and supported.at_least and supported.users is not None:
        yield f"to find the limit, go beyond {people(supported.users)} users: {knee.says}"
    for grown in result.grown:
        if grown.state is not GrowthState.INSUFFICIENT_DATA and grown.state is not GrowthState.STABLE:
            unit = unit_of(grown.reading)
            moved = f"{quantity(grown.first, unit)} to {quantity(grown.last, unit)}"
            yield f"find out why {grown.reading} grows in steady state: {moved} by halves, state {grown.state}"
    if result.times.hockey_stick:
        yield "find out for what a few requests wait: the P99 is above twice the P95"
