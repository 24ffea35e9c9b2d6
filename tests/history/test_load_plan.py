"""The schedule of a load test keeps S002's limits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from perftui.history.load_phase import PHASES
from perftui.history.load_plan import load_plan


@pytest.mark.parametrize("target", [1, 2, 10, 500, 100_000])
@pytest.mark.parametrize("ramp_ratio", [0.1, 0.15, 0.2])
def test_the_ramp_ends_at_the_target_in_even_steps(target: int, ramp_ratio: float) -> None:
    steps = load_plan(target, ramp_ratio=ramp_ratio, longest_s=400)
    ramp = [step.users for step in steps if step.phase == "ramp"]
    (steady,) = [step for step in steps if step.phase == "steady"]

    assert [step.at_s + step.for_s for step in steps[:-1]] == [step.at_s for step in steps[1:]]
    assert list(dict.fromkeys(step.phase for step in steps)) == [p for p in PHASES if ramp or p != "ramp"]
    assert all(after - before <= target * ramp_ratio + 1 for before, after in pairwise(ramp))
    assert (steady.users, steady.for_s) == (target, 800)
    assert not ramp or ramp[-1] == target
