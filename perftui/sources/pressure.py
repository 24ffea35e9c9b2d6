"""Pressure stall information: /proc/pressure/{cpu,io,memory}. None where the kernel has no PSI."""

from __future__ import annotations

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import per_second
from perftui.sources.files import Clock, KernelFiles, read_or_none
from perftui.sources.kind import Part, SourceKind


class StallLine(msgspec.Struct, frozen=True, array_like=True):
    """One line of a pressure file: the kernel's damped shares (0 to 100) and the stalled time in µs since boot."""

    avg10: float
    avg60: float
    avg300: float
    total: int


class Stall(msgspec.Struct, frozen=True, array_like=True):
    some: StallLine
    full: StallLine | None = None
    """cpu has no `full` line before Linux 5.13."""


class PressureSample(Sample, frozen=True, kw_only=True):
    """Source: /proc/pressure/cpu, io, memory (Linux 4.20 with CONFIG_PSI)."""

    cpu: Stall | None
    io: Stall | None
    memory: Stall | None


class PressureReading(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the time tasks were stalled for one resource."""

    some_ratio: float | None
    """Share of the time since the last sample in which at least one task waited."""
    full_ratio: float | None
    """Share of the time since the last sample in which all busy tasks waited at once."""
    some_avg10_ratio: float
    """The same, damped over 10 s by the kernel, so true from our first sample on."""
    some_avg60_ratio: float
    """Share of the time in which at least one task waited, damped over 60 s by the kernel."""
    full_avg10_ratio: float | None
    """Share of the time in which all busy tasks waited at once, damped over 10 s by the kernel; None where it is not kept."""


class PressuresReading(msgspec.Struct, frozen=True, kw_only=True):
    """None for each resource the kernel keeps no PSI for."""

    cpu: PressureReading | None
    io: PressureReading | None
    memory: PressureReading | None


class PressurePart(Part, frozen=True, kw_only=True):
    pressure: PressuresReading


class Pressure:
    """Reads the three files of /proc/pressure."""

    name = "pressure"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    async def sample(self) -> PressureSample:
        """Read once.

        Raises:
            SourceError: UNSUPPORTED when the kernel has no PSI at all.
        """
        raw = {name: read_or_none(self._files, f"/proc/pressure/{name}") for name in ("cpu", "io", "memory")}
        if not any(raw.values()):
            raise SourceError(
                FailureKind.UNSUPPORTED,
                "/proc/pressure: no pressure information; boot with psi=1 (Linux 4.20 or newer)",
            )
        stalls = {name: parse_stall(text) if text else None for name, text in raw.items()}
        return PressureSample(mono=self._clock.mono(), **stalls)


def parse_stall(text: bytes) -> Stall:
    """`some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, then the same for `full`."""
    lines: dict[bytes, StallLine] = {}
    for line in text.splitlines():
        kind, *fields = line.split()
        values = [field.partition(b"=")[2] for field in fields]
        lines[kind] = StallLine(float(values[0]), float(values[1]), float(values[2]), int(values[3]))
    return Stall(lines[b"some"], lines.get(b"full"))


def derive(previous: PressureSample | None, current: PressureSample) -> PressurePart:
    """Readings between two samples; the damped ones come from the current sample alone."""
    elapsed = current.mono - previous.mono if previous else 0.0
    return PressurePart(
        pressure=PressuresReading(
            cpu=_reading(previous.cpu if previous else None, current.cpu, elapsed),
            io=_reading(previous.io if previous else None, current.io, elapsed),
            memory=_reading(previous.memory if previous else None, current.memory, elapsed),
        )
    )


def _reading(previous: Stall | None, current: Stall | None, elapsed_s: float) -> PressureReading | None:
    if current is None:
        return None
    return PressureReading(
        some_ratio=_stalled(previous.some if previous else None, current.some, elapsed_s),
        full_ratio=_stalled(previous.full if previous else None, current.full, elapsed_s),
        some_avg10_ratio=current.some.avg10 / 100,
        some_avg60_ratio=current.some.avg60 / 100,
        full_avg10_ratio=current.full.avg10 / 100 if current.full else None,
    )


def _stalled(previous: StallLine | None, current: StallLine | None, elapsed_s: float) -> float | None:
    if previous is None or current is None:
        return None
    micros = per_second(previous.total, current.total, elapsed_s)
    return None if micros is None else min(1.0, micros / 1e6)


KIND = SourceKind(name="pressure", sample=PressureSample, part=PressurePart, derive=derive)
