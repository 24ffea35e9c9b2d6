"""A run's report by template: incident, executive and technical (S002 35.6), audit (S004 phase 7), handoff."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from perftui.playbooks.report.courses import judgement_words
from perftui.playbooks.report.records import Change, RunReport, Suspect
from perftui.reports import run_parts as parts
from perftui.reports.page import Bullets, Cell, Facts, Fixed, Page, Section, Table, Words, quantity
from perftui.reports.run_handoff import handoff_text
from perftui.views.model import Role


class Standing(msgspec.Struct, frozen=True):
    """What a run came to, in the words of S002 35.6.1."""

    status: str
    risk: str
    role: Role
    reasons: tuple[str, ...]


def standing(report: RunReport) -> Standing:
    """FAILED while something is critical or nobody knows what was done; CONDITIONAL while something is left; else PASSED."""
    grave, left = tuple(_grave(report)), tuple(_left(report))
    if grave:
        return Standing("FAILED", "HIGH", Role.CRITICAL, (*grave, *left))
    if left:
        return Standing("CONDITIONAL", "MEDIUM", Role.WARNING, left)
    return Standing("PASSED", "LOW", Role.GOOD, ("nothing is left open",))


def _grave(report: RunReport) -> Iterator[str]:
    last = report.judged_last
    if last is not None and last.severity == "critical":
        yield f"the host was still {judgement_words(last)}"
    for change in report.changes:
        if change.state in ("indeterminate", "failed"):
            yield f"the change {change.title!r} is {change.state}"
        if change.undo in ("undo failed", "undo indeterminate"):
            yield f"the change {change.title!r}: {change.undo}"


def _left(report: RunReport) -> Iterator[str]:
    last = report.judged_last
    if report.open:
        yield "the run is still open"
    elif report.result != "finished":
        yield f"the run ended early: {report.result}"
    if last is None or last.constraint == "unknown":
        yield "how the host was at the end is not known"
    elif last.severity == "warning":
        yield f"the host was {judgement_words(last)}"
    for change in report.standing:
        if change.undo == "stands":
            yield f"the change {change.title!r} still stands"
    failed = sum(each.state in ("failed", "unknown") and each.effect == "read" for each in report.steps)
    if failed:
        yield f"{failed} step{'s' if failed > 1 else ''} failed or could not be judged"


def headline(report: RunReport) -> str:
    """Causes, what was done, how it ended."""
    named = [each.cause for each in report.board if each.verdict == "confirmed"]
    suspects = [each.cause for each in report.board if each.verdict == "suspect"]
    made = [each.title for each in report.changes if each.state in ("passed", "done")]
    cause = (
        f"confirmed: {', '.join(named)}"
        if named
        else f"suspected: {', '.join(suspects)}"
        if suspects
        else "no cause was named"
    )
    done = f"changed: {', '.join(made)}" if made else "nothing was changed"
    last = report.judged_last
    now = f"the console's last verdict: {judgement_words(last)}" if last else "no reading was there"
    return f"{cause}; {done}; {now}"


def run_page(report: RunReport, template: str = "") -> Page:
    """The page of a template; without one, the playbook's own choice."""
    chosen = template or report.template
    state = standing(report)
    return Page(
        kicker=f"{chosen} report · {report.host} · {parts.day(report.opened_at)}",
        title=report.title,
        headline=headline(report),
        tone=state.role,
        sections=tuple(TEMPLATES[chosen](report)),
        foot=(
            f"made by perftui from the journal of {report.run}: {report.lines} lines, playbook sha256 {report.sha256 or '?'}; "
            "times are UTC"
        ),
    )


def _incident(report: RunReport) -> Iterator[Section]:
    yield Section("Summary", (parts.head(report), parts.judged(report)))
    yield from parts.problems(report)
    if "verdicts" in report.include:
        yield Section("Verdict board", (parts.board(report), *parts.findings(report)))
    yield Section("The readings around it", (parts.charts(report),))
    if "changes" in report.include:
        yield Section("Changes", (parts.changes(report),))
    if "compare" in report.include and report.comparisons:
        yield Section("Before and after", (parts.compared(report),))
    if "timeline" in report.include:
        yield Section("Timeline", (parts.timeline(report),))
    yield Section("Follow-up", (parts.listed(report.follow_up, "nothing is planned"),))
    if "evidence" in report.include:
        yield Section("Evidence", (parts.evidence(report),))


def _executive(report: RunReport) -> Iterator[Section]:
    state = standing(report)
    facts: list[tuple[str, Cell]] = [
        ("Date", parts.day(report.opened_at)),
        ("Host", report.host),
        ("Duration", parts.took(report)),
        ("Status", (state.status, state.role)),
        ("Risk", (state.risk, state.role)),
        *(_peak(report, name, words) for name, words in _USERS_FEEL),
        *parts.times(report),
    ]
    known = tuple(pair for pair in facts if pair[1] != "")
    yield Section("Executive summary", (Facts(known), Bullets(state.reasons)))
    yield from parts.problems(report)
    causes = tuple(f"{each.cause} ({each.verdict}): {each.say or each.because}" for each in _accused(report))
    yield Section("Key findings", (parts.judged(report), parts.listed(causes, "no cause was named")))
    yield Section("What was done", (parts.listed(tuple(map(_deed, report.changes)), "nothing was changed"),))
    yield Section("The readings", (parts.charts(report, 2),))
    yield Section("Recommendations", (parts.listed(report.follow_up, "none"),))


_USERS_FEEL = (
    ("probe.p95_s", "Peak response time P95"),
    ("load.p95_s", "Peak response time P95 under load"),
    ("probe.error_ratio", "Highest error rate"),
)


def _peak(report: RunReport, reading: str, words: str) -> tuple[str, Cell]:
    known = [
        value for each in report.series if each.reading == reading for _, value in each.points if value is not None
    ]
    return words, quantity(max(known), _unit(report, reading)) if known else ""


def _unit(report: RunReport, reading: str) -> str:
    return next(each.unit for each in report.series if each.reading == reading)


def _accused(report: RunReport) -> list[Suspect]:
    return [each for each in report.board if each.verdict in ("confirmed", "suspect")]


def _deed(change: Change) -> str:
    undone = f"; {change.undo}" if change.undo else ""
    return f"{parts.hour(change.at)} {change.title}: {change.state}{undone}"


def _technical(report: RunReport) -> Iterator[Section]:
    yield Section("Summary", (parts.head(report), parts.judged(report)))
    yield from parts.problems(report)
    yield Section("Bottlenecks", (_bottlenecks(report), *parts.findings(report)))
    cleared = tuple(f"{each.cause}: {each.say or each.because}" for each in report.board if each.verdict == "cleared")
    yield Section("Cleared", (parts.listed(cleared, "no cause was cleared"),))
    yield Section("Utilization", (parts.peaks(report), parts.charts(report)))
    yield Section("Before and after", (parts.compared(report),))
    yield Section("Changes", (parts.changes(report),))
    yield Section("Steps", (parts.steps(report),))
    yield Section("Follow-up", (parts.listed(report.follow_up, "nothing is planned"),))
    yield Section("Evidence", (parts.evidence(report),))


def _bottlenecks(report: RunReport) -> Table:
    """S002 35.6.2; its estimated improvement is measured here, or not told."""
    gains = ", ".join(
        f"{each.reading} {quantity(each.before, each.unit)} → {quantity(each.after, each.unit)} ({parts.change_words(each)})"
        for each in report.comparisons
        if each.verdict == "shifted"
    )
    rows: list[tuple[Cell, ...]] = []
    for each in _accused(report):
        after = [c for c in report.changes if c.made and c.at is not None and each.at is not None and c.at >= each.at]
        remedy = ", ".join(f"{change.title} ({change.state})" for change in after)
        facts = " / ".join((each.because, *each.facts))
        rows.append(
            (
                each.cause,
                parts.toned(each.verdict),
                each.say,
                facts,
                remedy or "none in this run",
                gains or "not measured",
            )
        )
    columns = ("component", "verdict", "issue", "evidence", "remediation", "measured in the run")
    return Table(columns=columns, rows=tuple(rows), empty="no bottleneck was named")


def _audit(report: RunReport) -> Iterator[Section]:
    yield from parts.problems(report)
    yield Section("1 Before and after", (parts.judged(report), parts.compared(report), parts.charts(report)))
    decisions: list[Words | Bullets | Table] = [parts.changes(report)]
    for change in report.changes:
        if change.shown:
            decisions += [Words(f"{change.title}: what {change.by} saw when it was confirmed"), Bullets(change.shown)]
    yield Section(
        "2 Decisions: what was changed, and why", (*decisions, parts.told(report, ("choice",), "no choice was made"))
    )
    learned = parts.listed(report.follow_up, "nothing is planned")
    notes = parts.told(report, ("note",), "no note was written")
    yield Section(
        "3 Knowledge: what was found, and what is to be done",
        (parts.board(report), *parts.findings(report), notes, learned),
    )
    yield Section("The record", (parts.head(report), _integrity(report), _sittings(report)))
    yield Section("Steps", (parts.steps(report),))
    yield Section("Timeline", (parts.timeline(report),))
    yield Section("Evidence", (parts.evidence(report),))


def _integrity(report: RunReport) -> Facts:
    states = [each.state for each in report.evidence]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none"
    return Facts(
        (
            (
                "Journal",
                f"{report.lines} lines; {'see the problems above' if report.problems else 'each follows from the one before'}",
            ),
            ("Playbook sha256", report.sha256 or "not told"),
            ("perftui", report.perftui or "not told"),
            ("Evidence", told),
        )
    )


def _sittings(report: RunReport) -> Table:
    return Table(
        columns=("from", "to", "user", "sudo from", "ssh from", "host"),
        rows=tuple(
            (
                parts.moment(each.start_at),
                parts.moment(each.end_at),
                each.user,
                each.sudo_user,
                each.ssh_from,
                each.host,
            )
            for each in report.sittings
        ),
    )


def _handoff(report: RunReport) -> Iterator[Section]:
    yield Section("For the next shift", (Fixed(handoff_text(report)),))


TEMPLATES: dict[str, Callable[[RunReport], Iterator[Section]]] = {
    "incident": _incident,
    "executive": _executive,
    "technical": _technical,
    "audit": _audit,
    "handoff": _handoff,
}
