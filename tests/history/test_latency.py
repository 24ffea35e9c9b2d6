"""Many times together: against exact figures, with paths and minutes bounded."""

from __future__ import annotations

import random
from statistics import mean, stdev

import pytest

from perftui.history.latency import MOST_PATHS, OTHERS, Collector, Latency, plain_path
from perftui.sources.access_logs import any_moment
from perftui.sources.load_format import Result

AT = 1_795_346_580


def collected(results: list[Result], most_spans: int = 40) -> Latency:
    collector = Collector(any_moment)
    assert collector.take(results) == len(results)
    told = collector.latency(most_spans)
    assert told is not None
    return told


def test_figures_are_those_of_the_values() -> None:
    chance = random.Random(7)
    times = [chance.lognormvariate(-3, 0.8) for _ in range(5000)]
    told = collected([Result(None, time, number % 50 > 0, "") for number, time in enumerate(times)])
    ordered = sorted(times)

    assert (told.all.requests, told.all.failures) == (5000, 100)
    assert told.all.p50_s == pytest.approx(ordered[2499], rel=0.0101)
    assert told.all.p95_s == pytest.approx(ordered[4749], rel=0.0101)
    assert told.all.p999_s == pytest.approx(ordered[4994], rel=0.0101)
    assert told.mean_s == pytest.approx(mean(times))
    assert told.cv_ratio == pytest.approx(stdev(times) / mean(times))
    assert (told.lowest_s, told.highest_s) == (ordered[0], ordered[-1])
    assert sum(bar.requests for bar in told.histogram) == 5000


@pytest.mark.parametrize(
    ("times", "spread", "stick"),
    [
        ([0.1] * 200, "low", False),
        ([0.1, 0.13] * 100, "moderate", False),
        ([0.1] * 190 + [0.11] * 4 + [0.5] * 6, "high", True),
        ([0.1] * 50, "low", None),
        ([0.1], "unknown", None),
        ([0.0] * 200, "unknown", False),
    ],
)
def test_spread_and_shape(times: list[float], spread: str, stick: bool | None) -> None:
    told = collected([Result(None, time, True, "") for time in times])

    assert (told.spread, told.hockey_stick) == (spread, stick)


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/orders/123/items", "/orders/{id}/items"),
        ("/orders/7", "/orders/{id}"),
        ("/v2/users/3fa85f64-5717-4562-b3fc-2c963f66afa6", "/v2/users/{id}"),
        ("/static/app.52476.js", "/static/app.{id}.js"),
        ("http://shop:18080/orders/7", "http://shop:18080/orders/{id}"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_identifiers_in_paths_are_one(path: str, plain: str) -> None:
    assert plain_path(path) == plain


def test_the_slowest_paths_come_first_and_rare_ones_last() -> None:
    results = [Result(None, 0.1, True, "/fast")] * 90 + [Result(None, 0.4, True, "/slow")] * 30
    told = collected([*results, Result(None, 9.0, True, "/rare")])

    assert [each.path for each in told.paths] == ["/slow", "/fast", "/rare"]
    assert sum(each.time_ratio for each in told.paths) == pytest.approx(1)


def test_paths_are_bounded() -> None:
    told = collected(
        [Result(None, 0.1, True, f"/p{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}/{n % 3}x") for n in range(4000)]
    )

    assert len(told.paths) <= MOST_PATHS + 1
    assert any(each.path == OTHERS for each in told.paths)
    assert sum(each.figures.requests for each in told.paths) == 4000


@pytest.mark.parametrize("written", ["ms", "iso", "clf"])
def test_the_course_by_minutes(written: str) -> None:
    from datetime import UTC, datetime

    def at(second: int) -> str | float:
        moment = datetime.fromtimestamp(AT + second, UTC)
        if written == "ms":
            return (AT + second) * 1000.0
        return moment.isoformat() if written == "iso" else moment.strftime("%d/%b/%Y:%H:%M:%S %z")

    told = collected([Result(at(second), 0.1 if second < 120 else 0.2, True, "") for second in range(180)])

    assert told.span_s == 60
    assert [(span.at, span.figures.requests) for span in told.spans] == [(AT, 60), (AT + 60, 60), (AT + 120, 60)]
    assert told.spans[2].figures.p50_s == pytest.approx(0.2, rel=0.0101)


def test_a_long_course_has_wider_spans_and_bounded_memory() -> None:
    told = collected([Result(float(AT + 60 * minute), 0.1, True, "") for minute in range(5000)])

    assert len(told.spans) <= 40
    assert told.span_s == 21600
    assert sum(span.figures.requests for span in told.spans) == 5000


def test_nothing_says_nothing() -> None:
    assert Collector(any_moment).latency() is None
