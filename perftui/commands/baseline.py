"""What was normal, kept to compare with: `save` a window of a tape or of now, `list`, `compare`.

Only a window that is worth it is kept: half an hour, steady, without a deploy or an incident in it; otherwise it is told why
not (exit code 3). `compare` gives 1 when something regressed: a P95 above +20 % that chance does not explain.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.commands.baselines import all_kept, kept, save
from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments
from perftui.history.baseline import READINGS, Baseline, Course, compare, course, problems, server_version
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perftui.history.history import History
    from perftui.model.frame import Frame, Machine

_LOOK_EVERY = 10
"""Rules are asked at each tenth tick: an incident lasts longer."""


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration

    parser.add_argument("what", choices=("save", "list", "compare"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="lower-case letters, digits and hyphens")
    parser.add_argument("--tape", type=Path, metavar="FILE", help="the window is the whole of a tape")
    parser.add_argument("--for", dest="watch_s", type=duration, metavar="TIME", help="the window is from now on")
    parser.add_argument("--reading", action="append", default=[], metavar="NAME", help="another reading to keep")
    parser.add_argument("--json", action="store_true", help="in base units")
    dsn_argument(parser)
    load_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    if args.what == "list":
        return _list(args)
    if args.name is None or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", args.name):
        raise UsageError(f"{args.what}: expected a name of lower-case letters, digits and hyphens")
    if (args.tape is None) == (args.watch_s is None):
        raise UsageError(f"{args.what}: expected --tape FILE or --for TIME")
    if args.what == "save":
        return _save(args)
    return _compare(args, kept(args.name))


def _list(args: argparse.Namespace) -> ExitCode:
    """A file that can't be read is told; the others are listed all the same."""
    known, troubles = all_kept()
    found = list(known.values())
    for trouble in troubles.values():
        print(f"perftui: {trouble}", file=sys.stderr)
    if args.json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    elif found or troubles:
        from perftui.reports.baseline import list_text

        print(list_text(found))
    else:
        print("perftui: no baseline is kept; perftui baseline save NAME --tape FILE", file=sys.stderr)
    return ExitCode.UNKNOWN if troubles and not found else ExitCode.HEALTHY


def _save(args: argparse.Namespace) -> ExitCode:
    window = _Window(args)
    wrong = problems(window.span_s, window.courses(), window.deploys, window.incidents)
    if wrong:
        print(f"perftui: {args.name}: no baseline: {'; '.join(wrong)}", file=sys.stderr)
        return ExitCode.UNKNOWN
    try:
        save(window.baseline(args.name))
    except OSError as exc:
        raise UsageError(f"{args.name}: can't be kept: {(exc.strerror or str(exc)).lower()}") from exc
    print(f"perftui: {args.name}: {len(window.courses())} readings over {window.span_s / 60:.0f} min", file=sys.stderr)
    return ExitCode.HEALTHY


def _compare(args: argparse.Namespace, kept: Baseline) -> ExitCode:
    args.reading = [*args.reading, *kept.courses]
    window = _Window(args)
    found = compare(kept.courses, window.courses())
    if not found:
        print(f"perftui: {args.name}: nothing that it knows is measured here", file=sys.stderr)
        return ExitCode.UNKNOWN
    if args.json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    else:
        from perftui.reports.baseline import comparison_text, elsewhere, too_short

        print(comparison_text(kept, found))
        for line in (*elsewhere(kept, window.machine, window.postgres), *too_short(found)):
            print(f"perftui: {line}", file=sys.stderr)
    if any(each.regressed for each in found):
        return ExitCode.WARNING
    return ExitCode.UNKNOWN if all(each.low is None for each in found) else ExitCode.HEALTHY


class _Window:
    """What was measured over a tape or from now on."""

    def __init__(self, args: argparse.Namespace) -> None:
        from perftui.commands.check import live_frames
        from perftui.commands.sources import machine
        from perftui.pipeline.loop import Judge, new_store

        self._points: dict[str, list[tuple[float, float]]] = {name: [] for name in (*READINGS, *args.reading)}
        self.machine, frames = _tape(args.tape) if args.tape is not None else (machine(), live_frames(args))
        judge, store = Judge(machine=self.machine), new_store(keep=900)
        self._first: Frame | None = None
        self.postgres: str | None = None
        deploys: dict[str, None] = {}
        incidents: dict[str, str] = {}
        for place, frame in enumerate(frames):
            history = store.push(frame)
            self._first, self._last = self._first or frame, frame
            for reading, points in self._points.items():
                value = history.value(reading)
                if value is not None:
                    points.append((frame.mono, value))
            if place % _LOOK_EVERY == 0:
                self.postgres = server_version(history) or self.postgres
                incidents.update(
                    (each.rule, each.title) for each in judge.snapshot(history).findings if each.severity > 1
                )
                deploys.update(_deployed(history, self._first.at))
        self.deploys, self.incidents = list(deploys), list(incidents.values())[:3]

    @property
    def span_s(self) -> float:
        return self._last.mono - self._first.mono if self._first is not None else 0.0

    def courses(self) -> dict[str, Course]:
        found = {reading: course(points) for reading, points in self._points.items()}
        return {reading: known for reading, known in found.items() if known is not None}

    def baseline(self, name: str) -> Baseline:
        from perftui import __version__

        here, first = self.machine, self._first
        assert first is not None
        return Baseline(
            name=name,
            first_at=first.at,
            last_at=self._last.at,
            host=here.hostname,
            system=here.system,
            cores=here.cores,
            program=__version__,
            postgres=self.postgres,
            courses=self.courses(),
        )


def _tape(path: Path) -> tuple[Machine, Iterable[Frame]]:
    from perftui.recording.reader import Tape

    tape = Tape(path)
    return tape.machine, tape.frames()


def _deployed(history: History, since_at: float) -> dict[str, None]:
    from perftui.history.deploys import DeploysPart

    part = history.latest(DeploysPart)
    found = part.between(since_at, history.at) if part else ()
    return {f"{each.service} {each.version or ''}".strip(): None for each in found}
