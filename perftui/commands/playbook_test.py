"""Replay the fixtures of playbooks: the real runner with recorded readings and answers, and a clock that does not wait."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from perftui.commands.playbook import dir_argument
from perftui.model.exit_code import ExitCode
from perftui.playbooks.fixture import Found, Outcome
from perftui.playbooks.run.book import Bound
from perftui.playbooks.shelf import Shelf
from perftui.playbooks.vocabulary import Vocabulary


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One fixture and what came of it."""

    playbook: str
    fixture: str
    file: str
    passed: bool
    differences: list[str] = []
    """What came out otherwise than expected, each in a line."""
    came: Outcome
    """As far as the run came."""
    replayed_s: float
    """How long the run would have lasted."""
    took_s: float


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="PLAYBOOK", help="ids or paths of files (default: all there are)")
    dir_argument(parser)
    parser.add_argument("--json", action="store_true", help="one array, with the trail and the board of each run")


def run(args: argparse.Namespace) -> ExitCode:
    """Warning where something came out otherwise, unknown where a named playbook has no fixture."""
    from perftui.pipeline.catalogue import catalogue
    from perftui.playbooks.shelf import find, shelf

    known = shelf(args.dir)
    vocabulary = Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())
    paths = [find(name, args.dir)[0] for name in args.names] or [each.path for each in known.playbooks.values()]
    tested: list[Replayed] = []
    bare: list[str] = []
    for path in paths:
        found = list(replays(path, known, vocabulary))
        tested += found
        if not args.json:
            for each in found:
                print("\n".join(_lines(each)))
        if not found:
            bare.append(path.stem)
    if args.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(tested), indent=1) + b"\n")
    for name in bare:
        print(f"perftui: {name} has no fixture; write fixtures/{name}/NAME.yaml beside it", file=sys.stderr)
    passed = sum(each.passed for each in tested)
    print(f"{len(tested)} {'fixture' if len(tested) == 1 else 'fixtures'}: {passed} as expected", file=sys.stderr)
    if passed < len(tested):
        return ExitCode.WARNING
    return ExitCode.UNKNOWN if bare and (args.names or not tested) else ExitCode.HEALTHY


def replays(path: Path, known: Shelf, vocabulary: Vocabulary) -> Iterator[Replayed]:
    """Each fixture of a playbook, replayed.

    Raises:
        UsageError: the playbook or a fixture can't be used.
    """
    from perftui.playbooks.fixture import fixture_files, load_fixture
    from perftui.playbooks.load import load
    from perftui.playbooks.run.book import bound

    files = fixture_files(path)
    if files:
        made = bound(load(path), known)
        for file in files:
            yield replay(made, load_fixture(file, vocabulary))


def replay(made: Bound, found: Found) -> Replayed:
    """One fixture, replayed and compared."""
    from perftui.pipeline.playbook.rehearsal.run import rehearse
    from perftui.playbooks.fixture import differences
    from perftui.recording.reader import Tape

    began = time.perf_counter()
    fixture = found.fixture
    if fixture.tape:
        with closing(Tape(found.path.parent / fixture.tape)) as tape:
            came = rehearse(made.book, fixture, tape.frames())
    else:
        came = rehearse(made.book, fixture)
    told = [came.stuck] if came.stuck else []
    if fixture.expect is not None:
        told = differences(fixture.expect, came.outcome, came.stuck)
    elif not told:
        told = ["it says nothing of what is expected"]
    return Replayed(
        playbook=made.book.main,
        fixture=found.name,
        file=str(found.path),
        passed=not told,
        differences=told,
        came=came.outcome,
        replayed_s=round(came.took_s, 3),
        took_s=round(time.perf_counter() - began, 3),
    )


def _lines(replayed: Replayed) -> Iterator[str]:
    name = f"{replayed.playbook}/{replayed.fixture}"
    steps = f"{len(replayed.came.trail)} steps, {replayed.replayed_s:.0f} s in {replayed.took_s:.2f} s"
    yield f"{'ok' if replayed.passed else 'differs':<8} {name:<48} {steps}"
    yield from (f"         {line}" for line in replayed.differences)
    if not replayed.passed:
        yield "         what came out, as a fixture would expect it:"
        yield from (f"           {line}" for line in _as_expected(replayed.came))


def _as_expected(came: Outcome) -> Iterator[str]:
    """An `expect:` that would pass."""
    yield "expect:"
    yield "  trail:"
    yield from (f"    - {step}" for step in came.trail)
    yield "  board: {" + ", ".join(f"{cause}: {verdict}" for cause, verdict in came.board.items()) + "}"
    if came.end != "finished":
        yield f"  end: {msgspec.json.encode(came.end).decode()}"
    if came.exit != "healthy":
        yield f"  exit: {came.exit}"
