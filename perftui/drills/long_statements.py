"""Five clients that ask for much and read nothing of it: their statements never end."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

EXPORTS = 5
QUERY = b"select repeat('x', 1000) from generate_series(1, 1000000)"


@contextlib.asynccontextmanager
async def unread_results(stage: Stage) -> AsyncIterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(EXPORTS):
            stack.enter_context(unread(stage.postgres.port))
        yield


@contextlib.contextmanager
def unread(port: int, user: bytes = b"app") -> Iterator[None]:
    """A session on a socket of its own: drivers read what they asked for."""
    names = b"user\0" + user + b"\0database\0postgres\0application_name\0export\0\0"
    startup = struct.pack("!ii", len(names) + 8, 196608) + names
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(startup)
        answer = b""
        while not answer.endswith(b"Z\0\0\0\x05I"):
            answer += link.recv(4096)
        link.sendall(b"Q" + struct.pack("!i", len(QUERY) + 5) + QUERY + b"\0")
        yield


DRILL = Drill(
    name="long-statements",
    title="exports hang on statements whose result nobody reads",
    fault=unread_results,
    constraints=(Constraint.QUERY_BOUND,),
    rules=("pg.long_statement",),
    needs=(needs.postgres,),
    remedies=("cancel the exports",),
    verbs=("cancel", "terminate"),
)
