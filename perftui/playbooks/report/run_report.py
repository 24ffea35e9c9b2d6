"""From the journal of a run to its report. Pure: the same journal, copies and evidence give the same records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from perftui.model.units import unit_of
from perftui.playbooks.document import Report
from perftui.playbooks.journal import Entry, Event, Journal
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.report.courses import comparison_rows, findings, judgements, series
from perftui.playbooks.report.records import (
    Change,
    Comparison,
    Evidence,
    Judgement,
    Moment,
    RunReport,
    Sitting,
    Spread,
    Suspect,
)
from perftui.playbooks.report.steps import Steps, changes, known_steps
from perftui.playbooks.report.timeline import timeline
from perftui.playbooks.report.told import cleaned, lines, mapping, moment, number, words
from perftui.playbooks.run.book import Bound
from perftui.playbooks.run.fold import folded
from perftui.playbooks.run.state import Book, here

_CALM = ("healthy", "unknown")
TODO = "todo"


class KeptFile(msgspec.Struct, frozen=True):
    """A file of the evidence folder as it is now."""

    sha256: str
    size_bytes: int


def run_report(
    journal: Journal,
    bound: Bound | None = None,
    kept: Mapping[str, KeptFile] | None = None,
    redactor: Redactor | None = None,
    problems: Sequence[str] = (),
) -> RunReport:
    """Tell a run.

    Args:
        journal: at least one entry.
        bound: the run's own copies of its playbooks; without them what only they tell (undo, titles of skipped steps,
            the next step) is missing.
        kept: what the evidence folder holds, by name; None leaves the evidence unchecked.
        redactor: the second pass: what leaves this machine is looked through once more.
        problems: of reading the copies and the folder.
    """
    hide = redactor or Redactor()
    entries = [cleaned(entry, hide) for entry in journal.entries]
    book = bound.book if bound else None
    known = known_steps(book)
    steps = Steps(known)
    for entry in entries:
        steps.put(entry)
    made = tuple(changes(entries, steps, known))
    told = timeline(entries, known)
    evidence = tuple(_evidence(entries, kept))
    judged = judgements(entries)
    first, last = entries[0], entries[-1]
    closed = next((entry for entry in reversed(entries) if entry.ev == Event.RUN_CLOSE), None)
    opened_at, ended_at = moment(first.at), moment((closed or last).at)
    playbook = book.playbooks[book.main] if book else None
    report = playbook.report if playbook else Report()
    next_step, trouble = _next_step(book, journal) if closed is None else ("", "")
    return RunReport(
        run=words(first.run),
        playbook=words(first.data.get("playbook")),
        title=words(first.data.get("title")) or words(first.data.get("playbook")) or words(first.run),
        sha256=words(first.data.get("sha256")),
        lines=len(entries),
        perftui=words(first.data.get("perftui")),
        host=words(first.who.host),
        users=tuple(dict.fromkeys(words(entry.who.user) for entry in entries)),
        opened_at=opened_at,
        ended_at=ended_at,
        open=closed is None,
        result=(words(closed.data.get("reason")) or "finished") if closed else "open",
        allowed=any(_allows(entry) for entry in entries),
        sittings=tuple(_sittings(entries)),
        duration_s=_between(opened_at, ended_at),
        detected_s=_detected_s(judged, opened_at),
        first_finding_s=_first(entries, opened_at, lambda entry: entry.ev == Event.VERDICT and _accuses(entry)),
        first_change_s=_first_change_s(made, steps, opened_at),
        template=report.template,
        include=report.include,
        judged_first=judged[0] if judged else None,
        judged_last=judged[-1] if judged else None,
        findings=findings(entries),
        board=tuple(_board(entries, steps)),
        timeline=told,
        steps=tuple(steps.told),
        changes=made,
        comparisons=tuple(_comparison(entry, row) for entry, row in comparison_rows(entries)),
        series=series(entries),
        evidence=evidence,
        mitigate=tuple(words(hide.text(line)) for line in (playbook.mitigate if playbook else ())),
        follow_up=tuple(
            _follow_up(entries, closed, [hide.text(line) for line in (playbook.follow_up if playbook else ())])
        ),
        next_step=words(hide.text(next_step)),
        problems=tuple(
            words(hide.text(problem))
            for problem in (
                *journal.problems,
                *(["the last line was cut while it was written; it counts as never written"] if journal.torn else []),
                *problems,
                *([trouble] if trouble else []),
                *_doubts(entries, bound, told, made, evidence),
            )
        ),
    )


def _sittings(entries: Sequence[Entry]) -> Iterator[Sitting]:
    starts = [place for place, entry in enumerate(entries) if place == 0 or entry.ev == Event.RUN_RESUMED]
    for start, end in zip(starts, [*starts[1:], len(entries)], strict=True):
        who = entries[start].who
        yield Sitting(
            start_at=moment(entries[start].at),
            end_at=moment(entries[end - 1].at),
            user=words(who.user),
            host=words(who.host),
            sudo_user=words(who.sudo_user),
            ssh_from=words(who.ssh_from),
        )


def _allows(entry: Entry) -> bool:
    if entry.ev in (Event.RUN_OPEN, Event.RUN_RESUMED):
        return bool(entry.data.get("allow_changes"))
    return entry.ev == Event.CONFIRM and bool(entry.data.get("unlocks"))


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)


def _accuses(entry: Entry) -> bool:
    return entry.data.get("verdict") in ("suspect", "confirmed")


def _first(entries: Iterable[Entry], opened_at: float | None, fits: Any) -> float | None:
    return next((_between(opened_at, moment(entry.at)) for entry in entries if fits(entry)), None)


def _first_change_s(made: Sequence[Change], steps: Steps, opened_at: float | None) -> float | None:
    """A change counts from its end: before it nothing is better."""
    ends = {(told.path, told.start_at): told.end_at for told in steps.told}
    done = [ends.get((change.path, change.at)) for change in made if change.state in ("passed", "done")]
    return next((_between(opened_at, at) for at in done if at is not None), None)


def _detected_s(judged: Sequence[Judgement], opened_at: float | None) -> float | None:
    """None where nothing was wrong at the opening, or nobody saw when it began."""
    if not judged or judged[0].constraint in _CALM or judged[0].began_before:
        return None
    since_at = judged[0].since_at
    return None if since_at is None or opened_at is None or since_at > opened_at else opened_at - since_at


def _board(entries: Sequence[Entry], steps: Steps) -> Iterator[Suspect]:
    """The last word on each cause, the gravest first."""
    order = ("confirmed", "suspect", "cleared")
    last: dict[str, Entry] = {}
    said: dict[str, set[str]] = {}
    for entry in entries:
        if entry.ev == Event.VERDICT:
            cause = words(entry.data.get("cause"))
            last[cause] = entry
            said.setdefault(cause, set()).add(words(entry.data.get("verdict")))
    read = {told.path: told.output for told in steps.told if told.output}
    found = [
        Suspect(
            cause=cause,
            verdict=words(entry.data.get("verdict")),
            say=words(entry.data.get("say")),
            because=words(entry.data.get("because")),
            step=words(entry.step),
            at=moment(entry.at),
            facts=read.get(words(entry.step), ()),
            changed=len(said[cause]) > 1,
        )
        for cause, entry in last.items()
    ]
    yield from sorted(found, key=lambda each: order.index(each.verdict) if each.verdict in order else len(order))


def _comparison(entry: Entry, row: Mapping[str, Any]) -> Comparison:
    reading = words(row.get("reading"))
    return Comparison(
        step=words(entry.step),
        reading=reading,
        unit=unit_of(reading),
        before=number(row.get("before")),
        after=number(row.get("after")),
        change_pct=number(row.get("change_pct")),
        verdict=words(row.get("verdict")),
        why=words(row.get("why")),
        spread_before=_spread(row.get("spread_before")),
        spread_after=_spread(row.get("spread_after")),
    )


def _spread(told: Any) -> Spread:
    found = mapping(told)
    return Spread(
        n=int(number(found.get("n")) or 0), **{key: number(found.get(key)) for key in ("p50", "p95", "p99", "cv_pct")}
    )


def _evidence(entries: Iterable[Entry], kept: Mapping[str, KeptFile] | None) -> Iterator[Evidence]:
    for entry in entries:
        told = mapping(entry.data.get("evidence"))
        name = words(told.get("sha256"))
        if not name:
            continue
        size = number(told.get("size_bytes"))
        found = kept.get(name) if kept is not None else None
        if kept is None:
            state = "not checked"
        elif found is not None:
            state = "verified" if found.sha256 == name else "changed"
        else:
            state = "missing" if told.get("kept") else "not kept"
        whole = None if size is None else int(size)
        yield Evidence(step=words(entry.step), sha256=name, size_bytes=whole, state=state)  # type: ignore[arg-type]


def _follow_up(entries: Iterable[Entry], closed: Entry | None, planned: Sequence[str]) -> Iterator[str]:
    """What the playbook says is to be done afterwards, and the notes that say TODO."""
    yield from lines(closed.data.get("follow_up"), 100) if closed else map(words, planned)
    for entry in entries:
        text = words(entry.data.get("text")) if entry.ev == Event.NOTE else ""
        if text.lower().startswith(TODO):
            yield text[len(TODO) :].lstrip(" :")


def _next_step(book: Book | None, journal: Journal) -> tuple[str, str]:
    """The step at hand, and why it can't be told."""
    if book is None:
        return "", ""
    try:
        state = folded(book, journal.entries)
        found = here(state)
    except Exception as exc:  # a journal that somebody changed can say anything
        return "", f"where the run stands can't be worked out from its lines ({type(exc).__name__})"
    if found is None:
        return "", ""
    _, step, path = found
    return f"{step.title} ({path}, {state.status.value}{f': {state.problem}' if state.problem else ''})", ""


def _doubts(
    entries: Sequence[Entry],
    bound: Bound | None,
    told: Sequence[Moment],
    made: Sequence[Change],
    evidence: Sequence[Evidence],
) -> Iterator[str]:
    first = entries[0]
    if first.ev != Event.RUN_OPEN:
        yield "the beginning of the run is missing"
    if bound is not None and first.data.get("sha256") not in (None, bound.sha256):
        yield f"the kept copy of the playbook ({bound.sha256[:12]}) is not the one that the run began with"
    for at in told:
        if at.sort == "problem" and "kept in disk" not in at.words:
            yield f"not durable for a while: {at.words}"
    for change in made:
        if change.state == "indeterminate":
            yield f"nobody knows whether this was done: {change.title} ({change.path})"
        if change.undo == "undo indeterminate":
            yield f"nobody knows whether this was taken back: {change.title} ({change.path})"
    for each in evidence:
        if each.state in ("changed", "missing", "not kept"):
            yield f"evidence {each.sha256[:12]} of {each.step} {'is' if each.state == 'missing' else 'was'} {each.state}"
