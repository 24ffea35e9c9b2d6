"""Real faults on this machine: each gives its verdict within 10 s, and a healthy busy build gives none.

The whole path runs as in the console: live sources, the one loop, the rules. With PERFTUI_KEEP_TAPES=FOLDER each run is kept
as a tape (names of other programs replaced), which is how the tapes of the rules' tests were made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.commands.sources import host_sources, machine
from perftui.model.finding import Constraint, Severity
from perftui.model.frame import Frame
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from tests import faults
from tests.keep_tape import keep

pytestmark = pytest.mark.fault

QUIET_S = 6.0
WITHIN_S = 10.0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    fault: Callable[[Path], AbstractContextManager[object]]
    constraint: Constraint
    rules: tuple[str, ...]
    """Either of them at the top of the chain."""
    process: str | None = None
    """The process that must be named as the leader."""
    prepare: Callable[[Path], object] = lambda folder: None
    """Done before the watch begins."""
    within_s: float = WITHIN_S
    also: str | None = None
    """A finding that must be there too, as a symptom."""


CASES = {
    "cpu-hog": Case(
        fault=lambda folder: faults.cpu_hog(),
        constraint=Constraint.CPU_BOUND,
        rules=("host.cpu_saturated",),
        process="stress-ng",
    ),
    "cpu-quota": Case(
        fault=lambda folder: faults.cpu_quota(), constraint=Constraint.CPU_BOUND, rules=("host.cpu_throttled",)
    ),
    "disk-saturation": Case(
        prepare=faults.lay_file,
        fault=faults.throttled_disk,
        constraint=Constraint.IO_BOUND,
        rules=("host.io_saturated",),
        process="fio",
    ),
    "swap-thrash": Case(
        fault=faults.swap_thrash,
        constraint=Constraint.MEMORY_BOUND,
        rules=("host.memory_pressure", "host.swapping"),
        process="python",
        also="host.swapping",
    ),
    "memory-leak": Case(
        fault=lambda folder: faults.leak(),
        constraint=Constraint.MEMORY_BOUND,
        rules=("host.memory_leak",),
        process="python",
        # S002 asks for ten measurements: nine seconds from the tick that first sees the process, which is up to one later;
        # the second beyond is for a start that one tick does not catch yet.
        within_s=WITHIN_S + 1.5,
    ),
    "disk-fill": Case(fault=faults.filling_disk, constraint=Constraint.IO_BOUND, rules=("host.disk_filling",)),
    "oom-kill": Case(
        fault=lambda folder: faults.oom_kill(),
        constraint=Constraint.MEMORY_BOUND,
        rules=("host.oom_kill",),
        process="python",
    ),
    "open-files": Case(
        fault=lambda folder: faults.open_files(),
        constraint=Constraint.POOL_BOUND,
        rules=("host.fd_exhaustion",),
        process="python",
    ),
    "lost-segments": Case(
        fault=lambda folder: faults.lost_segments(),
        constraint=Constraint.EXTERNAL_BOUND,
        rules=("host.network_retransmits",),
    ),
}


async def watched(
    seconds: float, fault: Callable[[], AbstractContextManager[object]], done: Callable[[Snapshot], bool]
) -> tuple[list[Frame], list[Snapshot], float | None]:
    """Watch a quiet host, then the fault until `done` or for so long: all frames, the fault's snapshots, the time it took."""
    judge, store = Judge(machine=machine()), new_store()
    frames: list[Frame] = []
    during: list[Snapshot] = []
    began: float | None = None
    reached: float | None = None
    with contextlib.ExitStack() as stack:
        async for frame in LiveFeed(host_sources(), SystemClock()):
            frames.append(frame)
            snapshot = judge.snapshot(store.push(frame))
            if began is None:
                if frame.mono - frames[0].mono >= QUIET_S:
                    stack.enter_context(fault())
                    began = SystemClock().mono()
                continue
            during.append(snapshot)
            if reached is None and done(snapshot):
                reached = frame.mono - began
            # A kept tape goes on for some seconds after the verdict.
            if frame.mono - began > seconds or (reached is not None and frame.mono - began > reached + 3):
                break
    return frames, during, reached


@pytest.mark.parametrize("name", CASES)
async def test_a_real_fault_gives_its_verdict_within_ten_seconds(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    case.prepare(tmp_path)

    def right(snapshot: Snapshot) -> bool:
        rules = {finding.rule for finding in snapshot.findings}
        return snapshot.verdict.finding in case.rules and (case.also is None or case.also in rules)

    frames, during, reached = await watched(2 * WITHIN_S, lambda: case.fault(tmp_path), right)

    keep(name, frames)
    seen = [(s.verdict.constraint.value, s.verdict.chain, s.verdict.summary) for s in during]
    assert reached is not None, seen
    print(f"{name}: {reached:.1f} s")
    assert reached <= case.within_s, seen
    found = next(s for s in during if right(s))
    assert found.verdict.constraint is case.constraint
    if case.process is not None:
        finding = next(f for f in found.findings if f.rule == found.verdict.finding)
        assert str(finding.subject.get("process", "")).startswith(case.process), finding


async def test_a_healthy_busy_build_gives_no_finding(tmp_path: Path) -> None:
    frames, during, _ = await watched(30, lambda: faults.busy_build(tmp_path), lambda snapshot: False)

    keep("busy-build", frames)
    wrong = {
        f.title for s in during for f in s.findings if f.severity > Severity.INFO and f.rule != "host.disk_filling"
    }
    assert wrong == set()
    busy = [s.history.value("host.cpu.busy_ratio") or 0.0 for s in during[2:]]
    assert sum(busy) / len(busy) > 0.8, "the build must really keep the host busy"


@pytest.fixture(autouse=True)
async def alone() -> None:
    """A fault of an earlier test must have worn off: the kernel's 10 s means and ours must be low before the next begins."""
    faults.leftovers()
    stalls = [path for kind in ("cpu", "io", "memory") if (path := Path(f"/proc/pressure/{kind}")).exists()]
    try:
        async with asyncio.timeout(40):
            while any(float(path.read_text().split("avg10=")[1].split()[0]) > 10 for path in stalls):
                await asyncio.sleep(0.5)
    except TimeoutError:
        pytest.skip("somebody else keeps this machine busy: a fault of ours would not stand out")
