"""The knee while the test runs: readings, what gave way, and that a tick costs next to nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perftui.history.history import History
from perftui.history.knee import Knee, knee
from perftui.history.load_block import Level
from perftui.history.load_knee import LoadKneePart, load_knee
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Frame
from perftui.pipeline.catalogue import catalogue
from perftui.pipeline.load_limit import load_limit
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree
from perftui.views.load import zoom
from perftui.views.model import TableState
from tests.history.load_models import closed
from tests.loads import MACHINE, STARTED_AT, Second, watched


def ramp(most: int, per_user_s: int = 6) -> list[Second]:
    """One user more every so often, before eight servers of 100 ms; a user thinks for half a second."""
    course = []
    for users in range(1, most + 1):
        rate, mean_s = closed(users, 8, 0.1, 0.5)
        course += [Second(rate=rate, latency_s=mean_s, users=users)] * per_user_s
    return course


def knee_of(snapshot: Snapshot) -> LoadKneePart:
    part = snapshot.history.latest(LoadKneePart)
    assert part is not None
    return part


def test_it_is_seen_while_the_test_runs() -> None:
    part = knee_of(watched(ramp(100)))

    assert part.knee_requests_per_s == pytest.approx(80, rel=0.2)
    assert part.knee_users == pytest.approx(48, rel=0.25)
    assert part.knee_at == pytest.approx(STARTED_AT + 48 * 6, abs=80)
    assert part.knee_limit == "system"
    assert part.concurrency == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize(("most", "says"), [(6, "of users seen; at least 5"), (36, "no knee seen up to")])
def test_none_before_it(most: int, says: str) -> None:
    part = knee_of(watched(ramp(most)))

    assert (part.knee_users, part.knee_requests_per_s, part.knee_at) == (None, None, None)
    assert says in part.knee_says


def quiet() -> History:
    return new_store().push(Frame(seq=0, at=STARTED_AT, mono=0.0, samples={}))


def test_nothing_without_a_load_test_or_users() -> None:
    assert load_knee(quiet()) is None
    part = knee_of(watched([Second(users=None)] * 60))
    assert part.knee_users is None
    assert part.concurrency == pytest.approx(20, rel=0.02)
    assert knee_of(watched([Second()] * 20 + [Second(age_s=42.0)])).concurrency is None


def finding(rule: str, since_at: float) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, constraint=Constraint.CPU_BOUND, title=rule, since_at=since_at)


def test_what_gave_way_first_stands_in_the_tree_and_in_the_zoom() -> None:
    history = watched(ramp(100)).history
    at = knee_of(watched(ramp(100))).knee_at or 0.0
    found = (finding("host.cpu_saturated", at + 30), finding("pool.exhausted", at - 20), finding("probe.slow", at - 90))
    snapshot = Snapshot(
        machine=MACHINE, history=history, findings=found, verdict=Judge(machine=MACHINE).snapshot(history).verdict
    )

    assert tree(snapshot)["load"]["gave_way"] == "pool.exhausted"
    words = "\n".join("".join(text for text, _ in line) for line in zoom(snapshot, TableState(), 110).lines)
    assert "requests/s: pool.exhausted gave way first" in words
    assert "0 % failed · 60 under way" in words


def test_before_the_knee_nothing_gave_way() -> None:
    snapshot = watched(ramp(36))
    limit = load_limit(snapshot)

    assert limit is not None and limit.gave_way is None
    assert tree(snapshot)["load"]["gave_way"] is None


def test_what_stood_before_the_load_is_not_its_doing() -> None:
    idle = [Second(rate=0, users=None, age_s=None)] * 60
    history = watched([*idle, *ramp(100)]).history
    at = knee_of(watched([*idle, *ramp(100)])).knee_at or 0.0
    found = (finding("host.swapping", STARTED_AT + 30), finding("pool.exhausted", at + 10))
    snapshot = Snapshot(
        machine=MACHINE, history=history, findings=found, verdict=Judge(machine=MACHINE).snapshot(history).verdict
    )

    assert tree(snapshot)["load"]["gave_way"] == "pool.exhausted"


def test_where_the_generator_was_the_limit_no_resource_gave_way() -> None:
    course = [Second(rate=min(users / 0.6, 100), users=users) for users in range(10, 160, 10) for _ in range(20)]
    history = watched(course).history
    found = (finding("host.cpu_saturated", STARTED_AT + 60),)
    snapshot = Snapshot(
        machine=MACHINE, history=history, findings=found, verdict=Judge(machine=MACHINE).snapshot(history).verdict
    )

    assert tree(snapshot)["load"]["knee_limit"] == "generator"
    assert tree(snapshot)["load"]["gave_way"] is None


def test_a_long_course_is_looked_at_at_each_third_block_and_none_is_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def counted(found: Sequence[Level]) -> Knee:
        looks.append(len(found))
        return knee(found)

    monkeypatch.setattr("perftui.history.load_knee.knee", counted)
    course = ramp(100, per_user_s=18)
    first = knee_of(watched(course))

    assert len(looks) <= 900 / 10 + 900 / 30 + 2
    other = watched([each._replace(users=10) for each in course])
    assert knee_of(other).knee_users is None
    assert knee_of(watched(course)) == first and first.knee_users == pytest.approx(48, rel=0.25)


def test_the_readings_are_in_the_catalogue() -> None:
    units = {entry.name: entry.unit for entry in catalogue()}

    assert units["load.concurrency"] == "count"
    assert units["load.knee_requests_per_s"] == "1/s"
    assert units["load.gave_way"] == "text"
