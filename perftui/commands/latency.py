"""What the times in a log or a load test's results say: percentiles, spread, shape, slowest paths, their course.

Reads nginx' and Apache's access logs with a time in them, JSON logs, JMeter's JTL, k6's JSON and CSV, JSONL, and numbers one
a line; plain, .gz or .zst, in one pass.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError
from perftui.sources.access_logs import UNITS

if TYPE_CHECKING:
    from perftui.history.latency import Collector
    from perftui.reports.latency import Read
    from perftui.sources.load_format import Format

_HEAD_BYTES = 64 << 10


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="- is standard input")
    parser.add_argument(
        "--format", metavar="TEXT", help="the server's own log_format or LogFormat, as it stands in its config"
    )
    parser.add_argument("--unit", choices=UNITS, default="s", help="of bare numbers (default s)")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many paths to show (default 10)")
    parser.add_argument("--json", action="store_true", help="one object, in base units")


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.history.latency import Collector
    from perftui.sources.access_logs import any_moment

    collector = Collector(any_moment)
    files = [read_results(file, collector, args.unit, args.format) for file in args.files]
    told = collector.latency()
    for each in files:
        if not each.requests:
            print(f"perftui: {each.file}: no request in it", file=sys.stderr)
    if told is None:
        return ExitCode.UNKNOWN
    if args.json:
        import msgspec

        document = msgspec.json.encode({"files": files, **msgspec.to_builtins(told)})
        sys.stdout.buffer.write(msgspec.json.format(document, indent=1) + b"\n")
        return ExitCode.HEALTHY
    from perftui.reports.latency import latency_text

    print(latency_text(told, files, args.top))
    return ExitCode.HEALTHY


def read_results(file: str, collector: Collector, unit: str = "s", named: str | None = None) -> Read:
    """Count all that a file holds.

    Args:
        unit: of bare numbers.
        named: the server's own format.

    Raises:
        UsageError: it can't be read, or holds no times.
    """
    from perftui.clients.packed_file import pieces
    from perftui.reports.latency import Read

    begin, size, requests = time.monotonic(), 0, 0
    read: Format | None = None
    try:
        for piece in _from_head(pieces(file)):
            read = read or _format(file, piece[:_HEAD_BYTES], unit, named)
            size += len(piece)
            requests += collector.take(read.results(piece))
    except SourceError as exc:
        raise UsageError(exc.detail) from exc
    return Read(
        file=file,
        format=read.name if read else "empty",
        requests=requests,
        skipped=read.skipped_total if read else 0,
        trouble=read.trouble if read else "",
        bytes=size,
        took_s=time.monotonic() - begin,
    )


def _from_head(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, the first of them long enough to tell the format by; a pipe may give a line at a time."""
    head = b""
    for part in parts:
        head += part
        if len(head) >= _HEAD_BYTES:
            yield head
            yield from parts
            return
    if head:
        yield head


def _format(file: str, head: bytes, unit: str, named: str | None) -> Format:
    from perftui.sources.access_logs import access_log, named_format
    from perftui.sources.load_formats import not_a_stream, recognised
    from perftui.sources.wrk_report import is_wrk_report

    if named is not None:
        return named_format(named)
    if is_wrk_report(head.decode("utf-8", "replace")):
        raise UsageError(f"{file}: wrk's report holds no single times; perftui check --results reads it")
    found = recognised(head) or access_log(head, unit)
    if found is not None and found.tool == "locust":
        raise UsageError(f"{file}: Locust's history holds no single times; watch it with --load")
    summary = not_a_stream(head) if found is None else ""
    if summary:
        raise UsageError(f"{file}: {summary}")
    if found is None:
        raise UsageError(
            f"{file}: no time of a request is found in its lines; an access log needs $request_time or %D, --format names "
            "the server's own format"
        )
    return found
