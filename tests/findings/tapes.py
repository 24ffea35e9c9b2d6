"""Tapes of the rules' tests and how they are played: as recorded, changed on the way, or until a verdict stands."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from perftui.findings import RULES
from perftui.findings.rule import ChosenLimits, Rule
from perftui.model.finding import Severity
from perftui.model.frame import Frame, Machine
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.recording.reader import Tape

TAPES = Path(__file__).parent.parent / "tapes"
Course = tuple[Frame, ...]
Change = Callable[[Frame], Frame]
"""Of a single frame."""
Variant = Callable[[Course], Course]
"""Of all frames of a tape."""


@cache
def frames(name: str) -> Course:
    return tuple(Tape(TAPES / f"{name}.ptape").frames())


@cache
def machine(name: str) -> Machine:
    return Tape(TAPES / f"{name}.ptape").machine


def as_recorded(course: Course) -> Course:
    return course


def each(change: Change) -> Variant:
    return lambda course: tuple(map(change, course))


def both(first: Variant, second: Variant) -> Variant:
    return lambda course: second(first(course))


def play(name: str, change: Change = lambda frame: frame, limits: ChosenLimits | None = None) -> list[Snapshot]:
    """Every snapshot of a tape, its frames changed on the way where a test is about a variant of what was recorded."""
    return played(name, each(change), limits)


def played(
    name: str, variant: Variant = as_recorded, limits: ChosenLimits | None = None, rules: tuple[Rule, ...] = RULES
) -> list[Snapshot]:
    """Every snapshot of a variant of a tape, as some of the rules see it."""
    judge, store = Judge(machine=machine(name), limits=limits or {}, rules=rules), new_store()
    return [judge.snapshot(store.push(frame)) for frame in variant(frames(name))]


def told(snapshots: list[Snapshot]) -> set[str]:
    return {finding.rule for each in snapshots for finding in each.findings if finding.severity > Severity.INFO}


def sample_changed(source: str, change: Callable[[Any], Any]) -> Change:
    """A change of one source's samples."""

    def changed(frame: Frame) -> Frame:
        if source not in frame.samples:
            return frame
        samples = {**frame.samples, source: change(frame.samples[source])}
        return msgspec.structs.replace(frame, samples=samples)

    return changed


def without(*sources: str) -> Change:
    """The tape of a host where these sources can't be read."""

    def changed(frame: Frame) -> Frame:
        kept = {name: sample for name, sample in frame.samples.items() if name not in sources}
        return msgspec.structs.replace(frame, samples=kept)

    return changed
