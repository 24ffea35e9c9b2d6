"""compare: how the ticks of a window lie, for the report."""

from __future__ import annotations

from typing import Any

import pytest

from perftui.playbooks.steps.compare import spread

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], {"n": 0}),
        ([NAN, NAN], {"n": 0}),
        ([2.0], {"n": 1, "p50": 2.0, "p95": 2.0, "p99": 2.0, "cv_pct": 0.0}),
        ([NAN, 1.0, 3.0], {"n": 2, "p50": 3.0, "p95": 3.0, "p99": 3.0, "cv_pct": 50.0}),
        ([0.0, 0.0], {"n": 2, "p50": 0.0, "p95": 0.0, "p99": 0.0, "cv_pct": None}),
        ([float(n) for n in range(100)], {"n": 100, "p50": 50.0, "p95": 95.0, "p99": 99.0}),
    ],
)
def test_percentiles_variation_and_count_of_what_is_known(values: list[float], found: dict[str, Any]) -> None:
    told = spread([float(place) for place in range(len(values))], values, 0.0, 1000.0)

    assert {name: told[name] for name in found} == found


def test_only_the_window_counts() -> None:
    assert spread([0.0, 10.0, 20.0], [1.0, 2.0, 3.0], 5.0, 20.0)["n"] == 1
