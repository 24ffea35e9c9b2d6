"""Which phase a load test is in: marked, told by the feed, or by the course of its users."""

from __future__ import annotations

import msgspec
import pytest

from perftui.history.load_phase import LoadPhasePart, phase_named
from perftui.model.frame import Frame, Mark
from perftui.pipeline.loop import new_store
from tests.loads import STARTED_AT, Second, load_sample, watched


@pytest.mark.parametrize(
    ("words", "phase"),
    [
        ("steady", "steady"),
        ("phase: Ramp-Down", "ramp_down"),
        ("warm up", "warm_up"),
        ("phase=cooldown", "cool_down"),
        ("steady as she goes", None),
        ("deploy", None),
    ],
)
def test_words_that_name_a_phase(words: str, phase: str | None) -> None:
    assert phase_named(words) == phase


@pytest.mark.parametrize(
    ("users", "phase"),
    [
        ([10.0] * 30, "steady"),
        ([1.0] * 30, "baseline"),
        ([float(n) for n in range(1, 31)], "ramp"),
        ([float(n) for n in range(60, 30, -1)], "ramp_down"),
        ([None] * 30, None),
        ([10.0] * 3, None),
    ],
)
def test_the_course_of_users_tells_it(users: list[float | None], phase: str | None) -> None:
    part = watched([Second(users=count) for count in users]).history.latest(LoadPhasePart)

    assert part is not None
    assert (part.phase, part.phase_source) == (phase, "users" if phase else None)


def test_a_mark_counts_more_than_the_users() -> None:
    snapshot = watched([Second()] * 40, [(5, "ramp"), (25, "phase steady"), (30, "a deploy")])
    part = snapshot.history.latest(LoadPhasePart)

    assert part == LoadPhasePart(phase="steady", phase_source="mark", phase_since_at=STARTED_AT + 25)


def test_a_mark_of_another_test_does_not_count() -> None:
    store, history = new_store(), None
    for second in range(30):
        mono = float(second + (0 if second == 0 else 50_000))
        marks = (Mark(at=STARTED_AT, text="cool-down"),) if second == 0 else ()
        samples = {"load": msgspec.structs.replace(load_sample(second, Second()), mono=mono)}
        history = store.push(Frame(seq=second, at=STARTED_AT + mono, mono=mono, samples=samples, marks=marks))
    part = history.latest(LoadPhasePart) if history else None

    assert part is not None and (part.phase, part.phase_source) == ("steady", "users")


def test_without_a_load_test_there_is_no_phase() -> None:
    assert watched([Second()] * 3).history.latest(LoadPhasePart) is not None
    assert watched([Second(age_s=None)] * 3, [(0, "steady")]).history.value("load.requests_per_s") is None
