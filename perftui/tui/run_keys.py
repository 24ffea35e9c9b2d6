"""Keys in the panel of a run: (what is chosen and typed, key) → the same after it, and what the run is told. Pure.

Imported when the first run is shown: it knows questions, and what questions need is not wanted at the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.playbooks.run.state import open_undos
from perftui.tui.state import Edit, Editing, PanelState, keyed
from perftui.views.model import RunChoice, Typed
from perftui.views.playbook_question import command_keys

CALM_S = 0.4
"""A key this soon after a question came was meant for the one before."""
STOP_WORD = "end"
_LABELS = {"note": "note", "blocked": "what blocks it (Enter)", "stop": f"type {STOP_WORD} to end the run"}
replace = msgspec.structs.replace


class Answered(NamedTuple):
    question: Question
    reply: Reply


class Noted(NamedTuple):
    text: str


class UndoWanted(NamedTuple):
    key: str


class StopWanted(NamedTuple):
    pass


class HandOff(NamedTuple):
    pass


class PutAway(NamedTuple):
    pass


Told = Answered | Noted | UndoWanted | StopWanted | HandOff | PutAway
Pressed = tuple[PanelState, Told | None, bool]
"""The panel after a key, what the run is told, and whether the key was the panel's at all."""


def settled_panel(panel: PanelState, sitting: Sitting | None, now: float) -> PanelState:
    """The panel after the run came to another question, or to none."""
    if sitting is None:
        return PanelState() if panel != PanelState() else panel
    question = sitting.question
    if question is panel.asked:
        return panel
    keeps = panel.what in ("note", "stop") and panel.edit is not None
    edit, what = (panel.edit, panel.what) if keeps else (None, panel.what)
    if question is None:
        return replace(panel, asked=None, undoing=False, edit=edit, what=what)
    again = panel.asked is not None and (panel.asked.path, panel.asked.about) == (question.path, question.about)
    before = panel.asked if again else None
    texts = {name: question.proposals.get(name, "") for name in question.inputs}
    if before is not None:
        texts |= {name: text for name, text in _texts(panel).items() if name in texts and text}
    fresh = PanelState(
        focus=panel.focus,
        asked=question,
        asked_at=panel.asked_at if again else now,
        texts=texts,
        row=_same_row(before, question, panel.row),
        edit=edit,
        what=what,
    )
    return fresh if keeps else with_line(fresh)


def with_line(panel: PanelState) -> PanelState:
    """With the line open that the question wants typed."""
    question = panel.asked
    if question is None or not panel.focus:
        return panel
    if question.typed:
        return replace(panel, edit=Edit(what=Editing.RUN), what="typed")
    name = _field(panel)
    if name is None or question.inputs[name].type == "row":
        return replace(panel, edit=None, what="field")
    text = panel.texts.get(name, "")
    return replace(panel, edit=Edit(what=Editing.RUN, text=text, cursor=len(text)), what="field")


def choice(panel: PanelState) -> RunChoice:
    """As the view wants it."""
    typed = None
    if panel.edit is not None:
        name = _field(panel) if panel.what == "field" else None
        secret = bool(name and panel.asked and panel.asked.inputs[name].secret)
        label = name or _LABELS.get(panel.what, "")
        typed = Typed(label=label, text=panel.edit.text, cursor=panel.edit.cursor, secret=secret)
    return RunChoice(
        focus=panel.focus,
        texts=panel.texts,
        field=panel.field,
        row=panel.row,
        top=panel.top,
        typed=typed,
        undoing=panel.undoing,
    )


def focused(panel: PanelState, focus: bool) -> PanelState:
    """To the panel, or to the panes; what was typed into inputs stays."""
    if not focus:
        return replace(panel, focus=False, texts=_texts(panel), edit=None, undoing=False)
    return with_line(replace(panel, focus=True))


def panel_key(panel: PanelState, sitting: Sitting, key: str, character: str | None, now: float) -> Pressed:
    """A key while the panel has the focus."""
    if key == "tab":
        return focused(panel, False), None, True
    if panel.edit is not None:
        return (*_typing(panel, panel.edit, key, character), True)
    if panel.undoing:
        return (*_undo_named(panel, sitting, key), True)
    if key == "escape":
        return focused(panel, False), None, True
    if sitting.ended and key == "enter":
        return panel, PutAway(), True
    question = panel.asked
    if question is not None:
        answered = _answering(panel, question, key, character, now)
        if answered is not None:
            return (*answered, True)
    return _command(panel, sitting, character)


def _answering(
    panel: PanelState, question: Question, key: str, character: str | None, now: float
) -> tuple[PanelState, Told | None] | None:
    """A key that means something to the question; None where it does not."""
    if character and any(each.key == character for each in question.choices):
        if now - panel.asked_at < CALM_S:
            return panel, None
        if question.about == "say" and character == "b":
            return replace(panel, edit=Edit(what=Editing.RUN), what="blocked"), None
        return panel, Answered(question, Reply(key=character))
    picks = _field(panel) is not None and question.inputs[_field(panel) or ""].type == "row"
    match key:
        case "enter" if picks and question.rows:
            return _next_field(panel)
        case "enter" if question.typed or question.inputs:
            return with_line(panel), None
        case "up" | "down" if picks:
            step = 1 if key == "down" else -1
            return replace(panel, row=min(max(panel.row + step, 0), max(0, len(question.rows) - 1))), None
        case "up" | "down" | "pageup" | "pagedown":
            step = {"up": -1, "down": 1, "pageup": -8, "pagedown": 8}[key]
            return replace(panel, top=min(max(panel.top + step, 0), len(question.lines))), None
    return None


def _command(panel: PanelState, sitting: Sitting, character: str | None) -> Pressed:
    keys = command_keys(panel.asked)
    if character == keys["hand off"]:
        return panel, HandOff(), True
    if sitting.ended:
        return panel, None, False
    if character == keys["note"]:
        return replace(panel, edit=Edit(what=Editing.RUN), what="note"), None, True
    if character == keys["stop"]:
        return replace(panel, edit=Edit(what=Editing.RUN), what="stop"), None, True
    standing = open_undos(sitting.view.state)
    if character == keys["undo"] and standing:
        if len(standing) == 1:
            return panel, UndoWanted(standing[0].key), True
        return replace(panel, undoing=True), None, True
    return panel, None, False


def _undo_named(panel: PanelState, sitting: Sitting, key: str) -> tuple[PanelState, Told | None]:
    standing = open_undos(sitting.view.state)
    panel = replace(panel, undoing=False)
    if key.isdecimal() and 1 <= int(key) <= len(standing):
        return panel, UndoWanted(standing[int(key) - 1].key)
    return panel, None


def _typing(panel: PanelState, edit: Edit, key: str, character: str | None) -> tuple[PanelState, Told | None]:
    match key:
        case "escape" | "ctrl+c":
            closed = replace(panel, texts=_texts(panel), edit=None)
            return (with_line(closed) if panel.what in ("note", "stop") and panel.asked else closed), None
        case "enter":
            return _entered(panel, edit.text.strip())
        case "up" | "down" if panel.what == "field":
            count = len(panel.texts)
            place = min(max(panel.field + (1 if key == "down" else -1), 0), count - 1)
            return with_line(replace(panel, texts=_texts(panel), field=place)), None
    return replace(panel, edit=keyed(edit, key, character)), None


def _entered(panel: PanelState, text: str) -> tuple[PanelState, Told | None]:
    question = panel.asked
    match panel.what:
        case "note" | "stop":
            told: Told | None = Noted(text) if panel.what == "note" and text else None
            if panel.what == "stop" and text == STOP_WORD:
                told = StopWanted()
            return with_line(replace(panel, edit=None)), told
        case "blocked" if question is not None:
            return replace(panel, edit=None), Answered(question, Reply(key="b", note=text))
        case "typed" if question is not None:
            return replace(panel, edit=Edit(what=Editing.RUN)), Answered(question, Reply(typed=text))
        case "field" if question is not None:
            return _next_field(replace(panel, texts=_texts(panel)))
    return replace(panel, edit=None), None


def _next_field(panel: PanelState) -> tuple[PanelState, Told | None]:
    """On to the next input; behind the last one all of them answer."""
    question = panel.asked
    if question is None:
        return panel, None
    if panel.field < len(question.inputs) - 1:
        return with_line(replace(panel, field=panel.field + 1)), None
    row = question.rows[min(panel.row, len(question.rows) - 1)] if question.rows else None
    values: dict[str, Any] = {
        name: row if var.type == "row" else panel.texts.get(name, "").strip()
        for name, var in question.inputs.items()
        if var.type != "row" or row is not None
    }
    return panel, Answered(question, Reply(values=values))


def _field(panel: PanelState) -> str | None:
    """The input at hand."""
    names = tuple(panel.asked.inputs) if panel.asked is not None else ()
    return names[min(panel.field, len(names) - 1)] if names else None


def _texts(panel: PanelState) -> Mapping[str, str]:
    """The inputs with the one that is being typed; a choice's number stands for it."""
    name = _field(panel)
    if name is None or panel.edit is None or panel.what != "field" or panel.asked is None:
        return panel.texts
    text, choices = panel.edit.text.strip(), panel.asked.inputs[name].choices
    if text.isdecimal() and text not in choices and 1 <= int(text) <= len(choices):
        text = choices[int(text) - 1]
    return {**panel.texts, name: text}


def _same_row(before: Question | None, question: Question, row: int) -> int:
    """Where the row at hand stands now that the table was read again."""
    key = next((var.key for var in question.inputs.values() if var.type == "row"), ())
    if before is None or row >= len(before.rows) or not key:
        return 0
    wanted = [before.rows[row].get(name) for name in key]
    places = [n for n, each in enumerate(question.rows) if [each.get(name) for name in key] == wanted]
    return places[0] if places else min(row, max(0, len(question.rows) - 1))
