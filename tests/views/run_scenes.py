"""Runs at a moment of their life, for the panel: a real book, a real journal, the question at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perftui.findings.verdict import verdict
from perftui.history.history import HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.frame import Frame
from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.playbook.talk import Choice, Question, RunView
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.run.state import State, here
from perftui.playbooks.run_folder import Durability
from perftui.playbooks.steps.world import Progress
from tests.playbooks.runs import Driven, book
from tests.playbooks.shelf import text
from tests.views.scenes import KINDS, MACHINE, samples

HEAD = "mitigate: [Roll back first.]\nthresholds: {busy: {value: 85%}}\n"
STEPS = """
- {id: look, title: Look at it, run: [uptime], effect: read}
- id: "off"
  title: Turn it off
  why: users see errors
  effect: change
  target: "off"
  run: [touch, x]
  undo: {effect: change, target: "on", run: [rm, x], remind_after: 60s, reminder: turn it on again}
- id: both
  title: Facts
  parallel: {max: 1, steps: [{id: one, title: First fact, run: [uptime], effect: read}, {id: two, title: Second fact, run: [uptime], effect: read}]}
- {id: hold, title: Hold, wait: {until: host.cpu.busy_ratio < t.busy for 10s, timeout: 2m}}
- {id: way, title: Which way?, choose: [{key: a, label: On, goto: look}, {key: b, label: Off, goto: look}]}
"""  # noqa: E501
BEGAN = datetime.fromisoformat("2026-11-22T10:00:00Z").timestamp()


def at(seconds: float) -> Snapshot:
    """A snapshot so long after the run began."""
    store = HistoryStore(KINDS, trends=TRENDS)
    for second in range(3):
        mono = 100.0 + second
        frame = Frame(seq=second, at=BEGAN + seconds - 2 + second, mono=mono, samples=samples(second, mono))
        history = store.push(frame)
    return Snapshot(machine=MACHINE, history=history, findings=(), verdict=verdict(history, ()))


def on(step: str) -> Callable[[State], bool]:
    def there(state: State) -> bool:
        found = here(state)
        return found is not None and found[2] == step

    return there


def sitting(
    until: Callable[[State], bool] = on("way"),
    question: Question | None = None,
    progress: Mapping[str, Progress] = {},
    durability: Durability = Durability.DISK,
    ended: str = "",
    more: Callable[[Driven], None] = lambda driven: None,
    expires_at: float | None = None,
    steps: str = STEPS,
) -> Sitting:
    driven = Driven(book(text(steps, HEAD)))
    driven.put("run.open", allow_changes=False)
    driven.run(until)
    more(driven)
    found = here(driven.state)
    view = RunView(
        name="20261122T100000Z-sample-1234",
        playbook=driven.book.playbooks[driven.book.main],
        state=driven.state,
        entries=tuple(driven.entries),
        path=found[2] if found else "",
        step=found[1] if found else None,
        progress=progress,
        durability=durability,
        problem="/state: no space left on device" if durability is not Durability.DISK else "",
    )
    return Sitting(view=view, question=question, ended=ended, expires_at=expires_at, folder="/state/runs/x")


def asked(step: str = "way", **fields: Any) -> Question:
    """A question about a step of these."""
    playbook = book(text(STEPS, HEAD)).playbooks["sample"]
    found = next(each for each in playbook.steps if each.id == step)
    known: dict[str, Any] = {"about": "choose", "path": step, "title": found.title}
    return Question(step=found, **{**known, **fields})


WAY = asked(choices=(Choice(key="a", label="On"), Choice(key="b", label="Off")))
CONFIRM = asked(
    "off",
    about="confirm",
    title="A change. Type what it changes",
    lines=("$ touch x", "because users see errors", "undo: $ rm x"),
    choices=(Choice(key="s", label="skip"),),
    typed="off",
)
