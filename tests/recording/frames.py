"""Frames and tapes that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

import msgspec

from perftui.model.frame import Frame, Machine
from perftui.recording.codec import FORMAT, Header, encode_frame, encode_header
from perftui.recording.writer import TapeFile
from perftui.sources.memory import MemorySample

MACHINE = Machine(hostname="db-1", system="Linux 6.1", cores=4, memory_bytes=8 << 30)
STARTED_AT = 1_770_000_000.0


def frame(seq: int, at: float | None = None) -> Frame:
    """One of a frame a second; numbers that differ in each, so that it does not pack to nothing."""
    mono = 500.0 + seq
    sample = MemorySample(mono=mono, meminfo={"MemTotal": 8 << 30, "MemFree": Random(seq).randrange(2**33)}, vmstat={})
    return Frame(seq=seq, at=STARTED_AT + seq if at is None else at, mono=mono, samples={"memory": sample})


def frames(count: int) -> list[Frame]:
    return [frame(seq) for seq in range(count)]


def record(path: Path, recorded: Iterable[Frame], block_s: float = 60.0) -> Path:
    tape = TapeFile(path, MACHINE, block_s=block_s)
    for one in recorded:
        tape.append(one)
    tape.finish()
    tape.close()
    return path


def plain(recorded: Iterable[Frame]) -> bytes:
    header = Header(format=FORMAT, program="0.1.0", started_at=STARTED_AT, machine=MACHINE)
    return b"".join(line + b"\n" for line in (encode_header(header), *map(encode_frame, recorded)))


def with_field(line: bytes, name: str, value: object) -> bytes:
    """A JSON line with one of its fields replaced."""
    return msgspec.json.encode({**msgspec.json.decode(line), name: value})
