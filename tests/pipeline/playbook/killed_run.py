"""A run in a process of its own that kills itself with SIGKILL at the n-th line of its journal.

python -m tests.pipeline.playbook.killed_run FOLDER N BEFORE: N counts lines of this sitting; BEFORE is `before` (the line is not
written yet) or `after` (it is on the disk). N = 0 lets it come to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perftui.clients.program import Process, environment, run_program
from perftui.clients.worker import DaemonWorker
from perftui.model.answer import Answer
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import Question
from perftui.pipeline.playbook.talk import Reply as OperatorReply
from perftui.playbooks.journal import Entry, Who
from perftui.playbooks.plain_output import joined
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.run.book import bound, kept
from perftui.playbooks.run_folder import Clocks, RunFolder, found_runs
from perftui.playbooks.shelf import Shelf
from perftui.playbooks.steps.world import Certificates, Output, Reply
from tests.playbooks.shelf import loaded, text

MARK = "effects"
STEPS = """
- id: facts
  title: Facts
  parallel:
    max: 2
    steps:
      - {{id: one, title: One, run: [echo, "1"], effect: read, capture: {{as: n, parse: number}}}}
      - {{id: two, title: Two, run: [echo, "2"], effect: read}}
- id: judge
  title: Judge
  run: [echo, judged]
  effect: read
  assess: [{{if: steps.one.n == 1, verdict: confirmed, cause: disk}}]
- {{id: size, title: Size, ask: {{size: {{type: int, prompt: Size}}}}}}
- id: change
  title: Change
  run: [tee, --append, {mark}]
  effect: change
  target: change
  undo: {{effect: change, target: back, run: [tee, --append, {mark}-undone]}}
- id: way
  title: Way
  choose:
    - {{key: a, label: On, goto: last}}
    - {{key: b, label: Off, goto: size}}
- {{id: last, title: Last, say: Done}}
"""


class Programs:
    """Real programs; nothing else of the outside is needed here."""

    def wall(self) -> float:
        return time.time()

    def mono(self) -> float:
        return time.monotonic()

    def lives(self, pid: int, started: int) -> bool:
        return Process(pid=pid, started=started).lives

    async def program(
        self,
        argv: list[str],
        env: Mapping[str, str],
        listed: tuple[str, ...],
        timeout_s: float,
        cap_bytes: int,
        to_file: Path | None,
        started: Any,
    ) -> Output:
        if argv[0] == "tee":  # the effect: one line for each time that it is done
            argv = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('done\\n')", argv[2]]
        done = await run_program(
            argv,
            env=environment(os.environ, listed, env),
            timeout_s=timeout_s,
            cap_bytes=cap_bytes,
            to_file=to_file,
            started=lambda process: started(process.pid, process.started),
        )
        return Output(
            code=done.code, text=joined(done.head, done.tail, done.output_bytes), output_bytes=done.output_bytes
        )

    async def query(self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float, rows: int) -> Answer:
        raise AssertionError("no step asks Postgres")

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float, cap_bytes: int
    ) -> Reply:
        raise AssertionError("no step asks over HTTP")

    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates:
        raise AssertionError("no step reads certificates")


class Operator:
    """Answers everything; a change that was cut off was done if its mark is there, as a person would look."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    async def ask(self, question: Question) -> OperatorReply:
        match question.about:
            case "ask":
                return OperatorReply(values={"size": "7"})
            case "confirm":
                return OperatorReply(typed=question.typed)
            case "choose":
                return OperatorReply(key="a")
            case "indeterminate":
                if any("still runs" in line for line in question.lines):
                    while not self._mark.exists():
                        await asyncio.sleep(0.01)
                return OperatorReply(key="d" if self._mark.exists() else "n")
            case "failed":
                return OperatorReply(key="r")
            case "undo":
                return OperatorReply(key="k")
        return OperatorReply(key="d")


class KilledKeeper(Keeper):
    """Counts the lines, and ends the process at one of them."""

    at = 0
    before = False
    count = 0

    async def append(self, ev: str, step: str | None = None, attempt: int = 0, data: Mapping[str, Any] = {}) -> Entry:
        self.count += 1
        kills = self.count == self.at
        if kills and self.before:
            os.kill(os.getpid(), signal.SIGKILL)
        entry = await super().append(ev, step, attempt, data)
        if kills:
            os.kill(os.getpid(), signal.SIGKILL)
        return entry


async def main(folder: Path, at: int, before: bool) -> None:
    roots = (folder / "state" / "runs", folder / "shm" / "runs")
    clocks = Clocks(wall_iso=lambda: "2026-11-22T10:00:00Z", mono=time.monotonic)
    found = found_runs(roots)
    if found and (found[0].places[0] / "playbook.yaml").exists():
        book, journal = kept(found[0].places[0]).book, found[0].journal
    else:
        made = bound(loaded(text(STEPS.format(mark=folder / MARK))), Shelf(playbooks={}, reasons=()))
        book, journal = made.book, None
    run_folder = RunFolder("r1", roots, Who(user="ann", host="h"), clocks, journal)
    if journal is None:
        run_folder.keep_playbook(made.texts["sample"])
    keeper = KilledKeeper(run_folder, lambda: DaemonWorker("journal"), Redactor())
    keeper.at, keeper.before = at, before
    runner = Runner(book, keeper, SnapshotBoard(), Programs(), Operator(folder / MARK))
    state = await runner.run({"allow_changes": True})
    print(len(keeper.entries), {path: ended.value for path, ended in state.ended.items()})


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "before"))
