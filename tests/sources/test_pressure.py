from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pressure import Pressure, PressureSample, derive, parse_stall
from tests.sources.manual_clock import ManualClock

IO = b"some avg10=12.50 avg60=3.00 avg300=0.70 total=5000000\nfull avg10=6.00 avg60=1.00 avg300=0.20 total=2000000\n"
CPU = b"some avg10=1.00 avg60=0.00 avg300=0.00 total=7000\n"


def sample(mono: float, io_total: int) -> PressureSample:
    stall = parse_stall(IO)
    assert stall.full is not None
    some = msgspec.structs.replace(stall.some, total=io_total)
    return PressureSample(mono=mono, cpu=parse_stall(CPU), io=msgspec.structs.replace(stall, some=some), memory=None)


@pytest.mark.parametrize(
    ("before", "after", "seconds", "ratio"),
    [
        (5_000_000, 5_500_000, 1.0, 0.5),
        (5_000_000, 9_000_000, 1.0, 1.0),
        (5_000_000, 100, 1.0, None),
        (5_000_000, 5_500_000, 0.0, None),
    ],
    ids=["half the time", "never above all the time", "reset", "no time"],
)
def test_stalled_share(before: int, after: int, seconds: float, ratio: float | None) -> None:
    reading = derive(sample(1.0, before), sample(1.0 + seconds, after)).pressure
    assert reading.io is not None
    assert reading.io.some_ratio == ratio
    assert reading.io.some_avg10_ratio == 0.125


def test_a_kernel_without_the_full_line_and_a_missing_file_are_none() -> None:
    reading = derive(None, sample(1.0, 5)).pressure
    assert reading.cpu is not None
    assert reading.cpu.full_avg10_ratio is None
    assert reading.cpu.some_ratio is None
    assert reading.memory is None


async def test_a_kernel_without_psi_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="psi=1") as caught:
        await Pressure(KernelFiles(str(tmp_path)), ManualClock()).sample()
    assert caught.value.kind is FailureKind.UNSUPPORTED
