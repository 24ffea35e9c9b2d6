"""Report a run of a playbook, or a tape: Markdown, JSON or one HTML page. Without a name, the runs that there are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError

if TYPE_CHECKING:
    from perftui.playbooks.run_folder import Found

TEMPLATES = ("incident", "executive", "technical", "audit", "handoff")
FORMATS = ("md", "json", "html")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="RUN|TAPE", nargs="?", help="a run, the beginning of its name, or a path; or a tape"
    )
    parser.add_argument("--template", choices=TEMPLATES, help="of a run (default: what its playbook says)")
    parser.add_argument("--format", choices=FORMATS, help="default: by the end of FILE's name, else md")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it there, for you alone (default: stdout)"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE")


def run(args: argparse.Namespace) -> ExitCode:
    """A report that was made is healthy, whatever it tells."""
    form = _form(args)
    try:
        if args.name is None:
            return _listing()
        made = _made(args, form)
    except OSError as exc:
        raise UsageError(f"{exc.filename or args.name}: can't be read: {(exc.strerror or str(exc)).lower()}") from exc
    if args.output is None:
        _print(made, form)
        return ExitCode.HEALTHY
    write_report_file(args.output, made, args.force)
    return ExitCode.HEALTHY


def _print(made: bytes, form: str) -> None:
    """What programs read is UTF-8 whatever the terminal speaks: the page itself says so."""
    if form == "md":
        sys.stdout.write(made.decode())
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(made)


def _form(args: argparse.Namespace) -> str:
    form = page_form(args, {"md": "md", "markdown": "md", "txt": "md", "json": "json", "html": "html", "htm": "html"})
    if form == "html" and args.output is None and args.name is not None and sys.stdout.isatty():
        raise UsageError("a page of HTML is not for a terminal; add -o report.html")
    return form


def page_form(args: argparse.Namespace, endings: dict[str, str]) -> str:
    """The format that was asked for, else by the end of the file's name, else that of the first ending.

    Raises:
        UsageError: the file's end names none of them.
    """
    ending = args.output.suffix.removeprefix(".").lower() if args.output is not None else ""
    if args.format is not None:
        return str(args.format)
    if ending and ending not in endings:
        raise UsageError(
            f"{args.output.name}: .{ending} can't be written; end it in .{', .'.join(endings)}, or add --format"
        )
    return endings.get(ending, next(iter(endings.values())))


def _listing() -> ExitCode:
    from perftui.commands.run_keeping import run_roots
    from perftui.playbooks.run_folder import found_runs
    from perftui.sources.text import printable

    found = [each for each in found_runs(run_roots()) if each.journal.entries]
    for each in found:
        first, last = each.journal.entries[0], each.journal.entries[-1]
        state = "open  " if each.open else "closed"
        print(printable(f"{each.name}  {state}  {first.at[:16]}Z to {last.at[:16]}Z  by {first.who.user}", 200))
    if not found:
        print("there is no run; perftui playbook run makes one")
    return ExitCode.HEALTHY


def _made(args: argparse.Namespace, form: str) -> bytes:
    from perftui.commands.run_keeping import run_roots
    from perftui.playbooks.report.stored import run_at, run_named

    path = Path(args.name)
    found = run_at(path) if path.exists() else run_named(args.name, run_roots())
    if found is not None:
        return _of_run(found, args.template, form)
    if not path.is_file():
        raise UsageError(f"{args.name}: no run and no tape of that name; perftui report lists the runs")
    if args.template is not None:
        raise UsageError(f"{args.name} is a tape; --template is for runs")
    return _of_tape(path, args, form)


def _of_run(found: Found, template: str | None, form: str) -> bytes:
    from perftui.playbooks.report.stored import stored_report

    report = stored_report(found)
    chosen = template or report.template
    if form == "json":
        from perftui.reports.report_json import run_json

        return run_json(report, chosen)
    if form == "html":
        from perftui.reports.html import page_html
        from perftui.reports.run_page import run_page

        return page_html(run_page(report, chosen)).encode()
    if chosen == "handoff":
        from perftui.reports.run_handoff import handoff_text

        return f"{handoff_text(report)}\n".encode()
    from perftui.reports.markdown import page_markdown
    from perftui.reports.run_page import run_page

    return page_markdown(run_page(report, chosen)).encode()


def _of_tape(path: Path, args: argparse.Namespace, form: str) -> bytes:
    import asyncio

    from perftui.commands.config import load
    from perftui.pipeline.loop import Judge, snapshots
    from perftui.pipeline.replay import tape_feed
    from perftui.recording.reader import Tape
    from perftui.reports.tape_report import Gathering

    tape = Tape(path)
    gathering = Gathering()

    async def watch() -> None:
        async for snapshot in snapshots(tape_feed(tape), Judge(machine=tape.machine, limits=load(args.config).limits)):
            gathering.put(snapshot)

    asyncio.run(watch())
    report = gathering.report(path.name, tape.cut)
    if report is None:
        raise UsageError(f"{path}: the tape holds no frame")
    if form == "json":
        from perftui.reports.report_json import tape_json

        return tape_json(report)
    from perftui.reports.tape_page import tape_page

    if form == "html":
        from perftui.reports.html import page_html

        return page_html(tape_page(report)).encode()
    from perftui.reports.markdown import page_markdown

    return page_markdown(tape_page(report)).encode()


def write_report_file(path: Path, data: bytes, force: bool) -> None:
    """For its owner alone.

    Raises:
        UsageError: it is there already, or can't be written.
    """
    from perftui.clients.report_file import write_report

    try:
        write_report(path, data, force)
    except FileExistsError:
        hint = "it is no plain file" if force else "--force replaces it"
        raise UsageError(f"{path}: is there already; {hint}") from None
    except OSError as exc:
        raise UsageError(f"{path}: can't be written: {(exc.strerror or str(exc)).lower()}") from exc
    print(f"perftui: {path}, {len(data):,} bytes", file=sys.stderr)
