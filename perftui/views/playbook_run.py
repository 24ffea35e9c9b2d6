"""The panel of a run: the question or the step at hand, what it waits for, what was found, what still stands.

Made for a width and a height. What matters to the answer is whole; of the rest each part keeps at least a line, and says how
much of it there was no room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.journal import Event
from perftui.playbooks.run.state import Ended, State, here, open_undos
from perftui.playbooks.run_folder import Durability
from perftui.views.format import duration
from perftui.views.layout import clipped, short, wrapped
from perftui.views.model import Line, Role, RunChoice, text
from perftui.views.playbook_question import answer_lines, question_lines
from perftui.views.playbook_waits import child_lines, failed_lines, progress_lines

VERDICTS = {
    "confirmed": ("▲", Role.CRITICAL),
    "suspect": ("△", Role.WARNING),
    "cleared": ("●", Role.GOOD),
}
STATES = {
    Ended.PASSED: ("●", Role.GOOD),
    Ended.FAILED: ("▲", Role.CRITICAL),
    Ended.UNKNOWN: ("?", Role.WARNING),
    Ended.REFUSED: ("△", Role.WARNING),
    Ended.SKIPPED: ("-", Role.DIM),
}


MOMENT = 9
"""Cells of a moment in the timeline."""


class Part(msgspec.Struct, frozen=True):
    """Lines that belong together. Of two parts the lower rank gets its room first."""

    rank: int
    least: int
    lines: Sequence[Line]
    newest: bool = False
    """Where there is no room for all, the last lines are kept."""


def place_words(state: State) -> str:
    """`3/12`: the step at hand among the playbook's own."""
    bottom = next((frame for frame in state.frames if frame.sort == "playbook"), None)
    if bottom is None:
        return "end"
    return f"{min(bottom.index + 1, len(bottom.steps))}/{len(bottom.steps)}"


def title(sitting: Sitting, snapshot: Snapshot) -> Line:
    """Playbook, place, how long it runs, whether changes are locked."""
    view = sitting.view
    began = _moment(view.entries[0].at) if view.entries else None
    facts = [f" {place_words(view.state)}"] if not sitting.ended else [" ended"]
    if began is not None:
        last = _moment(view.entries[-1].at) if sitting.ended else snapshot.at
        facts.append(duration(last - began))
    locks = ("changes unlocked", Role.WARNING) if view.state.allowed else ("changes locked", Role.DIM)
    return ((str(view.playbook.id), Role.TITLE), (" · ".join(facts) + " · ", Role.DIM), locks)


def waiting_words(sitting: Sitting) -> str:
    """What a line elsewhere on the screen tells of the run."""
    name = f"{sitting.view.playbook.id} {place_words(sitting.view.state)}"
    if sitting.ended:
        return f"{sitting.view.playbook.id} has ended: {sitting.ended}"
    if sitting.question is not None:
        return f"{name} waits for you: {sitting.question.title}"
    return f"{name}: {sitting.view.step.title if sitting.view.step else 'going on'}"


def run_panel(
    sitting: Sitting, choice: RunChoice, snapshot: Snapshot, note: str, width: int, height: int
) -> tuple[Line, ...]:
    """The panel inside its border."""
    parts = [
        Part(0, 9, list(_durability(sitting, width))),
        Part(2, 2, list(_step(sitting, width))),
        Part(4, 3, _scrolled(question_lines(sitting, width), choice.top)),
        Part(3, 3, list(_waits(sitting, snapshot, width))),
        Part(1, 99, list(answer_lines(sitting, choice, snapshot, width))),
        Part(1, 9, list(wrapped(note, width, Role.STRONG))),
        Part(3, 9, list(_reminders(sitting, snapshot, width))),
        Part(6, 1, list(_board(sitting.view.state, width))),
        Part(5, 1, list(_undos(sitting, choice, snapshot, width))),
        Part(7, 1, list(_mitigate(sitting, width))),
        Part(8, 1, list(_events(sitting, width)), newest=True),
    ]
    kept = _shared(parts, height)
    lines = [line for part, room in zip(parts, kept, strict=True) for line in _cut(part, room, width)]
    return tuple(clipped(line, width) for line in lines[:height])


def _shared(parts: Sequence[Part], height: int) -> list[int]:
    """Lines for each part: first what it needs at least, then as much as it has, by rank."""
    order = sorted(range(len(parts)), key=lambda place: parts[place].rank)
    rooms = [0] * len(parts)
    for least in (True, False):
        for place in order:
            part = parts[place]
            wanted = min(part.least, len(part.lines)) if least else len(part.lines)
            more = min(wanted - rooms[place], height - sum(rooms))
            rooms[place] += max(0, more)
    return rooms


def _cut(part: Part, room: int, width: int) -> Iterator[Line]:
    """The lines that have room; where some have none, the place of one tells how many."""
    left = len(part.lines) - room
    if left <= 0 or room == 0:
        yield from part.lines[:room]
    elif part.newest:
        yield from part.lines[left:]
    else:
        words = f" … {left} more" if room > 1 else f" … {left} more below"
        *first, last = part.lines[:room]
        yield from first
        yield (*clipped(last, width - len(words)), (words, Role.DIM))


def _scrolled(lines: Sequence[Line], top: int) -> list[Line]:
    return list(lines[min(top, max(0, len(lines) - 1)) :])


def _durability(sitting: Sitting, width: int) -> Iterator[Line]:
    view = sitting.view
    if view.durability is not Durability.DISK:
        words = f"NOT DURABLE: the journal is in {view.durability.value} only ({view.problem})"
        yield from wrapped(words, width, Role.CRITICAL)


def _step(sitting: Sitting, width: int) -> Iterator[Line]:
    """The step at hand and why; or how it ended."""
    if sitting.ended:
        yield from wrapped(f"The run has ended: {sitting.ended}.", width, Role.STRONG)
        if sitting.folder:
            yield from wrapped(f"kept in {sitting.folder}", width, Role.DIM)
        return
    question, step = sitting.question, sitting.view.step
    step = question.step if question is not None else step
    if step is None:
        return
    asked = question.title if question is not None else step.title
    if question is not None and question.inputs and not question.path:
        yield text("The playbook asks first", Role.STRONG)
        return
    yield from wrapped(asked, width, Role.STRONG)
    if asked != step.title and question is not None and step.title not in asked and question.path:
        yield from wrapped(step.title, width, Role.TEXT)
    undoes = question is not None and question.about == "undo"
    if step.why and not undoes and not any(step.why in line for line in (question.lines if question else ())):
        yield from wrapped(f"because {' '.join(step.why.split())}", width, Role.DIM)


def _waits(sitting: Sitting, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """What runs, with the values that it waits for; a question has its own lines."""
    if sitting.ended:
        return
    view = sitting.view
    if sitting.question is None and view.step is not None:
        intent = next(
            (e for e in reversed(view.entries) if e.ev == Event.STEP_INTENT and e.step == view.path), None
        )  # fmt: skip
        for line in intent.data.get("does", ()) if intent is not None else ():
            yield from wrapped(line, width)
    if sitting.question is not None:
        yield from failed_lines(sitting.question, sitting, snapshot, width)
    yield from child_lines(sitting, width)
    for path, progress in view.progress.items():
        if path == view.path or path in view.state.children:
            yield from progress_lines(progress, sitting, snapshot, width)


def _reminders(sitting: Sitting, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """Changes whose undo is due; they stay until it is done or the change is kept for good."""
    for undo in open_undos(sitting.view.state):
        after = undo.step.undo.remind_after_s if undo.step.undo is not None else None
        stands_s = snapshot.at - _moment(undo.since_at)
        if after is not None and stands_s >= after and undo.step.undo is not None:
            words = undo.step.undo.reminder or f"take it back: {undo.step.title}"
            yield from wrapped(f"▲ due: {words} (stands for {duration(stands_s)}, u)", width, Role.CRITICAL)


def _board(state: State, width: int) -> Iterator[Line]:
    """What was cleared, what is suspect: one line a cause, the worst first."""
    order = tuple(VERDICTS)
    for cause, told in sorted(state.board.items(), key=lambda item: order.index(item[1].verdict)):
        sign, role = VERDICTS[told.verdict]
        why = f"  {told.say}" if told.say else ""
        yield ((f"{sign} {told.verdict:<9} ", role), (cause, Role.TEXT), (why, Role.DIM))


def _undos(sitting: Sitting, choice: RunChoice, snapshot: Snapshot, width: int) -> Iterator[Line]:
    standing = open_undos(sitting.view.state)
    for number, undo in enumerate(standing, start=1):
        sign = f"{number} " if choice.undoing else ""
        stands = duration(snapshot.at - _moment(undo.since_at))
        state = "" if undo.state == "offered" else f", {undo.state}"
        room = width - len(sign) - len(stands) - len(state) - 17
        words = short(undo.step.title, max(8, room))
        yield ((sign, Role.ACCENT), ("stands ", Role.WARNING), (words, Role.TEXT), (f" for {stands}{state}", Role.DIM))


def _mitigate(sitting: Sitting, width: int) -> Iterator[Line]:
    if sitting.ended:
        return
    for words in sitting.view.playbook.mitigate:
        for place, line in enumerate(wrapped(words, width - 11)):
            yield (("mitigate · " if not place else " " * 11, Role.DIM), *line)


def _events(sitting: Sitting, width: int) -> Iterator[Line]:
    """The timeline, newest last."""
    titles: dict[str, str] = {}
    for entry in sitting.view.entries:
        step = entry.step or ""
        if entry.ev == Event.STEP_INTENT and "title" in entry.data:
            titles[step] = str(entry.data["title"])
        words, role = _event(entry.ev, titles.get(step, step.rpartition("/")[2]), entry.data)
        for place, line in enumerate(wrapped(words, width - MOMENT, role)):
            yield ((f"{entry.at[11:19]} " if not place else " " * MOMENT, Role.DIM), *line)
        if entry.ev == Event.STEP_OUTCOME:
            for found in entry.data.get("output", ()):
                yield ((" " * MOMENT, Role.DIM), (short(" ".join(str(found).split()), width - MOMENT), Role.DIM))


def _event(ev: str, name: str, data: dict[str, object]) -> tuple[str, Role]:
    match ev:
        case Event.STEP_OUTCOME:
            sign, role = STATES[Ended(str(data["state"]))]
            why = f": {data['why']}" if data.get("why") else ""
            return f"{sign} {name}{why}", Role.TEXT if role is Role.GOOD else role
        case Event.CHOICE if data.get("label"):
            return f"chosen: {data['label']}", Role.TEXT
        case Event.CONFIRM:
            return ("changes unlocked" if data.get("unlocks") else f"confirmed: {name}"), Role.WARNING
        case Event.NOTE:
            return f"note: {data.get('text', '')}", Role.ACCENT
        case Event.UNDO_DONE:
            return f"undo {name}: {data.get('state', '')}", Role.WARNING
        case Event.RUN_RESUMED:
            return "resumed", Role.DIM
    return "", Role.DIM


def _moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def at_hand(sitting: Sitting) -> str:
    """Title of the step at hand; empty between steps."""
    found = here(sitting.view.state)
    return found[1].title if found else ""
