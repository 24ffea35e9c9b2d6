"""Who keeps vacuum from its work, and what vacuum works on: lines for the zooms where an operator looks for it."""

from __future__ import annotations

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_vacuum import PgVacuumPart, VacuumReading, XminHolder
from perftui.views.format import count, duration, percent
from perftui.views.layout import clipped
from perftui.views.model import Line, Role, Span
from perftui.views.postgres import state_words

LABEL = "holds back vacuum  "
OLD_S = 60.0
OLD_AGE = 100_000
"""Every transaction holds back vacuum; those that last, or that many came after, are worth a colour."""


def holder_lines(snapshot: Snapshot, width: int, most: int) -> tuple[Line, ...]:
    """The oldest first, with the transactions that came since; a word where there is nobody."""
    part = snapshot.history.latest(PgVacuumPart)
    if part is None:
        return ()
    if not part.xmin_holders:
        return (((LABEL, Role.DIM), ("nobody", Role.TEXT)),)
    shown = part.xmin_holders[:most]
    lines = [_line(LABEL if place == 0 else " " * len(LABEL), each) for place, each in enumerate(shown)]
    if len(part.xmin_holders) > most:
        lines[-1] = (*lines[-1], (f"  +{len(part.xmin_holders) - most} more", Role.DIM))
    return tuple(clipped(line, width) for line in lines)


def _line(label: str, holder: XminHolder) -> Line:
    """`holds back vacuum  session 77 report idle in tx 12m04s · 1.2 M transactions`."""
    old = (holder.held_s or 0.0) >= OLD_S or holder.age >= OLD_AGE
    who = f"{holder.kind} {holder.pid}" if holder.kind == "session" else holder.kind
    spans: list[Span] = [(label, Role.DIM), (f"{who} {holder.name}".strip(), Role.WARNING if old else Role.TEXT)]
    state = state_words(holder.state)
    lasts = duration(holder.held_s) if holder.held_s is not None else ""
    if state or lasts:
        spans.append((f" {state} {lasts}".replace("  ", " ").rstrip(), Role.TEXT))
    reach = " · system catalogs only" if holder.catalog_only else "" if holder.here else " · other database"
    transactions = "transaction" if holder.age == 1 else "transactions"
    return (*spans, (f" · {count(holder.age).strip()} {transactions} since{reach}", Role.DIM))


def vacuum_lines(snapshot: Snapshot, width: int) -> tuple[Line, ...]:
    """What vacuum works on now; nothing where it rests."""
    part = snapshot.history.latest(PgVacuumPart)
    return tuple(clipped(_vacuum(each), width) for each in (part.vacuums if part else ())[:5])


def _vacuum(each: VacuumReading) -> Line:
    """`vacuum now  public.orders  autovacuum 5012 scanning heap  41 %  12 s`."""
    spans: list[Span] = [
        ("vacuum now  ", Role.DIM),
        (each.relation or "(hidden)", Role.TEXT),
        (f"  {each.by} {each.pid}", Role.DIM),
    ]
    if each.phase:
        spans.append((f"  {each.phase}", Role.TEXT))
    if each.scanned_ratio is not None:
        spans.append((f" {percent(each.scanned_ratio)}", Role.TEXT))
    return (*spans, (f"  {duration(each.running_s)}", Role.TEXT))
