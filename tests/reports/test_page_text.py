"""A page as text: nothing wider than the terminal, tables in columns where they fit."""

from __future__ import annotations

import pytest

from perftui.reports.page import Bullets, Charts, Facts, Fixed, Page, Pin, Plot, Section, Table, Words
from perftui.reports.page_text import page_text
from perftui.views.model import Role

SENTENCE = "the rate stands still although there are more users from one minute to the next " * 2
POINTS = tuple((1000.0 + at, None if at == 7 else at / 10) for at in range(60))


def page(*blocks: Facts | Table | Bullets | Words | Fixed | Charts) -> Page:
    return Page(
        kicker="k", title="t", headline=SENTENCE, tone=Role.GOOD, sections=(Section("Part", blocks),), foot="made"
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider(width: int) -> None:
    wide = Table(
        columns=("component", "issue", "gain"), rows=(("host", SENTENCE, ""), (("pool", Role.CRITICAL), "x", "y"))
    )
    charts = Charts(
        plots=(Plot(reading="load.p95_s", points=POINTS),),
        pins=(Pin(at=1030.0, sort="mark", words=SENTENCE),),
        span=(1000.0, 1060.0),
    )
    made = page_text(page(Facts((("Status", SENTENCE),)), wide, Bullets((SENTENCE,)), Words(SENTENCE), charts), width)

    assert max(map(len, made.splitlines())) <= width
    assert "load.p95_s" in made
    assert "1 00:17:10Z mark: the rate" in made


def test_a_table_that_fits_has_columns() -> None:
    table = Table(columns=("users", "p95"), rows=(("5", "100 ms"), ("10", ("1.1 s", Role.WARNING))), numbers=(0, 1))

    assert "users     p95\n    5  100 ms\n   10   1.1 s" in page_text(page(table))


def test_one_that_does_not_is_a_list() -> None:
    made = page_text(page(Table(columns=("rule", "issue"), rows=(("a", SENTENCE), ("b", "")))), 60)

    assert "rule   a\nissue  the rate stands still" in made
    assert "\n\nrule   b\n" in made


def test_no_rows_say_why() -> None:
    assert "nothing was seen" in page_text(page(Table(columns=("a",), rows=(), empty="nothing was seen")))
