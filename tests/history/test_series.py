from math import isnan, nan

import pytest

from perftui.history.series import Axis, Series


def same(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and all(a == b or (isnan(a) and isnan(b)) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (3, 6, [1.0, nan, 2.0]),
        (0, 4, [nan, nan, nan, 1.0]),
        (5, 8, [2.0, nan, nan]),
        (7, 9, [nan, nan]),
        (0, 2, [nan, nan]),
        (4, 4, []),
    ],
)
def test_slices_give_one_value_a_tick_and_nan_where_there_is_none(start: int, end: int, expected: list[float]) -> None:
    series = Series(3)
    series.put(3, 1.0)
    series.put(5, 2.0)

    assert same(series.slice(start, end), expected)


@pytest.mark.parametrize("step", [1, 2, 3, 7])
@pytest.mark.parametrize(("start", "end"), [(0, 12), (2, 5), (4, 9), (7, 14), (0, 3), (9, 12), (3, 3)])
def test_steps_take_each_nth_value(start: int, end: int, step: int) -> None:
    series = Series(3)
    for index in range(3, 8):
        series.put(index, float(index))

    assert same(series.slice(start, end, step), series.slice(start, end)[::step])


def test_a_reader_of_the_time_before_a_trim_still_sees_its_values() -> None:
    series = Series(0)
    for index in range(10):
        series.put(index, float(index))
    base, values = series.data

    assert series.trim(6)

    assert (base, values.tolist()) == (0, [float(i) for i in range(10)])
    assert same(series.slice(4, 8), [nan, nan, 6.0, 7.0])
    assert not series.trim(10)


def test_ticks_are_found_by_either_clock_and_a_wall_clock_that_jumps_back_does_no_harm() -> None:
    axis = Axis()
    for wall, mono in [(100.0, 1.0), (101.0, 2.0), (50.0, 3.0), (51.0, 4.0)]:
        axis.put(wall, mono)

    assert axis.find(2.5, 4) == 2
    assert axis.find(9.0, 4) == 4
    assert axis.find_wall(50.5, 4) == 2
    assert axis.find_wall(10.0, 4) == 0
    axis.trim(2)
    assert axis.first() == 2
    assert axis.find(0.0, 4) == 2
    assert axis.at(3) == 51.0
