from __future__ import annotations

import msgspec
import pytest

from perftui.sources.processes import ProcessesSample, ProcessReading, ProcessRow, derive

ROW = ProcessRow(
    pid=10, started_ticks=500, ppid=1, name="a", command="a -b", user="me", state="S", cpu_s=5.0, resident_bytes=4096,
    threads=1, major_faults=3, read_bytes=100, write_bytes=200,
)  # fmt: skip


def sample(mono: float, *rows: ProcessRow) -> ProcessesSample:
    return ProcessesSample(mono=mono, total=200, rows=rows)


def reading(before: ProcessRow | None, after: ProcessRow) -> ProcessReading:
    previous = sample(1.0, before) if before else None
    return derive(previous, sample(3.0, after)).processes.top[0]


def test_rates_between_two_samples() -> None:
    after = msgspec.structs.replace(ROW, cpu_s=8.0, major_faults=13, read_bytes=300, write_bytes=200)
    found = reading(ROW, after)
    assert (found.cpu_ratio, found.major_faults_per_s, found.read_bytes_per_s, found.write_bytes_per_s) == (
        1.5,
        5,
        100,
        0,
    )


@pytest.mark.parametrize(
    "before",
    [None, msgspec.structs.replace(ROW, started_ticks=400, cpu_s=0.0)],
    ids=["first sight", "a pid used again"],
)
def test_a_new_process_has_no_rates(before: ProcessRow | None) -> None:
    found = reading(before, ROW)
    assert found.cpu_ratio is found.major_faults_per_s is found.read_bytes_per_s is None


def test_without_the_right_to_know_disk_bytes_all_else_is_there() -> None:
    before, after = (
        msgspec.structs.replace(ROW, cpu_s=cpu_s, read_bytes=None, write_bytes=None) for cpu_s in (5.0, 7.0)
    )
    found = reading(before, after)
    assert found.read_bytes_per_s is found.write_bytes_per_s is None
    assert found.cpu_ratio == 1.0


def test_by_cpu_then_by_memory() -> None:
    idle = [msgspec.structs.replace(ROW, pid=pid, resident_bytes=size) for pid, size in ((11, 1), (12, 9))]
    busy = msgspec.structs.replace(ROW, cpu_s=6.0)
    found = derive(sample(1.0, ROW, *idle), sample(2.0, *idle, busy)).processes
    assert [process.pid for process in found.top] == [10, 12, 11]
    assert found.total == 200
