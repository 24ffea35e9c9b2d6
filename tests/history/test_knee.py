"""The knee of load tests whose capacity is known: users who wait for one of c servers, with and without noise."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.history.knee import knee, latency_knee, reached_at
from perftui.history.load_block import Block, levels
from tests.history.load_models import block, course

UP = range(2, 121, 2)
STAGES = [count for count in (5, 10, 20, 30, 40, 50, 60, 70, 80) for _ in range(3)]


@pytest.mark.parametrize(
    ("blocks", "capacity", "users"),
    [
        (course(UP), 80, 48),
        (course(UP, noise=0.05), 80, 48),
        (course(STAGES), 80, 48),
        (course(range(1, 31), servers=8, think_s=0.0), 80, 8),
        (course([1, 2, 4, 8, 16, 32, 64, 128, 256]), 80, 48),
        (course([*UP, *reversed(UP)]), 80, 48),
    ],
    ids=["ramp", "noisy ramp", "stages", "no think time", "doubling", "ramp and way down"],
)
def test_it_is_where_the_servers_are_all_busy(blocks: list[Block], capacity: float, users: float) -> None:
    found = knee(levels(blocks))

    assert found.state == "found", found
    assert found.requests_per_s == pytest.approx(capacity, rel=0.2)
    assert found.users == pytest.approx(users, rel=0.25)
    assert found.limited_by == "system"
    assert found.linear_users is not None and found.linear_users <= 1.25 * users
    assert found.peak_users is not None and found.efficiency_ratio is not None
    assert found.efficiency_ratio == pytest.approx(users / found.peak_users, rel=0.2)


@settings(max_examples=60, deadline=None)
@given(
    servers=st.integers(1, 40),
    service_s=st.floats(0.01, 2.0),
    think=st.just(0.0) | st.floats(0.05, 5.0),
    seed=st.integers(0, 1000),
)
def test_whatever_the_servers_the_capacity_is_found(servers: int, service_s: float, think: float, seed: int) -> None:
    think_s = think * service_s
    knee_users = servers * (1 + think)
    most = int(2.5 * knee_users) + 6
    steps = [max(1, round(most * step / 40)) for step in range(1, 41)]
    found = knee(levels(course(steps, servers, service_s, think_s, noise=0.02, seed=seed)))

    if found.state == "found":
        assert found.requests_per_s == pytest.approx(servers / service_s, rel=0.2)
    else:  # with one server and little think time the first user saturates it
        assert servers <= 2, found


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_a_rate_that_grows_to_the_end_has_none(noise: float) -> None:
    for seed in range(40):
        chance = Random(seed)
        blocks = [block(place, 5 * place + 5, (5 * place + 5) * 1.5 * chance.gauss(1, noise)) for place in range(40)]
        found = knee(levels(blocks))
        assert (found.state, found.users) == ("none", None), (seed, found)
        assert found.says.startswith("no knee seen up to ")
        assert found.efficiency_ratio == pytest.approx(1, abs=0.35)


def test_the_way_down_makes_none() -> None:
    """The queue is emptied on it, so that the rate falls later than the users."""
    up = [block(place, 4 * place + 4, 6.0 * place + 6) for place in range(20)]
    down = [block(20 + place, 80 - 4 * place, 120 - 3.0 * place) for place in range(20)]
    stopped = [block(40, 80, 15.0)]

    assert knee(levels([*up, *down])).state == "none"
    assert knee(levels([*up, *stopped])).state == "none"


def test_cold_caches_make_none() -> None:
    warm_up = [block(place, 20, 10.0, phase="warm_up") for place in range(10)]
    up = [block(10 + place, 4 * place + 4, 6.0 * place + 6) for place in range(20)]

    assert [level.blocks for level in levels([*warm_up, *up])] == [1] * 20


def test_a_generator_at_its_limit_is_told_from_a_system_at_its_own() -> None:
    """Each request takes as long as ever, and still there are no more of them."""
    found = knee(levels([block(place, 4 * place + 4, min(4 * place + 4, 60) / 0.6) for place in range(30)]))

    assert (found.state, found.limited_by) == ("found", "generator")
    assert found.users == pytest.approx(60, rel=0.1)


def test_without_mean_times_nobody_is_blamed() -> None:
    found = knee(levels([block(place, 4 * place + 4, min(4 * place + 4, 60) / 0.6, None) for place in range(30)]))

    assert (found.state, found.limited_by) == ("found", None)


@pytest.mark.parametrize(
    ("blocks", "state", "says"),
    [
        ([], "too_little", "no levels of users seen; at least 5 are needed"),
        (course([10]), "too_little", "1 level of users seen; at least 5 are needed"),
        (course([10, 10, 10, 50, 50, 50]), "too_little", "2 levels of users seen; at least 5 are needed"),
        (course([8, 10, 20, 40, 80], think_s=0.0), "flat", "80 requests/s with 8 users already"),
        ([block(place, place + 1, 0.0) for place in range(9)], "too_little", "no request ended"),
        ([block(place, 0.0, 5.0) for place in range(9)], "too_little", "no levels"),
    ],
)
def test_too_little_is_said(blocks: list[Block], state: str, says: str) -> None:
    found = knee(levels(blocks))

    assert (found.state, found.users, found.requests_per_s) == (state, None, None)
    assert says in found.says


def test_one_bad_block_of_a_level_bends_nothing() -> None:
    blocks = [block(place, 10 * (place // 3 + 1), 15.0 * (place // 3 + 1)) for place in range(30)]
    blocks[25] = block(25, 90, 12.0)

    assert knee(levels(blocks)).state == "none"


def test_times_rise_from_the_same_users_on() -> None:
    rising = levels(course(UP, noise=0.02))
    flat = levels([block(place, 4 * place + 4, 6.0 * place + 6) for place in range(20)])

    assert latency_knee(rising, lambda level: level.mean_s) == pytest.approx(48, rel=0.25)
    assert latency_knee(flat, lambda level: level.mean_s) is None
    assert latency_knee(rising[:4], lambda level: level.mean_s) is None
    assert latency_knee(rising, lambda level: None) is None


def test_littles_law_tells_what_users_do() -> None:
    waits = levels(course([5, 5], think_s=0.0))[0]
    thinks = levels(course([5, 5], think_s=0.9))[0]

    assert waits.concurrency == pytest.approx(5)
    assert waits.idle_s == pytest.approx(0, abs=1e-9)
    assert thinks.idle_s == pytest.approx(0.9)


def test_when_its_users_were_there_first() -> None:
    blocks = course(UP)

    assert reached_at(blocks, 48) == blocks[23].at
    assert reached_at(blocks, 500) is None
