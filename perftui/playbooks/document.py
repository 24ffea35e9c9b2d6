"""A playbook as records: what every document and every step has. What one kind of step has stands in `steps`.

A field whose YAML name can't be an attribute, or which is turned to base units, says so with `name=`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import field

from perftui.playbooks.conditions import Condition
from perftui.playbooks.template import Template
from perftui.playbooks.values import Day, Duration, EnvName, OnFail, Pattern, Quantity, Size, Slug, StepId

API_VERSION = "perftui.playbook/v1"


class Effect(StrEnum):
    """What a step may do to the world."""

    READ = "read"
    CHANGE = "change"
    UNKNOWN = "unknown"
    """Not declared: treated with care, confirmed with a key."""

    @property
    def weight(self) -> int:
        """Higher is worse."""
        return ("read", "unknown", "change").index(self)


class Call(StrEnum):
    """What an assessment says of a suspect."""

    CLEARED = "cleared"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """What a step does; each kind of step has its own."""


class Var(msgspec.Struct, frozen=True, kw_only=True):
    """One typed input."""

    type: Literal["text", "name", "int", "number", "bool", "duration", "time", "url", "choice", "host", "row"]
    prompt: str = ""
    default: Any = None
    """As written; None asks the operator."""
    pattern: Pattern | None = None
    """Must match the whole text."""
    min: float | None = None
    max: float | None = None
    source: str | None = field(name="from", default=None)
    """Where a value is proposed from: `context.service`, `deploy.version`, `alert.LABEL`, a reading, `steps.ID` for a row."""
    choices: tuple[str, ...] = ()
    """Of a choice."""
    key: tuple[str, ...] = ()
    """Of a row: the columns that tell one row from all others."""
    secret: bool = False
    """Never shown, written or put on a command line."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A named number: `t.NAME` in conditions."""

    value: Quantity
    source: str = ""
    """The document that gives it; empty where it is ours."""
    text: str = ""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What the playbook would like to find; what is missing is shown before it starts and is then unknown."""

    metrics: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    commands_optional: tuple[str, ...] = ()
    connections: tuple[Literal["db"], ...] = ()


class RunLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use."""

    step_timeout_s: Duration = field(name="step_timeout", default=Duration(30))
    """Of a step that names none."""
    run_timeout_s: Duration = field(name="run_timeout", default=Duration(4 * 3600))
    output_bytes: Size = field(name="output", default=Size(64 * 1024))
    """Kept of one output, head and tail."""
    rows: int = 200
    """Kept of one table."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    template: Literal["incident", "executive", "technical", "audit", "handoff"] = "incident"
    include: tuple[Literal["verdicts", "timeline", "changes", "compare", "evidence"], ...] = (
        "verdicts",
        "timeline",
        "changes",
        "compare",
        "evidence",
    )


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    times: int
    """Further attempts after the first."""
    every_s: Duration = field(name="every", default=Duration(1))


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a step's output, as `steps.ID.NAME`."""

    name: StepId = field(name="as")
    parse: Literal["text", "json", "lines", "table", "pairs", "number"] = "text"
    select: str = ""
    """JMESPath; empty takes all."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What a step's facts say of a suspect."""

    condition: Condition = field(name="if")
    verdict: Call
    cause: str
    say: str = ""


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """How a change is taken back."""

    do: Do
    effect: Effect | None = None
    target: Template | None = None
    timeout_s: Duration | None = field(name="timeout", default=None)
    remind_after_s: Duration | None = field(name="remind_after", default=None)
    """A deferred undo: from then on a reminder stays on screen until it is undone or kept for good."""
    reminder: str = ""
    """What the reminder says."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    id: StepId
    title: str
    do: Do
    """What it does; in YAML the one key that names the kind."""
    why: str = ""
    when: Condition | None = None
    """Skipped where it is false; asked where it is unknown. Looked at again when a change is confirmed."""
    effect: Effect | None = None
    """None takes the kind's own."""
    target: Template | None = None
    """What must be typed to confirm a change."""
    timeout_s: Duration | None = field(name="timeout", default=None)
    retry: Retry | None = None
    on_fail: OnFail = OnFail("ask")
    capture: Capture | None = None
    assess: tuple[Assessment, ...] = ()
    undo: Undo | None = None
    delay_s: Duration = field(name="delay", default=Duration(0))
    """Waited before it starts."""
    idempotent: bool = False
    """Doing it twice does the same as once."""
    evidence: Literal["keep", "summary", "none"] = "keep"
    links: tuple[str, ...] = ()


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    api_version: Literal["perftui.playbook/v1"] = field(name="apiVersion")
    id: Slug
    title: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    source: tuple[str, ...] = ()
    """The documents that the steps come from."""
    reviewed: Day | None = None
    review_every_s: Duration = field(name="review_every", default=Duration(180 * 86400))
    reviewed_hash: str = ""
    """Of the text as it was reviewed, so that a later change is told; lint says what it is. Empty: a change can't be told."""
    suggest_when: tuple[Condition, ...] = ()
    """Any of them offers the playbook; none ever starts it."""
    suggests_for: tuple[str, ...] = ()
    """The rules whose findings it answers: `pg.lock_pileup`."""
    needs: Needs = Needs()
    vars: dict[StepId, Var] = {}
    thresholds: dict[StepId, Threshold] = {}
    limits: RunLimits = RunLimits()
    env: tuple[EnvName, ...] = ()
    """Environment variables that its commands may see, beside PATH, HOME, USER, LANG, LC_* and TZ."""
    redact: tuple[Pattern, ...] = ()
    """Further texts that are never kept."""
    steps: tuple[Step, ...]
    finally_: tuple[Step, ...] = field(name="finally", default=())
    """Run at the end whatever happened; read only."""
    mitigate: tuple[str, ...] = ()
    """Shown all the time."""
    follow_up: tuple[str, ...] = ()
    """Copied to the report."""
    report: Report = Report()
