"""What a run kept of its readings, put together: their courses, what the rules said, deploys and marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from perftui.model.units import unit_of
from perftui.playbooks.journal import Entry, Event
from perftui.playbooks.report.records import Finding, Judgement, Moment, Series
from perftui.playbooks.report.told import lines, mapping, moment, number, rows, words


def marks(entries: Iterable[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries if entry.ev == Event.METRIC_MARK)


def series(entries: Sequence[Entry]) -> tuple[Series, ...]:
    """Each reading's points of all marks; where two marks tell of one moment the later one holds."""
    points: dict[str, dict[float, float | None]] = {}
    for entry in marks(entries):
        for name, told in mapping(entry.data.get("series")).items():
            found = points.setdefault(name, {})
            for pair in told if isinstance(told, list) else ():
                if isinstance(pair, list) and len(pair) == 2 and (at := number(pair[0])) is not None:
                    found[at] = number(pair[1])
        at = number(entry.data.get("at"))
        for name, value in mapping(entry.data.get("values")).items():
            if at is not None:
                points.setdefault(name, {})[at] = number(value)
    return tuple(
        Series(reading=words(name), unit=unit_of(name), points=tuple(sorted(found.items())))
        for name, found in points.items()
        if any(value is not None for value in found.values())
    )


def judgements(entries: Sequence[Entry]) -> tuple[Judgement, ...]:
    """What the rules said at each mark."""
    return tuple(
        Judgement(
            at=number(entry.data.get("at")) or moment(entry.at),
            constraint=words(verdict["class"]),
            severity=words(verdict.get("severity")),
            summary=words(verdict.get("summary")),
            chain=lines(verdict.get("chain")),
            others=lines(verdict.get("others")),
            since_at=moment(verdict.get("since_at")),
            began_before=verdict.get("began_before") is True,
        )
        for entry in marks(entries)
        if (verdict := mapping(entry.data.get("verdict"))) and words(verdict.get("class"))
    )


def turns(judged: Sequence[Judgement]) -> Iterator[Moment]:
    """The moments at which the verdict became another one."""
    before = ""
    for each in judged:
        if each.constraint != before:
            yield Moment(at=each.at, sort="judged", words=judgement_words(each))
        before = each.constraint


def judgement_words(judged: Judgement) -> str:
    """`lock bound (critical): 37 backends wait for pid 4242`."""
    severity = f" ({judged.severity})" if judged.severity not in ("", "info") else ""
    summary = f": {judged.summary}" if judged.summary else ""
    return f"{judged.constraint.replace('_', ' ')}{severity}{summary}"


def findings(entries: Sequence[Entry]) -> tuple[Finding, ...]:
    """The rules' findings at the beginning and at the end, each once."""
    found: dict[tuple[str, str], Finding] = {}
    for entry in marks(entries):
        for told in rows(entry.data.get("findings")):
            finding = Finding(
                rule=words(told.get("rule")),
                severity=words(told.get("severity")),
                title=words(told.get("title")),
                since_at=moment(told.get("since_at")),
            )
            found.setdefault((finding.rule, str(finding.since_at)), finding)
    return tuple(found.values())


def outside(entries: Sequence[Entry]) -> Iterator[Moment]:
    """Deploys and marks around the run, each once."""
    seen: set[Moment] = set()
    for entry in marks(entries):
        for told in rows(entry.data.get("deploys")):
            title = f"{words(told.get('service'))} {words(told.get('version'))}".strip()
            yield from _once(Moment(at=moment(told.get("at")), sort="deploy", words=title), seen)
        for told in rows(entry.data.get("marks")):
            yield from _once(Moment(at=moment(told.get("at")), sort="mark", words=words(told.get("text"))), seen)


def _once(found: Moment, seen: set[Moment]) -> Iterator[Moment]:
    if found.at is not None and found not in seen:
        seen.add(found)
        yield found


def comparison_rows(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Any]]:
    """The rows of every comparison."""
    for entry in entries:
        if entry.ev == Event.STEP_OUTCOME:
            for row in rows(mapping(entry.data.get("values")).get("rows")):
                if "reading" in row and "change_pct" in row:
                    yield entry, row
