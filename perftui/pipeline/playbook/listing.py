"""What can be begun and what was left open: read from the disk in a thread of its own, judged against one snapshot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from perftui.findings.verdict import told_order
from perftui.model.failure import UsageError
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.checks.declarations import review
from perftui.playbooks.complaint import InvalidPlaybook
from perftui.playbooks.conditions import Scope
from perftui.playbooks.document import Effect
from perftui.playbooks.load import Loaded
from perftui.playbooks.plan import PlannedStep, plan
from perftui.playbooks.run.book import bound, kept
from perftui.playbooks.run.fold import folded
from perftui.playbooks.run.state import here
from perftui.playbooks.run_folder import Found, owned
from perftui.playbooks.shelf import Shelf, Shelved
from perftui.playbooks.suggest import Suggestion, suggest


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook that can be looked at, and begun unless there is trouble."""

    id: str
    title: str = ""
    summary: str = ""
    reason: str = ""
    """Why it fits now; empty where nothing says so."""
    review: str = ""
    origin: str = ""
    effect: Effect = Effect.READ
    """The worst of its own steps."""
    missing: tuple[str, ...] = ()
    """What it needs and does not find; those steps will be unknown."""
    asks: tuple[str, ...] = ()
    """Inputs that are asked for at the start."""
    uses: tuple[str, ...] = ()
    mitigate: tuple[str, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    trouble: str = ""
    """Why it can't be used; empty where it can."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A run that did not come to its end."""

    name: str
    playbook: str
    user: str
    left_at: str
    """Its last line, UTC, ISO 8601."""
    step: str = ""
    """Title of the step at hand."""
    place: int = 0
    """Its number among the playbook's own steps; 0 when all of them are done."""
    of: int = 0
    trouble: str = ""
    """Why it can't be resumed here."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    left: tuple[Left, ...] = ()
    """Newest first."""
    offers: tuple[Offer, ...] = ()
    """Those that fit first, then by id."""
    reasons: tuple[str, ...] = ()
    """Folders that were left out, and why."""


def listing(shelf: Shelf, open_runs: Sequence[Found], snapshot: Snapshot | None, database: bool) -> Listing:
    """Everything there is. Reads the disk.

    Args:
        database: whether a Postgres is watched.
    """
    fits = _fitting(snapshot, shelf) if snapshot is not None else []
    reasons = {each.id: each.reason for each in fits}
    first = {name: place for place, name in enumerate(reasons)}
    known = sorted(shelf.playbooks.values(), key=lambda each: (first.get(each.id, len(first)), each.id))
    offers = tuple(_offer(each, reasons.get(each.id, ""), shelf, snapshot, database) for each in known)
    return Listing(left=tuple(_left(each) for each in open_runs), offers=offers, reasons=shelf.reasons)


def _fitting(snapshot: Snapshot, shelf: Shelf) -> list[Suggestion]:
    """What answers the cause first, then what answers what follows from it, then the other incidents."""
    findings = told_order(snapshot.verdict, snapshot.findings)
    return suggest(snapshot.history, findings, shelf.by_id().values())


def _offer(shelved: Shelved, reason: str, shelf: Shelf, snapshot: Snapshot | None, database: bool) -> Offer:
    loaded = shelved.loaded
    if loaded is None:
        return Offer(id=shelved.id, origin=shelved.origin, trouble=shelved.reason)
    playbook = loaded.playbook
    planned = plan(loaded, {}, time.time(), shelf.by_id(), database)
    scope = Scope(history=snapshot.history if snapshot is not None else None)
    unread = [name for name in playbook.needs.metrics if scope.get(tuple(name.split("."))) is None]
    missing = [*planned.missing, *([f"not read here: {', '.join(unread)}"] if unread else [])]
    return Offer(
        id=shelved.id,
        title=playbook.title,
        summary=" ".join(playbook.summary.split()),
        reason=reason,
        review=review(loaded, datetime.now(UTC).date()),
        origin=shelved.origin,
        effect=planned.effect,
        missing=tuple(missing),
        asks=tuple(each.prompt or each.name for each in planned.inputs if each.source == "asked"),
        uses=planned.uses,
        mitigate=playbook.mitigate,
        steps=planned.steps,
        trouble=_unbound(loaded, shelf),
    )


def _unbound(loaded: Loaded, shelf: Shelf) -> str:
    """Why it can't be begun although its own file is well: what it uses is not there. Empty where it can."""
    try:
        bound(loaded, shelf)
    except UsageError as exc:
        return str(exc).removeprefix(f"{loaded.file}: ")
    return ""


def _left(found: Found) -> Left:
    first, last = (found.journal.entries[0], found.journal.entries[-1]) if found.journal.entries else (None, None)
    left = Left(
        name=found.name,
        playbook=str(first.data.get("playbook", "")) if first else "",
        user=first.who.user if first else "",
        left_at=last.at if last else "",
    )
    if owned(found):
        return msgspec.structs.replace(left, trouble="another terminal has it open")
    try:
        made = kept(found.places[0])
        state = folded(made.book, found.journal.entries)
    except InvalidPlaybook as exc:
        return msgspec.structs.replace(left, trouble=str(exc.complaints[0]))
    except (UsageError, OSError) as exc:
        return msgspec.structs.replace(left, trouble=str(exc))
    steps = made.book.playbooks[made.book.main].steps
    found_step = here(state)
    bottom = state.frames[0] if state.frames and state.frames[0].sort == "playbook" else None
    return msgspec.structs.replace(
        left,
        step=found_step[1].title if found_step else "its end",
        place=min(bottom.index + 1, len(steps)) if bottom else 0,
        of=len(steps),
    )
