"""What the panes of Postgres share: whether there is one, how it is reached, and what this role may not see."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.history.history import SourceState
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.views.format import duration
from perftui.views.layout import short, wrapped
from perftui.views.model import Line, Role, Span, Zoom
from perftui.views.tone import tone

ACTIVITY = "pg_activity"
ROOT = "postgres"
_HEADER = (
    ("denied", "", "denied"),
    ("missing", "", "missing"),
    ("unsupported", "", "unsupported"),
    ("full", "", "full"),
    ("not_ready", "shutting down", "shutting down"),
    ("not_ready", "recovery", "recovering"),
    ("not_ready", "", "starting"),
    ("timed_out", "catalog is locked", "catalog locked"),
    ("timed_out", "asked every", "slow"),
    ("timed_out", "replay went first", "replay conflict"),
    ("timed_out", "", "no answer"),
    ("unreachable", "connection refused", "down"),
    ("unreachable", "no socket", "down"),
    ("unreachable", "closed the connection", "connection lost"),
    ("unreachable", "", "unreachable"),
)
"""(kind of failure, words in its detail, what the header says): the first that fits."""
CHANGE_SHOWN_S = 60.0
_STATES = {
    "idle in transaction": "idle in tx",
    "idle in transaction (aborted)": "aborted tx",
    "fastpath function call": "fastpath",
}


def configured(snapshot: Snapshot) -> bool:
    """Whether a server is watched here, or was when the tape was recorded."""
    state = snapshot.history.sources.get(ACTIVITY)
    known = state is not None and state.state != "off"
    return known or any(root == ROOT for root, _ in snapshot.history.fresh_parts())


class Trouble(msgspec.Struct, frozen=True):
    """Why there is nothing new."""

    reason: str
    """`denied: …; grant pg_monitor to this role`, `connecting…`; empty where the source is only late."""
    age_s: float | None
    """Of what is known; None when nothing is."""

    @property
    def words(self) -> str:
        """`no reading for 12 s: denied: …`."""
        if self.age_s is None:
            return self.reason
        age = f"no reading for {duration(self.age_s)}"
        return f"{age}: {self.reason}" if self.reason else age

    def brief(self, width: int) -> str:
        """The same in one line: the age goes first, then the middle; what to do about it stays."""
        if len(self.words) <= width or not self.reason:
            return short(self.words, width)
        head, _, advice = self.reason.rpartition("; ")
        room = width - len(advice) - 2
        if len(self.reason) <= width or not head:
            return short(self.reason, width)
        return f"{short(head, room)}; {advice}" if room >= 8 else short(advice, width)


def trouble(snapshot: Snapshot, source: str = ACTIVITY) -> Trouble | None:
    """What keeps a source from giving anything new; None while all is well, or while it was not asked yet."""
    state = snapshot.history.sources.get(source)
    if state is None or state.state in ("ok", "off"):
        return None
    kind, detail = _parted(state)
    reason = detail if _connecting(state) else f"{kind.replace('_', ' ')}: {detail}" if detail else ""
    return Trouble(reason, state.age_s)


def _parted(state: SourceState) -> tuple[str, str]:
    """(kind of failure, the words for people)."""
    kind, _, detail = state.detail.partition(": ")
    return kind, detail.removeprefix("postgres: ").removeprefix("pgbouncer: ")


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
        return (("· pg ", Role.DIM), _change(part) or (words, Role.TEXT))
    kind, detail = _parted(state)
    age = "" if state.age_s is None else f" {duration(state.age_s)}"
    if _connecting(state):
        return ((f"· pg {detail}", Role.WARNING),)
    fitting = (word for each, words, word in _HEADER if each == kind and words in detail)
    word = "stale" if state.state == "stale" else next(fitting, "failed")
    return ((f"· pg {word}{age}", Role.WARNING),)


def _change(part: PgActivityPart | None) -> Span | None:
    """`restarted 12 s ago`, for a minute, in the room of the version: 80 columns have none for both."""
    if part is None or part.change is None or part.change_s is None or part.change_s > CHANGE_SHOWN_S:
        return None
    return f"{part.change} {duration(part.change_s)} ago", Role.WARNING


def after_trouble(
    problem: Trouble | None, lines: Callable[[int], tuple[Line, ...]] | None, width: int, height: int
) -> tuple[Line, ...]:
    """What is wrong first, then in the room that is left what was known last, dimmed.

    Args:
        problem: None while all is well.
        lines: Draws what is known in so many lines; None where nothing is.
    """
    if problem is None:
        return lines(height) if lines else wrapped("no reading yet", width)[:height]
    if height == 1:
        return (((problem.brief(width), Role.WARNING),),)
    if lines is None:
        return wrapped(problem.words, width, Role.WARNING)[:height]
    told = wrapped(f"{problem.words}; as it was then:", width, Role.WARNING)
    room = height - len(told)
    if room < 1:
        return wrapped(problem.words, width, Role.WARNING)[:height]
    return (*told, *(tuple((piece, Role.DIM) for piece, _ in line) for line in lines(room)))


def trouble_lines(problem: Trouble | None, width: int) -> tuple[Line, ...]:
    """Above a zoom; nothing while all is well."""
    return wrapped(problem.words, width, Role.WARNING) if problem else ()


def silent_zoom(snapshot: Snapshot, key: str, title: str, problem: Trouble | None, width: int) -> Zoom:
    """A zoom of which nothing was ever known."""
    lines = trouble_lines(problem, width) or wrapped("no reading yet", width, Role.DIM)
    return Zoom(title=title, tone=tone(snapshot, key), lines=lines)


def hidden_words(part: PgActivityPart | None, what: str) -> str:
    """What is not known for want of rights and how to get it; empty where this role sees all."""
    if part is None or part.sees_others:
        return ""
    return f"{what} of others need: grant pg_monitor to {part.login or 'this role'}"


def pooled_words(part: PgActivityPart) -> str:
    """Empty where the server is read directly."""
    return "read through a pooler, while it has a slot for us: name the server itself with --dsn" if part.pooled else ""


def state_words(state: str | None) -> str:
    """`idle in tx` of `idle in transaction`: at most 10 characters; empty where the state may not be seen."""
    return "" if state is None else _STATES.get(state, state)
