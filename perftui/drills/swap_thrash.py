"""A process that touches twice its group's memory page by page, round and round."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.marks import control_group, python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

LIMIT_MB = 128


@contextlib.contextmanager
def swap_space(folder: Path, megabytes: int) -> Iterator[None]:
    """A swap file, switched on."""
    file = folder / "swap.img"
    subprocess.run(["fallocate", "-l", f"{megabytes}M", file], check=True)
    file.chmod(0o600)
    subprocess.run(["mkswap", "-q", file], check=True)
    subprocess.run(["swapon", file], check=True)
    try:
        yield
    finally:
        subprocess.run(["swapoff", file], check=True)
        file.unlink()


@contextlib.contextmanager
def thrashing(folder: Path) -> Iterator[None]:
    """The process at its work; its swap file lies in the folder."""
    toucher = f"""
        memory = bytearray({2 * LIMIT_MB} << 20)
        while True:
            for offset in range(0, len(memory), 4096):
                memory[offset] = (memory[offset] + 1) % 256
        """
    with (
        swap_space(folder, 3 * LIMIT_MB),
        control_group("memory", {"memory.limit_in_bytes": f"{LIMIT_MB}M"}) as group,
        running(python(toucher), [group]),
    ):
        yield


@contextlib.asynccontextmanager
async def thrash(stage: Stage) -> AsyncIterator[None]:
    with thrashing(stage.folder):
        yield


DRILL = Drill(
    name="swap-thrash",
    title="a program works on more memory than it has",
    fault=thrash,
    constraints=(Constraint.MEMORY_BOUND,),
    rules=("host.memory_pressure", "host.swapping"),
    also=("host.swapping",),
    needs=(needs.group("memory"), needs.program("mkswap", "swapon", "fallocate")),
    symptom=Symptom("host.swap.in_bytes_per_s", 1e6),
    remedies=("end the program, or give it memory",),
)
