"""The steps of a run as its journal tells them, each attempt with its end; and the changes among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from perftui.playbooks.document import Step
from perftui.playbooks.journal import Entry, Event
from perftui.playbooks.load import walk
from perftui.playbooks.report.records import Change, StepTold
from perftui.playbooks.report.told import lines, mapping, moment, number, words
from perftui.playbooks.run.state import Book
from perftui.playbooks.steps import can_be_undone, effect_of, kind_of

replace = msgspec.structs.replace
UNDO = "undo:"
_HOLD_STEPS = ("parallel", "use", "for_each", "repeat", "branch", "choose")
"""Kinds that do nothing themselves; they go on when the run is resumed."""
_ACTS = ("run", "sql", "http")


def known_steps(book: Book | None) -> dict[str, Step]:
    """The steps of a book by their id; of two with one id the main playbook's."""
    found: dict[str, Step] = {}
    if book is None:
        return found
    for playbook in (book.playbooks[book.main], *book.playbooks.values()):
        for _, step in walk(playbook):
            found.setdefault(str(step.id), step)
    return found


def step_of(known: Mapping[str, Step], path: str) -> Step | None:
    return known.get(path.rpartition("/")[2].partition("[")[0])


class Steps:
    """Goes through the lines in order."""

    def __init__(self, known: Mapping[str, Step]) -> None:
        self._known = known
        self.told: list[StepTold] = []
        self._running: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        """Changes that were cut off, until somebody says what became of them."""
        self._visits: dict[str, int] = {}
        self.keys: dict[int, str] = {}
        """By the number of an attempt in `told`: what an undo calls it."""

    def put(self, entry: Entry) -> None:
        path, data = words(entry.step), entry.data
        if path.startswith(UNDO):
            return
        match entry.ev:
            case Event.STEP_INTENT if "round" not in data:
                self._begin(path, entry)
            case Event.STEP_OUTCOME:
                self._end(path, entry, words(data.get("state")) or "unknown", words(data.get("why")))
            case Event.CHOICE:
                self._chosen(path, entry)
            case Event.RUN_RESUMED:
                self._cut_off()

    def _begin(self, path: str, entry: Entry) -> None:
        data = entry.data
        if path in self._lost:  # done again without a question: its author says that this does no harm
            self._set(self._lost.pop(path), state="cut off")
        if entry.attempt <= 1:
            self._visits[path] = self._visits.get(path, 0) + 1
        step = step_of(self._known, path)
        begun = StepTold(
            path=path,
            title=words(data.get("title")) or (words(step.title) if step else path),
            kind=words(data.get("kind")),
            effect=words(data.get("effect")) or "read",
            does=lines(data.get("does")),
            attempt=entry.attempt,
            start_at=moment(entry.at),
            end_at=None,
            state="running",
        )
        self._running[path] = self._add(begun)

    def _add(self, told: StepTold) -> int:
        place = len(self.told)
        visit = self._visits.get(told.path, 1)
        self.keys[place] = told.path if visit == 1 else f"{told.path}#{visit}"
        self.told.append(told)
        return place

    def _end(self, path: str, entry: Entry, state: str, why: str) -> None:
        place = self._running.pop(path, None)
        if place is None:
            place = self._add(self._never_begun(path, entry))
        data = entry.data
        self._set(
            place,
            state=state,
            why=why,
            end_at=moment(entry.at),
            duration_s=number(data.get("duration_s")),
            output=lines(data.get("output"), 3),
            sha256=words(mapping(data.get("evidence")).get("sha256")),
        )

    def _never_begun(self, path: str, entry: Entry) -> StepTold:
        step = step_of(self._known, path)
        return StepTold(
            path=path,
            title=words(step.title) if step else path,
            kind=kind_of(step.do).name if step else "",
            effect=effect_of(step).value if step else "read",
            does=(),
            attempt=entry.attempt,
            start_at=None,
            end_at=None,
            state="skipped",
        )

    def _chosen(self, path: str, entry: Entry) -> None:
        key = words(entry.data.get("key"))
        if path in self._lost and key in ("done", "not_done"):
            why = f"it was cut off; {words(entry.who.user)} looked and said so"
            self._set(self._lost.pop(path), state=key.replace("_", " "), why=why, end_at=moment(entry.at))
        elif path in self._running and self.told[self._running[path]].kind == "choose":
            label = words(entry.data.get("label"))
            self._end(path, entry, "passed", f"{key}: {label}" if label else key)

    def _cut_off(self) -> None:
        for path, place in list(self._running.items()):
            told = self.told[place]
            if told.kind in _HOLD_STEPS and told.kind != "choose":
                continue
            del self._running[path]
            harmless = told.effect == "read" or told.kind in _HOLD_STEPS
            self._set(place, state="cut off" if harmless else "indeterminate")
            if not harmless:
                self._lost[path] = place

    def _set(self, place: int, **fields: Any) -> None:
        self.told[place] = replace(self.told[place], **fields)


def changes(entries: Sequence[Entry], steps: Steps, known: Mapping[str, Step]) -> Iterator[Change]:
    """Every step that changed something, or was to; oldest first."""
    undos = _undos(entries)
    for place, told in enumerate(steps.told):
        if told.effect == "read" or told.kind in _HOLD_STEPS:
            continue
        begun = told.start_at is not None
        if not begun and (told.kind not in _ACTS or told.why.startswith("due only")):
            continue
        agreed = _confirmation(entries, told)
        step = step_of(known, told.path)
        undo = undos.get(steps.keys[place])
        stands = "stands" if step is not None and can_be_undone(step) and begun else ""
        shown = lines(agreed.data.get("evidence"), 40) if agreed else ()
        yield Change(
            path=told.path,
            title=told.title,
            does=told.does,
            at=told.start_at or told.end_at,
            by=words(agreed.who.user) if agreed else "",
            state=told.state,
            why=told.why,
            effect=told.effect,
            typed=words(agreed.data.get("typed")) if agreed else "",
            key=words(agreed.data.get("key")) if agreed else "",
            shown=shown,
            undo=undo.state if undo else stands,
            undone_at=undo.at if undo else None,
            undo_why=undo.why if undo else "",
            undo_does=(undo.does if undo else ()) or _undo_lines(shown),
        )


class _Undo(msgspec.Struct, kw_only=True):
    state: str = ""
    at: float | None = None
    why: str = ""
    does: tuple[str, ...] = ()


_UNDO_STATES = {"done": "taken back", "failed": "undo failed", "kept": "kept"}


def _undos(entries: Sequence[Entry]) -> dict[str, _Undo]:
    """What became of each undo, by its key."""
    found: dict[str, _Undo] = {}
    for entry in entries:
        path = words(entry.step)
        if entry.ev == Event.STEP_INTENT and path.startswith(UNDO):
            undo = found.setdefault(path.removeprefix(UNDO), _Undo())
            undo.state, undo.does = "being taken back", lines(entry.data.get("does"))
        elif entry.ev == Event.UNDO_DONE:
            undo = found.setdefault(path, _Undo())
            state = words(entry.data.get("state")) or "done"
            undo.state, undo.at = _UNDO_STATES.get(state, state), moment(entry.at)
            undo.why = words(entry.data.get("why"))
        elif entry.ev == Event.RUN_RESUMED:
            for undo in found.values():
                undo.state = "undo indeterminate" if undo.state == "being taken back" else undo.state
    return found


def _confirmation(entries: Sequence[Entry], told: StepTold) -> Entry | None:
    """The line by which this attempt was agreed to: the last one before it began."""
    fitting = (
        entry
        for entry in reversed(entries)
        if entry.ev == Event.CONFIRM
        and words(entry.step) == told.path
        and entry.attempt == told.attempt
        and not entry.data.get("unlocks")
        and (told.start_at is None or (moment(entry.at) or 0.0) <= told.start_at)
    )
    return next(fitting, None)


def _undo_lines(shown: Sequence[str]) -> tuple[str, ...]:
    """How the confirmation said that it would be taken back."""
    start = next((place for place, line in enumerate(shown) if line.startswith("undo: ")), None)
    if start is None or shown[start] == "undo: none is known":
        return ()
    return (shown[start].removeprefix("undo: "), *(line.strip() for line in shown[start + 1 :]))
