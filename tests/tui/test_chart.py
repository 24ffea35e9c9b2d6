from __future__ import annotations

from math import nan

import pytest

from perftui.tui.chart import chart_lines
from perftui.tui.widths import cells
from perftui.views.model import Chart, ChartLine, Role

NOON = 1_770_811_200.0


def chart(
    *values: list[float], top: float | None = None, marks: tuple[tuple[float, str], ...] = (), start: float = NOON
) -> Chart:
    roles = (Role.FIRST, Role.SECOND, Role.THIRD, Role.FOURTH)
    lines = tuple(
        ChartLine(name=f"line {i}", role=role, values=line)
        for i, (line, role) in enumerate(zip(values, roles, strict=False))
    )
    at = [start + i for i in range(len(values[0]))]
    return Chart(title="CPU", unit="%", at=at, lines=lines, top=top, marks=marks)


def drawn(model: Chart, width: int = 80, height: int = 12, span_s: float = 300, plain: bool = False) -> list[str]:
    lines = chart_lines(model, width, height, span_s, plain)
    assert [sum(cells(words) for words, _ in line) for line in lines] == [width] * height
    return ["".join(words for words, _ in line) for line in lines]


def plotted(rows: list[str]) -> list[str]:
    """What stands right of the axis."""
    return [row.partition("┤")[2] or row.partition("│")[2] for row in rows[1:-2]]


def test_has_a_legend_an_axis_and_the_time_in_utc() -> None:
    rows = drawn(chart([50.0] * 120, top=100))

    assert rows[0].startswith(" CPU %   ━ line 0 50   last 2 min, UTC")
    assert rows[1].lstrip().startswith("100┤")
    assert "12:00:00" in rows[-1]
    assert "12:01:00" in rows[-1]


def test_a_gap_is_a_gap() -> None:
    values = [50.0] * 40 + [nan] * 40 + [50.0] * 40

    row = next(row for row in plotted(drawn(chart(values, top=100))) if row.strip())

    left, gap, right = row[:20], row[30:45], row[-10:]
    assert left.strip() and not gap.strip() and right.strip()


def test_nothing_known_draws_an_empty_chart() -> None:
    assert not "".join(plotted(drawn(chart([nan] * 60, top=100)))).strip()


def test_a_peak_of_one_tick_is_never_lost() -> None:
    values = [1.0] * 3000
    values[1234] = 99.0

    top_rows = plotted(drawn(chart(values, top=100), span_s=3600))[:2]

    assert "".join(top_rows).strip()


def test_values_above_a_fixed_top_stay_inside() -> None:
    assert plotted(drawn(chart([180.0] * 60, top=100)))[0].strip()


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0.0, "1"), (0.37, "0.4"), (3.2, "4"), (17.0, "20"), (99.0, "100"), (100.0, "100"), (4300.0, "5e+03")],
)
def test_an_axis_without_a_top_ends_at_a_round_number(highest: float, top: str) -> None:
    assert drawn(chart([highest] * 60))[1].partition("┤")[0].strip() == top


def test_marks_are_lines_with_their_label() -> None:
    rows = drawn(chart([10.0] * 120, top=100, marks=((NOON + 40, "deploy 2.8.1"),)))

    assert any("deploy 2.8.1" in row for row in rows)
    assert sum("│" in row for row in plotted(rows)) >= 5


def test_labels_that_would_lie_over_each_other_stand_below_each_other() -> None:
    near = ((NOON + 90, "new pool size"), (NOON + 91, ""), (NOON + 92, "orders-api 2.8.1"), (NOON + 10, "far away"))
    rows = drawn(chart([10.0] * 120, top=100, marks=near))

    first, second = (next(i for i, row in enumerate(rows) if words in row) for words in ("new pool", "orders-api"))
    assert first < second
    assert any("far away" in row for row in rows[: first + 1])


def test_the_span_cuts_what_is_older() -> None:
    assert "12:00" not in drawn(chart([10.0] * 3000, top=100), span_s=60)[-1]


def test_plain_lines_differ_by_their_marker_and_are_ascii_but_for_the_frame() -> None:
    rows = drawn(chart([10.0] * 60, [90.0] * 60, top=100), plain=True)

    assert "* line 0" in rows[0] and "+ line 1" in rows[0]
    assert "*" in "".join(plotted(rows)) and "+" in "".join(plotted(rows))
    assert "".join(plotted(rows)).isascii()


@pytest.mark.parametrize(("width", "height"), [(10, 12), (80, 3), (24, 4), (300, 60)])
def test_any_size_is_filled(width: int, height: int) -> None:
    drawn(chart([50.0] * 120, top=100), width, height)


def test_roles_of_the_lines_come_through() -> None:
    lines = chart_lines(chart([10.0] * 60, [90.0] * 60, top=100), 80, 12, 300, False)

    assert {Role.FIRST, Role.SECOND} <= {role for line in lines[1:] for _, role in line}
