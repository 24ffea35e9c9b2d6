"""What happened in a run, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perftui.playbooks.document import Step
from perftui.playbooks.journal import Entry, Event
from perftui.playbooks.report.courses import judgements, outside, turns
from perftui.playbooks.report.records import Moment
from perftui.playbooks.report.steps import UNDO, step_of
from perftui.playbooks.report.told import lines, moment, words

ALLOWED = "allow"
AROUND_S = 1800.0
"""Marks and deploys of so long before the run belong to its story."""
_STOP = "stop"
_ASKED = {
    "retry": "tried again",
    "continue": "went on in spite of it",
    "done": "looked: it was done",
    "not_done": "looked: it was not done",
    "run": "did it although its condition is not known",
}


def timeline(entries: Sequence[Entry], known: Mapping[str, Step]) -> tuple[Moment, ...]:
    """The lines of the journal in their order; what came from outside of it stands where its moment is."""
    titles: dict[str, str] = {}
    told: list[tuple[float, Moment]] = []
    latest = float("-inf")
    for entry in entries:
        path = words(entry.step)
        if entry.ev == Event.STEP_INTENT and not path.startswith(UNDO):
            titles[path] = words(entry.data.get("title")) or titles.get(path, path)
        step = step_of(known, path)
        title = titles.get(path) or (words(step.title) if step else path)
        # The clock may have been set back; the order of the lines is what happened.
        latest = max(latest, moment(entry.at) or latest)
        told += [(latest, each) for each in _of_entry(entry, path, title)]
    opened_at = moment(entries[0].at) or float("-inf")
    around = [each for each in outside(entries) if each.at is not None and each.at >= opened_at - AROUND_S]
    between = [*around, *turns(judgements(entries))]
    told += [(each.at, each) for each in between if each.at is not None]
    return tuple(each for _, each in sorted(told, key=lambda pair: pair[0]))


def _of_entry(entry: Entry, path: str, title: str) -> Iterator[Moment]:
    data, at, user = entry.data, moment(entry.at), words(entry.who.user)

    def told(sort: str, text: str) -> Moment:
        return Moment(at=at, sort=sort, words=text, user=user, step=path)  # type: ignore[arg-type]

    match entry.ev:
        case Event.RUN_OPEN:
            locked = "unlocked" if data.get("allow_changes") else "locked"
            yield told("run", f"opened on {words(entry.who.host)}, changes {locked}")
        case Event.RUN_RESUMED:
            yield told("run", f"resumed on {words(entry.who.host)}")
        case Event.RUN_CLOSE:
            yield told("run", f"closed: {words(data.get('reason')) or 'finished'}")
        case Event.STEP_INTENT if path.startswith(UNDO):
            yield told("undo", f"begun: {_deed(entry)}")
        case Event.STEP_INTENT if data.get("effect") in ("change", "unknown") and data.get("does"):
            yield told("change", f"{title}: {_deed(entry)}")
        case Event.STEP_OUTCOME:
            state, why = words(data.get("state")), words(data.get("why"))
            yield told("step", f"{title}: {state}{f' ({why})' if why else ''}")
        case Event.VERDICT:
            say = words(data.get("say")) or words(data.get("because"))
            yield told("verdict", f"{words(data.get('cause'))} {words(data.get('verdict'))}{f': {say}' if say else ''}")
        case Event.VAR_SET:
            yield told("choice", f"{words(data.get('name'))} = {_value(data.get('value'))}")
        case Event.CHOICE:
            yield told("choice", _choice(entry, title))
        case Event.CONFIRM:
            yield told("confirm", _confirmed(entry, title))
        case Event.NOTE:
            yield told("note", words(data.get("text")))
        case Event.UNDO_DONE:
            why = words(data.get("why"))
            yield told("undo", f"{title}: {words(data.get('state'))}{f' ({why})' if why else ''}")
        case Event.DURABILITY:
            problem = words(data.get("problem"))
            yield told(
                "problem", f"the journal is kept in {words(data.get('state'))}{f': {problem}' if problem else ''}"
            )


def _deed(entry: Entry) -> str:
    return " ".join(line.strip() for line in lines(entry.data.get("does"))) or "by hand"


def _choice(entry: Entry, title: str) -> str:
    key, label = words(entry.data.get("key")), words(entry.data.get("label"))
    if key == _STOP:
        return words(entry.data.get("why")) or "stopped"
    return f"{title}: {f'{key}, {label}' if label else _ASKED.get(key, key)}"


def _confirmed(entry: Entry, title: str) -> str:
    typed, key = words(entry.data.get("typed")), words(entry.data.get("key"))
    if entry.data.get("unlocks"):
        return f"changes unlocked by typing {typed!r}"
    how = "with --allow" if key == ALLOWED else f"by typing {typed!r}" if typed else f"with the key {key}"
    what = "undo confirmed" if words(entry.step).startswith(UNDO) else f"{title}: confirmed"
    return f"{what} {how}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {_value(inner)}" for name, inner in list(value.items())[:6])
    return words(value) or words(str(value))
