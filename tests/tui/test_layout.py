"""The overview of a host with a database server: where its panes stand at each size, and that nothing sticks out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.player import Mode, Shown
from perftui.tui.screen import Drawn, Painter
from perftui.tui.state import OVERVIEW, UiState
from perftui.tui.widths import cells
from perftui.views import PANES
from tests.views.pg_scenes import REFUSED, database, down

SERVED, DOWN = (Shown(snapshot=one, mode=Mode.LIVE) for one in (database(30), down(REFUSED, 30, after=18)))
STANDING = [kind for kind in PANES if kind.shown(SERVED.snapshot)]
VIEWS = [OVERVIEW, "statements", "locks", "connections"]


def draw(width: int, height: int, view: str = OVERVIEW, shown: Shown = SERVED) -> Drawn:
    return Painter(PANES, plain=False).draw(shown, UiState(view=view), width, height)


def text_of(drawn: Drawn) -> list[str]:
    return ["".join(words for words, _ in line) for line in drawn.lines]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 220), st.integers(1, 70), st.sampled_from(VIEWS), st.booleans())
def test_any_size_is_filled_exactly(width: int, height: int, view: str, answers: bool) -> None:
    lines = text_of(draw(width, height, view, SERVED if answers else DOWN))

    assert len(lines) == height
    assert {cells(line) for line in lines} == {width}


@pytest.mark.parametrize(("width", "height"), [(120, 36), (200, 60), (100, 26), (80, 24), (60, 16)])
def test_every_pane_is_told_with_its_key(width: int, height: int) -> None:
    shown = "\n".join(text_of(draw(width, height)))

    for key, kind in zip("1234567890", STANDING, strict=False):
        assert f"{key} {kind.title}" in shown


@pytest.mark.parametrize(
    ("width", "height", "chosen", "told"),
    [
        (200, 60, "", {"Replication", "Tables"}),
        (120, 36, "", {"Replication"}),
        (120, 36, "tables", {"Tables"}),
        (100, 26, "", set()),
        (80, 24, "", {"Replication", "Tables"}),
        (60, 16, "", set()),
    ],
)
def test_panes_without_a_number_stand_where_there_is_room(width: int, height: int, chosen: str, told: set[str]) -> None:
    drawn = Painter(PANES, plain=False).draw(SERVED, UiState(pane=chosen), width, height)
    shown = "\n".join(text_of(drawn))

    assert {title for title in ("Replication", "Tables") if title in shown} == told


def test_a_pane_that_a_finding_points_at_goes_before_one_that_is_well() -> None:
    warning = Finding(
        rule="pg.missing_index", severity=Severity.WARNING, constraint=Constraint.QUERY_BOUND, title="x", since_at=0.0
    )
    shown = Shown(snapshot=database(30, findings=(warning,)), mode=Mode.LIVE)

    assert any("┌ △ Tables of shop" in line for line in text_of(draw(120, 36, shown=shown)))
    assert any("Tables " in line for line in text_of(draw(60, 16, shown=shown)))


def test_a_wide_screen_is_the_picture_of_the_design() -> None:
    drawn = draw(120, 36)
    lines = text_of(drawn)

    assert [f"┌ {title}" in lines[3] for title in ("1 CPU", "2 I/O wait", "3 Memory", "4 Swap")] == [True] * 4
    assert ["┌ 5 Slow statements" in lines[9], "┌ 6 Locks" in lines[9]] == [True, True]
    assert [f"┌ {title}" in lines[22] for title in ("7 Connections", "8 Processes", "9 Disks")] == [True] * 3
    assert "┌ Replication" in lines[28]
    assert {place.key for place in drawn.places} == {kind.key for kind in STANDING} - {"tables"}
    for place in drawn.places:
        assert lines[place.y][place.x] == "┌"
        assert lines[place.y + place.height - 1][place.x + place.width - 1] == "┘"


def test_a_small_screen_has_a_line_a_pane_and_cuts_nothing_that_matters() -> None:
    lines = text_of(draw(80, 24))

    assert [line[1:2] for line in lines[3:12]] == ["1", "2", "3", "4", "5", "6", "7", "9", "0"]
    assert "61 %  mean 118 ms  212 of 1.4 k/s  UPDATE orders" in lines[7]
    assert lines[8].rstrip().endswith("● 4242 idle in tx 3m12s orders-api  blocks 37 for 2m50s")
    assert "used 87/100  active 40  idle 44  in tx 3   waiting 37" in lines[9]
    assert "Replication" in lines[12] and "Tables" in lines[13]
    assert lines[14].startswith("── 8 Processes")


@pytest.mark.parametrize(("width", "height"), [(120, 36), (80, 24)])
def test_a_server_that_is_down_is_told_in_its_panes_and_the_header(width: int, height: int) -> None:
    lines = text_of(draw(width, height, shown=DOWN))

    assert "pg down 12 s" in lines[0]
    assert sum(line.count("connection refused") for line in lines[3:]) >= 3


def test_the_tenth_pane_has_the_key_0_in_its_zoom_too() -> None:
    assert text_of(draw(80, 24, "network"))[3].startswith("── 0 Network")
