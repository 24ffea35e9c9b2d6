"""A process that opens files until it may not open more."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.marks import Process, python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

LIMIT = 128


@contextlib.contextmanager
def opener() -> Iterator[Process]:
    """The process, soon at its limit."""
    program = f"""
        import resource, time
        resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
        kept = []
        try:
            while True:
                kept.append(open("/dev/null"))
        except OSError:
            time.sleep(3600)
        """
    with running(python(program)) as process:
        yield process


@contextlib.asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[None]:
    with opener():
        yield


DRILL = Drill(
    name="open-files",
    title="a worker does not close its files and reaches its limit",
    fault=opened,
    constraints=(Constraint.POOL_BOUND,),
    rules=("host.fd_exhaustion",),
    needs=(needs.linux,),
    remedies=("restart the worker", "raise its limit until the leak is mended"),
)
