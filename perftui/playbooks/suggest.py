"""Which playbooks fit what is seen now. A suggestion offers; it never starts anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from perftui.history.history import History
from perftui.model.finding import Finding
from perftui.playbooks.conditions import Scope, evaluate
from perftui.playbooks.document import Playbook


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook that fits."""

    id: str
    title: str
    reason: str
    """The finding that it answers, or the condition that is true."""


def threshold_values(playbook: Playbook) -> Mapping[str, float]:
    """`t` of its conditions."""
    return {name: threshold.value.value for name, threshold in playbook.thresholds.items()}


def suggest(history: History, findings: Sequence[Finding], playbooks: Iterable[Playbook]) -> list[Suggestion]:
    """The playbooks that fit, first those that answer a finding, in the order of the findings; then by their conditions."""
    answers: list[tuple[int, Suggestion]] = []
    rules = [finding.rule for finding in findings]
    for playbook in playbooks:
        places = [rules.index(rule) for rule in playbook.suggests_for if rule in rules]
        reason = findings[min(places)].title if places else _condition(history, playbook)
        if reason:
            suggestion = Suggestion(id=playbook.id, title=playbook.title, reason=reason)
            answers.append((min(places, default=len(rules)), suggestion))
    return [suggestion for _, suggestion in sorted(answers, key=lambda answer: (answer[0], answer[1].id))]


def _condition(history: History, playbook: Playbook) -> str:
    """The first of its conditions that is true; empty where none is."""
    scope = Scope(history=history, values={"t": threshold_values(playbook)})
    true = (each.text for each in playbook.suggest_when if evaluate(each, scope).truth is True)
    return next(true, "")
