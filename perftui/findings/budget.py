"""Budgets: what may be measured at most or at least, and whether it was kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Literal

import msgspec

from perftui.history.percentiles import APDEX_TARGET_S, percentile
from perftui.model.units import unit_of

Statistic = Literal["whole", "avg", "max", "min", "last", "p50", "p95", "p99"]
Measured = Callable[[str, Statistic], tuple[float | None, Statistic]]
"""(reading, statistic) → its value and which statistic that is; None where it was not measured."""


class State(StrEnum):
    PASS = "pass"
    NEAR = "near"
    """Within the budget, and beyond the share of it from which a warning was asked for."""
    FAIL = "fail"
    UNKNOWN = "unknown"
    """Not measured: it neither passes nor fails."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One limit."""

    name: str
    reading: str
    statistic: Statistic
    limit: float
    """In base units; times the other reading where `times_of` names one."""
    at_least: bool = False
    """The value has to reach the limit instead of staying below it."""
    times_of: str = ""
    near_ratio: float | None = None
    """From this share of the limit on it is near."""
    seed: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A budget beside what was measured."""

    name: str
    reading: str
    statistic: Statistic
    state: State
    value: float | None
    limit: float | None
    unit: str
    at_least: bool
    used_ratio: float | None
    """How much of the budget was used; for what has to be reached, the limit over the value."""
    seed: str = ""


def apdex_target_s(budgets: Iterable[Budget]) -> float:
    """T of Apdex: the P95 that has to be kept, else 0.5 s."""
    limits = (
        each.limit for each in budgets if each.reading == "load.p95_s" and not each.at_least and not each.times_of
    )
    return next(limits, APDEX_TARGET_S)


def usual_statistic(reading: str) -> Statistic:
    """Of a reading that is given over time: percentiles are never averaged, so the worst window of them counts."""
    last = reading.rpartition(".")[2]
    if last.startswith("p") and last[1:].removesuffix("_s").isdigit():
        return "whole" if reading.startswith("load.") else "max"
    return "whole" if reading == "load.error_ratio" else "last" if last.endswith("_total") else "avg"


def statistic(values: list[float], which: Statistic) -> float | None:
    """Of the known values in their order; None without any. Of the whole nothing can be told from values over time."""
    if not values or which == "whole":
        return None
    match which:
        case "avg":
            return sum(values) / len(values)
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "last":
            return values[-1]
        case _:
            return percentile(sorted(values), int(which[1:]) / 100)


def judged(budgets: Iterable[Budget], measured: Measured) -> list[Outcome]:
    """Each budget with its outcome, in their order."""
    return [_outcome(budget, measured) for budget in budgets]


def _outcome(budget: Budget, measured: Measured) -> Outcome:
    value, which = measured(budget.reading, budget.statistic)
    other = measured(budget.times_of, budget.statistic)[0] if budget.times_of else 1.0
    limit = None if other is None else budget.limit * other
    used = None
    if value is not None and limit is not None:
        top, bottom = (limit, value) if budget.at_least else (value, limit)
        used = top / bottom if bottom else (0.0 if not top else float("inf"))
    return Outcome(
        name=budget.name,
        reading=budget.reading,
        statistic=which,
        state=_state(budget, value, limit, used),
        value=value,
        limit=limit,
        unit="" if unit_of(budget.reading) == "count" else unit_of(budget.reading),
        at_least=budget.at_least,
        used_ratio=used,
        seed=budget.seed,
    )


def _state(budget: Budget, value: float | None, limit: float | None, used: float | None) -> State:
    if value is None or limit is None or used is None:
        return State.UNKNOWN
    if value < limit if budget.at_least else value > limit:
        return State.FAIL
    return State.NEAR if budget.near_ratio is not None and used >= budget.near_ratio else State.PASS
