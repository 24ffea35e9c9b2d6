"""Fixtures: what a run would meet, as a file, and what must come of it. `perftui playbook test` replays them.

A playbook's fixtures are the files of `fixtures/ID/` beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import field

from perftui.playbooks.complaint import Complaint, InvalidPlaybook
from perftui.playbooks.course import Course, Moment, parts_of
from perftui.playbooks.document import Call
from perftui.playbooks.shape import BROKEN, Shaper
from perftui.playbooks.trust import read_trusted
from perftui.playbooks.values import Duration, Quantity
from perftui.playbooks.vocabulary import Vocabulary
from perftui.playbooks.yaml_tree import LIMIT_BYTES, Misplaced, read

REST = "..."
"""In an expected trail: any steps, or none."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a command, a statement or a server answers to one step."""

    text: str = ""
    """Output of a command, body of an HTTP answer."""
    code: int = 0
    """Exit code of a command."""
    rows: tuple[dict[str, Any], ...] = ()
    """Of a statement: a mapping for each row."""
    status: int = 200
    total_s: Duration = field(name="total", default=Duration(0.05))
    dns_s: Duration | None = field(name="dns", default=None)
    connect_s: Duration | None = field(name="connect", default=None)
    tls_s: Duration | None = field(name="tls", default=None)
    first_byte_s: Duration | None = field(name="first_byte", default=None)
    days_left: float = 90.0
    """Of a certificate."""
    trusted: bool = True
    name_matches: bool = True
    fails: str = ""
    """Why there is no answer at all."""
    times_out: bool = False
    takes_s: Duration = field(name="takes", default=Duration(0))
    """How long it takes."""


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy that is known."""

    at: Moment
    service: str = "app"
    version: str = "v2"


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What must come out."""

    trail: tuple[str, ...] = ()
    """Steps as they ended: `STEP`, `STEP failed`, `BRANCH -> STEP`, `CHOICE -> KEY`; `...` stands for any."""
    board: dict[str, Call] = {}
    """The whole verdict board."""
    end: str = "finished"
    """Why the run ended."""
    exit: Literal["healthy", "warning", "unknown", "refused", "timed_out"] = "healthy"


class Fixture(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded or written situation. Moments count from the run's start."""

    title: str
    tape: str = ""
    """A tape beside the fixture: its readings from its start on."""
    tape_from_s: Duration = field(name="tape_from", default=Duration(60))
    """Where on the tape the run starts."""
    every_s: Duration = field(name="every", default=Duration(1))
    """Time between two samples."""
    readings: dict[str, Course] = {}
    deploys: tuple[Deployed, ...] | None = None
    """None: no source of deploys is known."""
    baselines: dict[str, dict[str, Quantity]] = {}
    """Kept on the host, by name: the usual value of each reading. The first is the one that is loaded."""
    vars: dict[str, str] = {}
    """Inputs of the playbook and of those that it uses."""
    inputs: dict[str, dict[str, str]] = {}
    """By step: what is filled in; a row as `COLUMN=VALUE`, or its number from 1."""
    keys: dict[str, str] = {}
    """By step: the key of a choice; confirm, skip or refuse; done, skip or blocked. `STEP?` answers what is asked when it
    failed (retry, continue, stop) or when it can't be told whether it is due (do, skip)."""
    answers: dict[str, Told] = {}
    """By step: what it is answered from outside. `STEP#2` answers its second time, `undo:STEP` its undo."""
    changes: bool = True
    """Whether changes are unlocked."""
    expect: Expected | None = None
    """None: what comes out is printed, to be looked at and kept."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A fixture and its file."""

    fixture: Fixture
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem


def fixture_files(playbook: Path) -> list[Path]:
    """The fixtures of a playbook's file."""
    return sorted((playbook.parent / "fixtures" / playbook.stem).glob("*.yaml"))


def load_fixture(path: Path, vocabulary: Vocabulary) -> Found:
    """Read one.

    Raises:
        UsageError: it can't be read.
        InvalidPlaybook: with all that is wrong in it.
    """
    root, problems = read(read_trusted(path, LIMIT_BYTES).decode(errors="replace"))
    made: Any = BROKEN
    if root is not None:
        shaper = Shaper()
        made = shaper.make(root, Fixture, ())
        problems += shaper.problems
        if made is not BROKEN:
            problems += _unknown(made, vocabulary, shaper)
    if problems or made is BROKEN:
        raise InvalidPlaybook(_complaints(path, problems))
    return Found(fixture=made, path=path)


def _unknown(fixture: Fixture, vocabulary: Vocabulary, shaper: Shaper) -> list[Misplaced]:
    """Readings that are none, and values in a unit of something else."""
    problems = []
    for name, course in fixture.readings.items():
        line, column, _ = shaper.places["readings", name]
        reading = vocabulary.find(parts_of(name))
        if reading is None:
            problems.append(Misplaced(line, column, f"{name} is no reading", vocabulary.near(name)))
            continue
        wrong = next((unit for unit in course.units if unit != reading.unit.removesuffix("/s")), None)
        if wrong is not None:
            what = f"{name} is measured in {reading.unit}, not in {wrong}"
            problems.append(Misplaced(line, column, what, "write a value of its own unit"))
    return problems


def _complaints(path: Path, problems: Sequence[Misplaced]) -> list[Complaint]:
    made = [Complaint(file=str(path), line=p.line, column=p.column, what=p.what, right=p.right) for p in problems]
    return sorted(made, key=lambda complaint: (complaint.line, complaint.column))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came out."""

    trail: tuple[str, ...]
    board: dict[str, str]
    end: str
    exit: str


def differences(expected: Expected, came: Outcome, stuck: str = "") -> list[str]:
    """Every difference in a line; the trail's first one only, since what follows it follows from it.

    Args:
        stuck: why the run could not be gone through to its end; then there is no more to compare than the way to there.
    """
    if stuck:
        way = [*expected.trail[: len(came.trail)], REST] if REST not in expected.trail else []
        return [*_of_trail(way, came.trail), stuck]
    found = _of_trail(expected.trail, came.trail)
    for cause in sorted({*expected.board, *came.board}):
        wanted, got = expected.board.get(cause), came.board.get(cause)
        if wanted != got:
            found.append(f"board: {cause} is {got or 'not on it'}, expected {wanted or 'nothing of it'}")
    if expected.end != came.end:
        found.append(f"it ended with {came.end!r}, expected {expected.end!r}")
    if expected.exit != came.exit:
        found.append(f"exit code {came.exit}, expected {expected.exit}")
    return found


def _of_trail(expected: Sequence[str], came: Sequence[str]) -> list[str]:
    if not expected:
        return []
    place, skipping = 0, False
    for wanted in expected:
        if wanted == REST:
            skipping = True
            continue
        if skipping:
            rest = list(came[place:])
            if wanted not in rest:
                return [f"trail: after step {place} {wanted!r} never came; it went on {_told(rest)}"]
            place += rest.index(wanted)
        elif place >= len(came) or came[place] != wanted:
            got = repr(came[place]) if place < len(came) else "the end"
            return [f"trail: step {place + 1} was {got}, expected {wanted!r}"]
        place, skipping = place + 1, False
    if not skipping and place < len(came):
        return [f"trail: after {came[place - 1]!r} came {came[place]!r}, expected the end"]
    return []


def _told(trail: Sequence[str]) -> str:
    return ", ".join([*trail[:8], *(["…"] if len(trail) > 8 else [])]) or "to the end"
