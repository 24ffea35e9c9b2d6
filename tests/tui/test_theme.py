from __future__ import annotations

import pytest

from perftui.tui.options import Theme
from perftui.tui.theme import styles, to_ascii
from perftui.tui.widths import cells
from perftui.views.model import Role


@pytest.mark.parametrize("theme", Theme)
def test_plain_text_costs_no_colour_sequence(theme: Theme) -> None:
    assert Role.TEXT not in styles(theme)


@pytest.mark.parametrize("theme", Theme)
def test_what_is_critical_differs_from_what_is_not(theme: Theme) -> None:
    drawn = [styles(theme).get(role) for role in (Role.CRITICAL, Role.WARNING, Role.TEXT, Role.DIM)]

    assert len(set(map(str, drawn))) == 4


def test_no_colours_means_none() -> None:
    assert all(style.color is None and style.bgcolor is None for style in styles(Theme.NONE).values())


@pytest.mark.parametrize(
    "words",
    ["┌ 1 CPU ─┐", "busy 31 % ▁▂▃▄▅▆▇█░▒▓", "● live · ▲ △ ▸ ▾ ▴ ← → …", "⠀⣿⡇", "naïve 日本語", "🔎 find", "\U0001f4a5"],
)
def test_ascii_takes_as_many_cells(words: str) -> None:
    drawn = to_ascii(words)

    assert drawn.isascii()
    assert cells(drawn) == cells(words)


def test_signs_of_severity_differ_in_ascii() -> None:
    assert len(set(to_ascii("●△▲?"))) == 4


def test_a_bar_still_grows_in_ascii() -> None:
    assert len(set(to_ascii("▁▂▃▄▅▆▇█"))) == 8
