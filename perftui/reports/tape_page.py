"""A tape's report as a page: what held the system back and when, by which findings, on which readings."""

from __future__ import annotations

from collections.abc import Iterator

from perftui.history.words import age
from perftui.model.finding import Severity
from perftui.reports.page import UNKNOWN, Bullets, Charts, Facts, Page, Pin, Plot, Section, Table, Words
from perftui.reports.run_parts import hour, moment, toned
from perftui.reports.tape_report import Spell, TapeReport
from perftui.views.model import Role

_TONES = {"critical": Role.CRITICAL, "warning": Role.WARNING}
_GRAVITY = [severity.word for severity in Severity]


def tape_page(report: TapeReport) -> Page:
    worst = max(report.spells, key=lambda spell: _GRAVITY.index(spell.severity), default=None)
    told = "no limit was exceeded" if worst is None else f"worst: {worst.severity} {worst.rule}: {worst.title}"
    return Page(
        kicker=f"report of a tape · {report.host}",
        title=report.name,
        headline=told,
        tone=_TONES.get(worst.severity, Role.GOOD) if worst is not None else Role.GOOD,
        sections=tuple(_sections(report)),
        foot=f"made by perftui from {report.name}: {report.ticks} ticks; times are UTC",
    )


def _sections(report: TapeReport) -> Iterator[Section]:
    cores = UNKNOWN if report.cores is None else str(report.cores)
    yield Section(
        "Summary",
        (
            Facts(
                (
                    ("Host", f"{report.host}, {cores} cores, {report.system}"),
                    ("From", moment(report.start_at)),
                    ("To", f"{moment(report.end_at)}{', cut here' if report.cut else ''}"),
                    ("Duration", f"{age(report.end_at - report.start_at)}, {report.ticks} ticks"),
                )
            ),
        ),
    )
    yield Section("Verdicts", (_phases(report),))
    yield Section("The readings", (_charts(report),))
    yield Section("Findings", (_spells(report),))
    if report.silent:
        yield Section("Not read", (Words("At the tape's end these sources had failed:"), Bullets(report.silent)))


def _phases(report: TapeReport) -> Table:
    return Table(
        columns=("from", "for", "verdict", "", "from cause to symptom", "other incidents"),
        rows=tuple(
            (
                hour(each.start_at),
                age(each.end_at - each.start_at),
                toned(each.severity, each.constraint.replace("_", " ")),
                each.summary,
                " → ".join(each.chain) if len(each.chain) > 1 else "",
                " / ".join(each.others.values()),
            )
            for each in report.phases
        ),
    )


def _spells(report: TapeReport) -> Table:
    return Table(
        columns=("since", "for", "severity", "rule", "finding", "evidence at its worst"),
        rows=tuple(
            (
                hour(each.since_at),
                _lasted(report, each),
                toned(each.severity),
                each.rule,
                each.title,
                " / ".join(" ".join(line.split()) for line in each.evidence),
            )
            for each in report.spells
        ),
        empty="no limit was exceeded",
    )


def _lasted(report: TapeReport, spell: Spell) -> str:
    if spell.ended_at is None:
        return f"{age(report.end_at - spell.since_at)}, still there at the end"
    return age(spell.ended_at - spell.since_at)


def _charts(report: TapeReport) -> Charts:
    shown = [each for each in report.series if any(value for _, value in each.points)]
    pins = [
        Pin(at=at, sort="deploy" if sort == "deploy" else "mark", words=words) for at, sort, words in report.moments
    ]
    pins += [
        Pin(at=each.start_at, sort="verdict", words=f"{each.constraint.replace('_', ' ')}: {each.summary}")
        for each in report.phases[1:]
    ]
    return Charts(
        plots=tuple(Plot(reading=each.reading, points=tuple(each.points)) for each in shown),
        pins=tuple(sorted(pins, key=lambda pin: pin.at)),
        span=(report.start_at, report.end_at),
    )
