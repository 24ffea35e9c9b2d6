"""A run's question: what there is to know, and the keys, inputs, rows or words that answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.playbook.talk import Question
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.document import Effect, Var
from perftui.playbooks.run.state import open_undos
from perftui.views.format import duration
from perftui.views.layout import clipped, wrapped
from perftui.views.model import Line, Role, RunChoice, Typed, text

ROWS = 6
"""Rows to pick from that are in sight at once."""


def question_lines(sitting: Sitting, width: int) -> list[Line]:
    """What there is to know before answering."""
    question = sitting.question
    if question is None:
        return []
    return [line for words in question.lines for line in _indented(words, width)]


def _indented(words: str, width: int) -> Iterator[Line]:
    """As it is written: the lines of a statement keep their places."""
    lead = len(words) - len(words.lstrip())
    for line in wrapped(words.strip(), max(10, width - lead)):
        yield ((" " * lead, Role.DIM), *line)


def answer_lines(sitting: Sitting, choice: RunChoice, snapshot: Snapshot, width: int) -> Iterator[Line]:
    """How it is answered. The last line tells the keys that are always there."""
    question = sitting.question
    if question is not None and not choice.undoing:
        yield from _fields(question, choice, width)
        yield from _confirmation(sitting, question, choice, snapshot, width)
        yield from _choices(question, choice, width)
    if choice.typed is not None and choice.typed.label:
        yield from _typing(choice.typed, question, width)
    yield from _keys(sitting, choice, width)


def field_names(question: Question) -> tuple[str, ...]:
    return tuple(question.inputs)


def _typing(typed: Typed, question: Question | None, width: int) -> Iterator[Line]:
    """The line being typed; a field of the question stands at its own place."""
    if question is not None and typed.label in question.inputs:
        return
    yield from _line(typed, width)


def _line(typed: Typed, width: int) -> Iterator[Line]:
    shown = "•" * len(typed.text) if typed.secret else typed.text
    room = max(8, width - len(typed.label) - 3)
    skip = max(0, typed.cursor - room)
    yield (
        (f"{typed.label}: " if typed.label else "▸ ", Role.ACCENT),
        (shown[skip : typed.cursor], Role.STRONG),
        ("█", Role.ACCENT),
        (shown[typed.cursor : skip + room], Role.STRONG),
    )


def _fields(question: Question, choice: RunChoice, width: int) -> Iterator[Line]:
    """Each input with its value; the one at hand with what it takes."""
    for number, (name, var) in enumerate(question.inputs.items()):
        at_hand = number == choice.field and choice.focus
        if var.type == "row":
            yield from _rows(question, choice, var, width)
            continue
        if at_hand and choice.typed is not None and choice.typed.label == name:
            yield from _line(choice.typed, width)
        else:
            value = choice.texts.get(name, "")
            shown = "•" * len(value) if var.secret else value
            yield clipped(
                (("▸ " if at_hand else "  ", Role.ACCENT), (f"{name}: ", Role.DIM), (shown, Role.TEXT)), width
            )
        if at_hand:
            yield from wrapped(f"  {_expected(var)}", width, Role.DIM)
    if question.inputs and choice.focus and choice.typed is not None:
        last = choice.field == len(question.inputs) - 1
        yield (
            ("  Enter", Role.ACCENT),
            (" answers" if last else " next one", Role.DIM),
            (" · ↑ ↓ change one", Role.DIM),
        )


def _expected(var: Var) -> str:
    kinds = {
        "duration": "a duration: 90s, 5m",
        "time": "a time: now, -10m, 2026-02-11T10:39:00Z",
        "url": "https://HOST/PATH",
        "int": "a whole number",
        "bool": "true or false",
    }
    takes = " · ".join(f"{n} {each}" for n, each in enumerate(var.choices, 1)) or kinds.get(var.type, var.type)
    return f"{var.prompt} ({takes})" if var.prompt else takes


def _rows(question: Question, choice: RunChoice, var: Var, width: int) -> Iterator[Line]:
    """The table to pick from, around the row at hand; that one in full below it."""
    rows = question.rows
    if var.prompt:
        yield from wrapped(var.prompt, width, Role.DIM)
    if not rows:
        yield text("no row is there to pick", Role.WARNING)
        return
    at_hand = min(choice.row, len(rows) - 1)
    first = max(0, min(at_hand - ROWS // 2, len(rows) - ROWS))
    for number, row in enumerate(rows[first : first + ROWS], start=first):
        sign, role = ("▸ ", Role.ACCENT) if number == at_hand else ("  ", Role.TEXT)
        yield clipped(((sign, Role.ACCENT), (_row_words(row, var.key), role)), width)
    told = f"row {at_hand + 1} of {len(rows)}" if len(rows) > ROWS else ""
    whole = " · ".join(f"{name} {value}" for name, value in rows[at_hand].items() if value not in (None, ""))
    yield from wrapped(whole, width, Role.DIM)
    yield (("↑ ↓", Role.ACCENT), (" choose · ", Role.DIM), ("Enter", Role.ACCENT), (f" picks it  {told}", Role.DIM))


def _row_words(row: Mapping[str, Any], key: tuple[str, ...]) -> str:
    """The first of what tells it from the others, then what it is like; the rest of the key stands below the table."""
    names = [*(name for name in key[:1] if name in row), *(name for name in row if name not in key)]
    return "  ".join(str(row[name]) for name in names if row[name] not in (None, ""))


def _confirmation(
    sitting: Sitting, question: Question, choice: RunChoice, snapshot: Snapshot, width: int
) -> Iterator[Line]:
    if question.typed:
        yield from wrapped(f"type exactly: {question.typed}", width, Role.WARNING)
    if question.typed and choice.typed is not None and not choice.typed.label:
        yield from _line(choice.typed, width)
        yield (("Enter", Role.ACCENT), (" confirms · ", Role.DIM), ("Esc", Role.ACCENT), (" no: then a key", Role.DIM))
    elif question.typed and choice.focus:
        yield (("Enter", Role.ACCENT), (" to type it", Role.DIM))
    if sitting.expires_at is not None:
        left = sitting.expires_at - snapshot.at
        words = f"for {duration(left)} more" if left > 0 else "too late: answering asks again with fresh numbers"
        yield text(words, Role.DIM if left > 15 else Role.WARNING)


def _choices(question: Question, choice: RunChoice, width: int) -> Iterator[Line]:
    """A key a line; dim while a line is typed, since letters go there."""
    asleep = choice.typed is not None or not choice.focus
    for each in question.choices:
        role = Role.DIM if asleep else Role.ACCENT
        first, *rest = wrapped(each.label, width - 4) or (text(""),)
        yield ((f"  {each.key} ", role), *first)
        for line in rest:
            yield (("    ", Role.DIM), *line)
    if question.effect is not Effect.READ and not question.typed and question.about == "confirm":
        yield from wrapped("it is not declared whether this changes anything", width, Role.WARNING)


def _keys(sitting: Sitting, choice: RunChoice, width: int) -> Iterator[Line]:
    """What can be done besides."""
    if not choice.focus:
        yield (("Tab", Role.ACCENT), (" comes here", Role.DIM))
        return
    if choice.undoing:
        yield (("1-9", Role.ACCENT), (" take back that one · ", Role.DIM), ("Esc", Role.ACCENT), (" none", Role.DIM))
        return
    if sitting.ended:
        yield (("Enter", Role.ACCENT), (" puts it away · ", Role.DIM), ("h", Role.ACCENT), (" hand off", Role.DIM))
        return
    if choice.typed is not None:
        return
    keys = command_keys(sitting.question)
    ends = sitting.question is not None and any(each.label == "end the run" for each in sitting.question.choices)
    told = [(keys["note"], "note"), (keys["hand off"], "hand off")]
    told += [*([] if ends else [(keys["stop"], "end")]), ("Tab", "panes")]
    if open_undos(sitting.view.state):
        told.insert(1, (keys["undo"], "undo"))
    line: list[tuple[str, Role]] = []
    for key, words in told:
        line += [(" · " if line else "", Role.DIM), (key, Role.ACCENT), (f" {words}", Role.DIM)]
    yield tuple(line)


def command_keys(question: Question | None) -> dict[str, str]:
    """The keys for what can be done at any time; a capital where the question's own choices take the letter."""
    taken = {choice.key for choice in question.choices} if question is not None else set()
    keys = {"note": "n", "undo": "u", "hand off": "h", "stop": "X"}
    return {name: key if key not in taken else key.swapcase() for name, key in keys.items()}
