"""`say`: an instruction for the operator, who answers done, skip or blocked, with a note."""

from __future__ import annotations

from perftui.playbooks.document import Do
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.template import Template


class Say(Do, frozen=True, kw_only=True):
    text: Template


KIND = Kind(
    name="say",
    do=Say,
    text="tells the operator what to do; done, skip or blocked, with a note",
    short="text",
    acts=True,
    undoes=True,
    operator=True,
    fields={"answer": "text"},
    templates=lambda do: iter([(("text",), do.text)]),
)
