import sys
from math import isnan, nan

import pytest

from perftui.history.series import BLOCK, FEW, Axis, Series


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


COURSES: dict[str, list[float]] = {
    "moving": [float(i) for i in range(3 * BLOCK + 5)],
    "still, then moving, then unknown": [7.0] * BLOCK + [float(i) for i in range(BLOCK)] + [nan] * BLOCK + [1.0],
    "full blocks only": [0.0] * (2 * BLOCK),
    "few values, some unknown": [(0.25, nan, 3.5)[i // 10 % 3] for i in range(BLOCK + 9)],
}


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("step", [1, 3, BLOCK - 1, BLOCK, BLOCK + 1])
def test_slices_do_not_show_where_one_block_ends(course: str, step: int) -> None:
    values, base = COURSES[course], 10
    series = Series(base)
    for index, value in enumerate(values, base):
        series.put(index, value)
    whole = [nan] * base + values + [nan] * BLOCK

    edges = [0, base, base + 1, base + BLOCK - 1, base + BLOCK, base + BLOCK + 1, base + len(values), len(whole)]
    for start in edges:
        for end in edges:
            assert same(series.slice(start, end, step), whole[start:end:step]), (start, end)


def test_a_gap_of_several_blocks_is_unknown() -> None:
    series = Series(0)
    series.put(0, 1.0)
    series.put(2 * BLOCK + 3, 2.0)

    assert series.end() == 2 * BLOCK + 4
    assert same(series.slice(0, series.end()), [1.0, *[nan] * (2 * BLOCK + 2), 2.0])


@pytest.mark.parametrize(("different", "most_bytes"), [(1, 24), (4, 600), (FEW, 800), (FEW + 1, 1200), (BLOCK, 1200)])
def test_the_fewer_values_there_are_in_a_block_the_smaller_it_is(different: int, most_bytes: int) -> None:
    series = Series(0)
    for index in range(BLOCK):
        series.put(index, nan if index % different == 0 else index % different / 3)
    (block,) = series.data[1]
    pieces = [block, *block] if isinstance(block, tuple) else [block]

    assert sum(map(sys.getsizeof, pieces)) <= most_bytes


def test_a_reader_of_the_time_before_a_trim_still_sees_its_values() -> None:
    series = Series(0)
    for index in range(2 * BLOCK + 2):
        series.put(index, float(index))
    base, blocks, newest = series.data

    assert series.trim(BLOCK + 5)

    assert (base, len(blocks), newest.tolist()) == (0, 2, [2.0 * BLOCK, 2.0 * BLOCK + 1])
    assert same(series.slice(BLOCK - 1, BLOCK + 1), [nan, float(BLOCK)])
    assert not series.trim(2 * BLOCK + 2)


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
