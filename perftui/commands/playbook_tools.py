"""The clients behind the steps of a playbook."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import perftui
from perftui.clients.pg_control import PgControl
from perftui.model.answer import Answer
from perftui.model.failure import FailureKind, SourceError
from perftui.playbooks.steps.run import OWN
from perftui.playbooks.steps.world import Certificates, Output, Reply

_SIGNALS = {1: "hung up", 2: "interrupted", 9: "killed", 11: "crashed", 15: "ended"}
DAY_S = 86400.0
_OWN_SETTINGS = ("PERFTUI_", "XDG_", "PG")


class ClientTools:
    """As `pipeline.playbook.world.Tools` has it; each client is imported when a step first needs it.

    Args:
        control: the second connection to the Postgres that is watched; None where none is.
    """

    def __init__(self, control: PgControl | None) -> None:
        self._control = control

    def wall(self) -> float:
        return time.time()

    def mono(self) -> float:
        return time.monotonic()

    def lives(self, pid: int, started: int) -> bool:
        from perftui.clients.program import Process

        return Process(pid=pid, started=started).lives

    async def program(
        self,
        argv: list[str],
        env: Mapping[str, str],
        listed: tuple[str, ...],
        timeout_s: float,
        cap_bytes: int,
        to_file: Path | None,
        started: Callable[[int, int], None],
    ) -> Output:
        from perftui.clients.program import environment, run_program
        from perftui.playbooks.plain_output import joined

        command = argv
        if argv[0] == OWN:
            # With the settings and the Postgres of this one.
            command = [sys.executable, "-m", OWN, *argv[1:]]
            listed = (*listed, *(name for name in os.environ if name.startswith(_OWN_SETTINGS)))
            server = self._control.variables if self._control is not None else {}
            env = {"PYTHONPATH": str(Path(perftui.__file__).parent.parent), **server, **env}
        ended = await run_program(
            command,
            env=environment(os.environ, listed, env),
            timeout_s=timeout_s,
            cap_bytes=cap_bytes,
            to_file=to_file,
            started=lambda process: started(process.pid, process.started),
        )
        why = ""
        if ended.timed_out:
            why = f"{argv[0]} took longer than {timeout_s:g} s and was ended"
        elif ended.too_much:
            why = f"{argv[0]} wrote more than 64 MiB and was ended"
        elif ended.signal is not None:
            why = f"{argv[0]} was {_SIGNALS.get(ended.signal, 'ended')} by signal {ended.signal}"
        text = joined(ended.head, ended.tail, ended.output_bytes)
        return Output(code=ended.code, why=why, text=text, output_bytes=ended.output_bytes, timed_out=ended.timed_out)

    async def query(self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float, rows: int) -> Answer:
        if self._control is None:
            raise SourceError(FailureKind.MISSING, "postgres: none is watched; name one with --dsn or PG* variables")
        return await self._control.query(sql, args, read_only=read_only, timeout_s=timeout_s, rows=rows)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float, cap_bytes: int
    ) -> Reply:
        from perftui.clients.http_probe import HttpProbe
        from perftui.model.probe import ProbeOutcome
        from perftui.playbooks.plain_output import plain_output

        kept = bytearray()

        def keep(piece: bytes) -> None:
            kept.extend(piece[: max(0, cap_bytes - len(kept))])

        content = None if body is None else body.encode()
        asked = HttpProbe(
            url, time.monotonic, method=method, timeout_s=timeout_s, headers=headers, content=content, keep=keep
        )
        result = await asked.probe()
        answered = result.outcome in (ProbeOutcome.OK, ProbeOutcome.STATUS)
        return Reply(
            status=result.status_code,
            problem="" if answered else result.detail,
            body=plain_output(bytes(kept)),
            body_bytes=result.body_bytes or 0,
            total_s=result.total_s,
            dns_s=result.dns_s,
            connect_s=result.connect_s,
            tls_s=result.tls_s,
            first_byte_s=result.first_byte_s,
            timed_out=result.outcome is ProbeOutcome.TIMED_OUT,
        )

    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates:
        from perftui.clients.certificates import read_tls

        reading = await read_tls(host, port, server_name, timeout_s)
        if not reading.chain:
            raise SourceError(
                FailureKind.UNSUPPORTED, f"{host}:{port}: its certificates can't be read with this Python"
            )
        own = reading.chain[0]
        ends = min(each.not_after_at for each in reading.chain)
        return Certificates(
            subject=own.subject,
            issuer=own.issuer,
            days_left=round((ends - time.time()) / DAY_S, 2),
            trusted=reading.trusted,
            name_matches=reading.name_matches,
            problem=reading.problem,
            chain=tuple(f"{each.subject} until {_day(each.not_after_at)}, by {each.issuer}" for each in reading.chain),
        )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")
