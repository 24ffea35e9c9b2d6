"""What a load test came to, from its tapes: executive or technical (S002 35.6).

0: it passed; 1: on conditions; 2: it failed a target or an abort rule; 3: no load test is on the tape.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError

if TYPE_CHECKING:
    from perftui.findings.budget import Budget, Measured, Statistic
    from perftui.history.history import History
    from perftui.history.load_course import LoadCourse
    from perftui.recording.reader import Tape
    from perftui.reports.load_report import LoadReport, Remedy
    from perftui.reports.tape_report import TapeReport

FORMATS = ("text", "md", "html", "json")
_STATUS = {"PASSED": ExitCode.HEALTHY, "CONDITIONAL": ExitCode.WARNING, "FAILED": ExitCode.CRITICAL}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tapes", metavar="TAPE", nargs="+", type=Path, help="the test's tape, or its parts")
    parser.add_argument("--kind", choices=("executive", "technical"), default="executive", help="default: executive")
    parser.add_argument("--format", choices=FORMATS, help="default: by the end of FILE's name, else text")
    parser.add_argument("--budget", metavar="FILE", help="targets: TOML, or a shipped one (s001, s003-tier1 …)")
    parser.add_argument(
        "--cost-per-hour", type=_cost, metavar="MONEY", help="of the infrastructure: tells what 1,000 users cost"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there, for you alone")
    parser.add_argument("--force", action="store_true", help="replace FILE")


def _cost(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e12:
        raise argparse.ArgumentTypeError(f"{text}: expected what an hour costs, above 0")
    return value


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.report import write_report_file

    form = _form(args)
    report = _report(args)
    if report is None:
        print("perftui: no load test is on the tape; record one with --load FEED", file=sys.stderr)
        return ExitCode.UNKNOWN
    made = _made(report, args.kind, form)
    if args.output is not None:
        write_report_file(args.output, made, args.force)
    elif form in ("text", "md"):
        sys.stdout.write(made.decode())
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(made)
    return _STATUS[report.standing.status]


def _form(args: argparse.Namespace) -> str:
    from perftui.commands.report import page_form

    form = page_form(args, {"txt": "text", "md": "md", "markdown": "md", "json": "json", "html": "html", "htm": "html"})
    if form == "html" and args.output is None and sys.stdout.isatty():
        raise UsageError("a page of HTML is not for a terminal; add -o report.html")
    return form


def _made(report: LoadReport, kind: str, form: str) -> bytes:
    if form == "json":
        from perftui.reports.load_page import headline
        from perftui.reports.report_json import load_json

        return load_json(report, headline(report))
    from perftui.reports.load_page import load_page

    page = load_page(report, kind)
    if form == "html":
        from perftui.reports.html import page_html

        return page_html(page).encode()
    if form == "md":
        from perftui.reports.markdown import page_markdown

        return page_markdown(page).encode()
    from perftui.reports.page_text import page_text

    return f"{page_text(page)}\n".encode()


def _report(args: argparse.Namespace) -> LoadReport | None:
    from perftui.commands.budget_file import read_budgets
    from perftui.findings.budget import judged
    from perftui.reports.load_report import Targets, load_report

    title, budgets = read_budgets(args.budget) if args.budget is not None else ("", [])
    watched = _Watched(args, budgets)
    if watched.tape is None:
        return None
    outcomes = tuple(judged(budgets, watched.measured()))
    targets = Targets(title=title, outcomes=outcomes, cost_per_hour=args.cost_per_hour)
    return load_report(watched.tape, watched.course, targets, _remedies())


class _Watched:
    """What the tapes showed, one after the other."""

    tape: TapeReport | None
    course: LoadCourse

    def __init__(self, args: argparse.Namespace, budgets: list[Budget]) -> None:
        from perftui.commands.config import load
        from perftui.history.load_course import LoadCourse
        from perftui.history.load_whole import LoadWhole
        from perftui.pipeline.loop import Judge, new_store
        from perftui.pipeline.main_readings import MAIN
        from perftui.reports.load_report import READINGS
        from perftui.reports.tape_report import Gathering

        tapes = _opened(args.tapes)
        judge = Judge(machine=tapes[0].machine, limits=load(args.config).limits)
        gathering, store = Gathering(dict.fromkeys((*READINGS, *MAIN))), new_store()
        self.course, self._whole, self._budgets = LoadCourse(), LoadWhole(), budgets
        named = {name for budget in budgets for name in (budget.reading, budget.times_of) if name}
        self._values: dict[str, list[float]] = {name: [] for name in named}
        try:
            for tape in tapes:
                for frame in tape.frames():
                    history = store.push(frame)
                    gathering.put(judge.snapshot(history))
                    self.course.take(frame, history)
                    self._whole.take(frame)
                    self._keep(history)
        except SourceError as exc:
            raise UsageError(exc.detail) from exc
        name = args.tapes[0].name + (f" and {len(tapes) - 1} more" if len(tapes) > 1 else "")
        self.tape = gathering.report(name, any(tape.cut for tape in tapes))

    def _keep(self, history: History) -> None:
        for name, values in self._values.items():
            value = history.value(name)
            if value is not None:
                values.append(value)

    def measured(self) -> Measured:
        """Of the whole where that is told, else of the course."""
        from perftui.findings.budget import apdex_target_s, statistic

        whole = self._whole.values(apdex_target_s(self._budgets))

        def value(reading: str, which: Statistic) -> tuple[float | None, Statistic]:
            if reading in whole:
                return whole[reading], "whole"
            return statistic(self._values[reading], which), which

        return value


def _opened(paths: list[Path]) -> list[Tape]:
    """In the order of their beginning.

    Raises:
        UsageError: they are not of one host.
    """
    from perftui.recording.reader import Tape

    tapes = sorted((Tape(path) for path in paths), key=lambda tape: tape.span()[0])
    hosts = dict.fromkeys(tape.machine.hostname for tape in tapes)
    if len(hosts) > 1:
        raise UsageError(f"{', '.join(hosts)}: expected the parts of one test on one host; report each by itself")
    return tapes


def _remedies() -> dict[str, Remedy]:
    """Rule → the playbook that answers it."""
    from perftui.playbooks.answers import answers
    from perftui.playbooks.shelf import shelf
    from perftui.reports.load_report import Remedy

    known = shelf().by_id()
    return {
        rule: Remedy(playbook=name, title=known[name].title, mitigate=known[name].mitigate)
        for rule, name in answers().items()
        if name in known
    }
