"""A run as its report tells it. Moments are seconds since 1970 UTC; every text is printable and without known secrets."""

from __future__ import annotations

from typing import Literal

import msgspec

DETECT_S = 8 * 60.0
"""Mean time to detect that a run is put beside (S003: MTTD 8 min)."""
RESOLVE_S = 45 * 60.0
"""Mean time to resolve (S003: MTTR 45 min)."""


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """From the opening of the run, or from where it was resumed, to its end or to where it was left."""

    start_at: float | None
    end_at: float | None
    user: str
    host: str
    sudo_user: str = ""
    ssh_from: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The console's verdict at a moment of the run."""

    at: float | None
    constraint: str
    severity: str = ""
    """Empty where an older journal does not tell it."""
    summary: str = ""
    chain: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Causes of other incidents at that moment, a sentence each."""
    since_at: float | None = None
    began_before: bool = False
    """It already held at the first look, so it began before `since_at`."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's finding that was active when the run began or ended."""

    rule: str
    severity: str
    title: str
    since_at: float | None


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """The board's last word on a cause."""

    cause: str
    verdict: str
    say: str
    because: str
    """The condition that was true."""
    step: str
    at: float | None
    facts: tuple[str, ...] = ()
    """The first lines that the step read."""
    changed: bool = False
    """An earlier step said otherwise."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: float | None
    sort: Literal[
        "run", "step", "verdict", "choice", "confirm", "change", "undo", "note", "deploy", "mark", "judged", "problem"
    ]
    words: str
    user: str = ""
    step: str = ""


class StepTold(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a step."""

    path: str
    title: str
    kind: str
    effect: str
    does: tuple[str, ...]
    attempt: int
    start_at: float | None
    end_at: float | None
    state: str
    """As `steps.ID.state`; `indeterminate` where a change was cut off, `running` where the journal ends inside of it."""
    why: str = ""
    duration_s: float | None = None
    output: tuple[str, ...] = ()
    """The first lines."""
    sha256: str = ""
    """Of its evidence; empty where none was kept."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A step that may have changed something, with how it was agreed to and whether it was taken back."""

    path: str
    title: str
    does: tuple[str, ...]
    at: float | None
    by: str
    state: str
    """passed, failed, refused, skipped, indeterminate, or what the operator said of an indeterminate one: done, not done."""
    why: str = ""
    effect: str = "change"
    typed: str = ""
    """What was typed to confirm it."""
    key: str = ""
    """The key that confirmed it; `allow` where it was agreed to on the command line."""
    shown: tuple[str, ...] = ()
    """What the operator saw when it was confirmed."""
    undo: str = ""
    """stands, taken back, undo failed, kept, undo indeterminate; empty where nothing is known to take it back with."""
    undone_at: float | None = None
    undo_why: str = ""
    undo_does: tuple[str, ...] = ()

    @property
    def made(self) -> bool:
        """It was done, or may have been."""
        return self.state in ("passed", "done", "indeterminate", "failed", "running")


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How the ticks of a window lie. None: not known."""

    n: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    cv_pct: float | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One reading before and after."""

    step: str
    reading: str
    unit: str
    before: float | None
    after: float | None
    change_pct: float | None
    verdict: str
    why: str = ""
    spread_before: Spread = Spread()
    spread_after: Spread = Spread()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A reading over the run and the half hour before it."""

    reading: str
    unit: str
    points: tuple[tuple[float, float | None], ...]
    """(moment, value), oldest first; None where it was not known."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that the journal names."""

    step: str
    sha256: str
    size_bytes: int | None
    state: Literal["verified", "changed", "missing", "not kept", "not checked"]


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a journal tells."""

    run: str
    playbook: str
    title: str
    sha256: str
    lines: int
    """Of the journal."""
    perftui: str
    """The version that began it; empty where an older journal does not tell it."""
    host: str
    users: tuple[str, ...]
    opened_at: float | None
    ended_at: float | None
    """When it was closed, or the last line of an open run."""
    open: bool
    result: str
    """finished, why it was stopped, or `open`."""
    allowed: bool
    """Changes were unlocked."""
    sittings: tuple[Sitting, ...]
    duration_s: float | None
    detected_s: float | None
    """From the beginning of what the first verdict tells to the opening of the run."""
    first_finding_s: float | None
    """From the opening to the first cause that was called suspect or confirmed."""
    first_change_s: float | None
    """From the opening to the first change that was made: the mitigation, as far as the journal can tell."""
    template: str
    include: tuple[str, ...]
    judged_first: Judgement | None
    judged_last: Judgement | None
    findings: tuple[Finding, ...]
    board: tuple[Suspect, ...]
    timeline: tuple[Moment, ...]
    steps: tuple[StepTold, ...]
    changes: tuple[Change, ...]
    comparisons: tuple[Comparison, ...]
    series: tuple[Series, ...]
    evidence: tuple[Evidence, ...]
    mitigate: tuple[str, ...]
    follow_up: tuple[str, ...]
    """The playbook's, and notes that begin with TODO."""
    next_step: str
    """Of an open run: the step at hand."""
    problems: tuple[str, ...]
    """Why this record can't be trusted wholly."""

    @property
    def standing(self) -> tuple[Change, ...]:
        """Changes that were made and not taken back."""
        return tuple(each for each in self.changes if each.made and each.undo != "taken back")
