"""A journal as a run would have written it, from a table of lines; and the run of one incident."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from math import sin
from typing import Any

from perftui.playbooks.journal import FIRST, Entry, Event, Journal, Who, digest, line_of, read
from perftui.playbooks.run.book import Bound, bound
from perftui.playbooks.shelf import Shelf
from tests.playbooks.shelf import loaded, text

OPENED_AT = 1770806400.0
"""2026-02-11 10:40:00Z."""
ANN = Who(user="ann", host="db-prod-3", ssh_from="10.0.0.7")
BEN = Who(user="ben", host="db-prod-3", sudo_user="ben")
Line = tuple[float, str, str | None, dict[str, Any]]
"""(seconds since the opening, event, step, data)."""

STEPS = """
- {id: facts, title: Look at the locks, run: [echo, x], effect: read, timeout: 5s}
- id: end_it
  title: Terminate the blocker
  run: [echo, x]
  effect: change
  target: "4242"
  timeout: 5s
  undo: {effect: change, target: back, run: [echo, start]}
- {id: cmp, title: Did it help, compare: {event: run_start, metrics: [probe.p95_s]}}
- {id: tell, title: Tell the channel, say: Tell it}
"""
HEAD = "mitigate: [End the oldest idle transaction]\nfollow_up: [Set idle_in_transaction_session_timeout]\n"


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(OPENED_AT + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def incident_book() -> Bound:
    return bound(loaded(text(STEPS, HEAD)), Shelf(playbooks={}, reasons=()))


def journal(lines: Iterable[Line], who: Who = ANN) -> Journal:
    """The lines as a journal, each with the hash of the one before it; Ben sits there from the first `run.resumed` on."""
    raw: list[bytes] = []
    for seq, (seconds, ev, step, data) in enumerate(lines):
        who = BEN if ev == Event.RUN_RESUMED else who
        entry = Entry(
            run="20260211T104000Z-sample-ab12",
            seq=seq,
            at=iso(seconds),
            mono=seconds,
            who=who,
            ev=ev,
            step=step,
            attempt=1 if ev in (Event.STEP_INTENT, Event.STEP_OUTCOME, Event.CONFIRM) else 0,
            data=data,
            prev=digest(raw[-1]) if raw else FIRST,
        )
        raw.append(line_of(entry))
    return read(b"".join(line + b"\n" for line in raw))


def course(start: float, end: float, step: float, calm_from: float = 400.0) -> dict[str, list[list[float | None]]]:
    """Users wait while a blocker holds its locks, and no longer."""
    moments = [start + step * place for place in range(int((end - start) / step) + 1)]

    def bad(at: float) -> bool:
        return -200.0 <= at < calm_from

    p95 = [[OPENED_AT + at, round((2.4 if bad(at) else 0.12) + 0.02 * sin(at), 4)] for at in moments]
    waiting = [[OPENED_AT + at, 37.0 if bad(at) else 0.0] for at in moments]
    return {"probe.p95_s": p95, "postgres.locks.waiting": waiting}  # type: ignore[dict-item]


LOCKED: dict[str, Any] = {
    "class": "lock_bound",
    "severity": "critical",
    "summary": "37 backends wait for pid 4242",
    "chain": ["pg.idle_in_transaction", "pg.lock_pileup", "probe.slow"],
    "since_at": iso(-200),
}
CALM: dict[str, Any] = {
    "class": "healthy",
    "severity": "info",
    "summary": "nothing waits",
    "chain": [],
    "since_at": None,
}


def incident() -> list[Line]:
    """Found, ended, compared, told; with a hand-over in the middle."""
    sha = incident_book().sha256
    deploy = {"at": iso(-180), "service": "orders-api", "version": "2.8.1"}
    finding = {"rule": "pg.lock_pileup", "severity": "critical", "title": "37 wait", "since_at": iso(-200)}
    stats = {"n": 600, "p50": 2.4, "p95": 2.41, "p99": 2.42, "cv_pct": 1.0}
    row = {
        "reading": "probe.p95_s", "before": 2.4, "after": 0.12, "change_pct": -95.0, "verdict": "shifted",
        "why": "larger than any shift without a change", "spread_before": stats,
        "spread_after": {"n": 600, "p50": 0.12, "p95": 0.14, "p99": 0.14, "cv_pct": 11.0},
    }  # fmt: skip
    return [
        (0, Event.RUN_OPEN, None, {"playbook": "sample", "title": "A sample", "sha256": sha, "perftui": "0.1"}),
        (
            0,
            Event.METRIC_MARK,
            None,
            {
                "series": course(-1800, 0, 15),
                "deploys": [deploy],
                "marks": [{"at": iso(-60), "text": "pager went off"}],
                "verdict": LOCKED,
                "findings": [finding],
            },
        ),
        (
            5,
            Event.STEP_INTENT,
            "facts",
            {"title": "Look at the locks", "kind": "run", "effect": "read", "does": ["$ x"]},
        ),
        (
            6,
            Event.VERDICT,
            "facts",
            {"cause": "locks", "verdict": "suspect", "say": "37 wait for pid 4242", "because": "n > 10"},
        ),
        (
            6,
            Event.VERDICT,
            "facts",
            {"cause": "disk", "verdict": "cleared", "because": "host.cpu.iowait_ratio < 20%"},
        ),
        (
            6,
            Event.STEP_OUTCOME,
            "facts",
            {
                "state": "passed",
                "duration_s": 0.8,
                "output": ["4242 idle in transaction"],
                "evidence": {"sha256": "a" * 64, "size_bytes": 1234, "kept": True},
            },
        ),
        (60, Event.NOTE, "end_it", {"text": "called the orders team"}),
        (65, Event.NOTE, "end_it", {"text": "TODO: ask why the job has no timeout"}),
        (120, Event.RUN_RESUMED, None, {"allow_changes": False}),
        (130, Event.CONFIRM, "end_it", {"unlocks": True, "typed": "db-prod-3"}),
        (
            390,
            Event.CONFIRM,
            "end_it",
            {
                "typed": "4242",
                "key": "",
                "evidence": ["$ kill 4242", "because it holds them all", "undo: $ start", "      again"],
            },
        ),
        (
            391,
            Event.STEP_INTENT,
            "end_it",
            {"title": "Terminate the blocker", "kind": "run", "effect": "change", "does": ["$ kill 4242"]},
        ),
        (400, Event.STEP_OUTCOME, "end_it", {"state": "passed", "duration_s": 9.0}),
        (401, Event.VERDICT, "end_it", {"cause": "locks", "verdict": "confirmed", "say": "all went on"}),
        (437, Event.METRIC_MARK, None, {"at": OPENED_AT + 437, "values": {"probe.p95_s": 0.12}, "verdict": CALM}),
        (1000, Event.STEP_INTENT, "cmp", {"title": "Did it help", "kind": "compare", "effect": "read", "does": []}),
        (
            1000,
            Event.STEP_OUTCOME,
            "cmp",
            {"state": "passed", "duration_s": 0.1, "values": {"verdict": "shifted", "rows": [row]}},
        ),
        (
            1010,
            Event.STEP_INTENT,
            "tell",
            {"title": "Tell the channel", "kind": "say", "effect": "read", "does": ["Tell it"]},
        ),
        (1020, Event.STEP_OUTCOME, "tell", {"state": "passed"}),
        (1025, Event.UNDO_DONE, "end_it", {"state": "kept"}),
        (
            1030,
            Event.METRIC_MARK,
            None,
            {"series": course(-770, 1030, 15), "deploys": [deploy], "marks": [], "verdict": CALM, "findings": []},
        ),
        (
            1030,
            Event.RUN_CLOSE,
            None,
            {"reason": "finished", "follow_up": ["Set idle_in_transaction_session_timeout"]},
        ),
    ]
