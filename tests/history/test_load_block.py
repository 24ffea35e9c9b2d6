"""Levels of users from blocks."""

from __future__ import annotations

import msgspec

from perftui.history.load_block import levels
from perftui.history.load_result import longest_steady
from perftui.model.histogram import bucket_of
from tests.history.load_models import block, course


def test_blocks_of_about_as_many_users_are_a_level() -> None:
    told = levels([block(place, users, 10.0) for place, users in enumerate([100, 102, 98, 50, 200])])

    assert [(level.users, level.blocks) for level in told] == [(50, 1), (100, 3), (200, 1)]


def test_percentiles_of_a_level_are_those_of_its_requests_together() -> None:
    fast = msgspec.structs.replace(block(0, 10, 10.0), buckets={bucket_of(0.1): 90})
    slow = msgspec.structs.replace(block(1, 10, 10.0), buckets={bucket_of(1.0): 10})
    told = levels([fast, slow])[0]

    assert told.p50_s is not None and 0.09 < told.p50_s < 0.11
    assert told.p95_s is not None and 0.98 < told.p95_s < 1.02


def test_blocks_between_two_levels_are_left_out_where_there_are_levels() -> None:
    still = [block(place, 10 * (place + 1), 5.0) for place in range(5)]
    between = [msgspec.structs.replace(block(5 + place, 15 + 10 * place, 5.0), moved=10.0) for place in range(4)]

    assert [level.users for level in levels([*between, *still])] == [10, 20, 30, 40, 50]
    assert len(levels([*between, still[-1]])) == 5


def test_a_block_in_which_the_test_ended_is_left_out() -> None:
    assert [level.users for level in levels([block(0, 10, 5.0), block(1, 20, 10.0), block(2, 30, 2.0)])] == [10, 20]


def test_steady_is_the_longest_run_of_level_users() -> None:
    parts = [("ramp", 10, 9), ("steady", 10, 4), ("steady", 20, 6), ("steady", 30, 5), ("ramp_down", 30, 9)]
    course_ = [(phase, users) for phase, users, count in parts for _ in range(count)]
    blocks = [block(place, users, 1.0, phase=phase) for place, (phase, users) in enumerate(course_)]

    assert [each.users for each in longest_steady(blocks)] == [20] * 6
    assert longest_steady(course([5, 6])) == []
