"""Pages move between memory and swap."""

from __future__ import annotations

from perftui.findings import leaders
from perftui.findings.holding import RELEASE, WINDOW_S, began, evidence, kept, mean, of_late, watched
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity

NAME = "host.swapping"
_IN, _OUT = "host.swap.in_bytes_per_s", "host.swap.out_bytes_per_s"


class SwappingLimits(Limits, frozen=True, kw_only=True):
    moved_bytes_per_s: float = 1 << 20
    """S002 §35.3.2 says more than 0; ours: a mebibyte a second, so that parking idle pages is no incident."""
    moving_share: float = 0.6
    """Ours: share of the window's ticks in which pages moved."""
    thrash_bytes_per_s: float = 4 << 20
    """Ours: in and out at once above this is thrashing, which is critical."""
    window_s: float = WINDOW_S


def swapping(history: History, limits: SwappingLimits) -> list[Finding]:
    """Pages that keep moving, in or out."""
    if not watched(history, limits.window_s):
        return []

    def moved(then: History) -> float:
        return sum(mean(then, each, limits.window_s) or 0.0 for each in (_IN, _OUT))

    def over(then: History) -> bool:
        heavier = max((_IN, _OUT), key=lambda each: mean(then, each, limits.window_s) or 0.0)
        values = then.window(heavier, limits.window_s).values
        moving = sum(value > 0 for value in values) >= limits.moving_share * len(values)
        return moving and moved(then) > limits.moved_bytes_per_s

    def gone(then: History) -> bool:
        return moved(then) < RELEASE * limits.moved_bytes_per_s

    def since(then: History) -> tuple[float, bool]:
        return min(then.held_since(each, limits.moved_bytes_per_s / 10, limits.window_s) for each in (_IN, _OUT))

    last = kept(history, over, gone)
    moved_in, moved_out = mean(history, _IN, limits.window_s), mean(history, _OUT, limits.window_s)
    if last is None or moved_in is None or moved_out is None:
        return []
    since_at, before = began(last, over, gone, since)
    leader = leaders.leading(history, leaders.major_faults, floor=20.0)
    thrashing = min(max(of_late(history, each, limits.window_s)) for each in (_IN, _OUT)) > limits.thrash_bytes_per_s
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if thrashing else Severity.WARNING,
            constraint=Constraint.MEMORY_BOUND,
            title=f"swap in {size(moved_in)}/s, out {size(moved_out)}/s{leaders.by(leader)}",
            since_at=since_at,
            began_before=before,
            subject=leaders.subject(leader),
            evidence=(
                evidence(_IN, moved_in, "bytes/s", 0, limits.window_s, "S002 35.3.2"),
                evidence(_OUT, moved_out, "bytes/s", 0, limits.window_s, "S002 35.3.2"),
                evidence("host.swap.used_bytes", history.value("host.swap.used_bytes"), "bytes"),
            ),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.MEMORY_BOUND,
    limits=SwappingLimits,
    find=swapping,
    needs=("memory",),
)
