"""Who keeps vacuum from its work, in words: what the rules about dead rows and transaction ids share."""

from __future__ import annotations

from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Subject
from perftui.sources.pg_vacuum import PgVacuumPart, XminHolder


def holders(history: History) -> tuple[XminHolder, ...]:
    """Oldest first; those of other databases too, which hold back transaction ids but no dead rows here."""
    part = history.latest(PgVacuumPart)
    return part.xmin_holders if part else ()


def words(holder: XminHolder) -> str:
    """`pid 4242 (orders-api) idle in transaction 12m`, `inactive slot s1`, `prepared transaction x-17 open 3h02m`."""
    lasts = f" {age(holder.held_s)}" if holder.held_s is not None else ""
    match holder.kind:
        case "slot":
            return f"{holder.state} slot {holder.name}"
        case "standby":
            return f"standby {holder.name or holder.pid} (hot_standby_feedback)"
        case "prepared transaction":
            return f"prepared transaction {holder.name}, open{lasts}"
        case _:
            who = f" ({holder.name})" if holder.name else ""
            state = "transaction open" if holder.state == "active" else holder.state or "transaction open"
            return f"pid {holder.pid}{who}, {state}{lasts}"


def subject(holder: XminHolder) -> Subject:
    """What a finding points at: the session, the slot, the standby or the prepared transaction."""
    if holder.kind == "session" and holder.pid is not None:
        return {"pid": holder.pid, "application": holder.name}
    return {holder.kind.replace(" ", "_"): holder.name}
