"""The one loop: frames in, snapshots out. Live, replay, headless and tests differ in the feed and in who reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from perftui.findings import RULES, findings
from perftui.findings.rule import ChosenLimits, Rule
from perftui.findings.verdict import verdict
from perftui.history.history import History, HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.finding import Finding
from perftui.model.frame import Frame, Machine
from perftui.pipeline.snapshot import Snapshot
from perftui.sources import KINDS

KEEP_TICKS = 3600


class Judge(msgspec.Struct, frozen=True):
    """The rules and their limits: what turns a history into a snapshot."""

    machine: Machine
    rules: tuple[Rule, ...] = RULES
    limits: ChosenLimits = {}
    answers: Mapping[str, str] = {}
    """Rule → id of the playbook that answers it."""
    stoppable: bool = False
    """A command was named that ends the load test."""

    def snapshot(self, history: History) -> Snapshot:
        """Run the rules over a history."""
        found = tuple(self._answered(finding) for finding in findings(history, self.rules, self.limits))
        said = verdict(history, found)
        if said.chain:
            others = tuple(msgspec.structs.replace(each, playbook=self._answer(each.chain)) for each in said.others)
            said = msgspec.structs.replace(said, playbook=self._answer(said.chain), others=others)
        return Snapshot(machine=self.machine, history=history, findings=found, verdict=said, stoppable=self.stoppable)

    def _answer(self, chain: Sequence[str]) -> str | None:
        """The playbook of the cause, or of the first link after it that has one."""
        return next((self.answers[rule] for rule in chain if rule in self.answers), None)

    def _answered(self, finding: Finding) -> Finding:
        answer = self.answers.get(finding.rule)
        return finding if answer is None else msgspec.structs.replace(finding, playbook=answer)


def new_store(keep: int = KEEP_TICKS) -> HistoryStore:
    """An empty history of every kind of source there is."""
    return HistoryStore(KINDS, trends=TRENDS, keep=keep)


async def snapshots(
    feed: AsyncIterator[Frame], judge: Judge, store: HistoryStore | None = None
) -> AsyncIterator[Snapshot]:
    """A snapshot for each frame of the feed."""
    store = store or new_store()
    async for frame in feed:
        yield judge.snapshot(store.push(frame))
