"""The feed of a load test: windows, silence, clocks that differ, formats that change under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from perftui.clients.tail import FileTail, Piece
from perftui.model.failure import FailureKind, SourceError
from perftui.recording.codec import decode_frame, encode_frame
from perftui.sources import BY_NAME
from perftui.sources.load import LoadFeed, LoadPart, LoadSample, derive
from perftui.sources.load_locust import Either, Locust, parse_stats

T = TypeVar("T")


class Here:
    """Runs a call where it stands; the clock is moved by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    async def run(self, call: Callable[[], T]) -> T:
        return call()

    def cpu_s(self) -> float:
        return 0.0

    def mono(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_000_000.0 + self.now


class Run:
    """A feed that a test writes to, and what is read of it a second later."""

    def __init__(self, path: Path) -> None:
        self.path, self.here = path, Here()
        self.path.write_bytes(b"")
        self.feed = LoadFeed(FileTail(str(path)), "run.jsonl", self.here, self.here)

    async def second(self, *lines: str) -> LoadPart:
        with self.path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.here.now += 1
        return derive(None, await self.feed.sample())


@pytest.fixture
async def run(tmp_path: Path) -> Run:
    made = Run(tmp_path / "run.jsonl")
    await made.feed.sample()
    return made


def line(latency_ms: float, **more: object) -> str:
    return msgspec.json.encode({"latency_ms": latency_ms, **more}).decode()


async def test_rates_and_percentiles_of_ten_seconds(run: Run) -> None:
    for _ in range(12):
        part = await run.second(*(line(n, ok=n != 7) for n in range(1, 21)))

    assert part.requests_per_s == 20
    assert part.error_ratio == pytest.approx(0.05)
    assert [part.p50_s, part.p95_s, part.p99_s] == pytest.approx([0.010, 0.019, 0.020], rel=0.0101)
    assert (part.results_total, part.failures_total, part.tool) == (240, 12, "jsonl")


async def test_the_first_seconds_are_rates_over_what_was_watched(run: Run) -> None:
    part = await run.second(*[line(5)] * 30)

    assert part.requests_per_s == 30
    assert part.p95_s is not None
    assert part.p99_s is None


async def test_a_silent_feed_is_unknown_and_not_zero(run: Run) -> None:
    assert (await run.second()).requests_per_s is None
    await run.second(*[line(5, users=9)] * 30)
    for _ in range(5):
        part = await run.second()
    assert part.requests_per_s is not None
    part = await run.second()

    assert (part.requests_per_s, part.error_ratio, part.p95_s, part.users) == (None, None, None, None)
    assert part.age_s == 6


async def test_users_without_results_are_a_rate_of_zero(run: Run) -> None:
    for _ in range(12):
        part = await run.second('{"users": 3}')

    assert (part.requests_per_s, part.p95_s, part.users) == (0.0, None, 3)


async def test_the_clocks_are_compared_by_the_result_that_was_least_under_way(run: Run) -> None:
    for late in (4.0, 2.5, 3.0):
        part = await run.second(line(5, at=run.here.wall() + 1 - late))

    assert part.offset_s == pytest.approx(-2.5)


async def test_lines_that_can_not_be_read_are_counted_across_a_rotation(run: Run) -> None:
    await run.second(line(5), "{oops")
    run.path.rename(run.path.with_suffix(".1"))
    run.path.write_text("")
    await run.second()
    part = await run.second("timeStamp,elapsed,label,success", "1795346626000,250,a,true", "x,y,a,true")

    assert (part.tool, part.results_total, part.skipped_total) == ("jmeter", 2, 2)


async def test_an_unknown_format_says_what_is_known(run: Run) -> None:
    with pytest.raises(SourceError, match="none of k6's JSON") as caught:
        await run.second("<?xml version='1.0'?>")
    assert caught.value.kind is FailureKind.MALFORMED


async def test_a_tape_gives_the_same_numbers(run: Run) -> None:
    from perftui.model.frame import Frame

    await run.second(*(line(n) for n in range(1, 200)))
    sample = await run.feed.sample()
    frame = Frame(seq=0, at=1.0, mono=1.0, samples={"load": sample})
    again = decode_frame(encode_frame(frame), BY_NAME).samples["load"]

    assert again == sample
    assert isinstance(again, LoadSample) and derive(None, again) == derive(None, sample)


class Page:
    def __init__(self, body: bytes | SourceError) -> None:
        self.body = body

    async def get(self, url: str, accept: str) -> bytes:
        if isinstance(self.body, SourceError):
            raise self.body
        return self.body


STATS = b"""{"current_fail_per_sec": 0.5, "current_rps": 26.5, "state": "spawning", "user_count": 5,
 "current_response_time_percentiles": {"response_time_percentile_0.5": 12, "response_time_percentile_0.95": null},
 "stats": [{"name": "/a", "num_requests": 1}, {"name": "Aggregated", "num_requests": 280, "num_failures": 7}]}"""


def test_locust_s_interface() -> None:
    part = derive(None, parse_stats(STATS, "http://u:secret@gen:8089", Here()))

    assert (part.tool, part.feed, part.users, part.told_phase) == ("locust", "gen:8089", 5, "ramp")
    assert (part.requests_per_s, part.p50_s, part.p95_s, part.results_total) == (26.5, 0.012, None, 280)
    assert part.error_ratio == pytest.approx(0.5 / 26.5)


def test_the_mean_of_what_ended_between_two_looks_at_locust() -> None:
    totals = [(100, 20.0), (150, 40.0), (150, 40.0), (10, 5.0)]
    seen = [
        parse_stats(
            STATS.replace(b'"num_requests": 280', b'"num_requests": %d, "avg_response_time": %f' % total),
            "http://g",
            Here(),
        )
        for total in totals
    ]
    means = [derive(before, now).mean_s for before, now in zip([None, *seen], seen, strict=False)]

    assert means[1] == pytest.approx((150 * 0.040 - 100 * 0.020) / 50)
    assert means[0] is means[2] is means[3] is None


def test_locust_that_does_not_run_tells_no_rate() -> None:
    part = derive(None, parse_stats(STATS.replace(b"spawning", b"stopped"), "http://gen:8089", Here()))

    assert part.requests_per_s is None
    assert part.trouble == "locust is stopped"


async def test_the_csv_is_read_while_the_interface_is_silent(run: Run) -> None:
    silent = Locust("http://gen:8089", Page(SourceError(FailureKind.UNREACHABLE, "gen: nobody there")), run.here)
    await run.second(line(5))

    assert (await Either(silent, run.feed).sample()).tool == "jsonl"
    assert (await Either(Locust("http://gen:8089", Page(STATS), run.here), run.feed).sample()).tool == "locust"
    with pytest.raises(SourceError, match="nobody there; gen: nobody there"):
        await Either(silent, silent).sample()


async def test_a_log_in_page_is_no_number() -> None:
    with pytest.raises(SourceError, match="log-in"):
        await Locust("http://gen:8089", Page(b"<html>"), Here()).sample()


class Breaking:
    """A tail whose second piece can't be read once."""

    left_out_bytes = 0

    def __init__(self) -> None:
        self.pieces: list[Piece | None] = [Piece(f"{line(5)}\n".encode(), False, 9), None, Piece(b"", False, 0)]

    def head(self) -> bytes:
        return f"{line(5)}\n".encode()

    def read(self) -> Piece:
        piece = self.pieces.pop(0)
        if piece is None:
            raise SourceError(FailureKind.UNREACHABLE, "run.jsonl: input/output error")
        return piece


async def test_what_was_read_before_a_failure_is_counted() -> None:
    here = Here()
    feed = LoadFeed(Breaking(), "run.jsonl", here, here)
    with pytest.raises(SourceError):
        await feed.sample()

    assert (await feed.sample()).results_total == 1
