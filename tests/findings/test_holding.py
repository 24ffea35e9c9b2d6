"""Limits that hold for a window, and readings that swing around them."""

from __future__ import annotations

import pytest

from perftui.findings.holding import damped
from perftui.pipeline.loop import new_store
from tests.frames import cpu_frames

READING = "host.cpu.busy_ratio"


def last(values: list[float | None], limit: float = 0.5) -> float | None:
    store = new_store()
    for frame in cpu_frames(values):
        history = store.push(frame)
    return damped(history, READING, limit)


@pytest.mark.parametrize(
    ("values", "above"),
    [
        ([*[0.9] * 20, *[0.45] * 6], True),
        ([*[0.9] * 20, *[0.1] * 6], False),
        ([*[0.45] * 26], False),
        ([*[0.1] * 20, *[0.9] * 6], True),
    ],
    ids=["a swing below it", "gone", "never above", "has just come"],
)
def test_what_swings_around_a_limit_stays_and_what_is_gone_goes_at_once(
    values: list[float | None], above: bool
) -> None:
    found = last(values)

    assert found is not None
    assert (found > 0.5) == above
