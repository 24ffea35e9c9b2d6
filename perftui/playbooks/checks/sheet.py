"""What the checks look at: one playbook with its places, its steps, and the words it may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any

import msgspec

from perftui.playbooks.complaint import Complaint
from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Effect, Playbook, Step, Var
from perftui.playbooks.load import Loaded, walk
from perftui.playbooks.shape import Where
from perftui.playbooks.steps import KINDS, effect_of, kind_of
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.template import Template
from perftui.playbooks.vocabulary import Vocabulary


class Placed(msgspec.Struct, frozen=True):
    """A step with where it stands."""

    where: Where
    step: Step

    @property
    def kind(self) -> Kind:
        return kind_of(self.step.do)

    @property
    def do(self) -> Where:
        """Where what it does stands."""
        return (*self.where, self.kind.name)

    @property
    def effect(self) -> Effect:
        return effect_of(self.step)

    @property
    def unmanned(self) -> str:
        """What it stands in where nobody is asked, however deep: parallel, or `finally`; empty where it doesn't."""
        around = [str(word) for word in self.where[:-1] if word in KINDS and KINDS[str(word)].together]
        return "finally" if self.where[0] == "finally" else next(iter(around), "")

    @property
    def reading(self) -> str:
        """What it stands in where steps only read; empty where it doesn't."""
        around = [str(word) for word in self.where[:-1] if word in KINDS and KINDS[str(word)].only_reads]
        return self.unmanned or next(iter(around), "")

    def acts(self) -> Iterator[tuple[Where, Kind, Any]]:
        """What it does, and what its undo does, with where each stands."""
        yield self.do, self.kind, self.step.do
        if self.step.undo is not None:
            kind = kind_of(self.step.undo.do)
            yield (*self.where, "undo", kind.name), kind, self.step.undo.do


class Sheet:
    """One playbook under examination."""

    def __init__(
        self,
        loaded: Loaded,
        vocabulary: Vocabulary,
        today: date,
        shelf: Mapping[str, Playbook] | None = None,
        broken: frozenset[str] = frozenset(),
    ) -> None:
        """Args:
        shelf: Playbooks that `use` may name; None where they are not known.
        broken: Ids of steps that could not be made of the text.
        """
        self.loaded = loaded
        self.playbook = loaded.playbook
        self.vocabulary = vocabulary
        self.today = today
        self.shelf = shelf
        self.broken = broken
        self.steps = [Placed(where, step) for where, step in walk(loaded.playbook)]

    def say(self, where: Where, what: str, right: str = "", *, offset: int = 0, warning: bool = False) -> Complaint:
        return self.loaded.complaint(where, what, right, offset=offset, warning=warning)

    @cached_property
    def by_id(self) -> dict[str, Placed]:
        """The steps by their id, the first where one stands twice."""
        return {str(placed.step.id): placed for placed in reversed(self.steps)}

    @cached_property
    def inputs(self) -> dict[str, list[tuple[Where, Var, Placed | None]]]:
        """Every `vars.NAME`: where it is declared, and by which step; None for the document's own."""
        found: dict[str, list[tuple[Where, Var, Placed | None]]] = {}
        for own, var in self.playbook.vars.items():
            found.setdefault(str(own), []).append((("vars", own), var, None))
        for placed in self.steps:
            for place, name, var in placed.kind.inputs(placed.step.do):
                found.setdefault(name, []).append(((*placed.do, *place), var, placed))
        return found

    def conditions(self) -> Iterator[tuple[Where, Condition, Placed | None, bool]]:
        """(where, condition, its step, whether the step has run by then) of every condition."""
        for number, condition in enumerate(self.playbook.suggest_when):
            yield ("suggest_when", number), condition, None, False
        for placed in self.steps:
            if placed.step.when is not None:
                yield (*placed.where, "when"), placed.step.when, placed, False
            for place, condition in placed.kind.conditions(placed.step.do):
                # What ends a loop is looked at after the steps inside of it.
                yield (*placed.do, *place), condition, placed, placed.kind.loops
            for number, assessment in enumerate(placed.step.assess):
                yield (*placed.where, "assess", number, "if"), assessment.condition, placed, True

    def templates(self) -> Iterator[tuple[Where, Template, Placed]]:
        """Every text with `${…}`, with its step."""
        for placed in self.steps:
            for where, kind, do in placed.acts():
                for place, template in kind.templates(do):
                    yield (*where, *place), template, placed
            if placed.step.target is not None:
                yield (*placed.where, "target"), placed.step.target, placed
            if placed.step.undo is not None and placed.step.undo.target is not None:
                yield (*placed.where, "undo", "target"), placed.step.undo.target, placed

    def references(self) -> Iterator[tuple[Where, str, Placed]]:
        """Every path of a value that stands outside of conditions and templates, with its step."""
        for placed in self.steps:
            for where, kind, do in placed.acts():
                for place, path in kind.references(do):
                    yield (*where, *place), path, placed
