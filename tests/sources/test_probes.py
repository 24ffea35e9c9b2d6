"""When requests are made, and what a sample tells of them: a real service, a clock by hand."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from perftui.clients.http_probe import HttpProbe
from perftui.model.failure import FailureKind, SourceError
from perftui.model.probe import ProbeOutcome, ProbeResult
from perftui.sources.probes import Prober, Probes, ProbesSample, ProbeState, derive
from tests.probing import TARGET, failed, ok, timeout
from tests.services import answer, says, service
from tests.sources.manual_clock import ManualClock

EVERY_5 = msgspec.structs.replace(TARGET, every_s=5.0)


class Held:
    """A request that ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = asyncio.Event()

    async def probe(self) -> ProbeResult:
        self.begun += 1
        await self.let_go.wait()
        return ok(0.1)


class Broken:
    def __init__(self, exc: Exception) -> None:
        self._exc = exc

    async def probe(self) -> ProbeResult:
        raise self._exc


async def sampled(source: Probes, clock: ManualClock, mono: float) -> ProbeState:
    """The state of the only probe at a moment, once what was begun could run."""
    clock.now = mono
    sample = await source.sample()
    for _ in range(5):
        await asyncio.sleep(0)
    return sample.probes["health"]


def made(prober: Prober, every_s: float = 5.0) -> tuple[Probes, ManualClock]:
    clock = ManualClock()
    target = msgspec.structs.replace(TARGET, every_s=every_s)
    return Probes({"health": (target, prober)}, clock), clock


async def test_a_sample_never_waits_and_one_request_is_under_way_at_most() -> None:
    held = Held()
    source, clock = made(held)

    states = [await sampled(source, clock, float(second)) for second in range(20)]

    assert held.begun == 1
    assert states[0].last is None
    assert states[19].running_s == 19.0
    held.let_go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await sampled(source, clock, 20.0)).results_total == 1
    assert held.begun == 2, "the next one is due at once and no other is made up for"


async def test_requests_keep_their_pace() -> None:
    held = Held()
    held.let_go.set()
    source, clock = made(held)

    for tenth in range(0, 301, 5):
        await sampled(source, clock, tenth / 10)

    assert held.begun == 7, "at 0, 5, … 30 s"


async def test_a_fast_tick_makes_no_probe_faster() -> None:
    held = Held()
    held.let_go.set()
    source, clock = made(held, every_s=1.0)

    for tenth in range(100):
        await sampled(source, clock, tenth / 10)

    assert held.begun <= 11


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (SourceError(FailureKind.MISSING, "environment variable X is not set"), "environment variable X is not set"),
        (ValueError("a fault of ours"), "internal: ValueError: a fault of ours"),
    ],
)
async def test_a_request_that_can_not_be_made_is_told_and_is_no_result(exc: Exception, words: str) -> None:
    source, clock = made(Broken(exc))
    await sampled(source, clock, 0.0)
    state = await sampled(source, clock, 1.0)

    assert (state.problem, state.results_total, state.last) == (words, 0, None)
    reading = derive(None, ProbesSample(mono=1.0, probes={"health": state})).probes["health"]
    assert (reading.up, reading.detail) == (None, words)


async def test_a_real_request_from_begin_to_reading() -> None:
    async with service(says(answer(body=b"x" * 10), after_s=0.05)) as served:
        prober = HttpProbe(f"http://127.0.0.1:{served.port}/", time.monotonic)
        source = Probes({"health": (TARGET, prober)}, ManualClock())
        deadline = time.monotonic() + 10
        while (sample := await source.sample()).probes["health"].last is None:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    reading = derive(None, sample).probes["health"]
    assert (reading.up, reading.status_code, reading.outcome, reading.results_total) == (True, 200, "ok", 1)
    assert reading.latency_s == reading.total_s
    assert reading.total_s is not None and reading.total_s >= 0.05


@pytest.mark.parametrize(
    ("result", "latency_s"),
    [(ok(0.3), 0.3), (timeout(10.0), 10.0), (failed(ProbeOutcome.CONNECT, 0.001), None), (None, None)],
)
def test_what_counts_as_latency(result: ProbeResult | None, latency_s: float | None) -> None:
    state = ProbeState(target=TARGET, last=result)

    assert derive(None, ProbesSample(mono=0.0, probes={"health": state})).probes["health"].latency_s == latency_s
