from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.sources.disks import DiskReading, DiskRow, Disks, DisksSample, derive, parse_swaps
from tests.sources.manual_clock import ManualClock

ROW = DiskRow(1000, 8000, 500, 2000, 16000, 900, 5000, 7000)
LATER = DiskRow(1100, 8800, 600, 2300, 18400, 1200, 5500, 8000)


def reading(previous: DiskRow | None, current: DiskRow, seconds: float = 2.0) -> DiskReading:
    before = DisksSample(mono=10.0, disks={"sda": previous} if previous else {})
    return derive(before, DisksSample(mono=10.0 + seconds, disks={"sda": current})).disks["sda"]


def test_the_numbers_of_iostat() -> None:
    assert reading(ROW, LATER) == DiskReading(
        utilization_ratio=0.25,
        await_s=0.001,
        queue_length=0.5,
        read_bytes_per_s=800 * 512 / 2,
        write_bytes_per_s=2400 * 512 / 2,
        reads_per_s=50.0,
        writes_per_s=150.0,
    )


UNKNOWN = DiskReading(
    utilization_ratio=None, await_s=None, queue_length=None, read_bytes_per_s=None, write_bytes_per_s=None,
    reads_per_s=None, writes_per_s=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("previous", "current", "seconds"),
    [
        (None, LATER, 2.0),
        (LATER, ROW, 2.0),
        (ROW, msgspec.structs.replace(LATER, writes=3), 2.0),
        (ROW, LATER, 0.0),
    ],
    ids=["plugged in", "came back with lower counters", "one lower counter spoils all", "no time"],
)
def test_a_gap_is_unknown_not_a_spike(previous: DiskRow | None, current: DiskRow, seconds: float) -> None:
    assert reading(previous, current, seconds) == UNKNOWN


def test_no_request_no_wait() -> None:
    idle = reading(ROW, ROW)
    assert idle.await_s is None
    assert idle.utilization_ratio == 0.0


def test_the_kernels_ticks_do_not_make_more_than_all_the_time() -> None:
    assert reading(ROW, msgspec.structs.replace(LATER, busy_ms=7008)).utilization_ratio == 1.0


def test_a_system_that_counts_no_busy_time_has_no_utilization() -> None:
    before, after = (msgspec.structs.replace(row, busy_ms=None, queue_ms=None) for row in (ROW, LATER))
    known = reading(before, after)
    assert known.utilization_ratio is None
    assert known.queue_length is None
    assert known.reads_per_s == 50.0


def test_paths_of_swaps_may_hold_blanks() -> None:
    raw = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda2 partition 1 0 -2\n/my\\040swap file 1 0 -3\n"
    assert parse_swaps(raw) == ["/dev/sda2", "/my swap"]


DISKSTATS = b"""   8       0 sda 1000 1 8000 500 2000 2 16000 900 0 5000 7000 0 0 0 0 0 0
   8       1 sda1 900 1 7000 400 1000 2 15000 800 0 4000 6000 0 0 0 0 0 0
 104       0 cciss/c0d0 5 0 40 1 6 0 48 1 0 2 3
 253       0 dm-0 7 0 56 1 8 0 64 1 0 2 3 0 0 0 0
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   7       1 loop1 3 0 24 1 0 0 0 0 0 1 1 0 0 0 0 0 0
"""


async def test_whole_devices_only(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/diskstats").write_bytes(DISKSTATS)
    for name in ("sda", "cciss!c0d0", "dm-0", "loop0", "loop1"):
        (tmp_path / "sys/block" / name).mkdir(parents=True)
    sample = await Disks(KernelFiles(str(tmp_path)), ManualClock()).sample()
    assert list(sample.disks) == ["sda", "cciss/c0d0", "dm-0", "loop1"]
    assert sample.disks["sda"] == ROW
    assert sample.swap_devices == ()


async def test_a_disk_that_is_plugged_in_joins(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    stats = tmp_path / "proc/diskstats"
    stats.write_bytes(DISKSTATS.splitlines(keepends=True)[0])
    (tmp_path / "sys/block/sda").mkdir(parents=True)
    source = Disks(KernelFiles(str(tmp_path)), ManualClock())
    assert list((await source.sample()).disks) == ["sda"]
    (tmp_path / "sys/block/dm-0").mkdir()
    stats.write_bytes(DISKSTATS)
    assert list((await source.sample()).disks) == ["sda", "dm-0"]


async def test_this_machine_against_its_own_list() -> None:
    sample = await Disks(KernelFiles(), ManualClock()).sample()
    assert set(sample.disks) <= {path.name.replace("!", "/") for path in Path("/sys/block").iterdir()}
    assert sample.disks
