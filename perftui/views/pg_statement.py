"""One statement on the whole screen: its numbers, its whole text, its plan."""

from __future__ import annotations

import textwrap

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_plan import How, Plan, StatementKey, StatementText
from perftui.sources.pg_statements import PgStatementsPart, StatementReading
from perftui.views.format import count, latency, percent, rate
from perftui.views.layout import Group, flow, labelled, wrapped
from perftui.views.model import Line, Role, Zoom, text


class OpenedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that was opened, and what came of what was asked about it."""

    key: StatementKey
    brief: str | None
    """Its text as far as the sample holds it, until the whole one has come."""
    whole: StatementText | None = None
    plan: Plan | None = None
    problem: str = ""
    waits_for: str = ""
    """What was asked and has not come yet."""


def key_of(reading: StatementReading) -> StatementKey:
    return StatementKey(queryid=reading.queryid, database_oid=reading.database_oid, user_oid=reading.user_oid)


def statement_zoom(snapshot: Snapshot, opened: OpenedStatement, width: int) -> Zoom:
    """Numbers of this moment above the text and the plan."""
    return Zoom(title=f"Statement {opened.key.queryid}", lines=tuple(_lines(snapshot, opened, width)))


def copied(opened: OpenedStatement) -> str:
    """Text and plan, to paste."""
    words = opened.whole.text if opened.whole else opened.brief or ""
    return f"{words}\n\n{chr(10).join(opened.plan.lines)}\n" if opened.plan else f"{words}\n"


def _lines(snapshot: Snapshot, opened: OpenedStatement, width: int) -> list[Line]:
    lines = [*_numbers(snapshot, opened.key, width)]
    if opened.waits_for:
        lines += wrapped(f"{opened.waits_for}…", width, Role.DIM)
    lines += [*wrapped(opened.problem, width, Role.WARNING), text("")]
    lines += _text(opened, width)
    if opened.plan:
        lines += [text(""), *_plan(opened.plan, width)]
    return lines


def _numbers(snapshot: Snapshot, key: StatementKey, width: int) -> tuple[Line, ...]:
    part = snapshot.history.known(PgStatementsPart)
    found = next((each for each in part.statements.top if key_of(each) == key), None) if part else None
    if found is None:
        return wrapped("it is not among the statements that ended in the last interval", width, Role.DIM)
    groups: list[Group] = [
        [
            labelled("time", percent(found.time_ratio), Role.STRONG),
            labelled("calls/s", count(found.calls_per_s)),
            labelled("mean", latency(found.mean_s)),
            labelled("max ever", latency(found.max_s)),
            labelled("rows/call", count(found.rows_per_call)),
            labelled("hit", percent(found.hit_ratio)),
            labelled("temp", rate(found.temp_bytes_per_s)),
            labelled("wal", rate(found.wal_bytes_per_s)),
        ]
    ]
    return flow(groups, width, 3, essential=1)


def _text(opened: OpenedStatement, width: int) -> list[Line]:
    if opened.whole is None:
        words, note = opened.brief or "its text is not known yet", ""
    else:
        words = opened.whole.text
        note = "literals as they stand" if opened.whole.literals else ""
        note = "cut at 64 KiB" if opened.whole.cut else note
    lines = [text(f"text{f' · {note}' if note else ''}", Role.TITLE)]
    return lines + [text(row) for line in words.splitlines() for row in _broken(line, width)]


def _plan(plan: Plan, width: int) -> list[Line]:
    title = f"{plan.how} · search_path {plan.search_path}"
    lines = [text(title, Role.TITLE)]
    if plan.how is not How.ANALYZE:
        lines.append(text("not run: costs and rows are the planner's estimates", Role.DIM))
    return lines + [text(row) for line in plan.lines for row in _broken(line, width)]


def _broken(line: str, width: int) -> list[str]:
    """A line in as many as it takes, what follows indented as the line is."""
    indent = " " * min(len(line) - len(line.lstrip()) + 2, max(0, width // 2))
    rows = textwrap.wrap(line, max(1, width), subsequent_indent=indent, drop_whitespace=False, replace_whitespace=False)
    return rows or [""]
