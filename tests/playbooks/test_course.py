"""How readings go in a fixture."""

from __future__ import annotations

import pytest

from perftui.playbooks.complaint import Wrong
from perftui.playbooks.course import Course, Value, parts_of

ENDED = {"end_it": 40.0}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("92%", {-100: 0.92, 0: 0.92, 100: 0.92}),
        ("0, 14 at -2m, 0 at 6m", {-121: 0.0, -120: 14.0, 359: 14.0, 360: 0.0}),
        ("14 at 0s", {-1: None, 0: 14.0}),
        ("300ms, none at 10s, 200ms at 20s", {5: 0.3, 15: None, 25: 0.2}),
        ("40% at 0s to 80% at 10s", {-1: None, 0: 0.4, 5: 0.6, 10: 0.8, 90: 0.8}),
        ("3, 0 at end_it", {39: 3.0, 40: 0.0}),
        ("3, 0 at end_it+10s, 5 at never", {49: 3.0, 50: 0.0, 9999: 0.0}),
        ("healthy, thrashing at 5s", {0: "healthy", 5: "thrashing"}),
        ("false, true at 5s", {0: False, 5: True}),
        ("-3", {0: -3.0}),
        ("2GiB", {0: float(2 << 30)}),
    ],
)
def test_a_course_over_time(text: str, values: dict[float, Value]) -> None:
    course = Course.parse(text)

    assert {second: course.at(second, ENDED.get) for second in values} == pytest.approx(values)


@pytest.mark.parametrize(
    "text", ["", "1 at", "1 at soon-ish", "5 to 7", "true at 0s to false at 5s", "1 at 2 at 3", "3 apples"]
)
def test_what_is_no_course(text: str) -> None:
    with pytest.raises(Wrong):
        Course.parse(text)


def test_it_knows_its_units_and_where_it_begins() -> None:
    course = Course.parse("10% at -30m to 20% at 0s, 3 at 1m")

    assert (course.units, course.begins_s) == (("ratio", "ratio"), -1800.0)


def test_the_parts_of_a_reading() -> None:
    assert parts_of('host.filesystems["/var/lib"].used_ratio') == ("host", "filesystems", "/var/lib", "used_ratio")
    assert parts_of("pool.waiting") == ("pool", "waiting")
