"""The person at the screen: what a run asks waits here until it is answered there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from perftui.pipeline.playbook.talk import Question, Reply


class ScreenOperator:
    """As `talk.Operator` has it. The newest question is shown: an undo that was asked for stands over the step at hand."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """
        Args:
            changed: called when another question is to be shown, or none.
        """
        self._changed = changed
        self._waiting: list[tuple[Question, asyncio.Future[Reply]]] = []

    @property
    def question(self) -> Question | None:
        return self._waiting[-1][0] if self._waiting else None

    async def ask(self, question: Question) -> Reply:
        """The answer, whenever it comes."""
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        entry = (question, answered)
        self._waiting.append(entry)
        self._changed()
        try:
            return await answered
        finally:
            self._waiting.remove(entry)
            self._changed()

    def answer(self, question: Question, reply: Reply) -> bool:
        """Hand over what was answered; False where nobody asks that any more."""
        for asked, future in self._waiting:
            if asked is question and not future.done():
                future.set_result(reply)
                return True
        return False

    def release(self) -> None:
        """Let go of every question without an answer: the run is to end."""
        for _, future in self._waiting:
            if not future.done():
                future.set_result(Reply())
