"""The operator of a run without a person: what the command line allows is done, everything else is refused or left open."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from perftui.pipeline.playbook.talk import Question, Reply


class Headless:
    """Answers by rules.

    Args:
        values: inputs by name.
        allowed: ids of the steps whose effects were agreed to beforehand.
        choices: keys by the id of a step that lets choose.
    """

    def __init__(
        self, values: Mapping[str, str] = {}, allowed: Collection[str] = (), choices: Mapping[str, str] = {}
    ) -> None:
        self._values, self._allowed, self._choices = values, allowed, choices
        self.stuck = ""
        """What only a person could have answered; empty while there was nothing."""

    async def ask(self, question: Question) -> Reply:
        """The answer, at once."""
        match question.about:
            case "say":
                return Reply(key="s", note="nobody was there to do it")
            case "unknown_when":
                return Reply(key="s")
            case "confirm" | "locked":
                return self._confirm(question)
            case "undo":
                return Reply(key="k" if not question.path else "s")
            case "choose" if question.step.id in self._choices:
                return Reply(key=self._choices[question.step.id])
            case "ask" if all(name in self._values or name in question.proposals for name in question.inputs):
                if not question.lines:
                    return Reply(values={**question.proposals, **self._values})
        self.stuck = f"{question.path or question.step.id}: {_missing(question, self._values)}"
        return Reply(key="x")

    def _confirm(self, question: Question) -> Reply:
        if question.step.id not in self._allowed or question.about == "locked":
            return Reply(key="s" if question.about == "locked" else "refuse")
        return Reply(key="allow", typed=question.typed) if question.typed else Reply(key="y")


def _missing(question: Question, values: Mapping[str, str]) -> str:
    if question.lines and question.about == "ask":
        return question.lines[0]
    if question.about == "ask":
        wanted = [name for name in question.inputs if name not in values and name not in question.proposals]
        return f"{', '.join(wanted)} must be given with --var"
    keys = " ".join(f"{choice.key}={choice.label}" for choice in question.choices)
    return f"a person must decide: {question.title}" + (f" ({keys})" if keys else "")
