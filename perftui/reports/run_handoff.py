"""A run on one screen, for who comes next."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from perftui.history.words import age
from perftui.playbooks.report.courses import judgement_words
from perftui.playbooks.report.records import Change, RunReport
from perftui.reports.page import UNKNOWN, fitted
from perftui.views.format import clock

WIDTH, HEIGHT = 80, 24
_LABEL = 9


def handoff_text(report: RunReport, width: int = WIDTH, height: int = HEIGHT) -> str:
    """At most so many lines of so many cells: how it stands, what is found, what stands changed, what comes next."""
    fixed = _head(report, width)
    foot = _foot(report, width)
    groups = _groups(report, width)
    lines = _shared(groups, max(0, height - len(fixed) - len(foot)))
    return "\n".join([*fixed, *(fitted(line, width) for line in lines), *foot])


def _head(report: RunReport, width: int) -> list[str]:
    state = (
        f"open since {_clock(report.opened_at)}"
        if report.open
        else f"closed {_clock(report.ended_at)}, {report.result}"
    )
    took = UNKNOWN if report.duration_s is None else age(report.duration_s)
    lines = [
        f"HANDOFF  {report.title}",
        f"{report.host} · {state} · {took} · {', '.join(report.users)} · changes {'unlocked' if report.allowed else 'locked'}",
        "─" * width,
    ]
    return [fitted(line, width) for line in lines]


def _foot(report: RunReport, width: int) -> list[str]:
    record = (
        f"{len(report.problems)} problems: {report.problems[0]}" if report.problems else f"{report.lines} lines, whole"
    )
    lines = [
        "─" * width,
        f"{'RECORD':<{_LABEL}}{record}",
        f"{'GO ON':<{_LABEL}}perftui playbook resume {report.run}"
        if report.open
        else f"{'MORE':<{_LABEL}}perftui report {report.run}",
    ]
    return [fitted(line, width) for line in lines]


def _groups(report: RunReport, width: int) -> list[tuple[str, list[str], int]]:
    """(label, lines, how many at least), the most needed first."""
    last = report.judged_last
    now = "no reading was there" if last is None else f"{_clock(last.at)} {judgement_words(last)}"
    since = f" since {_clock(last.since_at)}" if last is not None and last.since_at is not None else ""
    undone = [each for each in report.changes if each.made and each not in report.standing]
    changes = [_change(each) for each in (*report.standing, *undone)]
    accused = [
        f"{each.verdict:<9} {each.cause}  {each.say or each.because}"
        for each in report.board
        if each.verdict != "cleared"
    ]
    cleared = [each.cause for each in report.board if each.verdict == "cleared"]
    notes = [
        f"{_clock(each.at)} {each.user}: {each.words}" for each in report.timeline if each.sort == "note" and each.words
    ]
    return [
        ("NOW", _wrapped(f"{now}{since}", width), 2),
        ("NEXT", _wrapped(report.next_step, width), 2),
        ("BOARD", [*accused, *([f"cleared   {', '.join(cleared)}"] if cleared else [])], 3),
        ("CHANGED", changes or ["nothing"], 3),
        ("TO DO", list(report.follow_up), 3),
        ("NOTES", notes[::-1], 3),
        ("MITIGATE", list(report.mitigate), 2),
    ]


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, width - _LABEL)


def _change(change: Change) -> str:
    how = "" if change.state in ("passed", "done") else f" {change.state.upper()}"
    way = f" by: {' '.join(change.undo_does)}" if change.undo == "stands" and change.undo_does else ""
    return f"{_clock(change.at)} {change.title}{how} · {change.undo or 'no undo'}{way}"


def _shared(groups: Sequence[tuple[str, list[str], int]], room: int) -> list[str]:
    """Each group gets its least, what is left goes to the first ones that have more to tell."""
    shares = [min(len(lines), least) for _, lines, least in groups]
    left = room - sum(shares)
    for place, (_, lines, _) in enumerate(groups):
        more = max(0, min(left, len(lines) - shares[place]))
        shares[place] += more
        left -= more
    told: list[str] = []
    for (label, lines, _), share in zip(groups, shares, strict=True):
        shown = lines[:share]
        if len(lines) > share and shown:
            shown[-1] = f"… and {len(lines) - share + 1} more"
        told += [f"{label if place == 0 else '':<{_LABEL}}{line}" for place, line in enumerate(shown)]
    return told[:room]


def _clock(at: float | None) -> str:
    return f"{clock(at)[:5]}Z" if at is not None else UNKNOWN
