"""The same incident elsewhere: pure changes of a tape that must not change what is concluded from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame, Sample
from perftui.recording.codec import decode_frame, encode_frame
from perftui.sources import BY_NAME
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.pg_statements import PgStatementsSample, StatementRow
from perftui.sources.pg_tables import Before, PgTablesSample, TableRow
from perftui.sources.pressure import PressureSample, Stall, StallLine
from perftui.sources.processes import ProcessesSample
from tests.findings.tapes import Course, Variant

OWN = 1
"""Of the runnable tasks one is whoever counts them."""


def with_samples(frame: Frame, changed: Mapping[str, Sample]) -> Frame:
    return msgspec.structs.replace(frame, samples={**frame.samples, **changed})


def on_cores(count: int) -> Variant:
    """A host of so many CPUs that is as saturated: times, queues and what processes use grow with it."""

    def changed(frame: Frame) -> Frame:
        cpu, processes = frame.samples.get("cpu"), frame.samples.get("processes")
        if not isinstance(cpu, CpuSample):
            return frame
        factor = count / len(cpu.per_cpu)
        found: dict[str, Sample] = {"cpu": _cpu_of(cpu, count, factor)}
        if isinstance(processes, ProcessesSample):
            rows = tuple(msgspec.structs.replace(row, cpu_s=row.cpu_s * factor) for row in processes.rows)
            found["processes"] = msgspec.structs.replace(processes, rows=rows)
        return with_samples(frame, found)

    return lambda course: tuple(map(changed, course))


def _cpu_of(cpu: CpuSample, count: int, factor: float) -> CpuSample:
    return msgspec.structs.replace(
        cpu,
        all=_times(cpu.all, factor),
        per_cpu={str(number): _times(cpu.all, 1 / len(cpu.per_cpu)) for number in range(count)},
        runnable=None if cpu.runnable is None else OWN + round((cpu.runnable - OWN) * factor),
        blocked=None if cpu.blocked is None else round(cpu.blocked * factor),
    )


def _times(times: CpuTimes, factor: float) -> CpuTimes:
    return CpuTimes(*(round(getattr(times, field) * factor) for field in times.__struct_fields__))


def idle_cores(count: int) -> Variant:
    """The same load on a host of so many CPUs, the others idle: as the kernel would have counted it."""

    def changed(frame: Frame) -> Frame:
        cpu = frame.samples.get("cpu")
        if not isinstance(cpu, CpuSample):
            return frame
        idle = CpuTimes(0, 0, 0, round(cpu.mono * 100), 0, 0, 0, 0)
        extra = count - len(cpu.per_cpu)
        whole = msgspec.structs.replace(cpu.all, idle=cpu.all.idle + extra * idle.idle)
        per_cpu = {**cpu.per_cpu, **{f"idle{number}": idle for number in range(extra)}}
        return with_samples(frame, {"cpu": msgspec.structs.replace(cpu, all=whole, per_cpu=per_cpu)})

    return lambda course: tuple(map(changed, course))


def busy(share: float) -> Variant:
    """Somebody else's work beside it from before the fault to the end: at least so much of the CPUs' time is used."""

    def changed(course: Course) -> Course:
        shown, used = [course[0]], 0
        for before, now in pairwise(course):
            old, cpu = before.samples.get("cpu"), now.samples.get("cpu")
            if not isinstance(old, CpuSample) or not isinstance(cpu, CpuSample):
                shown.append(now)
                continue
            passed = sum(_fields(cpu.all)) - sum(_fields(old.all))
            idle = cpu.all.idle - old.all.idle
            working = passed - idle - (cpu.all.iowait - old.all.iowait)
            used += max(0, min(idle, round(share * passed) - working))
            times = msgspec.structs.replace(cpu.all, user=cpu.all.user + used, idle=cpu.all.idle - used)
            at_least = OWN + round(share * len(cpu.per_cpu))
            runnable = None if cpu.runnable is None else max(cpu.runnable, at_least)
            shown.append(with_samples(now, {"cpu": msgspec.structs.replace(cpu, all=times, runnable=runnable)}))
        return tuple(shown)

    return changed


def _fields(times: CpuTimes) -> tuple[int, ...]:
    return tuple(getattr(times, field) for field in times.__struct_fields__)


def goes_on(seconds: int, share: float) -> Variant:
    """The host after the fault: nothing of it any more, and so much load of others."""

    def changed(course: Course) -> Course:
        first, last = course[0], course[-1]
        return (*course, *(_later(first, last, second, share) for second in range(1, seconds + 1)))

    return changed


def _later(first: Frame, last: Frame, second: int, share: float) -> Frame:
    samples: dict[str, Sample] = {}
    for name, sample in last.samples.items():
        found: Sample = sample
        if isinstance(sample, CpuSample):
            found = _cpu_later(sample, second, share)
        elif isinstance(sample, PressureSample):
            stalls = {kind: _calm(getattr(sample, kind)) for kind in ("cpu", "io", "memory")}
            found = msgspec.structs.replace(sample, **stalls)
        elif isinstance(sample, ProcessesSample):
            known = first.samples["processes"]
            assert isinstance(known, ProcessesSample)
            found = msgspec.structs.replace(sample, rows=known.rows)
        samples[name] = msgspec.structs.replace(found, mono=last.mono + second)
    return msgspec.structs.replace(
        last, seq=last.seq + second, at=last.at + second, mono=last.mono + second, samples=samples, failed={}
    )


def _cpu_later(cpu: CpuSample, second: int, share: float) -> CpuSample:
    passed = round(100 * second * len(cpu.per_cpu))
    used = round(passed * share)
    times = msgspec.structs.replace(cpu.all, user=cpu.all.user + used, idle=cpu.all.idle + passed - used)
    return msgspec.structs.replace(cpu, all=times, runnable=OWN + round(share * len(cpu.per_cpu)), blocked=0)


def _calm(stall: Stall | None) -> Stall | None:
    def line(known: StallLine) -> StallLine:
        return StallLine(0.0, 0.0, 0.0, known.total)

    return None if stall is None else Stall(line(stall.some), line(stall.full) if stall.full else None)


def lasts(seconds: int) -> Variant:
    """The fault goes on as it did in its last second: counters and ages grow on, all else stays."""

    def changed(course: Course) -> Course:
        last = course[-1]
        before = next(frame for frame in reversed(course) if last.mono - frame.mono > 0.75)
        step_s = last.mono - before.mono
        return (*course, *(_gone_on(before, last, second, second / step_s) for second in range(1, seconds + 1)))

    return changed


SPANNING = ("pg_statements", "pg_tables")
"""Their samples hold what they differ from."""


def _gone_on(before: Frame, last: Frame, second: int, by: float) -> Frame:
    samples = {
        name: msgspec.structs.replace(
            sample if name in SPANNING or name not in before.samples else _grown(before.samples[name], sample, 1 + by),
            mono=last.mono + second,
        )
        for name, sample in last.samples.items()
    }
    return msgspec.structs.replace(
        last, seq=last.seq + second, at=last.at + second, mono=last.mono + second, samples=samples
    )


COUNTERS = {
    "memory": ("vmstat",),
    "disks": ("disks",),
    "network": ("segments_out", "segments_retransmitted"),
    "pg_counters": ("commits", "rollbacks", "blocks_hit", "blocks_read", "temp_bytes"),
    "pg_wal": ("position", "buffers"),
}
EVENTS = ("oom_kill",)
"""They happen or they don't."""


def at_rate(factor: float) -> Variant:
    """So many times as much is asked for and moved in the same time; each piece of it takes as long as before."""

    def changed(course: Course) -> Course:
        first: dict[str, Sample] = {}
        for frame in course:
            first = {**frame.samples, **first}
        return tuple(_frame_at_rate(first, frame, factor) for frame in course)

    return changed


def _frame_at_rate(first: Mapping[str, Sample], frame: Frame, factor: float) -> Frame:
    found: dict[str, Sample] = {}
    for name, sample in frame.samples.items():
        if name in COUNTERS:
            fields = {
                field: _grown(getattr(first[name], field), getattr(sample, field), factor) for field in COUNTERS[name]
            }
            found[name] = msgspec.structs.replace(sample, **fields)
        elif isinstance(sample, PgStatementsSample):
            found[name] = _statements_at_rate(sample, factor)
        elif isinstance(sample, PgTablesSample):
            found[name] = _tables_at_rate(sample, factor)
    return with_samples(frame, found)


def _grown(first: Any, now: Any, factor: float) -> Any:
    """A counter, or all counters of a record or map, that grew by so many times as much since the first."""
    if isinstance(now, bool):
        return now
    if isinstance(now, int | float) and isinstance(first, int | float):
        grown = first + (now - first) * factor
        return round(grown) if isinstance(now, int) else grown
    if isinstance(now, dict):
        return {
            name: value if name in EVENTS or name not in first else _grown(first[name], value, factor)
            for name, value in now.items()
        }
    if isinstance(now, tuple) and len(now) == len(first):
        return tuple(_grown(before, value, factor) for before, value in zip(first, now, strict=True))
    if isinstance(now, msgspec.Struct) and _who(first) == _who(now):
        fields = {field: _grown(getattr(first, field), getattr(now, field), factor) for field in now.__struct_fields__}
        return msgspec.structs.replace(now, **fields)
    return now


def _who(record: msgspec.Struct) -> tuple[object, ...]:
    """A process or session is another one behind another pid."""
    return tuple(getattr(record, field, None) for field in ("pid", "started_ticks", "backend_start_at", "query_id"))


def _statements_at_rate(sample: PgStatementsSample, factor: float) -> PgStatementsSample:
    def row(before: StatementRow, now: StatementRow) -> StatementRow:
        calls = max(1, round((now.calls - before.calls) * factor))
        counted = ("calls", "total_ms", "rows", "blocks_hit", "blocks_read", "temp_blocks", "wal_bytes")
        by = calls / (now.calls - before.calls)
        grown = {field: _grown(getattr(before, field), getattr(now, field), by) for field in counted}
        return msgspec.structs.replace(now, **grown)

    return msgspec.structs.replace(
        sample,
        now=tuple(row(before, now) for before, now in zip(sample.before, sample.now, strict=True)),
        total_ms=sample.total_ms * factor,
        total_calls=round(sample.total_calls * factor),
    )


def _tables_at_rate(sample: PgTablesSample, factor: float) -> PgTablesSample:
    def row(now: TableRow) -> TableRow:
        before = sample.before.get(now.oid, Before(0, 0, 0))
        grown = {field: _grown(getattr(before, field), getattr(now, field), factor) for field in ("scans", "rows_read")}
        return msgspec.structs.replace(now, **grown)

    return msgspec.structs.replace(
        sample,
        tables=tuple(map(row, sample.tables)),
        rows_read=None if sample.rows_read is None else round(sample.rows_read * factor),
    )


def every(ticks: int) -> Variant:
    """A longer interval: each tick has the newest samples and failures since the one before."""

    def changed(course: Course) -> Course:
        shown = []
        for place in range(0, len(course), ticks):
            since = course[max(0, place - ticks + 1) : place + 1]
            samples: dict[str, Sample] = {}
            failed: dict[str, Failed] = {}
            for frame in since:
                samples = {name: samples[name] for name in samples if name not in frame.failed} | {**frame.samples}
                failed = {name: failed[name] for name in failed if name not in frame.samples} | {**frame.failed}
            shown.append(msgspec.structs.replace(course[place], samples=samples, failed=failed))
        return tuple(shown)

    return changed


def late_ticks(course: Course) -> Course:
    """Of seven ticks one does not come, with all that it would have read."""
    return tuple(frame for place, frame in enumerate(course) if place % 7 != 3)


def now_and_then(course: Course) -> Course:
    """Each third tick one source after the other does not answer in time."""
    failure = Failed(kind=FailureKind.TIMED_OUT, detail="no answer in time")

    def frame(place: int, known: Frame) -> Frame:
        names = sorted(known.samples)
        if place % 3 != 1 or not names:
            return known
        gone = names[place // 3 % len(names)]
        samples = {name: sample for name, sample in known.samples.items() if name != gone}
        return msgspec.structs.replace(known, samples=samples, failed={**known.failed, gone: failure})

    return tuple(frame(place, known) for place, known in enumerate(course))


def clock_set(seconds: float) -> Variant:
    """Somebody sets the wall clock in the middle."""

    def changed(course: Course) -> Course:
        half = len(course) // 2
        later = (msgspec.structs.replace(frame, at=frame.at + seconds) for frame in course[half:])
        return (*course[:half], *later)

    return changed


NAMES = {
    "orders": "tickets",
    "items": "parts",
    "customers": "members",
    "accounts": "balances",
    "stock": "shelf",
    "archive": "cold_storage",
    "shop": "portal",
    "checkout": "front_door",
    "payments": "billing",
    "reports": "ledger",
    "search": "lookup",
    "migration": "flyway",
    "newsletter": "campaign",
    "greedy": "crawler",
    "export": "extract",
    "culprit": "helpdesk",
    "victim": "caller",
    "stress": "render",
    "fio": "rsync",
    "python": "ruby",
    "cc1": "javac",
    "bouncer": "edge",
    "small": "uploads",
    "127.0.0.1": "10.20.30.40",
}
_WORDS = re.compile("|".join(rf"(?<![a-z0-9_]){re.escape(name)}(?![a-z])" for name in NAMES).encode())
_PORTS = re.compile(rb"(?<=10\.20\.30\.40[: ])(port )?(\d{4,5})")


def renamed(course: Course) -> Course:
    """Other names of applications, relations, programs, pools and probes, and other addresses and ports."""

    def changed(frame: Frame) -> Frame:
        text = _WORDS.sub(lambda found: NAMES[found[0].decode()].encode(), encode_frame(frame))
        return decode_frame(_PORTS.sub(lambda found: (found[1] or b"") + b"%d" % (int(found[2]) ^ 1), text), BY_NAME)

    return tuple(map(changed, course))
