"""What state the memory is in, with the reason in words, and what grows."""

from __future__ import annotations

from math import inf, isnan

import msgspec

from perftui.history.growth import MIN_MEASUREMENTS, GrowthState, growth
from perftui.history.history import History, Trend
from perftui.history.words import size
from perftui.sources.kind import Part
from perftui.sources.memory import MemoryPart, SwapReading
from perftui.sources.pressure import PressurePart
from perftui.sources.processes import ProcessesPart, ProcessReading, resident_series

WINDOW_S = 5.0
CACHE_HEAVY_RATIO = 0.4
RECLAIM_BYTES_PER_S = 1 << 20
SWAP_BYTES_PER_S = 256 << 10
THRASH_BYTES_PER_S = 1 << 20
THRASH_STALL_RATIO = 0.10
PRESSURE_RATIO = 0.10
USED_RATIO = 0.90
"""S002 §35.3.2: memory over 90 %."""
OOM_AVAILABLE_RATIO = 0.03
GROWTH_WINDOW_S = 60.0
LONG_WINDOW_S = 3600.0
MEASUREMENTS = 120
"""Taken of a window, at even steps."""
LEADER_MIN_GROWTH_BYTES = 32 << 20


class Leader(msgspec.Struct, frozen=True, kw_only=True):
    """The process that grows most."""

    pid: int
    """The process that grows most."""
    name: str
    """Its name."""
    state: GrowthState
    """How much it grows: suspect above 5 %, likely above 10 %, leak above 20 %."""
    ratio: float
    """Mean of the second half of its measurements against the first half."""
    bytes_per_s: float
    """How fast its resident memory grows."""
    resident_bytes: int
    """What it holds now."""
    watched_s: float
    """Over how long the growth was measured."""
    since_at: float
    """Wall clock, seconds since 1970 UTC, of its smallest measurement."""
    began_before: bool
    """It grew already when we began to watch."""


class GrowthReading(msgspec.Struct, frozen=True, kw_only=True):
    """Growth of the host's used memory, and the process that leads it."""

    state: GrowthState
    """Of the host's used memory: stable | suspect (5 %) | likely (10 %) | leak (20 %) | insufficient_data"""
    ratio: float | None
    """Mean of the second half of the measurements against the first half."""
    leader: Leader | None


class MemoryStateReading(msgspec.Struct, frozen=True, kw_only=True):
    state: str
    """healthy | cache_heavy | reclaiming | pressured | swapping | thrashing | oom_risk | unknown"""
    state_reason: str
    """The numbers that make it so, in words."""
    growth: GrowthReading


class MemoryStatePart(Part, frozen=True, kw_only=True):
    memory: MemoryStateReading


def memory_state(history: History) -> MemoryStatePart | None:
    """The state over the last 5 s; None while memory is not read."""
    part = history.latest(MemoryPart)
    if part is None:
        return None
    state, reason = _state(history, part)
    return MemoryStatePart(memory=MemoryStateReading(state=state, state_reason=reason, growth=_growth(history)))


def _state(history: History, part: MemoryPart) -> tuple[str, str]:
    memory, swap = part.memory, part.swap
    moved_in = history.window("host.swap.in_bytes_per_s", WINDOW_S).mean or 0.0
    moved_out = history.window("host.swap.out_bytes_per_s", WINDOW_S).mean or 0.0
    some, full = _stalls(history)
    available = f"available {size(memory.available_bytes)} of {size(memory.total_bytes)}"
    stalled = "no pressure readings" if some is None else "no pressure" if some < 0.01 else f"pressure {some:.0%}"
    swap_room = swap.total_bytes - swap.used_bytes
    if memory.available_bytes < OOM_AVAILABLE_RATIO * memory.total_bytes and swap_room < 0.1 * max(1, swap.total_bytes):
        return "oom_risk", f"{available}, and no swap is left; {stalled}"
    swapping = f"swap in {size(moved_in)}/s, out {size(moved_out)}/s"
    if min(moved_in, moved_out) > THRASH_BYTES_PER_S and (full is None or full > THRASH_STALL_RATIO):
        share = f"; everything waits for memory {full:.0%} of the time" if full is not None else ""
        return "thrashing", f"{swapping}{share}"
    if moved_in + moved_out > SWAP_BYTES_PER_S:
        return "swapping", f"{swapping}; {available}; {stalled}"
    if some is not None and some > PRESSURE_RATIO:
        return "pressured", f"tasks wait for memory {some:.0%} of the time; {available}"
    reclaim = history.window("host.memory.reclaim_bytes_per_s", WINDOW_S).mean or 0.0
    if memory.used_ratio > USED_RATIO:
        return "pressured", f"{available}, {memory.used_ratio:.0%} used; {stalled}"
    cache = memory.classes.file_cache_bytes + memory.classes.slab_reclaimable_bytes
    cached = f"{size(cache)} of {size(memory.total_bytes)} is file cache that can be reclaimed"
    if reclaim > RECLAIM_BYTES_PER_S:
        return "reclaiming", f"{size(reclaim)}/s of file cache looked through for free pages; {available}; {stalled}"
    if cache > CACHE_HEAVY_RATIO * memory.total_bytes:
        return "cache_heavy", f"{cached}; available {size(memory.available_bytes)}; {stalled}"
    return "healthy", f"{available}; {stalled}{_swap_words(swap)}"


def _swap_words(swap: SwapReading) -> str:
    return f"; {size(swap.used_bytes)} parked in swap, none moving" if swap.used_bytes > 1 << 20 else ""


def _stalls(history: History) -> tuple[float | None, float | None]:
    """Share of the last 5 s in which some and all tasks waited for memory; the kernel's 10 s mean while we are new."""
    part = history.latest(PressurePart)
    pressure = part.pressure.memory if part else None
    if pressure is None:
        return None, None
    if history.span_s < WINDOW_S:
        return pressure.some_avg10_ratio, pressure.full_avg10_ratio
    return (
        history.window("host.pressure.memory.some_ratio", WINDOW_S).mean,
        history.window("host.pressure.memory.full_ratio", WINDOW_S).mean,
    )


def _growth(history: History) -> GrowthReading:
    _, _, used = history.spread("host.memory.used_ratio", history.span_s + 1, MEASUREMENTS)
    host = growth([value for value in used if not isnan(value)])
    return GrowthReading(state=host.state, ratio=host.ratio, leader=_leader(history))


def _leader(history: History) -> Leader | None:
    part = history.latest(ProcessesPart)
    if part is None:
        return None
    windows = (GROWTH_WINDOW_S, LONG_WINDOW_S) if history.span_s > 5 * GROWTH_WINDOW_S else (GROWTH_WINDOW_S,)
    found = [
        leader
        for window_s in windows
        for process in part.processes.top
        if (leader := _grower(history, process, window_s))
    ]
    return max(found, key=lambda leader: leader.bytes_per_s, default=None)


def _grower(history: History, process: ProcessReading, window_s: float) -> Leader | None:
    if process.resident_bytes < LEADER_MIN_GROWTH_BYTES:
        return None
    at, monos, values = history.spread(resident_series(process), window_s, MEASUREMENTS)
    oldest = next((value for value in values if not isnan(value)), inf)
    if process.resident_bytes - oldest < LEADER_MIN_GROWTH_BYTES:
        return None
    known = [point for point in zip(at, values, monos, strict=True) if not isnan(point[1])]
    if len(known) < MIN_MEASUREMENTS or known[-1][1] - known[0][1] < LEADER_MIN_GROWTH_BYTES:
        return None
    grown = growth([value for _, value, _ in known])
    seconds = known[-1][2] - known[0][2]
    if grown.ratio is None or grown.state is GrowthState.STABLE or seconds <= 0:
        return None
    since_at = min(known, key=lambda point: (point[1], -point[2]))[0]
    return Leader(
        pid=process.pid,
        name=process.name,
        state=grown.state,
        ratio=grown.ratio,
        bytes_per_s=(known[-1][1] - known[0][1]) / seconds,
        resident_bytes=process.resident_bytes,
        watched_s=seconds,
        since_at=since_at,
        began_before=since_at <= history.started_at + 2,
    )


TREND = Trend(part=MemoryStatePart, root="host", read=memory_state)
