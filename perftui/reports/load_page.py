"""A load test's report as a page: executive for those who decide, technical for those who mend (S002 35.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from perftui.findings.budget import Outcome, State
from perftui.history.growth import GrowthState
from perftui.history.load_result import Times
from perftui.history.words import age, number, people
from perftui.model.units import unit_of
from perftui.reports.load_report import LoadReport, Trouble
from perftui.reports.page import (
    UNKNOWN,
    Block,
    Bullets,
    Cell,
    Charts,
    Facts,
    Page,
    Pin,
    Plot,
    Section,
    Table,
    Words,
    quantity,
)
from perftui.reports.run_parts import day, hour, listed, moment
from perftui.views.model import Role

_TIMES = ("p50", "p75", "p90", "p95", "p99", "p999")
_SPREADS = {
    "low": "low: at most 10 %",
    "moderate": "moderate: over 10 %",
    "high": "high: over 30 %, means say little here",
    "unknown": "not known",
}
_STATES = {State.PASS: Role.GOOD, State.NEAR: Role.WARNING, State.FAIL: Role.CRITICAL, State.UNKNOWN: Role.WARNING}
_MOST_CHARTS = 12


def load_page(report: LoadReport, kind: str) -> Page:
    """One of `KINDS`."""
    return Page(
        kicker=f"{kind} report of a load test · {report.tape.host} · {day(report.load_from_at)}",
        title=report.tape.name,
        headline=headline(report),
        tone=report.standing.role,
        sections=tuple(KINDS[kind](report)),
        foot=f"made by perftui from {report.tape.name}: {report.tape.ticks} ticks; times are UTC",
    )


def headline(report: LoadReport) -> str:
    """Status, how much is carried, what gave way."""
    users = report.supported.users
    carried = UNKNOWN if users is None else f"{'at least ' if report.supported.at_least else ''}{people(users)} users"
    return f"{report.standing.status}: {carried} ({report.supported.says}); {report.gave_way_says}"


def _executive(report: LoadReport) -> Iterator[Section]:
    state, result = report.standing, report.result
    cost = report.cost_per_1000_users
    facts: list[tuple[str, Cell]] = [
        ("Date", day(report.load_from_at)),
        ("System", _system(report)),
        ("Duration", f"{age(report.load_to_at - report.load_from_at)} of load by {report.tool}"),
        ("Status", (state.status, state.role)),
        ("Measured against", report.measured_against),
        ("Most users supported", _users(report)),
        ("Peak response time P95", f"{quantity(result.peak_p95_s, 's')} over 10 s"),
        ("Error rate", _share(report.error_ratio)),
        *((("Cost of 1,000 users", f"{cost:,.2f} an hour"),) if cost is not None else ()),
        ("Risk", (state.risk, state.role)),
    ]
    yield Section(
        "Executive summary", (Facts(tuple(facts)), Words("Status and risk stand on this:"), Bullets(state.reasons))
    )
    if report.targets.outcomes:
        yield Section("Targets", (_targets(report),))
    yield Section("What gave way first", (Words(report.gave_way_says),))
    yield Section("Recommendations", (listed(report.recommendations, "none: nothing was found to be done"),))
    yield Section("The course", (_charts(report, 3),))
    yield from _doubts(report)


def _technical(report: LoadReport) -> Iterator[Section]:
    result = report.result
    facts: tuple[tuple[str, Cell], ...] = (
        ("System", _system(report)),
        ("Generator", f"{report.tool}, {report.feed}"),
        ("From", moment(report.load_from_at)),
        ("Duration", age(report.load_to_at - report.load_from_at)),
        ("Status", (report.standing.status, report.standing.role)),
        ("Measured against", report.measured_against),
        ("Requests", f"{report.requests:,}, of which {report.failures:,} failed ({_share(report.error_ratio)})"),
    )
    yield Section("Summary", (Facts(facts), Bullets(report.standing.reasons)))
    if report.targets.outcomes:
        yield Section("Targets", (_targets(report),))
    yield Section("Constraints", (Words(report.gave_way_says), _constraints(report)))
    yield Section("Scalability", (_scalability(report), _levels(report)))
    yield Section(
        "Resource peaks", (Words("Means of 10 s: the highest with its moment and the users of then."), _peaks(report))
    )
    yield Section("Response times", (_spread(result.times), _phases(report)))
    yield Section("Growth in steady state", _growth(report))
    yield Section("Changes, marks and phases within the test", (_moments(report),))
    yield Section("The course", (_charts(report, _MOST_CHARTS),))
    yield from _doubts(report)


KINDS: dict[str, Callable[[LoadReport], Iterator[Section]]] = {"executive": _executive, "technical": _technical}


def _system(report: LoadReport) -> str:
    cores = UNKNOWN if report.tape.cores is None else str(report.tape.cores)
    return f"{report.tape.host}, {cores} cores, {report.tape.system}"


def _users(report: LoadReport) -> str:
    users = report.supported.users
    if users is None:
        return f"not known: {report.supported.says}"
    return f"{'at least ' if report.supported.at_least else ''}{people(users)}, {report.supported.says}"


def _share(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio * 100:.2f} %"


def _targets(report: LoadReport) -> Table:
    return Table(
        columns=("budget", "measured", "limit", "state"),
        rows=tuple(
            (each.name, quantity(each.value, each.unit), _limit(each), (each.state.value, _STATES[each.state]))
            for each in report.targets.outcomes
        ),
        numbers=(1, 2),
    )


def _limit(each: Outcome) -> str:
    return f"{'≥' if each.at_least else '≤'} {quantity(each.limit, each.unit)}"


def _constraints(report: LoadReport) -> Table:
    return Table(
        columns=("component", "issue", "evidence", "remediation", "expected gain", "since", "for"),
        rows=tuple(
            (
                (each.component, Role.CRITICAL if each.severity == "critical" else Role.WARNING),
                f"{each.issue} ({each.rule}{', before the test' if each.before_test else ''})",
                " / ".join(" ".join(line.split()) for line in each.evidence),
                _remedy(each),
                _gain(report, each),
                hour(each.since_at),
                "to the end" if each.ended_at is None else age(each.ended_at - each.since_at),
            )
            for each in report.troubles
        ),
        empty="no rule found a resource at its limit",
    )


def _remedy(each: Trouble) -> str:
    if each.remedy is None:
        return "no playbook answers it"
    return f"playbook {each.remedy.playbook}{f': {each.remedy.mitigate[0]}' if each.remedy.mitigate else ''}"


def _gain(report: LoadReport, each: Trouble) -> str:
    """Only of what the knee stands on: what the line before it would give with the most users there were."""
    knee = report.result.knee
    if not each.gave_way_first or knee.efficiency_ratio is None or knee.peak_users is None or knee.state != "found":
        return "not computed"
    more = 1 / knee.efficiency_ratio - 1
    return f"at most {more:+.0%} requests/s with {people(knee.peak_users)} users, as the line before the knee goes on"


def _scalability(report: LoadReport) -> Facts:
    result, knee = report.result, report.result.knee
    reached = f", reached {hour(result.knee_at)}" if result.knee_at is not None else ""
    latency = result.latency_knee_users
    told = (knee.efficiency_ratio, knee.peak_requests_per_s, knee.peak_users, knee.per_user_per_s)
    peak = UNKNOWN
    if None not in told:
        share, rate, users, each = (value or 0.0 for value in told)
        peak = f"{share:.0%}: {number(rate)} requests/s with {people(users)} users, who bring {number(each)} each before the knee"
    return Facts(
        (
            ("Linear up to", UNKNOWN if knee.linear_users is None else f"{people(knee.linear_users)} users"),
            ("Saturation", f"{knee.says}{reached}"),
            ("Resource", report.gave_way_says),
            ("Efficiency at the peak", peak),
            ("Times rise from", "no knee of the times seen" if latency is None else f"{people(latency)} users on"),
            ("Little's law", result.little),
        )
    )


def _levels(report: LoadReport) -> Table:
    return Table(
        columns=("users", "requests/s", "under way", "p50", "p95", "p99", "errors", "seconds"),
        rows=tuple(
            (
                people(level.users),
                number(level.requests_per_s),
                UNKNOWN if level.concurrency is None else number(level.concurrency),
                *(quantity(value, "s") for value in (level.p50_s, level.p95_s, level.p99_s)),
                _share(level.error_ratio),
                f"{level.blocks * 10}",
            )
            for level in report.result.levels
        ),
        numbers=tuple(range(8)),
        empty="the feed told no users",
    )


def _peaks(report: LoadReport) -> Table:
    """S002 35.6.2: resource utilization."""
    rows = []
    for each in report.result.peaks:
        unit = unit_of(each.reading)
        users = UNKNOWN if each.users is None else people(each.users)
        knee = (quantity(each.at_knee, unit),) if report.result.knee_at is not None else ()
        rows.append((each.reading, *knee, quantity(each.highest, unit), hour(each.at), users))
    columns = ("reading", *(("at knee",) if report.result.knee_at is not None else ()), "peak", "at", "users")
    numbers = (1, 2, 4) if report.result.knee_at is not None else (1, 3)
    return Table(columns=columns, rows=tuple(rows), numbers=numbers, empty="no resource was watched")


def _percentiles(times: Times) -> tuple[str, ...]:
    return tuple(quantity(getattr(times, f"{name}_s"), "s") for name in _TIMES)


def _spread(times: Times) -> Facts:
    cv = UNKNOWN if times.cv_ratio is None else f"{times.cv_ratio:.0%}"
    shape = {None: "not known", True: "hockey stick: P99 above twice the P95", False: "no hockey stick"}
    told = " · ".join(
        f"{name if name != 'p999' else 'p99.9'} {value}"
        for name, value in zip(_TIMES, _percentiles(times), strict=True)
    )
    return Facts(
        (
            ("All requests", told if times.requests else "not known: the tool tells percentiles of its own"),
            ("Variation (CV)", f"{cv}, {_SPREADS[times.spread]}"),
            ("Shape", shape[times.hockey_stick]),
        )
    )


def _phases(report: LoadReport) -> Table:
    return Table(
        columns=("phase", "for", "users", "rate", "p50", "p95", "p99", "p99.9", "errors"),
        rows=tuple(
            (
                each.phase.replace("_", "-"),
                age(each.seconds),
                UNKNOWN if each.users is None else f"{people(each.users[0])} – {people(each.users[1])}",
                number(each.requests_per_s),
                *(
                    quantity(value, "s")
                    for value in (each.times.p50_s, each.times.p95_s, each.times.p99_s, each.times.p999_s)
                ),
                _share(each.error_ratio),
            )
            for each in report.result.phases
        ),
        numbers=tuple(range(1, 9)),
    )


def _growth(report: LoadReport) -> tuple[Block, ...]:
    grown = [each for each in report.result.grown if each.state is not GrowthState.INSUFFICIENT_DATA]
    if not grown:
        least = "growth is told of at least 10 blocks of 10 s with level users"
        return (Words(f"not told: {least}; the longest stretch was {age(report.result.steady_s)}"),)
    table = Table(
        columns=("reading", "first half", "second half", "grew", "state"),
        rows=tuple(
            (
                each.reading,
                quantity(each.first, unit_of(each.reading)),
                quantity(each.last, unit_of(each.reading)),
                UNKNOWN if each.ratio is None else f"{each.ratio:+.1%}",
                each.state.value if each.state is GrowthState.STABLE else (each.state.value, Role.WARNING),
            )
            for each in grown
        ),
        numbers=(1, 2, 3),
    )
    return (Words(f"The longest steady stretch, {age(report.result.steady_s)}; bands of S002: 5, 10, 20 %."), table)


def _moments(report: LoadReport) -> Block:
    within = [each for each in report.tape.moments if report.load_from_at <= each[0] <= report.load_to_at]
    return listed([f"{hour(at)} {sort}: {words}" for at, sort, words in within], "none")


def _charts(report: LoadReport, most: int) -> Charts:
    shown = [each for each in report.tape.series if any(value for _, value in each.points)][:most]
    pins = [
        Pin(at=at, sort="deploy" if sort == "deploy" else "mark", words=words)
        for at, sort, words in report.tape.moments
    ]
    if report.result.knee_at is not None:
        pins.append(Pin(at=report.result.knee_at, sort="verdict", words=report.result.knee.says))
    if report.gave_way is not None:
        pins.append(Pin(at=report.gave_way.since_at, sort="verdict", words=report.gave_way.began_as))
    return Charts(
        plots=tuple(Plot(reading=each.reading, points=tuple(each.points)) for each in shown),
        pins=tuple(sorted(pins, key=lambda pin: pin.at)),
        span=(report.tape.start_at, report.tape.end_at),
        shaded=(report.load_from_at, report.load_to_at),
    )


def _doubts(report: LoadReport) -> Iterator[Section]:
    """What a reader must know before trusting the rest."""
    told = [*report.missing, *report.tape.silent]
    if report.tape.cut:
        told.append("a tape is cut: its end is missing")
    if told:
        yield Section("Gaps in the data", (Bullets(tuple(told)),))
