"""What a run waits for: conditions with the values of their readings, windows that count, steps side by side."""

from __future__ import annotations

from collections.abc import Iterator

from perftui.model.units import unit_of
from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.playbook.talk import Question
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.conditions import Condition, Scope
from perftui.playbooks.run.state import scope_of
from perftui.playbooks.steps import kind_of
from perftui.playbooks.steps.parallel import Parallel
from perftui.playbooks.steps.world import Progress, unknown_words
from perftui.playbooks.suggest import threshold_values
from perftui.views.format import UNKNOWN, duration, in_unit
from perftui.views.layout import clipped, wrapped
from perftui.views.model import Line, Role

_TRUTH = {True: ("● so", Role.GOOD), False: ("△ not so", Role.WARNING), None: ("? not known", Role.WARNING)}
BAR = 10


def progress_lines(progress: Progress, sitting: Sitting, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """A condition, each of its values, how far its window has come, and how long there is still to wait."""
    condition, outcome = progress.condition, progress.outcome
    if condition is not None and outcome is not None:
        yield from wrapped(" ".join(condition.text.split()), width)
        yield from _values(condition, sitting, snapshot, width)
        words, role = _TRUTH[outcome.truth]
        if outcome.truth is None:
            words = f"? {unknown_words(outcome)}"
        if outcome.needed_s and outcome.truth is not True:
            yield from wrapped(words, width, role) if outcome.truth is None else ()
            yield window(outcome.held_s, outcome.needed_s)
        else:
            yield from wrapped(words, width, role)
    told = f"{progress.words} · " if progress.words else ""
    if progress.limit_s and not (outcome is not None and outcome.needed_s == progress.limit_s):
        yield ((f"{told}{duration(progress.waited_s)} of {duration(progress.limit_s)}", Role.DIM),)
    elif progress.words:
        yield from wrapped(progress.words, width, Role.DIM)


def failed_lines(question: Question, sitting: Sitting, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """What the readings of a step that failed are by now: whoever decides wants to know."""
    if question.about == "failed":
        for _, condition in kind_of(question.step.do).conditions(question.step.do):
            yield from _values(condition, sitting, snapshot, width)


def window(held_s: float, needed_s: float) -> Line:
    """`held 4 of 10 s ▓▓▓▓░░░░░░`."""
    held = min(held_s, needed_s)
    full = int(BAR * held / needed_s) if needed_s else BAR
    words = (
        f"held {held:.0f} of {duration(needed_s)} "
        if needed_s < 60
        else f"held {duration(held)} of {duration(needed_s)} "
    )
    return ((words, Role.TEXT), ("▓" * full, Role.FIRST), ("░" * (BAR - full), Role.DIM))


def _values(condition: Condition, sitting: Sitting, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """`host.cpu.iowait_ratio  12.0 %`, a line for each reading and value that it names."""
    view = sitting.view
    known = view.state.scopes.get(scope_of(view.state)) or next(iter(view.state.scopes.values()))
    scope = Scope(
        history=snapshot.history,
        values={"vars": known.vars, "steps": known.steps, "t": threshold_values(view.playbook)},
    )
    for name in dict.fromkeys(path.id for path in condition.paths()):
        value = scope.get(tuple(name.split(".")))
        limit = view.playbook.thresholds.get(name.removeprefix("t."))  # type: ignore[call-overload]
        words = limit.value.text if name.startswith("t.") and limit else _words(value, unit_of(name))
        yield clipped(((f"  {name} ", Role.DIM), (words, Role.STRONG)), width)


def _words(value: str | float | bool | None, unit: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNKNOWN if value is None else str(value)
    return in_unit(value, "" if unit == "count" else unit)


def child_lines(sitting: Sitting, width: int) -> Iterator[Line]:
    """The steps of a parallel one, each with how it stands."""
    view = sitting.view
    if view.step is None or not isinstance(view.step.do, Parallel):
        return
    for step in view.step.do.steps:
        path = f"{view.path}/{step.id}"
        ended = view.state.children.get(path)
        if path not in view.state.children:
            yield (("  waits  ", Role.DIM), (step.title, Role.DIM))
        elif ended is None:
            yield (("▸ runs   ", Role.ACCENT), (step.title, Role.TEXT))
        else:
            role = Role.GOOD if ended == "passed" else Role.DIM if ended == "skipped" else Role.WARNING
            yield ((f"  {ended.value:<7} ", role), (step.title, Role.DIM))
