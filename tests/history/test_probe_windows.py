"""Percentiles against all results of the window by hand, errors, budgets, Apdex; the same from a tape as live."""

from __future__ import annotations

import random
from math import ceil

import pytest

from perftui.history.percentiles import apdex, percentile, variation
from perftui.history.probe_windows import ProbeWindow, ProbeWindowsPart, is_over
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree
from perftui.recording.codec import decode_frame, encode_frame
from perftui.sources import BY_NAME
from tests.probing import MACHINE, SLO, certificate, failed, frames, ok, probed, timeout


def window(snapshot: Snapshot, name: str = "health") -> ProbeWindow:
    part = snapshot.history.latest(ProbeWindowsPart)
    assert part is not None
    return part.probes[name]


def times(count: int) -> list[float]:
    draw = random.Random(7)
    return [draw.lognormvariate(-3, 1) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 19, 20, 99, 100, 120, 500])
def test_percentiles_are_those_of_all_results_in_the_window(count: int) -> None:
    given = times(count)
    told = window(probed([ok(each) for each in given]))

    ordered = sorted(given)
    for share, value, least in ((0.5, told.p50_s, 1), (0.95, told.p95_s, 20), (0.99, told.p99_s, 100)):
        expected = ordered[ceil(share * count) - 1] if count >= least else None
        assert value == (None if expected is None else pytest.approx(expected, rel=1e-6))
    assert told.window_results == count


def test_results_older_than_ten_minutes_do_not_count() -> None:
    told = window(probed([ok(5.0)] * 100 + [ok(0.01)] * 600))

    assert told.p99_s == pytest.approx(0.01)
    assert told.window_results == 599, "the first tick of the window can't tell whether its result is new"


def test_a_result_that_stays_the_newest_counts_once() -> None:
    told = window(probed([ok(0.1), None, None, None, ok(0.3), None, None]))

    assert told.window_results == 2
    assert told.p50_s == pytest.approx(0.1)


def test_what_fails_at_once_does_not_flatter_and_a_timeout_counts_with_its_time() -> None:
    told = window(probed([ok(0.2)] * 20 + [failed()] * 20 + [timeout()] * 10))

    assert told.window_results == 50
    assert told.error_ratio == pytest.approx(0.6)
    assert told.p50_s == pytest.approx(0.2)
    assert told.p95_s == pytest.approx(10.0)


def test_apdex_knows_no_satisfied_timeout() -> None:
    assert apdex([0.4, 0.5, 1.9, 2.1], failures=1, target_s=0.5) == pytest.approx((2 + 0.5) / 5)
    assert apdex([], 0, 0.5) is None
    told = window(probed([ok(0.1), ok(0.3), ok(0.9), timeout(0.15)], SLO))
    assert told.apdex == pytest.approx((1 + 0.5) / 4)
    assert told.apdex_target_s == 0.2


def test_nearest_rank_and_variation() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([float(each) for each in range(1, 101)], 0.99, least=100) == 99.0
    assert percentile([], 0.5) is None
    assert variation([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]) == pytest.approx(2.138 / 5, rel=1e-3)
    assert variation([1.0]) is None


def test_the_error_budget_and_how_fast_it_burns() -> None:
    told = window(probed([ok(0.1)] * 398 + [failed(), failed()] + [ok(0.1)] * 400, SLO))

    assert told.budget_failures == 2
    assert told.long_burn_rate == pytest.approx(2 / 800 / 0.01)
    assert told.budget_left_ratio == pytest.approx(1 - 2 / 3600 / 0.01), (
        "of an hour of requests, of which 800 s were watched"
    )
    assert told.burn_rate == 0, "nothing failed within the last 5 minutes"


@pytest.mark.parametrize(
    ("course", "over"),
    [
        ("", True),
        ("xxx....", False),
        ("xxx.....", True),
        ("x.........x.................", False),
        ("x.........x..................", True),
        ("x...x.x.....", False),
        ("......x", False),
    ],
)
def test_trouble_is_over_when_more_went_well_since_than_twice_its_longest_pause(course: str, over: bool) -> None:
    assert is_over([sign == "x" for sign in course]) is over


def test_without_an_objective_there_is_no_budget() -> None:
    snapshot = probed([failed()] * 5)

    assert (window(snapshot).budget_left_ratio, window(snapshot).burn_rate) == (None, None)
    assert tree(snapshot)["slo"] is None


def test_certificate_days_are_those_of_the_chain_by_the_frame_s_clock() -> None:
    told = window(probed([ok(0.1, certificates=(certificate(60), certificate(20, subject="Middle")))]))

    assert told.certificate_days == pytest.approx(20, abs=0.01)


def test_the_worst_probe_fails_before_it_is_slow() -> None:
    slow = (SLO, [ok(5.0)] * 5)
    assert tree(probed([ok(0.1)] * 5, slow=slow))["probe"]["name"] == "slow"
    told = tree(probed([failed()] * 5, slow=slow))

    assert (told["probe"]["name"], told["probe"]["up"]) == ("health", False)
    assert told["probes"]["slow"]["p50_s"] == 5.0
    assert told["probes"]["slow"]["url"] == "http://127.0.0.1/health"


def test_the_worst_probe_has_a_course() -> None:
    assert probed([ok(0.1)] * 30).history.window("probe.p95_s", 5).values == pytest.approx([0.1] * 5)


def test_a_tape_gives_the_same_numbers() -> None:
    course = [ok(each) if place % 7 else failed() for place, each in enumerate(times(150))]
    store = new_store()
    lines = [encode_frame(frame) for frame in frames({"health": (SLO, course)})]
    *_, history = (store.push(decode_frame(line, BY_NAME)) for line in lines)
    played = Judge(machine=MACHINE).snapshot(history)

    assert tree(played) == tree(probed(course, SLO))
    assert window(played).p99_s is not None
