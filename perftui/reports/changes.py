"""What changed from one snapshot to the next: findings that began, grew worse or ended, one line each."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from perftui.model.finding import Constraint, Finding, Verdict
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import finding_tree, iso, verdict_tree


class Changes:
    """Fed snapshots in order, gives the lines to print. Verdicts are told whenever the dominant finding changes."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._active: dict[str, Finding] = {}
        self._verdict: Verdict | None = None
        self._last: Snapshot | None = None
        self.worst: Finding | None = None
        self.judged = False
        """At least one moment could be judged: not all verdicts were `unknown`."""

    def lines(self, snapshot: Snapshot) -> list[str]:
        """Lines for what this snapshot brings."""
        told: list[str] = []
        found = {finding.key: finding for finding in snapshot.findings}
        for key, finding in found.items():
            before = self._active.get(key)
            if before is None or before.severity != finding.severity:
                told.append(self._line(snapshot.at, "began" if before is None else "changed", finding))
            if self.worst is None or finding.severity > self.worst.severity:
                self.worst = finding
        told.extend(self._line(snapshot.at, "ended", self._active[key]) for key in self._active.keys() - found.keys())
        verdict = snapshot.verdict
        if self._verdict is None or _meaning(verdict) != _meaning(self._verdict):
            told.append(self._verdict_line(snapshot.at, verdict))
        self.judged = self.judged or verdict.constraint is not Constraint.UNKNOWN
        self._active, self._verdict, self._last = found, verdict, snapshot
        return told

    def closing(self, cut: bool) -> list[str]:
        """The last line: how much was seen and the worst of it."""
        if self._last is None:
            return [] if self._as_json else ["the tape holds no frame"]
        if self._as_json:
            return []
        worst = f"worst: {self.worst.severity.word} {self.worst.rule}" if self.worst else "nothing found"
        return [f"{clock(self._last.at)}  end of the tape{' (it is cut here)' if cut else ''}; {worst}"]

    def _line(self, at: float, event: str, finding: Finding) -> str:
        if self._as_json:
            return _json({"at": iso(at), "event": event, "finding": finding_tree(finding)})
        return f"{clock(at)}  {event:<7} {finding.severity.word:<8} {finding.rule:<25} {finding.title}"

    def _verdict_line(self, at: float, verdict: Verdict) -> str:
        if self._as_json:
            return _json({"at": iso(at), "event": "verdict", "verdict": verdict_tree(verdict)})
        chain = " → ".join(verdict.chain) or verdict.summary
        beside = "".join(f"; beside it {' → '.join(each.chain)}" for each in verdict.others)
        return f"{clock(at)}  verdict {verdict.severity.word:<8} {verdict.constraint:<25} {chain}{beside}"


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    return verdict.constraint, verdict.chain, tuple(each.finding for each in verdict.others)


def clock(at: float) -> str:
    """UTC to the second, ISO 8601."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(record: object) -> str:
    return msgspec.json.encode(record).decode()
