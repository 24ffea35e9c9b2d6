"""What the panes of Postgres share: whether there is one, how it is reached, and what this role may not see."""

from __future__ import annotations

from collections.abc import Callable

from perftui.history.history import SourceState
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.views.format import duration
from perftui.views.layout import short, wrapped
from perftui.views.model import Line, Pane, Role, Zoom
from perftui.views.tone import tone

ACTIVITY = "pg_activity"
ROOT = "postgres"
_HEADER = {"denied": "denied", "unreachable": "down", "timed_out": "no answer", "missing": "missing"}
"""Kind of failure → a word for the header."""
_STATES = {
    "idle in transaction": "idle in tx",
    "idle in transaction (aborted)": "idle in tx (aborted)",
    "fastpath function call": "function call",
}


def configured(snapshot: Snapshot) -> bool:
    """Whether a server is watched here, or was when the tape was recorded."""
    state = snapshot.history.sources.get(ACTIVITY)
    known = state is not None and state.state != "off"
    return known or any(root == ROOT for root, _ in snapshot.history.fresh_parts())


def trouble(snapshot: Snapshot, source: str = ACTIVITY) -> str:
    """Why there is nothing new, with the age of what is known: `no reading for 12 s: denied: …`; empty while it answers."""
    state = snapshot.history.sources.get(source)
    if state is None or state.state in ("ok", "off"):
        return ""
    _, reason = _reason(state)
    age = "" if state.age_s is None else f"no reading for {duration(state.age_s)}"
    if _connecting(state):
        return f"{reason} · {age}" if age else reason
    return f"{age}: {reason}" if age and reason else age or reason


def _reason(state: SourceState) -> tuple[str, str]:
    """(kind of failure, the words for people)."""
    kind, _, detail = state.detail.partition(": ")
    detail = detail.removeprefix("postgres: ")
    return kind, detail if _connecting(state) else f"{kind.replace('_', ' ')}: {detail}" if detail else state.detail


def _connecting(state: SourceState) -> bool:
    return "connecting…" in state.detail


def server_words(snapshot: Snapshot) -> Line:
    """For the header: `pg 16.4 primary`, `pg connecting…`, `pg down 12 s`; nothing where no server is watched."""
    if not configured(snapshot):
        return ()
    state = snapshot.history.sources.get(ACTIVITY)
    part = snapshot.history.latest(PgActivityPart)
    if state is None or state.state in ("ok", "off"):
        words = f"{part.version} {part.role}" if part else "no reading yet"
        return (("· pg ", Role.DIM), (words, Role.TEXT))
    kind, reason = _reason(state)
    age = "" if state.age_s is None else f" {duration(state.age_s)}"
    if _connecting(state):
        return ((f"· pg {reason}", Role.WARNING),)
    word = "stale" if state.state == "stale" else _HEADER.get(kind, "failed")
    return ((f"· pg {word}{age}", Role.WARNING),)


def after_trouble(
    words: str, lines: Callable[[int], tuple[Line, ...]] | None, width: int, height: int
) -> tuple[Line, ...]:
    """What is wrong first, then in the room that is left what was known last, dimmed.

    Args:
        words: Empty while all is well.
        lines: Draws what is known in so many lines; None where nothing is.
    """
    if not words:
        return lines(height) if lines else wrapped("no reading yet", width)[:height]
    if height == 1:
        return (((short(words, width), Role.WARNING),),)
    told = wrapped(words, width, Role.WARNING)[:height]
    room = height - len(told)
    if lines is None or room < 1:
        return told
    return (*told, *(tuple((piece, Role.DIM) for piece, _ in line) for line in lines(room)))


def silent_pane(
    snapshot: Snapshot, key: str, title: str, words: str, width: int, height: int, role: Role = Role.WARNING
) -> Pane:
    """A pane that has nothing but a sentence."""
    line: tuple[Line, ...] = (((short(words, width), role),),) if height == 1 else wrapped(words, width, role)[:height]
    return Pane(title=title, tone=tone(snapshot, key), lines=line)


def silent_zoom(snapshot: Snapshot, key: str, title: str, words: str, width: int) -> Zoom:
    return Zoom(title=title, tone=tone(snapshot, key), lines=wrapped(words, width, Role.WARNING))


def hidden_words(part: PgActivityPart | None, what: str) -> str:
    """What is not known for want of rights and how to get it; empty where this role sees all."""
    return "" if part is None or part.sees_others else f"{what} of others need: grant pg_monitor to this role"


def state_words(state: str | None) -> str:
    """`idle in tx` of `idle in transaction`."""
    return "state hidden" if state is None else _STATES.get(state, state)
