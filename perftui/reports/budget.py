"""Budgets and what became of them: a table for people, JSON for scripts, JUnit's XML for CI."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import msgspec

from perftui.findings.budget import Outcome, State
from perftui.views.format import UNKNOWN, in_unit, percent

_WORDS = {State.PASS: "pass", State.NEAR: "near", State.FAIL: "FAIL", State.UNKNOWN: "unknown"}


def budget_text(title: str, outcomes: list[Outcome]) -> str:
    """A line each, and how many failed."""
    rows = [("", "budget", "measured", "limit", "used", "reading")]
    rows += [
        (
            _WORDS[each.state],
            each.name,
            in_unit(each.value, each.unit),
            _limit(each),
            UNKNOWN if each.used_ratio is None else percent(each.used_ratio).strip(),
            each.reading if each.statistic == "whole" else f"{each.reading} ({each.statistic})",
        )
        for each in outcomes
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    lines = [
        "  ".join(
            cell.rjust(width) if place in (2, 3, 4) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row[:5], widths, strict=True))
        )
        + f"  {row[5]}"
        for row in rows
    ]
    return "\n".join([title, *lines, _sum(outcomes)])


def _limit(outcome: Outcome) -> str:
    return f"{'≥' if outcome.at_least else '≤'} {in_unit(outcome.limit, outcome.unit)}"


def _sum(outcomes: list[Outcome]) -> str:
    counts = {state: sum(each.state is state for each in outcomes) for state in State}
    kept = counts[State.PASS] + counts[State.NEAR]
    return f"{kept} of {len(outcomes)} kept, {counts[State.FAIL]} failed, {counts[State.UNKNOWN]} not measured"


def budget_json(title: str, outcomes: list[Outcome]) -> bytes:
    """In base units."""
    return msgspec.json.format(msgspec.json.encode({"title": title, "budgets": outcomes}), indent=1)


def budget_junit(title: str, outcomes: list[Outcome]) -> str:
    """One test case each; what was not measured is an error, not a failure."""
    failures = sum(each.state is State.FAIL for each in outcomes)
    errors = sum(each.state is State.UNKNOWN for each in outcomes)
    head = f'name={quoteattr(title)} tests="{len(outcomes)}" failures="{failures}" errors="{errors}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {head}>", f"<testsuite {head}>"]
    for each in outcomes:
        lines.append(f"<testcase classname={quoteattr(each.reading)} name={quoteattr(each.name)}>")
        words = quoteattr(f"{in_unit(each.value, each.unit)}, limit {_limit(each)}")
        if each.state is State.FAIL:
            lines.append(f'<failure type="budget" message={words}/>')
        elif each.state is State.UNKNOWN:
            lines.append(f'<error type="unknown" message={quoteattr(f"{each.reading} was not measured")}/>')
        lines.append("</testcase>")
    return "\n".join([*lines, "</testsuite>", "</testsuites>"]) + "\n"
