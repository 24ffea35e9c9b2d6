"""Two faults that have nothing to do with each other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import expired_certificate, idle_in_transaction, needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def both(stage: Stage) -> AsyncIterator[None]:
    async with expired_certificate.expired(stage), idle_in_transaction.forgotten(stage):
        yield


DRILL = Drill(
    name="two-at-once",
    title="a forgotten transaction, and a certificate that was not renewed",
    fault=both,
    constraints=(Constraint.LOCK_BOUND, Constraint.EXTERNAL_BOUND),
    rules=("pg.idle_in_transaction", "tls.expiring"),
    apart=("pg.idle_in_transaction", "tls.expiring"),
    needs=(needs.postgres, needs.program("openssl")),
    symptom=Symptom("postgres.locks.waiting", 0.0),
    remedies=("terminate the session that is idle in transaction", "renew the certificate"),
    verbs=("terminate",),
)
