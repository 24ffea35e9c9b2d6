from __future__ import annotations

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.cpu import Cpu, CpuSample, CpuTimes, derive, parse_stat

STAT = b"""cpu  100 10 50 800 40 3 7 5 20 0
cpu0 60 5 25 390 20 2 3 2 10 0
cpu1 40 5 25 410 20 1 4 3 10 0
intr 12345 0 9
ctxt 5000
procs_running 3
procs_blocked 1
"""


def sample(mono: float = 10.0, stat: bytes = STAT) -> CpuSample:
    return parse_stat(stat, b"0.50 0.25 0.10 2/88 13857\n", b"35.5 60.1\n", mono)


def grown(before: CpuSample, seconds: float = 1.0, **ticks: int) -> CpuSample:
    """The sample after `seconds` in which the whole and each CPU used so many ticks."""

    def later(times: CpuTimes) -> CpuTimes:
        return msgspec.structs.replace(times, **{mode: getattr(times, mode) + step for mode, step in ticks.items()})

    return msgspec.structs.replace(
        before,
        mono=before.mono + seconds,
        all=later(before.all),
        per_cpu={name: later(times) for name, times in before.per_cpu.items()},
    )


def test_reads_the_three_files() -> None:
    read = sample()
    assert read.all == CpuTimes(100, 10, 50, 800, 40, 3, 7, 5)
    assert list(read.per_cpu) == ["0", "1"]
    assert (read.context_switches, read.runnable, read.blocked) == (5000, 3, 1)
    assert read.load == (0.5, 0.25, 0.1)
    assert read.uptime_s == 35.5


def test_an_old_kernel_without_steal_counts_it_as_none_taken() -> None:
    assert parse_stat(b"cpu  1 2 3 4 5 6 7\n", b"", b"", 0.0).all.steal == 0


def test_a_stat_without_a_cpu_line_says_so() -> None:
    with pytest.raises(SourceError, match="no cpu line") as caught:
        parse_stat(b"intr 5\n", b"", b"", 0.0)
    assert caught.value.kind is FailureKind.MALFORMED


def test_shares_add_up_to_one() -> None:
    before = sample()
    reading = derive(
        before, grown(before, user=30, nice=10, system=20, idle=25, iowait=10, irq=1, softirq=2, steal=2)
    ).cpu
    shares = (
        reading.user_ratio, reading.nice_ratio, reading.system_ratio, reading.iowait_ratio, reading.irq_ratio,
        reading.softirq_ratio, reading.steal_ratio, reading.idle_ratio,
    )  # fmt: skip
    assert None not in shares
    assert sum(share or 0 for share in shares) == pytest.approx(1)
    assert reading.user_ratio == pytest.approx(0.3)
    assert reading.busy_ratio == pytest.approx(0.65)


def test_the_first_sample_has_no_shares() -> None:
    reading = derive(None, sample()).cpu
    assert reading.busy_ratio is None
    assert reading.context_switches_per_s is None
    assert [core.busy_ratio for core in reading.per_core] == [None, None]
    assert reading.runnable == 3


def test_a_hot_plugged_cpu_is_unknown_for_one_sample() -> None:
    after = sample(11.0)
    before = msgspec.structs.replace(after, mono=10.0, per_cpu={"0": CpuTimes(50, 5, 20, 350, 15, 2, 3, 2)})
    reading = derive(before, after).cpu
    assert reading.count == 2
    assert [core.busy_ratio is None for core in reading.per_core] == [False, True]


@pytest.mark.parametrize(
    ("ticks", "known"),
    [({"user": 10, "iowait": -3}, True), ({"user": 10, "iowait": -500}, False), ({"user": -1, "idle": 100}, False)],
    ids=["iowait steps back a little", "iowait was reset", "user was reset"],
)
def test_counters_that_step_back(ticks: dict[str, int], known: bool) -> None:
    before = sample()
    reading = derive(before, grown(before, **ticks)).cpu
    assert (reading.busy_ratio is not None) is known
    if known:
        assert reading.iowait_ratio == 0


def test_a_suspend_and_a_jump_of_the_wall_clock_change_no_share() -> None:
    """Shares are of the ticks that passed; the monotonic clock stands still in a suspend, as the ticks do."""
    before = sample()
    reading = derive(before, grown(before, 0.001, user=50, idle=50)).cpu
    assert reading.busy_ratio == pytest.approx(0.5)


async def test_reads_this_machine() -> None:
    source = Cpu(KernelFiles(), SystemClock())
    first = await source.sample()
    deadline = first.mono + 0.2
    while SystemClock().mono() < deadline:
        pass
    reading = derive(first, await source.sample()).cpu
    assert reading.busy_ratio is not None
    assert reading.busy_ratio > 0.3 / reading.count
