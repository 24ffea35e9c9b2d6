"""The worst of all pools, and maps of records at the top of the tree."""

from typing import Any

import pytest

from perftui.history import worst_pool
from perftui.history.history import HistoryStore, Readings
from perftui.history.worst_pool import ServerPoolPart, WorstPoolPart
from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame, Sample
from perftui.sources.kind import Part
from perftui.sources.pool import PoolReading, PoolState, state, utilization
from tests.views.pg_scenes import ACTIVITY, PG_KINDS
from tests.views.scenes import Given, given


class OnePool(Part, frozen=True, kw_only=True):
    pools: dict[str, PoolReading]


class AnotherPool(Part, frozen=True, kw_only=True):
    pools: dict[str, PoolReading]


def pool(in_use: int | None, waiting: int | None = None, max_size: int = 10, **seen: Any) -> PoolReading:
    ratio = utilization(in_use, max_size)
    given: dict[str, Any] = {
        "kind": "pgbouncer",
        "idle": 0,
        "wait_s": None,
        "leaked": None,
        "state": state(ratio, waiting),
    }
    return PoolReading(max_size=max_size, in_use=in_use, waiting=waiting, utilization_ratio=ratio, **{**given, **seen})


@pytest.mark.parametrize(
    ("in_use", "waiting", "shut", "said"),
    [
        (8, 0, "", PoolState.HEALTHY),
        (9, 0, "", PoolState.CRITICAL),
        (14, 0, "", PoolState.CRITICAL),
        (5, 10, "", PoolState.HEALTHY),
        (5, 11, "", PoolState.WARNING),
        (9, 11, "", PoolState.CRITICAL),
        (0, 0, "paused", PoolState.CRITICAL),
        (5, None, "", PoolState.HEALTHY),
        (None, 11, "", PoolState.WARNING),
        (None, 3, "", PoolState.UNKNOWN),
        (None, None, "", PoolState.UNKNOWN),
    ],
)
def test_the_state_of_a_pool_of_ten(in_use: int | None, waiting: int | None, shut: str, said: PoolState) -> None:
    assert state(utilization(in_use, 10), waiting, shut) is said


@pytest.mark.parametrize(
    ("pools", "worst"),
    [
        ({"a": pool(1), "b": pool(9)}, "b"),
        ({"a": pool(9), "b": pool(1, 50)}, "a"),
        ({"a": pool(9, 2), "b": pool(9, 3)}, "b"),
        ({"a": pool(10), "b": pool(9)}, "a"),
        ({"a": pool(None), "b": pool(0)}, "b"),
    ],
)
def test_the_worst_is_by_state_then_by_waiting_then_by_use(pools: dict[str, PoolReading], worst: str) -> None:
    found = store().push(frame(0, one=OnePool(pools=pools))).latest(WorstPoolPart)

    assert found is not None
    assert found.name == worst


def test_without_pools_there_is_no_worst() -> None:
    assert store().push(frame(0)).latest(WorstPoolPart) is None
    assert store().push(frame(0, one=OnePool(pools={}))).latest(WorstPoolPart) is None


def frame(second: int, **parts: Part) -> Frame:
    samples: dict[str, Sample] = {name: Given(mono=float(second), part=part) for name, part in parts.items()}
    gone = {name: Failed(kind=FailureKind.MISSING, detail="gone") for name in ("one", "another") if name not in parts}
    return Frame(seq=second, at=1000.0 + second, mono=float(second), samples=samples, failed=gone)


def store() -> HistoryStore:
    kinds = (given("one", OnePool, root="", stale_s=0.5), given("another", AnotherPool, root="", stale_s=0.5))
    return HistoryStore([*kinds, *PG_KINDS], trends=worst_pool.TRENDS)


def test_the_course_of_the_worst_goes_over_all_sources_and_has_a_gap_where_there_was_none() -> None:
    kept = store()
    kept.push(frame(0, one=OnePool(pools={"a": pool(2)}), another=AnotherPool(pools={"b": pool(5)})))
    kept.push(frame(1, one=OnePool(pools={"a": pool(3)})))
    kept.push(frame(2))
    history = kept.push(frame(3, another=AnotherPool(pools={"b": pool(6)})))

    assert history.recent("pool.in_use", 4) == pytest.approx([5, 3, float("nan"), 6], nan_ok=True)
    assert history.recent("pools.a.in_use", 4)[:2] == [2, 3]
    assert history.value("pools.b.utilization_ratio") == pytest.approx(0.6)
    assert history.value("pools.b.waiting") is None


def test_postgres_itself_is_a_pool_of_the_slots_that_ordinary_users_may_have() -> None:
    kept = store()
    history = kept.push(frame(0, pg_activity=ACTIVITY))
    found, worst = history.latest(ServerPoolPart), history.latest(WorstPoolPart)
    own = ACTIVITY.connections

    assert found is not None and worst is not None
    assert (found.pools["postgres"].in_use, found.pools["postgres"].max_size) == (own.used, own.max - own.reserved)
    assert (worst.name, worst.kind, worst.waiting) == ("postgres", "server", None)


def test_a_moment_of_the_past_has_the_worst_pool_of_then() -> None:
    kept = store()
    kept.push(frame(0, one=OnePool(pools={"a": pool(2)})))
    kept.push(frame(1, one=OnePool(pools={"b": pool(9)})))
    known = Readings(part=OnePool(pools={"b": pool(9)}), root="", mono=1.0, stale_s=0.5)
    kept.push(frame(2, one=OnePool(pools={"c": pool(1)})))
    then = kept.view(2, {OnePool: known}, {}).latest(WorstPoolPart)

    assert then is not None
    assert then.name == "b"
