"""The phases of a load test as a schedule (S002 35.2): how many users when, and for how long."""

from __future__ import annotations

from math import ceil

import msgspec

WARM_UP_S = (300.0, 600.0)
"""S002 35.2: 5 to 10 minutes."""
RAMP_RATIO = (0.10, 0.20)
"""S002 35.2: of the target, a minute."""
STEADY_TIMES = 2
"""S002 35.2: at least twice the longest transaction."""
STEADY_S = 600.0
"""Ours: with less a P99 of a minute can't be told from its neighbours."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    at_s: float
    """After the begin of the test."""
    for_s: float
    users: int
    """At its end; in ramps and ramp-down they change in even steps within it."""
    says: str = ""
    """What has to hold before the next one begins."""


def load_plan(
    target: int,
    *,
    ramp_ratio: float = 0.15,
    longest_s: float = 30.0,
    warm_up_s: float = 300.0,
    steady_s: float | None = None,
) -> list[Step]:
    """All phases in their order.

    Args:
        ramp_ratio: of the target that is added each minute.
        longest_s: the longest transaction.
        steady_s: None takes what is asked at least.
    """
    warm = max(1, round(target * 0.1))
    steady = max(STEADY_S, STEADY_TIMES * longest_s) if steady_s is None else steady_s
    parts: list[tuple[str, float, int, str]] = [
        ("baseline", 120.0, 1, "one user alone: what the system takes without load"),
        ("warm_up", warm_up_s, warm, "caches, pools and compilers are warm: at most 1 % of errors, else stop"),
    ]
    minutes = ceil((target - warm) / (target * ramp_ratio) - 1e-9) if target > warm else 0
    for minute in range(1, minutes + 1):
        users = min(target, round(warm + target * ramp_ratio * minute))
        parts.append(("ramp", 60.0, users, ""))
    parts += [
        ("steady", steady, target, "what is measured"),
        ("ramp_down", 120.0, 0, "the system recovers: queues empty, connections return"),
        ("cool_down", 300.0, 0, "memory, descriptors and connections are back at the baseline's"),
    ]
    steps, at_s = [], 0.0
    for phase, for_s, users, says in parts:
        steps.append(Step(phase=phase, at_s=at_s, for_s=for_s, users=users, says=says))
        at_s += for_s
    return steps
