"""A run in this process: the real runner, engine and programs, answered by a function of the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perftui.clients.worker import DaemonWorker
from perftui.commands.playbook_tools import ClientTools
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.playbooks.journal import Entry, Who
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.run.state import Book, State
from perftui.playbooks.run_folder import Clocks, RunFolder
from tests.playbooks.shelf import loaded, text

Answers = Callable[[Question], Reply]


class Told:
    """Answers with a function, and keeps every question."""

    def __init__(self, answer: Answers) -> None:
        self._answer = answer
        self.questions: list[Question] = []

    async def ask(self, question: Question) -> Reply:
        self.questions.append(question)
        return self._answer(question)


class Sitting:
    """One run to its end, or to where it was stopped."""

    def __init__(
        self, folder: Path, steps: str, answer: Answers, head: str = "", tools: ClientTools | None = None
    ) -> None:
        playbook = loaded(text(steps, head)).playbook
        roots = (folder / "state" / "runs", folder / "shm" / "runs")
        clocks = Clocks(wall_iso=lambda: "2026-11-22T10:00:00Z", mono=time.monotonic)
        run_folder = RunFolder("r1", roots, Who(user="ann", host="db-1"), clocks)
        self.folder = roots[0] / "r1"
        self.operator = Told(answer)
        self.keeper = Keeper(run_folder, lambda: DaemonWorker("journal"), Redactor())
        self.board = SnapshotBoard()
        self.runner = Runner(
            Book(str(playbook.id), {str(playbook.id): playbook}),
            self.keeper,
            self.board,
            tools or ClientTools(None),
            self.operator,
            host="db-1",
        )

    async def run(self, allow_changes: bool = True) -> State:
        return await self.runner.run({"allow_changes": allow_changes})

    @property
    def entries(self) -> list[Entry]:
        return self.keeper.entries

    def outcome(self, path: str) -> Mapping[str, Any]:
        """The data of a step's last outcome."""
        return next(entry.data for entry in reversed(self.entries) if entry.step == path and entry.ev == "step.outcome")

    def written(self) -> str:
        """Everything that the run left on the disk."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.rglob("*")) if path.is_file())
