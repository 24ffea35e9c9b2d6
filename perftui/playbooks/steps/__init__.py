"""One file per kind of step: its record, its default effect, its checks. A new kind is its file and its line here."""

from __future__ import annotations

import re

from perftui.playbooks.document import Do, Effect, Step
from perftui.playbooks.steps import (
    ask,
    branch,
    check,
    choose,
    collect,
    compare,
    for_each,
    http,
    parallel,
    repeat,
    run,
    say,
    sql,
    tls,
    use,
    wait,
    watch,
)
from perftui.playbooks.steps.kind import Kind, worst
from perftui.playbooks.steps.say import Say

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        say.KIND,
        ask.KIND,
        choose.KIND,
        branch.KIND,
        check.KIND,
        wait.KIND,
        watch.KIND,
        collect.KIND,
        compare.KIND,
        run.KIND,
        sql.KIND,
        http.KIND,
        tls.KIND,
        parallel.KIND,
        for_each.KIND,
        repeat.KIND,
        use.KIND,
    )
}
_OF_DO = {kind.do: kind for kind in KINDS.values()}
UNDO_KINDS = tuple(kind.name for kind in KINDS.values() if kind.undoes)


def kind_of(do: Do) -> Kind:
    """The kind that a step's `do` belongs to."""
    return _OF_DO[type(do)]


def effect_of(step: Step) -> Effect:
    """What the step may do: as declared, else its kind's own; one with steps inside is as bad as the worst of them."""
    kind = kind_of(step.do)
    inside = [effect_of(each) for way in kind.ways(step.do) for each in way.steps]
    return worst([step.effect or kind.effect(step.do), *inside])


_NO_WAY_BACK = re.compile(r"\s*no(ne\b|\s+undo\b)", re.IGNORECASE)


def can_be_undone(step: Step) -> bool:
    """Whether a change has a way back; an undo that only says that there is none is no way back."""
    undo = step.undo.do if step.undo is not None else None
    return undo is not None and not (isinstance(undo, Say) and _NO_WAY_BACK.match(undo.text))
