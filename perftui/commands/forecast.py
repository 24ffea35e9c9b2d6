"""When a resource runs out: a line through daily means of tapes, a CSV or Prometheus, 30 days ahead.

Refuses to guess: fewer than 30 daily points (48 hourly ones with --trend) give no answer and exit code 3. A limit that is
crossed within the time looked ahead, or a trend above +20 %, gives 1.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.history.forecast import AHEAD_DAYS, BUFFER, DAY_S, TRIGGERS, Forecast, TooLittle, forecast, week_trend
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError
from perftui.model.units import unit_of

if TYPE_CHECKING:
    from perftui.history.forecast import Points, WeekTrend

_HIGHEST_SHARE = 1.5
"""Ours: what is used may be a little above what there is, as bandwidth in bursts."""
_KINDS = (("filesystems", "storage"), ("memory", "memory"), ("cpu", "cpu"))
_TICKS_AN_HOUR = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="tapes, or one CSV of time and value")
    parser.add_argument(
        "--reading", metavar="NAME", help="of the tapes; for others it names the unit (disk_used_ratio)"
    )
    parser.add_argument("--column", metavar="NAME", help="of the CSV (default: the second)")
    parser.add_argument("--prometheus", metavar="URL", help="http://host:9090; its range API is asked for 90 days")
    parser.add_argument("--query", metavar="PROMQL", help="one series")
    parser.add_argument(
        "--kind", choices=tuple(TRIGGERS), help="whose triggers (S003) count; told by the reading's name"
    )
    parser.add_argument("--limit", action="append", type=float, default=[], metavar="VALUE", help="another limit")
    parser.add_argument("--days", type=int, default=AHEAD_DAYS, help=f"how far to look ahead (default {AHEAD_DAYS})")
    parser.add_argument("--buffer", type=float, default=BUFFER, help=f"times what is predicted (default {BUFFER})")
    parser.add_argument("--trend", action="store_true", help="the last 7 days instead: first against last 24 hours")
    parser.add_argument("--json", action="store_true", help="one object, in base units")


def run(args: argparse.Namespace) -> ExitCode:
    if not 1 <= args.days <= 365:
        raise UsageError(f"--days {args.days}: expected 1 to 365")
    name = args.reading or args.column or args.query or "value"
    try:
        points = _points(args)
        told = week_trend(points) if args.trend else forecast(points, _limits(args, points), args.days, args.buffer)
    except TooLittle as exc:
        print(f"perftui: {name}: no answer: {exc}", file=sys.stderr)
        return ExitCode.UNKNOWN
    _tell(args, name, told)
    return ExitCode.WARNING if _is_bad(told) else ExitCode.HEALTHY


def _tell(args: argparse.Namespace, name: str, told: Forecast | WeekTrend) -> None:
    if args.json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
        return
    from perftui.reports.forecast import forecast_text, trend_text

    unit = unit_of(name) if args.reading or args.column else ""
    unit = "" if unit == "count" else unit
    print(forecast_text(name, unit, told) if isinstance(told, Forecast) else trend_text(name, unit, told))


def _is_bad(told: Forecast | WeekTrend) -> bool:
    if not isinstance(told, Forecast):
        return told.degraded
    end = told.last_at + told.ahead_days * DAY_S
    return any(each.reached or (each.at is not None and each.at <= end) for each in told.crossings)


def _limits(args: argparse.Namespace, points: Points) -> list[tuple[float, str]]:
    """Of the kind, and those that were named.

    Raises:
        UsageError: the kind's limits are shares and the values are none: a disk of 62 (%) would be full long ago.
    """
    name = args.reading or args.column or ""
    guessed = next((kind for word, kind in _KINDS if word in name), None) if name.endswith("_ratio") else None
    kind = args.kind or guessed
    highest = max((value for _, value in points), default=0.0)
    if kind and highest > _HIGHEST_SHARE:
        raise UsageError(
            f"--kind {kind}: its limits are shares, and the values reach {highest:g}; write 0.62 for 62 %, or --limit without it"
        )
    return sorted([*(TRIGGERS[kind] if kind else ()), *((limit, "limit") for limit in args.limit)])


def _points(args: argparse.Namespace) -> Points:
    if args.prometheus:
        if args.files or not args.query:
            raise UsageError("--prometheus: needs --query and no files")
        return _of_prometheus(args.prometheus, args.query)
    if not args.files:
        raise UsageError("nothing to look at: name tapes, a CSV or --prometheus")
    if all(file.endswith((".ptape", ".jsonl")) for file in args.files):
        if not args.reading:
            raise UsageError("tapes: --reading names what is looked at; perftui readings lists them")
        return sorted(point for file in args.files for point in _of_tape(Path(file), args.reading))
    if len(args.files) > 1:
        raise UsageError("expected tapes (.ptape) or one CSV")
    return _of_csv(args.files[0], args.column)


def _of_tape(path: Path, reading: str) -> list[tuple[float, float]]:
    """A few ticks of each hour: reading all of a month would take an hour."""
    from perftui.pipeline.loop import new_store
    from perftui.recording.reader import Tape

    tape = Tape(path)
    first, last = tape.span()
    found = []
    hour = first
    while hour <= last:
        store, values = new_store(), []
        for place, frame in enumerate(tape.frames(hour)):
            history = store.push(frame)
            value = history.value(reading)
            if value is not None:
                values.append(value)
            if place >= _TICKS_AN_HOUR:
                break
        if values:
            found.append((hour, sum(values) / len(values)))
        hour += 3600
    tape.close()
    if not found:
        raise UsageError(f"{path}: no value of {reading} in it; perftui readings lists the names")
    return found


def _of_csv(file: str, column: str | None) -> list[tuple[float, float]]:
    from perftui.sources.load_format import moment

    try:
        rows = [row for row in csv.reader(Path(file).read_text(encoding="utf-8-sig").splitlines()) if row]
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file}: can't be read: {getattr(exc, 'strerror', None) or exc}") from exc
    place, head = 1, rows[0] if rows and moment(rows[0][0]) is None else []
    if column is not None:
        if column not in head:
            raise UsageError(f"{file}: no column {column}; its first line has {', '.join(head) or 'no names'}")
        place = head.index(column)
    found = []
    for number, row in enumerate(rows, start=1):
        if row is head:
            continue
        at = moment(row[0])
        try:
            value = float(row[place]) if len(row) > place and row[place].strip() else None
        except ValueError:
            raise UsageError(f"{file}: row {number}: {row[place]!r} is no number") from None
        if at is None:
            raise UsageError(
                f"{file}: row {number}: {row[0]!r} is no moment; expected 2026-02-11 or seconds since 1970"
            )
        if value is not None:
            found.append((at, value))
    return sorted(found)


def _of_prometheus(url: str, query: str) -> list[tuple[float, float]]:
    import asyncio
    from urllib.parse import urlencode

    import msgspec

    from perftui.clients.clock import SystemClock
    from perftui.clients.http import HttpDocuments

    now = SystemClock().wall()
    asked = urlencode({"query": query, "start": f"{now - 90 * DAY_S:.0f}", "end": f"{now:.0f}", "step": "3600"})

    async def document() -> bytes:
        documents = HttpDocuments()
        try:
            return await documents.get(f"{url.rstrip('/')}/api/v1/query_range?{asked}", "application/json")
        finally:
            await documents.close()

    try:
        series = msgspec.json.decode(asyncio.run(document()))["data"]["result"]
        if len(series) != 1:
            raise UsageError(f"--query: {len(series)} series; expected one, put sum() or max() around it")
        return [(float(at), float(value)) for at, value in series[0]["values"] if value != "NaN"]
    except SourceError as exc:
        raise UsageError(exc.detail) from exc
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise UsageError(f"--prometheus: {url}: the answer is none of its range API") from None
