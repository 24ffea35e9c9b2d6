"""The shop's address shows a certificate that has ended."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def expired(stage: Stage) -> AsyncIterator[None]:
    assert stage.authority is not None, "the drill needs openssl"
    stage.authority.show(-1)
    try:
        yield
    finally:
        stage.authority.show(200)


DRILL = Drill(
    name="expired-certificate",
    title="a certificate was not renewed",
    fault=expired,
    constraints=(Constraint.EXTERNAL_BOUND,),
    rules=("tls.expiring",),
    needs=(needs.postgres, needs.program("openssl")),
    remedies=("renew the certificate, and have the server load it",),
)
