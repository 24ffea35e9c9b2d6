"""Limits that hold for a window, and readings that swing around them: one beginning, one end, and the end comes soon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from perftui.findings.holding import LINGER_S, WINDOW_S, Held, held
from perftui.model.finding import Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.loop import new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.memory import MemorySample
from tests.findings.pools import application
from tests.findings.postgres import activity, counters, session, statements, watch
from tests.frames import cpu_frames
from tests.probing import failed, ok, probed

READING = "host.cpu.busy_ratio"


def course(values: Sequence[float | None], limit: float = 0.5) -> list[Held | None]:
    store = new_store()
    return [held(store.push(frame), READING, limit) for frame in cpu_frames(values)]


def spells(found: Sequence[object]) -> list[tuple[int, int]]:
    """(first, last) tick of each time it was there."""
    there = [tick for tick, each in enumerate(found) if each]
    starts = [tick for tick in there if tick - 1 not in there]
    ends = [tick for tick in there if tick + 1 not in there]
    return list(zip(starts, ends, strict=True))


def swings(high: float, low: float, seconds: int, times: int) -> list[float | None]:
    return [*[high] * seconds, *[low] * seconds] * times


@pytest.mark.parametrize(
    "swing",
    [swings(0.6, 0.45, 2, 15), swings(0.6, 0.45, 3, 10), swings(0.9, 0.1, 2, 15), swings(1.0, 0.0, 3, 10)],
    ids=["2 s around it", "3 s around it", "2 s on and off", "3 s on and off"],
)
def test_what_swings_around_a_limit_begins_once_and_ends_once(swing: list[float | None]) -> None:
    calm: list[float | None] = [0.1] * 10
    found = course([*calm, *swing, *[0.05] * 30])

    ((first, last),) = spells(found)
    # Ticks: 0 has no rates, 1 to 10 are calm, the swing is over with the tick at 10 + len(swing).
    assert 11 <= first <= 10 + 12
    assert last <= 10 + len(swing) + WINDOW_S
    assert {each.since_at for each in found if each} == {1011.0}


@pytest.mark.parametrize(
    ("values", "ends_after_s"),
    [
        ([*[0.9] * 20, *[0.05] * 30], WINDOW_S),
        ([*[0.9] * 20, *[0.4] * 30], LINGER_S + WINDOW_S),
        ([*[0.55] * 20, *[0.45] * 30], LINGER_S + WINDOW_S),
    ],
    ids=["gone", "well below it", "a little below it"],
)
def test_it_ends_within_a_stated_time_after_its_end(values: list[float | None], ends_after_s: float) -> None:
    found = course(values)

    ((_, last),) = spells(found)
    assert 20 <= last <= 20 + ends_after_s
    assert {each.since_at for each in found if each} == {1000.0}


def test_what_never_was_above_it_is_not_found_however_near_it_comes() -> None:
    assert not any(course([0.49] * 40))


def test_what_was_far_below_begins_anew() -> None:
    found = course([*[0.1] * 10, *[0.9] * 10, *[0.1] * 10, *[0.9] * 10])

    assert len(spells(found)) == 2
    assert {each.since_at for each in found if each} == {1011.0, 1031.0}


def test_slow_swings_are_one_as_long_as_they_do_not_go_far_below() -> None:
    found = course([*[0.1] * 10, *swings(0.6, 0.38, 10, 5), *[0.1] * 10])

    assert len(spells(found)) == 1
    assert {each.since_at for each in found if each} == {1011.0}


def test_a_severity_is_judged_by_the_highest_window_of_late() -> None:
    found = course([*[0.1] * 10, *swings(0.95, 0.55, 3, 6)])

    highest = [each.highest for each in found[25:] if each]
    assert max(highest) - min(highest) < 0.01


def test_values_that_are_not_known_hold_nothing() -> None:
    found = course([*[0.9] * 20, *[None] * 10])

    assert found[20] is not None
    assert found[-1] is None


# Rules, each on samples that swing around its limit


def pages(second: int, seen: list[int]) -> Sample:
    """3 MiB/s are swapped out for two seconds, then nothing for two."""
    seen.append((seen[-1] if seen else 0) + (768 if 10 <= second < 40 and second % 4 < 2 else 0))
    found = {
        "MemTotal": 8 << 30,
        "MemFree": 4 << 30,
        "MemAvailable": 6 << 30,
        "SwapTotal": 8 << 30,
        "SwapFree": 6 << 30,
    }
    return MemorySample(mono=0.0, meminfo=found, vmstat={"oom_kill": 0, "pswpin": 0, "pswpout": seen[-1]})


def swapping() -> list[Snapshot]:
    seen: list[int] = []
    return watch(lambda second: {"memory": pages(second, seen)}, 70)


def spilling() -> list[Snapshot]:
    written = [0]

    def second(number: int) -> dict[str, Sample]:
        written[0] += (36 << 20) if 10 <= number < 40 and number % 6 < 3 else 0
        return {"pg_counters": counters(temp_bytes=written[0])}

    return watch(second, 70)


def pool(in_use: Callable[[int], tuple[int, int]]) -> list[Snapshot]:
    def second(number: int) -> dict[str, Sample]:
        lent, waiting = in_use(number) if 10 <= number < 40 else (5, 0)
        return {"pool_metrics": application(lent, waiting)}

    return watch(second, 70)


def connections() -> list[Snapshot]:
    def second(number: int) -> dict[str, Sample]:
        used = (84 if number % 6 < 3 else 74) if 10 <= number < 40 else 20
        return {"pg_activity": activity(idle=used - 1)}

    return watch(second, 70)


def slow_statement() -> list[Snapshot]:
    def second(number: int) -> dict[str, Sample]:
        interval = number // 5
        mean_s = (0.11 if interval % 2 else 0.08) if 2 <= interval < 8 else 0.001
        return {"pg_statements": statements((11, "SELECT 1 FROM orders", 50, 50 * mean_s))} if number % 5 == 0 else {}

    return watch(second, 70)


def crowd() -> list[Snapshot]:
    def second(number: int) -> dict[str, Sample]:
        count = (14 if number % 4 < 2 else 7) if 10 <= number < 40 else 0
        waiting = [session(5000 + n, 100, waited_s=0.4) for n in range(count)]
        return {"pg_activity": activity(session(100), *waiting)}

    return watch(second, 70)


@pytest.mark.parametrize(
    ("rule", "seen", "end_s"),
    [
        ("host.swapping", swapping, 40),
        ("pg.temp_spill", spilling, 40),
        ("pool.exhausted", lambda: pool(lambda second: (43 if second % 6 < 3 else 38, 3)), 40),
        ("pool.waiting", lambda: pool(lambda second: (20, 18 if second % 6 < 3 else 4)), 40),
        ("pg.connections_exhausted", connections, 40),
        ("pg.slow_statements", slow_statement, 40),
        ("pg.lock_pileup", crowd, 40),
    ],
)
def test_a_rule_whose_readings_swing_around_its_limit_begins_once(
    rule: str, seen: Callable[[], list[Snapshot]], end_s: int
) -> None:
    shown = seen()
    found = [next((each for each in snapshot.findings if each.rule == rule), None) for snapshot in shown]

    ((first, last),) = spells(found)
    assert 10 <= first <= 25
    assert last <= end_s + LINGER_S + WINDOW_S
    assert len({each.since_at for each in found if each}) == 1
    assert {snapshot.verdict.finding for snapshot in shown[first : last + 1]} == {rule}


def test_a_probe_that_fails_twice_and_succeeds_once_stays_critical_since_its_first_failure() -> None:
    course = [*[ok(0.1)] * 10, failed(), *[failed(), failed(), ok(0.1)] * 6, *[ok(0.1)] * 2]
    found: list[Finding | None] = []
    for count in range(13, len(course) + 1):
        snapshot = probed(course[:count])
        found.append(next((each for each in snapshot.findings if each.rule == "probe.failing"), None))

    assert {each.severity for each in found[:-2] if each} == {Severity.CRITICAL}
    assert len({each.since_at for each in found[:-2] if each}) == 1
    assert found[-1] is not None and found[-1].severity is Severity.WARNING


def probe_courses() -> list[tuple[str, list[Any], int]]:
    quick, slow = ok(0.1), ok(1.2)
    return [
        ("alternating", [*[quick] * 10, *[slow] * 3, *[quick, slow] * 10, *[quick] * 6], 33),
        ("two and one", [*[quick] * 10, *[slow] * 3, *[quick, quick, slow] * 6, *[quick] * 6], 31),
    ]


@pytest.mark.parametrize(("results", "last_slow"), [each[1:] for each in probe_courses()], ids=["1 of 2", "1 of 3"])
def test_a_probe_that_is_slow_now_and_then_stays_slow_until_three_were_quick(
    results: list[Any], last_slow: int
) -> None:
    found: list[Finding | None] = []
    for count in range(1, len(results) + 1):
        snapshot = probed(results[:count])
        found.append(next((each for each in snapshot.findings if each.rule == "probe.slow"), None))

    ((first, last),) = spells(found)
    assert (first, last) == (12, last_slow + 1)
    assert len({each.since_at for each in found if each}) == 1
    assert {each.severity for each in found if each} == {Severity.WARNING}
