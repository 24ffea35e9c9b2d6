"""Keeps the frames of a real run as a tape for the rules' tests, without the names of whatever else ran there.

`PERFTUI_KEEP_TAPES=FOLDER python -m tests.keep_tape TAPE NAME [FROM UNTIL]` keeps so many seconds of a tape that was recorded.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from perftui.model.frame import Frame, Machine, Sample
from perftui.recording.codec import decode_frame, encode_frame
from perftui.recording.reader import Tape
from perftui.recording.writer import TapeWriter
from perftui.sources import BY_NAME
from perftui.sources.cgroups import CgroupsSample
from perftui.sources.filesystems import FilesystemsSample
from perftui.sources.kernel_log import KernelLogSample
from perftui.sources.processes import ProcessesSample, ProcessRow

SHOWN = re.compile(
    r"(postgres|pgbouncer|stress-ng|fio|python|gcc|cc1|as|ld|make|sh|kworker|kswapd|jbd2|ksoftirqd|kcompactd|migration|rcu)"
)
MOST_ROWS = 30
"""Processes that are kept: a tape should stay small."""
PATH = re.compile(rb'"/(?!dev/|srv/|pt_)[\w.@-]+/[^"]*"')
"""A whole string that is a path of the machine."""


def keep(name: str, frames: Iterable[Frame]) -> None:
    """Write FOLDER/NAME.ptape when PERFTUI_KEEP_TAPES names a folder."""
    folder = os.environ.get("PERFTUI_KEEP_TAPES")
    if not folder:
        return
    path = Path(folder) / f"{name}.ptape"
    path.unlink(missing_ok=True)
    frames = list(frames)
    cpu = frames[0].samples["cpu"]
    memory = frames[0].samples["memory"]
    machine = Machine(
        hostname="db-1",
        system="Linux",
        cores=len(cpu.per_cpu),  # type: ignore[attr-defined]
        memory_bytes=memory.meminfo["MemTotal"],  # type: ignore[attr-defined]
    )
    tape = TapeWriter(path, machine)
    for frame in frames:
        samples = {source: without_names(sample) for source, sample in frame.samples.items()}
        text = encode_frame(msgspec.structs.replace(frame, samples=samples))
        tape.write(decode_frame(PATH.sub(b'"/srv/data"', text), BY_NAME))
    tape.close()


def part(tape: Tape, from_s: float, until_s: float) -> list[Frame]:
    """The frames of some seconds of a tape."""
    frames = list(tape.frames())
    return [frame for frame in frames if from_s <= frame.mono - frames[0].mono <= until_s]


def without_names(sample: Sample) -> Sample:
    """The sample with the names of unrelated programs, users, groups and mount points replaced."""
    if isinstance(sample, ProcessesSample):
        return msgspec.structs.replace(sample, rows=tuple(map(_row, sample.rows[:MOST_ROWS])))
    if isinstance(sample, CgroupsSample):
        groups = {_group(path, place): row for place, (path, row) in enumerate(sample.groups.items())}
        return msgspec.structs.replace(sample, groups=groups)
    if isinstance(sample, KernelLogSample):
        kills = tuple(msgspec.structs.replace(kill, cgroup=_group(kill.cgroup, 0)) for kill in sample.oom_kills)
        return msgspec.structs.replace(sample, oom_kills=kills)
    if isinstance(sample, FilesystemsSample):
        kept = {}
        for path, row in sample.filesystems.items():
            shown = "/srv/small" if path.endswith("pt-small") else path
            if shown in ("/", "/dev/shm", "/run", "/tmp", "/srv/small"):
                kept[shown] = row
        return msgspec.structs.replace(sample, filesystems=kept)
    return sample


def _row(row: ProcessRow) -> ProcessRow:
    known = SHOWN.match(row.name) is not None
    name = row.name if known else "service"
    return msgspec.structs.replace(row, name=name, command=name if row.command else "", user="app" if row.user else "")


def _group(path: str, place: int) -> str:
    return path if "pt_" in path or path in ("", "/") else f"/group-{place}"


if __name__ == "__main__":
    given, kept_as, *seconds = sys.argv[1:]
    begin, end = map(float, seconds or (0.0, 1e9))
    keep(kept_as, part(Tape(Path(given)), begin, end))
