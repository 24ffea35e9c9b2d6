"""Numbers for people: fixed widths, not known is never 0."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import pytest

from perftui.views import format as f
from perftui.views.layout import length

GIB = 1 << 30


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f.percent(0.314), " 31 %"),
        (f.percent(1.0), "100 %"),
        (f.percent(0.0), "  0 %"),
        (f.percent(None), "    –"),
        (f.percent_tenths(None), "      –"),
        (f.hundredths(0.314), " 31"),
        (f.hundredths(None, 2), " –"),
        (f.percent_tenths(0.0042), "  0.4 %"),
        (f.size(0), "    0"),
        (f.size(512), "512 B"),
        (f.size(1000), "1.0 K"),
        (f.size(18 * GIB), " 18 G"),
        (f.size(1023 * GIB), "1.0 T"),
        (f.size(1.54 * GIB), "1.5 G"),
        (f.size(9.97 * GIB), " 10 G"),
        (f.size(None), "    –"),
        (f.rate(140 << 20), "140 M/s"),
        (f.rate(0.0), "      0"),
        (f.rate(None), "      –"),
        (f.count(312), "  312"),
        (f.count(12_345), " 12 k"),
        (f.count(0.3), "  0.3"),
        (f.count(999.7), "1.0 k"),
        (f.count(None), "    –"),
        (f.latency(0.0008), "0.8 ms"),
        (f.latency(0.1184), "118 ms"),
        (f.latency(0.9999), " 1.0 s"),
        (f.latency(None), "     –"),
    ],
)
def test_numbers_have_a_unit_and_a_fixed_width(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("used", "total", "expected"),
    [
        (200 << 20, 8 * GIB, "0.2 of 8 G"),
        (0, 8 * GIB, "  0 of 8 G"),
        (14 * GIB, 64 * GIB, " 14 of 64 G"),
        (None, 8 * GIB, "  – of 8 G"),
        (5, None, "5 B of –"),
    ],
)
def test_a_part_is_told_in_the_unit_of_its_whole(used: int | None, total: int | None, expected: str) -> None:
    assert f.size_of(used, total) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.9, "0 s"), (12.0, "12 s"), (192.0, "3m12s"), (7500.0, "2h05m"), (4 * 86400 + 10800.0, "4d03h"), (None, "–")],
)
def test_durations(seconds: float | None, expected: str) -> None:
    assert f.duration(seconds) == expected


def test_moments_are_in_utc() -> None:
    assert f.clock(1_770_806_527.9) == "10:42:07"
    assert f.stamp(1_770_806_527.9) == "2026-02-11 10:42:07Z"
    assert f.since(1_770_806_527.9, began_before=True, now_at=1_770_806_600.0) == "before 10:42:07"
    assert f.since(1_770_806_527.9, began_before=False, now_at=1_770_906_600.0) == "since 2026-02-11 10:42"


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("ratio", 0.944, "94.4 %"),
        ("bytes/s", 140 << 20, "140 M/s"),
        ("bytes", 3 * GIB, "3.0 G"),
        ("s", 0.25, "250 ms"),
        ("tasks", 7.0, "7 tasks"),
        ("tasks", None, "–"),
        ("1/s", 8.33333, "8.333 1/s"),
        ("days", -1.00031, "-1 days"),
        ("1/s", 12345.6, "12346 1/s"),
    ],
)
def test_evidence_is_told_in_its_unit(unit: str, value: float | None, expected: str) -> None:
    assert f.in_unit(value, unit) == expected


def test_a_gap_in_a_sparkline_is_blank_and_nothing_else_is() -> None:
    assert f.sparkline([0.0, nan, 0.5, 1.0], 6, top=1.0) == "  ▁ ▅█"


def test_a_sparkline_shows_the_newest_values_and_fits_its_top() -> None:
    assert f.sparkline([100.0, 1.0, 2.0, 4.0], 3) == "▃▅█"
    assert f.sparkline([1.0, 2.0, 4.0], 3, floor=100.0) == "▁▁▁"
    assert f.sparkline([nan, nan], 2) == "  "


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.0, "░░░░"), (0.01, "█░░░"), (0.5, "██░░"), (1.7, "████"), (None, "–   ")]
)
def test_a_bar_tells_little_from_nothing_and_nothing_from_not_known(ratio: float | None, expected: str) -> None:
    assert f.bar_text(ratio, 4) == expected


@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.4), (0.01, 0.01), (0.9, 0.5), (), (0.125, 0.125, 0.125, 0.125)])
def test_a_stacked_bar_is_as_wide_as_its_room(shares: tuple[float, ...]) -> None:
    assert length(f.stacked(shares, 17)) == 17


def test_a_stacked_bar_tells_its_parts_apart_without_colours() -> None:
    assert "".join(words for words, _ in f.stacked((0.5, 0.25, 0.125), 8)) == "████▓▓▒ "


@pytest.mark.parametrize("words", [f.percent, f.percent_tenths, f.hundredths, f.size, f.rate, f.count, f.latency])
def test_zero_and_not_known_are_as_wide_and_never_the_same(words: Callable[[float | None], str]) -> None:
    assert words(None) != words(0.0)
    assert len(words(None)) == len(words(0.0))
