"""Readers of a disk that gives them a few requests a second."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.marks import control_group, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

READERS = 4
REQUESTS_PER_S = 20


@contextlib.asynccontextmanager
async def slow_disk(stage: Stage) -> AsyncIterator[None]:
    file = stage.folder / "read.dat"
    subprocess.run(["dd", "if=/dev/zero", f"of={file}", "bs=1M", "count=64", "conv=fsync", "status=none"], check=True)
    where = ["findmnt", "-no", "MAJ:MIN", "-T", str(stage.folder)]
    device = subprocess.run(where, check=True, capture_output=True, text=True).stdout.split()[0]
    command = [
        *("fio", "--name=read", f"--filename={file}", "--size=64M", "--rw=randread", "--bs=4k", "--direct=1"),
        *("--ioengine=psync", f"--numjobs={READERS}", "--time_based", "--runtime=1800"),
    ]
    with (
        control_group("blkio", {"blkio.throttle.read_iops_device": f"{device} {REQUESTS_PER_S}"}) as group,
        running(command, [group], stage.folder),
    ):
        yield


DRILL = Drill(
    name="io-saturation",
    title="a backup reads from a volume that is out of I/O credits",
    fault=slow_disk,
    constraints=(Constraint.IO_BOUND,),
    rules=("host.io_saturated",),
    needs=(needs.group("blkio"), needs.program("fio", "findmnt", "dd")),
    symptom=Symptom("host.pressure.io.some_ratio", 0.2),
    remedies=("stop the backup", "give the volume more I/O"),
)
