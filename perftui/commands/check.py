"""Are the budgets kept? Over a tape, a load test's results, measured values or this host now; the exit code gates CI.

0 all kept, 1 one failed, 3 one could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments, with_load
from perftui.findings.budget import Budget, Measured, Outcome, State, Statistic, apdex_target_s, judged, statistic
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError

if TYPE_CHECKING:
    from perftui.model.frame import Frame

Values = dict[str, float]
_REPORT_BYTES = 64 << 10


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration

    parser.add_argument("--budget", required=True, metavar="FILE", help="TOML, or a shipped one (s001, s003-tier1 …)")
    parser.add_argument("--tape", type=Path, metavar="FILE", help="over the whole of a tape")
    parser.add_argument(
        "--results", action="append", default=[], metavar="FILE", help="load.* of k6's, JMeter's … file"
    )
    parser.add_argument("--values", metavar="FILE", help='JSON of measured values: {"page_load_time_s": 1.8}')
    parser.add_argument("--for", dest="watch_s", type=duration, metavar="TIME", help="watch this host for so long")
    parser.add_argument("--json", action="store_true", help="one object, in base units")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML as well; - is standard output, alone")
    dsn_argument(parser)
    load_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.budget_file import read_budgets

    title, budgets = read_budgets(args.budget)
    outcomes = judged(budgets, _measured(args, budgets))
    _tell(args, title, outcomes)
    states = {each.state for each in outcomes}
    if State.FAIL in states:
        return ExitCode.WARNING
    return ExitCode.UNKNOWN if State.UNKNOWN in states else ExitCode.HEALTHY


def _tell(args: argparse.Namespace, title: str, outcomes: list[Outcome]) -> None:
    from perftui.reports.budget import budget_json, budget_junit, budget_text

    if args.junit is not None:
        if args.junit == "-":
            print(budget_junit(title, outcomes), end="")
            return
        try:
            Path(args.junit).write_text(budget_junit(title, outcomes), encoding="utf-8")
        except OSError as exc:
            raise UsageError(f"--junit {args.junit}: can't be written: {exc.strerror}") from exc
    if args.json:
        sys.stdout.buffer.write(budget_json(title, outcomes) + b"\n")
    else:
        print(budget_text(title, outcomes))


def _measured(args: argparse.Namespace, budgets: list[Budget]) -> Measured:
    """What the options name together; a later one does not overwrite an earlier."""
    named = [args.tape is not None, bool(args.results), args.values is not None, args.watch_s is not None]
    if not any(named):
        raise UsageError("nothing to check: name --tape, --results, --values or --for TIME")
    if args.tape is not None and args.watch_s is not None:
        raise UsageError("--tape and --for: expected one of them")
    whole: Values = {}
    courses: dict[str, list[float]] = {}
    if args.values is not None:
        values = _values(args.values)
        _tell_unasked(args.values, values, budgets)
        whole.update(values)
    if args.results:
        whole.update(_results(args.results, apdex_target_s(budgets)))
    if args.tape is not None or args.watch_s is not None:
        readings = {name for budget in budgets for name in (budget.reading, budget.times_of) if name}
        frames = _tape_frames(args.tape) if args.tape is not None else live_frames(args)
        courses, told = _courses(frames, readings, apdex_target_s(budgets))
        whole = {**told, **whole}

    def measured(reading: str, which: Statistic) -> tuple[float | None, Statistic]:
        if reading in whole:
            return whole[reading], "whole"
        return statistic(courses.get(reading, []), which), which

    return measured


def _values(file: str) -> Values:
    import msgspec

    from perftui.commands.budget_file import quantity
    from perftui.model.units import unit_of

    try:
        read = msgspec.json.decode(Path(file).read_bytes(), type=dict[str, float | str | None])
    except OSError as exc:
        raise UsageError(f"{file}: can't be read: {(exc.strerror or str(exc)).lower()}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file}: expected one JSON object of names and numbers: {str(exc).lower()}") from exc
    return {
        name: quantity(value, unit_of(name), f"{file}: {name}") for name, value in read.items() if value is not None
    }


def _tell_unasked(file: str, values: Values, budgets: list[Budget]) -> None:
    """A name that no budget has is as often mistyped as it is of no interest."""
    asked = {name for budget in budgets for name in (budget.reading, budget.times_of)}
    unasked = sorted(values.keys() - asked)
    if unasked:
        print(f"perftui: {file}: no budget asks for {', '.join(unasked)}", file=sys.stderr)


def _results(files: list[str], target_s: float) -> Values:
    """`load.*` over all results of the files together, or as a tool that keeps none reports them."""
    reports = [report for file in files if (report := _report(file)) is not None]
    if reports and len(files) > 1:
        raise UsageError("--results: wrk's report holds no single results, so it can't be put together with others")
    if reports:
        return reports[0]
    from perftui.commands.latency import read_results
    from perftui.history.latency import Collector
    from perftui.sources.access_logs import any_moment

    collector = Collector(any_moment)
    for file in files:
        read_results(file, collector)
    told = collector.latency()
    if told is None:
        return {}
    figures = told.all
    named = {
        "load.p50_s": figures.p50_s,
        "load.p95_s": figures.p95_s,
        "load.p99_s": figures.p99_s,
        "load.error_ratio": figures.failures / figures.requests,
        "load.results_total": float(figures.requests),
        "load.apdex": collector.apdex(target_s),
    }
    return {name: value for name, value in named.items() if value is not None}


def _report(file: str) -> Values | None:
    """What wrk told at its end; None where the file is none of its reports."""
    from perftui.sources.wrk_report import wrk_report

    path = Path(file)
    if not path.is_file():  # a pipe can be read once
        return None
    try:
        with path.open("rb") as report:
            return wrk_report(report.read(_REPORT_BYTES).decode("utf-8", "replace"))
    except OSError as exc:
        raise UsageError(f"{file}: can't be read: {(exc.strerror or str(exc)).lower()}") from exc


def _tape_frames(path: Path) -> Iterable[Frame]:
    from perftui.recording.reader import Tape

    return Tape(path).frames()


def live_frames(args: argparse.Namespace) -> Iterable[Frame]:
    """What this host gives for so long as --for says."""
    import asyncio
    import contextlib

    from perftui.clients.clock import SystemClock
    from perftui.commands.config import load
    from perftui.commands.sources import all_sources
    from perftui.pipeline.feed import LiveFeed

    async def watch() -> list[Frame]:
        frames: list[Frame] = []
        async with contextlib.aclosing(with_load(all_sources(args.dsn, load(args.config).config), args)) as wired:
            async for frame in LiveFeed(wired.sources, SystemClock(), min(1.0, max(0.1, args.watch_s))):
                frames.append(frame)
                if frame.mono - frames[0].mono >= args.watch_s - 0.02:
                    break
        return frames

    return asyncio.run(watch())


def _courses(frames: Iterable[Frame], readings: set[str], target_s: float) -> tuple[dict[str, list[float]], Values]:
    """(known values by reading, what is told of a load test as a whole)."""
    from perftui.history.load_whole import LoadWhole
    from perftui.pipeline.loop import new_store

    store, load = new_store(keep=120), LoadWhole()
    courses: dict[str, list[float]] = {reading: [] for reading in readings}
    try:
        for frame in frames:
            history = store.push(frame)
            load.take(frame)
            for reading, values in courses.items():
                value = history.value(reading)
                if value is not None:
                    values.append(value)
    except SourceError as exc:
        raise UsageError(exc.detail) from exc
    return courses, load.values(target_s)
