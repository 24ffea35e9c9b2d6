"""Carries out what the operator asks of Postgres, on the control connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from perftui.model.failure import SourceError
from perftui.pipeline.actions import EndSession, Explain, LookAt, ReadText, Reply, ServerRequest
from perftui.sources.pg_backend import Outcome, backend, end
from perftui.sources.pg_client import PgControlClient
from perftui.sources.pg_plan import plan, whole_text

CHANGES_OFF = "start perftui with --allow-changes to end sessions and run statements from here"


class PostgresActions:
    """One request at a time would do; each is a task of its own in the thread that samples."""

    def __init__(
        self,
        control: PgControlClient,
        *,
        call: Callable[[Callable[[], None]], None],
        mark: Callable[[str], None],
        log: Callable[[EndSession, str], None],
        changes_allowed: bool,
    ) -> None:
        """Prepare it.

        Args:
            call: has a function run in the thread that samples.
            mark: puts a mark on the time axis.
            log: keeps a line of each attempt to end a session, and of what came of it.
        """
        self.changes_allowed = changes_allowed
        self._control = control
        self._call = call
        self._mark = mark
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, request: ServerRequest, told: Callable[[Reply], None]) -> None:
        """As the protocol has it."""

        def start() -> None:
            task = asyncio.ensure_future(self._carry_out(request, told))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._call(start)

    async def _carry_out(self, request: ServerRequest, told: Callable[[Reply], None]) -> None:
        try:
            reply = await self._reply(request)
        except SourceError as exc:
            reply = Reply(request=request, problem=exc.detail.removeprefix("postgres: "))
        except Exception as exc:  # a fault of ours must not leave the operator before a dialog that never answers
            reply = Reply(request=request, problem=f"internal: {type(exc).__name__}: {exc}")
        if isinstance(request, EndSession):
            outcome = reply.answer if isinstance(reply.answer, Outcome) else None
            self._log(request, outcome.words if outcome else reply.problem)
            if outcome and outcome.signalled:
                self._mark(f"{request.verb.done} {request.target.pid} {request.name}".strip())
        told(reply)

    async def _reply(self, request: ServerRequest) -> Reply:
        match request:
            case LookAt():
                return Reply(request=request, answer=await backend(self._control, request.target))
            case ReadText():
                return Reply(request=request, answer=await whole_text(self._control, request.key, request.literals))
            case Explain():
                if request.analyze and not self.changes_allowed:
                    return Reply(request=request, problem=CHANGES_OFF)
                return Reply(request=request, answer=await plan(self._control, request.key, request.analyze))
            case EndSession():
                if not self.changes_allowed:
                    return Reply(request=request, problem=CHANGES_OFF)
                outcome = await end(self._control, request.verb, request.target, request.override)
                return Reply(request=request, answer=outcome)
