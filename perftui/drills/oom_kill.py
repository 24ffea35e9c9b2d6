"""A process that wants three times what its group may have; the kernel kills it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.marks import Process, control_group, python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

LIMIT_MB = 100


@contextlib.contextmanager
def greedy() -> Iterator[tuple[Process, str]]:
    """(the process, its group's path); it is killed within seconds."""
    program = f"""
        import time
        time.sleep(2)
        kept = bytearray(b"x" * ({3 * LIMIT_MB} << 20))
        """
    limit = f"{LIMIT_MB}M"
    with control_group("memory", {"memory.limit_in_bytes": limit}) as group:
        with contextlib.suppress(OSError):  # without swap accounting there is no such file
            (group / "memory.memsw.limit_in_bytes").write_text(limit)
        with running(python(program), [group]) as process:
            yield process, f"/{group.name}"


@contextlib.asynccontextmanager
async def killed(stage: Stage) -> AsyncIterator[None]:
    with greedy():
        yield


DRILL = Drill(
    name="oom-kill",
    title="a worker needs more memory than its limit allows",
    fault=killed,
    constraints=(Constraint.MEMORY_BOUND,),
    rules=("host.oom_kill",),
    needs=(needs.group("memory"),),
    symptom=Symptom("host.memory.oom_kills_per_s", 0.0),
    remedies=("raise the limit of the group", "find what the worker needs it for"),
)
