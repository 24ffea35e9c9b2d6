"""One backend as the server has it at this moment, and how its statement or its session is ended.

A pid is given to another session as soon as the first one has gone, so nothing is done to a pid alone: the server itself
compares the session's start in the statement that signals.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_client import PgControlClient
from perftui.sources.pg_text import HIDDEN_TEXT, decoded, statement

WATCH_S = 3.0
"""So long it is looked whether a signal has had its effect."""
WATCH_EVERY_S = 0.1

TEXT_CHARACTERS = 2000
TEXT_BYTES = 4 * TEXT_CHARACTERS

# The function, not the view: it answers while catalogs are locked.
BACKEND_SQL = f"""
select backend_type, usesysid::int8, textsend(application_name), state, extract(epoch from query_start)::float8,
       extract(epoch from clock_timestamp() - xact_start)::float8,
       extract(epoch from clock_timestamp() - state_change)::float8, substring(textsend(query) from 1 for {TEXT_BYTES}),
       pid = pg_backend_pid(), extract(epoch from backend_start)::float8
  from pg_stat_get_activity($1::int4)
"""
SUPERUSER_SQL = "select rolsuper, textsend(rolname::text) from pg_roles where oid = $1::int8::oid"
SIGNAL_SQL = """
select {function}(pid) from pg_stat_get_activity($1::int4) where extract(epoch from backend_start)::float8 = $2::float8
"""


class Verb(StrEnum):
    CANCEL = "cancel"
    """End the running statement; the session goes on."""
    TERMINATE = "terminate"
    """End the session; its transaction is rolled back."""

    @property
    def done(self) -> str:
        return {"cancel": "cancelled", "terminate": "terminated"}[self.value]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A session, not just a pid."""

    pid: int
    backend_start_at: float
    """As the sample has it."""


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of a session now. Source: pg_stat_get_activity(pid), pg_roles."""

    backend_type: str | None
    """None where this role may not see it."""
    user: str | None
    application: str | None
    state: str | None
    transaction_s: float | None
    state_s: float | None
    query: str | None
    """Its statement with literals replaced by ?; None where this role may not see it."""
    began_at: float | None
    """When its statement began: another one means that the statement has ended."""
    protected: str
    """Why it is not ended without saying so twice; empty for an ordinary session."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt to end something."""

    verb: Verb
    target: Target
    signalled: bool
    """The server has sent the signal."""
    worked: bool
    """The statement or the session has ended since."""
    words: str
    """One line for the operator."""


async def backend(control: PgControlClient, target: Target) -> Backend | None:
    """The session; None when it is gone, also where its pid belongs to another one by now.

    Raises:
        SourceError: DENIED where this role may not see when it began; or as the client tells it.
    """
    row = await _row(control, target)
    if row is None:
        return None
    kind, user_oid, application, state, began_at, transaction_s, state_s, query, own, _ = row
    superuser, user = await _role(control, user_oid)
    return Backend(
        backend_type=kind,
        user=user,
        application=decoded(application, 64),
        state=state,
        transaction_s=transaction_s,
        state_s=state_s,
        query=statement(query, TEXT_CHARACTERS, TEXT_BYTES),
        began_at=began_at,
        protected=protection(kind, query, superuser, own),
    )


async def _row(control: PgControlClient, target: Target) -> tuple[Any, ...] | None:
    rows = await control.rows(BACKEND_SQL, target.pid)
    if not rows:
        return None
    if rows[0][-1] is None:
        raise SourceError(
            FailureKind.DENIED,
            "postgres: this role may not see which session that is; grant pg_monitor and pg_signal_backend to it",
        )
    return rows[0] if rows[0][-1] == target.backend_start_at else None


async def _role(control: PgControlClient, oid: int | None) -> tuple[bool | None, str | None]:
    """(whether it is a superuser, its name); (None, None) while the catalog that knows is locked."""
    if not oid:
        return False, None
    try:
        rows = await control.rows(SUPERUSER_SQL, oid)
    except SourceError as exc:
        if exc.kind is not FailureKind.TIMED_OUT:
            raise
        return None, None
    return (rows[0][0], decoded(rows[0][1], 64)) if rows else (None, None)


def protection(kind: str | None, query: bytes | None, superuser: bool | None, own: bool = False) -> str:
    """Why a session should be left alone; empty for an ordinary one."""
    if own:
        return "it is perftui's own connection"
    if kind == "walsender":
        return "it is a walsender: a standby or a subscriber falls behind without it"
    if kind == "autovacuum worker" and query not in (None, HIDDEN_TEXT) and b"to prevent wraparound" in (query or b""):
        return "it is an autovacuum to prevent wraparound: the server stops taking writes if that never ends"
    if superuser:
        return "it is a superuser's session"
    if superuser is None:
        return "its role can't be looked up now, it may be a superuser's session"
    if kind not in (None, "client backend", "parallel worker", "autovacuum worker"):
        return f"it is no client's session but a {kind}"
    return ""


async def end(control: PgControlClient, verb: Verb, target: Target, override: bool = False) -> Outcome:
    """Look at the session once more, signal it, and see what comes of it.

    Args:
        override: End it although it is protected.

    Raises:
        SourceError: DENIED with the grant that is missing; or as the client tells it.
    """

    def told(words: str, signalled: bool = False, worked: bool = False) -> Outcome:
        return Outcome(verb=verb, target=target, signalled=signalled, worked=worked, words=words)

    pid = target.pid
    found = await backend(control, target)
    if found is None:
        return told(f"{pid} is gone already, or its pid belongs to another session by now: nothing was done")
    if found.protected and not override:
        return told(f"{pid} was left alone: {found.protected}")
    if verb is Verb.CANCEL and found.state != "active":
        return told(f"{pid} runs no statement ({found.state}): there is nothing to cancel; terminate would end it")
    try:
        sent = await control.rows(SIGNAL_SQL.format(function=f"pg_{verb}_backend"), pid, target.backend_start_at)
    except SourceError as exc:
        raise (_denied(exc, verb, found) if exc.kind is FailureKind.DENIED else exc) from exc
    if not sent:
        return told(f"{pid} went before it could be signalled: nothing was done")
    if not sent[0][0]:
        return told(f"{pid}: the server says that it could not send the signal")
    took_s = await _effect(control, verb, target, found)
    if took_s is None:
        what = "its statement still runs" if verb is Verb.CANCEL else "it is still there"
        return told(f"{pid} got the signal, but {what} after {WATCH_S:.0f} s", signalled=True)
    what = "its statement has ended" if verb is Verb.CANCEL else "it is gone"
    return told(f"{verb.done} {pid}: {what} after {took_s:.1f} s", signalled=True, worked=True)


def _denied(exc: SourceError, verb: Verb, found: Backend) -> SourceError:
    who = f"role {found.user}" if found.user else "that role"
    grant = (
        "only a superuser may" if "superuser" in found.protected else f"grant pg_signal_backend or {who} to this role"
    )
    return SourceError(FailureKind.DENIED, f"postgres: this role may not {verb} a session of {who}; {grant}")


async def _effect(control: PgControlClient, verb: Verb, target: Target, before: Backend) -> float | None:
    """Seconds until the session or its statement had ended; None when it has not."""
    clock = asyncio.get_running_loop().time
    began = clock()
    while (waited_s := clock() - began) < WATCH_S:
        row = await _row(control, target)
        if row is None:
            return waited_s
        state, began_at = row[3], row[4]
        if verb is Verb.CANCEL and (state != "active" or began_at != before.began_at):
            return waited_s
        await asyncio.sleep(WATCH_EVERY_S)
    return None
