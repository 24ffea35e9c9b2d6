"""Everything known at one moment."""

from __future__ import annotations

import msgspec

from perftui.history.deploys import DeploysPart
from perftui.history.history import History, SourceState
from perftui.model.finding import Finding, Said, Verdict
from perftui.model.frame import Machine, Mark


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The history that ends now, and what the rules say of it. Immutable; shared between threads."""

    machine: Machine
    history: History
    findings: tuple[Finding, ...]
    """Most severe first."""
    verdict: Verdict
    verdicts: tuple[Said, ...] = ()
    """Each that was given so far, oldest first, this one last; empty where nobody kept them."""

    stoppable: bool = False
    """The load test that is watched can be ended from here."""

    @property
    def at(self) -> float:
        return self.history.at

    @property
    def sources(self) -> dict[str, SourceState]:
        return dict(self.history.sources)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the operator named, in this console or with `perftui mark`, oldest first."""
        changes = self.history.latest(DeploysPart)
        found = {*self.history.marks, *(changes.marks if changes else ())}
        return tuple(sorted(found, key=lambda mark: mark.at))
