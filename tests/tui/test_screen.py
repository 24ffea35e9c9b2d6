"""Whole screens, drawn from real views over made-up hosts: exact sizes, and what must be seen at each."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.model.finding import Verdict
from perftui.pipeline.player import Mode, Shown
from perftui.tui.screen import Drawn, Painter
from perftui.tui.state import FINDINGS, HELP, OVERVIEW, SOURCES, Edit, Editing, UiState
from perftui.tui.widths import cells
from perftui.views import PANES
from perftui.views.model import TableState
from tests.sources.deploys import deploy
from tests.tui.stand_in import CPU_BOUND, HEALTHY, shown_after
from tests.views.test_deploys import scene

SIZES = [(120, 36), (80, 24), (200, 60), (100, 26), (99, 50), (40, 12), (20, 5), (10, 3), (1, 1), (300, 2)]
VIEWS = [OVERVIEW, FINDINGS, SOURCES, HELP, "no such view", *(kind.key for kind in PANES)]


def draw(
    width: int, height: int, state: UiState | None = None, verdict: Verdict = HEALTHY, stale_s: float | None = None
) -> Drawn:
    return Painter(PANES, plain=False).draw(SHOWN_BY[verdict.constraint], state or UiState(), width, height, stale_s)


WELL = shown_after(1).snapshot
SHOWN_BY = {HEALTHY.constraint: shown_after(60), CPU_BOUND.constraint: shown_after(60, CPU_BOUND)}


def text_of(drawn: Drawn) -> list[str]:
    return ["".join(words for words, _ in line) for line in drawn.lines]


def assert_exact(drawn: Drawn, width: int, height: int) -> None:
    assert len(drawn.lines) == height
    for line in drawn.lines:
        assert sum(cells(words) for words, _ in line) == width, "".join(words for words, _ in line)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_view_fills_every_size_exactly(view: str, width: int, height: int) -> None:
    assert_exact(draw(width, height, UiState(view=view)), width, height)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 220), st.integers(1, 70), st.sampled_from(VIEWS))
def test_any_size_is_filled_exactly(width: int, height: int, view: str) -> None:
    assert_exact(draw(width, height, UiState(view=view), CPU_BOUND), width, height)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_size_is_filled_before_the_first_reading(width: int, height: int) -> None:
    assert_exact(Painter(PANES, plain=False).draw(None, UiState(), width, height), width, height)


@pytest.mark.parametrize(("width", "height"), [size for size in SIZES if size[0] >= 20])
def test_the_verdict_stands_at_the_top_of_every_size(width: int, height: int) -> None:
    assert any("CPU BOUND" in line for line in text_of(draw(width, height, None, CPU_BOUND))[:2])


@pytest.mark.parametrize(("width", "height"), [(120, 36), (200, 60), (80, 24), (40, 12)])
def test_every_pane_is_told_with_its_number(width: int, height: int) -> None:
    shown = "\n".join(text_of(draw(width, height)))

    for number, kind in enumerate((kind for kind in PANES if kind.shown(WELL)), start=1):
        assert f"{number} {kind.title}" in shown


def test_a_wide_screen_is_the_picture_of_the_design() -> None:
    lines = text_of(draw(120, 36))

    assert [title in lines[3] for title in ("┌ 1 CPU ", "┌ 2 I/O wait", "┌ 3 Memory", "┌ 4 Swap ")] == [True] * 4
    assert "┌ 5 Processes" in lines[10]
    assert "┌ 6 Disks" in lines[10]
    assert "write │" in lines[11]
    assert lines[-1].startswith(" 1-7 zoom · p playbooks · space pause")


def test_a_small_screen_has_a_line_a_pane_and_processes_in_the_rest() -> None:
    lines = text_of(draw(80, 24))

    assert [line[1:2] for line in lines[3:9]] == ["1", "2", "3", "4", "6", "7"]
    assert "busy" in lines[3]
    assert lines[9].startswith("── 5 Processes")
    assert sum("worker-" in line for line in lines) == 12


def test_wider_screens_show_more_of_the_processes() -> None:
    assert "command" not in "".join(text_of(draw(120, 36)))
    assert "command" in "".join(text_of(draw(200, 60)))


def test_an_affected_pane_is_shown_first_where_not_all_have_room() -> None:
    drawn = draw(40, 6, None, CPU_BOUND)

    assert drawn.facts.affected == "cpu"
    assert text_of(drawn)[3].startswith("▲1 CPU")


@pytest.mark.parametrize(
    ("width", "height", "view", "words"),
    [(120, 36, OVERVIEW, "┌ ▲ 1 CPU ──"), (80, 24, OVERVIEW, "▲1 CPU "), (80, 24, "cpu", "── ▲ 1 CPU · by core ──")],
)
def test_the_title_of_an_affected_pane_has_the_sign_of_the_verdict(
    width: int, height: int, view: str, words: str
) -> None:
    lines = text_of(draw(width, height, UiState(view=view), CPU_BOUND))

    assert lines[1].startswith(" ▲ CPU BOUND")
    assert lines[3].startswith(words)


@pytest.mark.parametrize(("view", "top", "words"), [("processes", 3, "4 to "), (HELP, 0, "1 to 19 of ")])
def test_what_is_longer_than_the_screen_says_which_part_is_shown(view: str, top: int, words: str) -> None:
    assert f" · {words}" in text_of(draw(80, 24, UiState(view=view, top=top)))[3]


@pytest.mark.parametrize(
    ("view", "told", "untold"),
    [("cpu", ["s sort", "/ filter"], []), (FINDINGS, ["/ filter"], ["s sort"]), (HELP, [], ["s sort", "/ filter"])],
)
def test_the_footer_tells_keys_that_do_something_here(view: str, told: list[str], untold: list[str]) -> None:
    footer = text_of(draw(140, 36, UiState(view=view)))[-1]

    assert [key for key in told if key not in footer] == []
    assert [key for key in untold if key in footer] == []


def test_places_are_where_the_panes_are_drawn() -> None:
    drawn = draw(120, 36)
    lines = text_of(drawn)

    assert [place.key for place in drawn.places] == ["cpu", "io", "memory", "swap", "processes", "disks", "network"]
    for place in drawn.places:
        assert lines[place.y][place.x] == "┌"
        assert lines[place.y + place.height - 1][place.x + place.width - 1] == "┘"


def test_what_is_old_is_told_with_its_age() -> None:
    assert "nothing new for 12 s" in text_of(draw(80, 24, stale_s=12.4))[0]


def test_a_zoom_has_chart_lines_and_table() -> None:
    lines = text_of(draw(80, 24, UiState(view="processes")))

    assert lines[3].startswith("── 5 Processes · by cpu")
    assert any("┤" in line for line in lines)
    assert any("worker-" in line for line in lines)


def test_the_title_of_a_filtered_table_says_so() -> None:
    state = UiState(view="processes", tables={"processes": TableState(filter="worker-7", reverse=True)})

    assert "filter 'worker-7': 1 of them" in text_of(draw(120, 36, state))[3]


def test_what_is_typed_stands_in_the_footer() -> None:
    state = UiState(edit=Edit(what=Editing.MARK, text="deploy", cursor=3))

    assert text_of(draw(80, 24, state))[-1].startswith(" mark: dep█loy  Enter ok · Esc cancel")


def test_a_note_of_the_player_stands_in_the_footer_with_the_hints_that_fit() -> None:
    shown = SHOWN_BY[HEALTHY.constraint]
    noted = Shown(snapshot=shown.snapshot, mode=shown.mode, note="marked: deploy")

    footer = text_of(Painter(PANES, plain=False).draw(noted, UiState(), 60, 24))[-1]

    assert footer.startswith(" marked: deploy · 1-7 zoom")
    assert footer.rstrip().endswith("? help · q quit")


def test_the_manual_tells_every_key_and_scrolls() -> None:
    first = text_of(draw(80, 24, UiState(view=HELP)))
    last = text_of(draw(80, 24, UiState(view=HELP, top=99)))

    assert any("zoom the pane with that number" in line for line in first)
    assert any("never the same as 0" in line for line in last)


def test_a_chart_is_kept_until_it_moves_by_a_column() -> None:
    painter = Painter(PANES, plain=False)
    state = UiState(view="cpu")
    early, late = shown_after(400), shown_after(401)

    first = text_of(painter.draw(early, state, 100, 30))
    same = text_of(painter.draw(late, state, 100, 30))
    other = text_of(painter.draw(late, state, 101, 30))

    assert first[4:12] == same[4:12]
    assert first[4:12] != other[4:12]


def test_a_table_tells_what_it_has_no_room_for_of_the_chosen_row() -> None:
    known = [deploy(0, "2.8.1", detail="image orders-api:2.8.1"), deploy(-9, "2.8.0", url="https://ci/1")]
    shown = Shown(snapshot=scene(*known), mode=Mode.LIVE)

    def below(row: str, height: int = 24) -> str:
        drawn = Painter(PANES, plain=False).draw(shown, UiState(view="deploys", row=row), 80, height)
        return "\n".join("".join(words for words, _ in line) for line in drawn.lines)

    assert "image orders-api:2.8.1" in below("")
    assert "https://ci/1" in below(known[1].id)
    assert "https://ci/1" not in below(known[1].id, height=12)
