"""Baselines as text."""

from __future__ import annotations

import pytest

from perftui.history.baseline import Baseline
from perftui.model.frame import Machine
from perftui.reports.baseline import elsewhere

HERE = Machine(hostname="web-1", system="Linux", cores=4, memory_bytes=1 << 34)


@pytest.mark.parametrize(
    ("host", "cores", "then", "now", "told"),
    [
        ("web-1", 4, "16.4", "16.4", []),
        ("web-1", 4, "16.4", "17.1", ["not the same conditions: Postgres 16.4 → Postgres 17.1"]),
        ("web-2", 8, None, "17.1", ["not the same conditions: web-2 → web-1, 8 cores → 4 cores"]),
        ("web-1", 4, "16.4", None, []),
    ],
)
def test_other_conditions_are_told_and_what_is_not_known_is_not_compared(
    host: str, cores: int, then: str | None, now: str | None, told: list[str]
) -> None:
    kept = Baseline(
        name="usual",
        first_at=0.0,
        last_at=1800.0,
        host=host,
        system="Linux",
        cores=cores,
        program="0",
        postgres=then,
        courses={},
    )

    assert elsewhere(kept, HERE, now) == told
