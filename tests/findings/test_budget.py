"""Budgets beside what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from perftui.findings.budget import Budget, State, Statistic, judged, statistic, usual_statistic


def outcome_of(measured: dict[str, float], **changes: Any) -> State:
    fields: dict[str, Any] = {"name": "it", "reading": "load.p95_s", "statistic": "whole", "limit": 0.5}
    (outcome,) = judged([Budget(**{**fields, **changes})], lambda reading, which: (measured.get(reading), which))
    return outcome.state


@pytest.mark.parametrize(
    ("measured", "changes", "state"),
    [
        ({"load.p95_s": 0.4}, {}, State.PASS),
        ({"load.p95_s": 0.5}, {}, State.PASS),
        ({"load.p95_s": 0.51}, {}, State.FAIL),
        ({"load.p95_s": 0.4}, {"near_ratio": 0.75}, State.NEAR),
        ({"load.p95_s": 0.3}, {"near_ratio": 0.75}, State.PASS),
        ({}, {}, State.UNKNOWN),
        ({"load.p95_s": 0.95}, {"at_least": True, "limit": 0.9}, State.PASS),
        ({"load.p95_s": 0.85}, {"at_least": True, "limit": 0.9}, State.FAIL),
        ({"load.p95_s": 0.92}, {"at_least": True, "limit": 0.9, "near_ratio": 0.95}, State.NEAR),
        ({"load.p95_s": 0.0}, {"at_least": True, "limit": 0.9}, State.FAIL),
        ({"load.p95_s": 0.0}, {"limit": 0.0}, State.PASS),
        ({"load.p95_s": 0.1, "load.p50_s": 0.06}, {"limit": 2, "times_of": "load.p50_s"}, State.PASS),
        ({"load.p95_s": 0.1, "load.p50_s": 0.04}, {"limit": 2, "times_of": "load.p50_s"}, State.FAIL),
        ({"load.p95_s": 0.1}, {"limit": 2, "times_of": "load.p50_s"}, State.UNKNOWN),
    ],
)
def test_outcomes(measured: dict[str, float], changes: dict[str, Any], state: State) -> None:
    assert outcome_of(measured, **changes) is state


@pytest.mark.parametrize(
    ("reading", "which"),
    [
        ("load.p95_s", "whole"),
        ("load.error_ratio", "whole"),
        ("probe.p99_s", "max"),
        ("host.cpu.busy_ratio", "avg"),
        ("host.memory.oom_kills_total", "last"),
        ("host.pressure.cpu.some_avg10_ratio", "avg"),
    ],
)
def test_percentiles_are_never_averaged(reading: str, which: Statistic) -> None:
    assert usual_statistic(reading) == which


@pytest.mark.parametrize(
    ("which", "expected"),
    [("avg", 3.0), ("max", 6.0), ("min", 1.0), ("last", 2.0), ("p50", 2.0), ("p95", 6.0), ("whole", None)],
)
def test_statistics(which: Statistic, expected: float | None) -> None:
    assert statistic([1.0, 6.0, 2.0], which) == (pytest.approx(3.0) if which == "avg" else expected)
    assert statistic([], which) is None
