"""The parts of a run's report; the templates choose among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from perftui.history.words import age
from perftui.playbooks.report.courses import judgement_words
from perftui.playbooks.report.records import DETECT_S, RESOLVE_S, Change, Comparison, RunReport, Spread
from perftui.playbooks.report.timeline import ALLOWED
from perftui.reports.page import (
    UNKNOWN,
    Block,
    Bullets,
    Cell,
    Charts,
    Facts,
    Pin,
    Plot,
    Section,
    Table,
    Words,
    fitted,
    quantity,
)
from perftui.views.format import clock, stamp
from perftui.views.model import Role

_ROLES = {
    "confirmed": Role.CRITICAL,
    "suspect": Role.WARNING,
    "cleared": Role.GOOD,
    "failed": Role.CRITICAL,
    "refused": Role.WARNING,
    "indeterminate": Role.CRITICAL,
    "passed": Role.GOOD,
    "shifted": Role.WARNING,
    "critical": Role.CRITICAL,
    "warning": Role.WARNING,
    "stands": Role.WARNING,
    "taken back": Role.GOOD,
    "verified": Role.GOOD,
    "changed": Role.CRITICAL,
    "missing": Role.CRITICAL,
}
_MOST_READ = 240
"""Cells of what a step read; its evidence holds all of it."""
_MOST_CHARTS = 18
_PINNED = ("deploy", "mark", "change", "undo", "judged")


def toned(word: str, shown: str = "") -> Cell:
    """A word with the role that it has in every report."""
    role = _ROLES.get(word.removeprefix("undo "))
    return (shown or word) if role is None else (shown or word, role)


def moment(at: float | None) -> str:
    return UNKNOWN if at is None else stamp(at)


def hour(at: float | None) -> str:
    return UNKNOWN if at is None else f"{clock(at)}Z"


def day(at: float | None) -> str:
    return UNKNOWN if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def beside(seconds: float | None, yardstick_s: float, none: str) -> Cell:
    """A time beside what is usual (S003)."""
    if seconds is None:
        return none
    words = f"{age(seconds)} (S003's mean: {yardstick_s / 60:.0f} min)"
    return (words, Role.GOOD if seconds <= yardstick_s else Role.WARNING)


def head(report: RunReport) -> Facts:
    """Who, where, what, how long."""
    users = ", ".join(report.users)
    return Facts(
        (
            ("Host", report.host),
            ("By", users),
            ("Playbook", f"{report.playbook} (sha256 {report.sha256[:12] or UNKNOWN})"),
            ("Run", report.run),
            ("Opened", moment(report.opened_at)),
            ("Last event" if report.open else "Closed", f"{moment(report.ended_at)}, {result(report)}"),
            ("Duration", took(report)),
            ("Changes", _changed(report)),
            *times(report),
        )
    )


def _changed(report: RunReport) -> str:
    """How many were made, and what became of them."""
    lock = "unlocked" if report.allowed else "locked"
    undos = [each.undo or "no undo known" for each in report.changes if each.made]
    told = ", ".join(f"{undos.count(state)} {state}" for state in dict.fromkeys(undos))
    return f"{lock}; {len(undos)} made: {told}" if undos else f"{lock}; none made"


def took(report: RunReport) -> str:
    sittings = len(report.sittings)
    told = UNKNOWN if report.duration_s is None else age(report.duration_s)
    return told if sittings == 1 else f"{told} in {sittings} sittings"


def times(report: RunReport) -> tuple[tuple[str, Cell], ...]:
    """Beside the yardstick of S003: 8 minutes to detect, 45 to resolve."""
    return (
        ("Trouble began before the run", beside(report.detected_s, DETECT_S, "not known, or nothing was wrong yet")),
        ("Time to first finding", beside(report.first_finding_s, DETECT_S, "no cause was suspected")),
        ("Time to first change", beside(report.first_change_s, RESOLVE_S, "no change was made")),
    )


def result(report: RunReport) -> str:
    return "still open" if report.open else report.result


def judged(report: RunReport) -> Facts:
    """What the console said at the beginning and at the end."""
    first, last = report.judged_first, report.judged_last
    if first is None or last is None:
        return Facts((("Console's verdict", "no reading was there"),))
    word = "before" if first.began_before else "since"
    since = f", {word} {hour(first.since_at)}" if first.since_at is not None else ""
    rows = [("Verdict at the beginning", toned(first.severity, f"{judgement_words(first)}{since}"))]
    rows.append(("Verdict at the end", toned(last.severity, judgement_words(last))))
    if len(first.chain) > 1:
        rows.insert(1, ("From cause to symptom", " → ".join(first.chain)))
    rows += [("Beside it", words) for words in dict.fromkeys((*first.others, *last.others))]
    return Facts(tuple(rows))


def board(report: RunReport) -> Table:
    return Table(
        columns=("verdict", "cause", "what was seen", "because", "step", "at"),
        rows=tuple(
            (
                toned(each.verdict),
                each.cause,
                f"{each.say}{' (an earlier step said otherwise)' if each.changed else ''}".strip(),
                each.because,
                each.step,
                hour(each.at),
            )
            for each in report.board
        ),
        empty="no step judged a cause",
    )


def findings(report: RunReport) -> tuple[Block, ...]:
    lines = [f"{each.severity} {each.rule}: {each.title} (since {hour(each.since_at)})" for each in report.findings]
    return (Words("Findings of the rules around the run:"), Bullets(tuple(lines))) if lines else ()


def charts(report: RunReport, most: int = _MOST_CHARTS) -> Charts:
    """Every reading that moved or is told; what happened is on the same axis."""
    start = min((plot.points[0][0] for plot in report.series), default=report.opened_at or 0.0)
    end = max((plot.points[-1][0] for plot in report.series), default=start)
    end = max(end, report.ended_at or end)
    shown = [each for each in report.series if any(value for _, value in each.points)] or list(report.series)
    plots = tuple(Plot(reading=each.reading, points=each.points) for each in shown[:most])
    shaded = None if report.opened_at is None else (report.opened_at, report.ended_at or end)
    return Charts(plots=plots, pins=tuple(_pins(report, start, end)), span=(start, end), shaded=shaded)


def _pins(report: RunReport, start: float, end: float) -> Iterator[Pin]:
    first_judged = report.judged_first.at if report.judged_first else None
    for each in report.timeline:
        if each.at is None or not start <= each.at <= end:
            continue
        if each.sort == "step":
            yield Pin(at=each.at, sort="step")
        elif each.sort in _PINNED and each.words and not (each.sort == "judged" and each.at == first_judged):
            sort = "verdict" if each.sort == "judged" else each.sort
            yield Pin(at=each.at, sort=sort, words=each.words)  # type: ignore[arg-type]


def peaks(report: RunReport) -> Table:
    """How far each reading went (S002 35.6.2: resource utilization)."""
    rows: list[tuple[Cell, ...]] = []
    for each in report.series:
        known = sorted(value for _, value in each.points if value is not None)
        p95 = known[min(len(known) - 1, len(known) * 95 // 100)]
        told = [quantity(value, each.unit) for value in (known[len(known) // 2], p95, known[-1])]
        rows.append((each.reading, *told, str(len(known))))
    columns = ("reading", "median", "p95", "peak", "n")
    return Table(columns=columns, rows=tuple(rows), numbers=(1, 2, 3, 4), empty="no reading was kept")


def changes(report: RunReport) -> Table:
    return Table(
        columns=("at", "change", "what was done", "state", "confirmed", "undo"),
        rows=tuple(
            (
                hour(each.at),
                f"{each.title}{' (effect not declared)' if each.effect == 'unknown' else ''}",
                " ".join(line.strip() for line in each.does) or ("by hand" if each.made else UNKNOWN),
                toned(each.state, f"{each.state}{f': {each.why}' if each.why else ''}"),
                confirmed(each),
                undo(each),
            )
            for each in report.changes
        ),
        empty="nothing was changed",
    )


def confirmed(change: Change) -> str:
    """How it was agreed to."""
    if change.key == ALLOWED:
        return f"{change.by} agreed with --allow"
    if change.typed:
        return f"{change.by} typed {change.typed!r}"
    return f"{change.by} pressed {change.key}" if change.key else "not confirmed"


def undo(change: Change) -> Cell:
    if not change.undo:
        return "none is known" if change.made else UNKNOWN
    when = f" {hour(change.undone_at)}" if change.undone_at is not None else ""
    why = f": {change.undo_why}" if change.undo_why else ""
    way = f" ({' '.join(change.undo_does)})" if change.undo == "stands" and change.undo_does else ""
    return toned(change.undo, f"{change.undo}{when}{why}{way}")


def compared(report: RunReport) -> Table:
    """Before and after, with how the ticks lie on each side."""
    columns = (
        "reading",
        "before",
        "after",
        "change",
        "verdict",
        "p50/p95/p99 before",
        "p50/p95/p99 after",
        "CV",
        "n",
        "why",
    )
    return Table(
        columns=columns,
        rows=tuple(
            (
                each.reading,
                quantity(each.before, each.unit),
                quantity(each.after, each.unit),
                change_words(each),
                toned(each.verdict),
                _percentiles(each.spread_before, each.unit),
                _percentiles(each.spread_after, each.unit),
                f"{_share(each.spread_before.cv_pct)} → {_share(each.spread_after.cv_pct)}",
                f"{each.spread_before.n or UNKNOWN} → {each.spread_after.n or UNKNOWN}",
                each.why,
            )
            for each in report.comparisons
        ),
        numbers=(1, 2, 3),
        empty="no step compared readings before and after",
    )


def change_words(each: Comparison) -> str:
    return UNKNOWN if each.change_pct is None else f"{each.change_pct:+.0f} %"


def _percentiles(spread: Spread, unit: str) -> str:
    if not spread.n:
        return UNKNOWN
    return " / ".join(quantity(value, unit) for value in (spread.p50, spread.p95, spread.p99))


def _share(percent: float | None) -> str:
    return UNKNOWN if percent is None else f"{percent:.0f} %"


def timeline(report: RunReport) -> Table:
    days = {day(each.at) for each in report.timeline}
    return Table(
        columns=("at (UTC)", "what", "", "by"),
        rows=tuple(
            (
                clock(each.at) if len(days) == 1 else moment(each.at),
                "console" if each.sort == "judged" else each.sort,
                each.words,
                each.user if len(report.users) > 1 else "",
            )
            for each in report.timeline
        ),
    )


def steps(report: RunReport) -> Table:
    return Table(
        columns=("step", "title", "kind", "state", "took", "read"),
        rows=tuple(
            (
                f"{each.path}{f' (attempt {each.attempt})' if each.attempt > 1 else ''}",
                each.title,
                each.kind,
                toned(each.state, f"{each.state}{f': {each.why}' if each.why else ''}"),
                UNKNOWN if each.duration_s is None else f"{each.duration_s:.1f} s",
                fitted(" / ".join(each.output), _MOST_READ),
            )
            for each in report.steps
        ),
        numbers=(4,),
        empty="no step began",
    )


def evidence(report: RunReport) -> Table:
    return Table(
        columns=("step", "sha256", "bytes", "now"),
        rows=tuple(
            (each.step, each.sha256, UNKNOWN if each.size_bytes is None else f"{each.size_bytes:,}", toned(each.state))
            for each in report.evidence
        ),
        numbers=(2,),
        empty="no evidence was kept",
    )


def told(report: RunReport, sorts: Sequence[str], empty: str) -> Block:
    """The timeline's lines of some sorts."""
    lines = tuple(
        f"{hour(each.at)} {each.user}: {each.words}" for each in report.timeline if each.sort in sorts and each.words
    )
    return Bullets(lines) if lines else Words(empty)


def listed(lines: Sequence[str], empty: str) -> Block:
    return Bullets(tuple(lines)) if lines else Words(empty)


def problems(report: RunReport) -> tuple[Section, ...]:
    """What a reader must know before trusting the rest."""
    if not report.problems:
        return ()
    told = Words("This record is not whole:", Role.CRITICAL)
    return (Section("Problems of this record", (told, Bullets(report.problems))),)
