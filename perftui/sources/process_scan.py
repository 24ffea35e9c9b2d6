"""Scans the processes of a Linux host: whose CPU clock moved is read, the others in turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from perftui.sources.files import Clock, KernelFiles, ProcessTable, Worker, read_or_none
from perftui.sources.process_files import (
    ProcessStat,
    command_text,
    parse_io,
    parse_open_files_limit,
    parse_passwd,
    parse_stat,
    parse_status,
)
from perftui.sources.processes import ROWS, ProcessesSample, ProcessRow

_COST_RATIO = 0.008
"""Share of a core a scan may cost before it is made less often."""
_SHORTEST_S, _LONGEST_S = 1.0, 10.0
_SWEEP_S = 30.0
"""In this time each process is read again, whether its clock moved or not."""
_FILES_PER_S = 20
"""Processes whose descriptors are counted per second: 200 take 10 s."""
_DETAILS_S = 5.0
_LIMIT_S = 60.0
_LIST_S = 10.0
"""How often /proc is listed where new pids can be told without."""
_PROBED = 500
"""More new pids than that are cheaper found by listing."""
_UNSEEN = -1
"""Differs from whatever a clock says."""
_FEW = 6
"""Details that are renewed in one scan, so that they do not all fall due in the same one."""


class _Known:
    """What is known of one process; as mutable as the process."""

    __slots__ = (
        "command", "cpu_heat", "cpu_ns", "details_at", "fault_heat", "files_limit", "io", "io_denied", "io_heat", "limit_at",
        "named", "open_files", "open_files_at", "pid", "stat", "swapped_bytes", "user",
    )  # fmt: skip

    def __init__(self, pid: int, stat: ProcessStat, cpu_ns: int) -> None:
        self.pid = pid
        self.stat = stat
        self.cpu_ns = cpu_ns
        # Leaders stay leaders for some scans, so that their rates are known and rows do not flicker.
        self.cpu_heat = self.io_heat = self.fault_heat = 0.0
        self.io: tuple[int, int] | None = None
        self.io_denied = False
        self.command = self.user = self.named = ""
        self.swapped_bytes: int | None = None
        self.details_at = self.limit_at = self.open_files_at = float("-inf")
        self.open_files: int | None = None
        self.files_limit: int | None = None

    def cool(self) -> bool:
        """Let its rank fade; whether any is left."""
        self.cpu_heat = self.cpu_heat * 0.7 if self.cpu_heat > 10_000 else 0.0
        self.io_heat = self.io_heat * 0.7 if self.io_heat > 1_000 else 0.0
        self.fault_heat = self.fault_heat * 0.7 if self.fault_heat > 1 else 0.0
        return bool(self.cpu_heat or self.io_heat or self.fault_heat)


class Processes:
    """Reads /proc/PID/{stat,cmdline,io,status,limits,fd} of the processes that matter.

    The scan runs in a worker: reading a command line waits for a lock that a process in trouble may hold.
    """

    name = "processes"
    deadline_s = 5.0

    def __init__(
        self, table: ProcessTable, files: KernelFiles, clock: Clock, worker: Worker, page_bytes: int, ticks_per_s: int
    ) -> None:
        self.interval_s = _SHORTEST_S
        self.wanted_all = False
        """Report every process, as a pane that shows them all asks for."""
        self._table = table
        self._files = files
        self._clock = clock
        self._worker = worker
        self._page_bytes = page_bytes
        self._tick_ns = 1_000_000_000 // ticks_per_s
        self._known: dict[int, _Known] = {}
        self._clocks: dict[int, int] = {}
        self._clocks_work = True
        self._listed_at = float("-inf")
        self._newest_pid = 0
        # Pids of special interest, so that a scan looks at all processes only for their clocks.
        self._moved: set[int] = set()
        self._warm: set[int] = set()
        self._waiting: set[int] = set()
        self._near_limit: set[int] = set()
        self._largest: list[int] = []
        self._stat_turn: list[int] = []
        self._files_turn: list[int] = []
        self._users: dict[int, str] = {}
        self._users_at = float("-inf")
        self._scanned_at: float | None = None
        self._cost_s = 0.0

    async def sample(self) -> ProcessesSample:
        """Scan once.

        Raises:
            SourceError: MISSING without /proc, TIMED_OUT while an earlier scan is stuck in the kernel.
        """
        return await self._worker.run(self._scan)

    def _scan(self) -> ProcessesSample:
        began = self._worker.cpu_s()
        self._find_new(self._clock.mono())
        moved, without = self._table.moved(self._clocks)
        mono = self._clock.mono()
        first = self._scanned_at is None
        elapsed_s = 0.0 if self._scanned_at is None else mono - self._scanned_at
        self._read_stats(moved, without, mono, elapsed_s)
        self._read_io()
        self._count_files(elapsed_s, mono)
        chosen = list(self._known.values()) if self.wanted_all else self._leaders()
        self._read_details(chosen, mono)
        self._scanned_at = mono
        sample = ProcessesSample(
            mono=mono,
            total=len(self._known),
            rows=tuple(self._row(known) for known in chosen),
            complete=len(chosen) == len(self._known),
        )
        self._pace(self._worker.cpu_s() - began, first)
        return sample

    def _pace(self, cost_s: float, first: bool) -> None:
        if first:  # reads everything; says nothing about the scans that follow
            return
        self._cost_s = cost_s if self._cost_s == 0.0 else 0.7 * self._cost_s + 0.3 * cost_s
        self.interval_s = min(_LONGEST_S, max(_SHORTEST_S, self._cost_s / _COST_RATIO))

    def _find_new(self, mono: float) -> None:
        """Give new processes a clock that has not begun.

        Pids are given out in order, so those after the last one known are asked one by one; /proc is listed, for 1.5 µs a
        process, when they are many or have wrapped, and now and then for those that were put in by number (checkpoints).
        """
        newest, before = self._table.newest_pid(), self._newest_pid
        self._newest_pid = newest
        if self._clocks_work and mono - self._listed_at < _LIST_S and 0 <= newest - before <= _PROBED:
            candidates: Iterable[int] = range(before + 1, newest + 1)
        else:
            self._listed_at = mono
            candidates = self._table.pids()
            for pid in self._clocks.keys() - set(candidates):
                self._forget(pid)
        for pid in candidates:
            self._clocks.setdefault(pid, _UNSEEN)

    def _read_stats(self, moved: dict[int, int], without: list[int], mono: float, elapsed_s: float) -> None:
        # Some sandboxes have no clocks of processes; elsewhere a pid without one is gone, or is a thread's.
        self._clocks_work = bool(moved) or len(without) < len(self._clocks)
        if self._clocks_work:
            for pid in without:
                self._forget(pid)
            self._moved = set(moved)
        else:
            self._moved = set(without)
        self._warm = {pid for pid in self._warm if pid in self._known and self._known[pid].cool()}
        due = self._moved | self._waiting | set(self._largest[:15])
        due.update(_turn(self._stat_turn, self._clocks, len(self._clocks) * elapsed_s / _SWEEP_S))
        for pid in due.intersection(self._clocks):
            self._read(pid, moved.get(pid, self._clocks[pid]), mono)
        sized = [self._known[pid] for pid in due.union(self._largest) if pid in self._known]
        self._largest = [known.pid for known in sorted(sized, key=_resident, reverse=True)[:ROWS]]

    def _read(self, pid: int, cpu_ns: int, mono: float) -> None:
        raw = self._table.read(pid, "stat")
        if not raw:
            self._forget(pid)
            return
        stat = parse_stat(raw)
        known = self._known.get(pid)
        now_ns = cpu_ns if self._clocks_work else stat.cpu_ticks * self._tick_ns
        if known is None or known.stat.started_ticks != stat.started_ticks or now_ns < known.cpu_ns:
            self._known[pid] = known = _Known(pid, stat, now_ns)
            known.cpu_heat = self._first_heat(stat, now_ns, mono)
        else:
            known.cpu_heat = max(known.cpu_heat, float(now_ns - known.cpu_ns))
            known.fault_heat = max(known.fault_heat, float(stat.major_faults - known.stat.major_faults))
            known.stat = stat
            known.cpu_ns = now_ns
        self._clocks[pid] = now_ns
        self._warm.add(pid)
        (self._waiting.add if stat.state in "DZ" else self._waiting.discard)(pid)

    def _forget(self, pid: int) -> None:
        self._known.pop(pid, None)
        self._clocks.pop(pid, None)
        for interesting in (self._warm, self._waiting, self._near_limit):
            interesting.discard(pid)

    def _first_heat(self, stat: ProcessStat, cpu_ns: int, mono: float) -> float:
        """A new process used all its CPU time since the last scan; at our first scan its mean has to do, for want of a last."""
        if self._scanned_at is not None:
            return float(cpu_ns)
        age_s = max(1.0, mono - stat.started_ticks * self._tick_ns / 1e9)
        return cpu_ns / age_s + (1e9 if stat.state == "R" else 0.0)

    def _read_io(self) -> None:
        """Disk bytes of those that may have moved some: they used CPU or wait for a disk."""
        moved = sorted(self._all(self._moved), key=_cpu_heat, reverse=True)[:40]
        stuck = self._all(self._waiting - self._moved)
        for known in moved + stuck[:40]:
            self._renew_io(known)

    def _renew_io(self, known: _Known) -> None:
        if known.io_denied:
            return
        raw = self._table.read(known.pid, "io")
        now = parse_io(raw) if raw else None
        if now is None:
            known.io_denied = True
        elif known.io is not None:
            known.io_heat = max(known.io_heat, float(now[0] - known.io[0] + now[1] - known.io[1]))
        known.io = now

    def _count_files(self, elapsed_s: float, mono: float) -> None:
        for pid in _turn(self._files_turn, self._known, _FILES_PER_S * max(elapsed_s, 1.0)):
            known = self._known.get(pid)
            if known is not None and not known.stat.kernel_thread:
                self._renew_files(known, mono)

    def _renew_files(self, known: _Known, mono: float) -> None:
        known.open_files_at = mono
        known.open_files = self._table.open_files(known.pid)
        if known.open_files and mono - known.limit_at > _LIMIT_S:
            known.limit_at = mono
            known.files_limit = parse_open_files_limit(self._table.read(known.pid, "limits") or b"")
        near = bool(known.open_files and known.files_limit and known.open_files > 0.8 * known.files_limit)
        (self._near_limit.add if near else self._near_limit.discard)(known.pid)

    def _leaders(self) -> list[_Known]:
        """At most ROWS: the stuck, those near a limit, the leaders of each kind; the rest of the room by CPU."""
        if len(self._known) <= ROWS:
            return list(self._known.values())
        waiting, near_limit, largest = (self._all(pids) for pids in (self._waiting, self._near_limit, self._largest))
        warm = self._all(self._warm)
        by_cpu = sorted(warm, key=_cpu_heat, reverse=True)
        chosen: dict[int, _Known] = {}
        for candidates, most in (
            ([known for known in waiting if known.stat.state == "D"], 8),
            ([known for known in waiting if known.stat.state == "Z"], 4),
            (near_limit, 4),
            (_hottest(warm, "io_heat"), 8),
            (_hottest(warm, "fault_heat"), 4),
            (by_cpu, 10),
            (largest, 30),
            (by_cpu, ROWS),
        ):
            fresh = [known for known in candidates if known.pid not in chosen]
            for known in fresh[: min(most, ROWS - len(chosen))]:
                chosen[known.pid] = known
        return list(chosen.values())

    def _all(self, pids: Iterable[int]) -> list[_Known]:
        return [self._known[pid] for pid in pids if pid in self._known]

    def _read_details(self, chosen: list[_Known], mono: float) -> None:
        renewed = 0
        for known in chosen:
            unseen = known.details_at == float("-inf")
            due = mono - known.details_at >= _DETAILS_S and renewed < _FEW
            if not (unseen or due or known.named != known.stat.name):
                continue
            renewed += not unseen
            known.details_at = mono
            known.named = known.stat.name  # exec gives a new name and a new command line
            self._renew_details(known, mono)

    def _renew_details(self, known: _Known, mono: float) -> None:
        if known.stat.kernel_thread:
            known.user = self._user(0, mono)
            return
        known.command = command_text(self._table.read(known.pid, "cmdline") or b"")
        uid, known.swapped_bytes = parse_status(self._table.read(known.pid, "status") or b"")
        known.user = "" if uid is None else self._user(uid, mono)
        if mono - known.open_files_at >= _DETAILS_S:
            self._renew_files(known, mono)
        if known.io is None:
            self._renew_io(known)

    def _user(self, uid: int, mono: float) -> str:
        # /etc/passwd alone: asking the name service may wait for a directory server that is part of the incident.
        if uid not in self._users and mono - self._users_at > 60.0:
            self._users_at = mono
            self._users = parse_passwd(read_or_none(self._files, "/etc/passwd") or b"")
        return self._users.get(uid, str(uid))

    def _row(self, known: _Known) -> ProcessRow:
        stat = known.stat
        io = known.io or (None, None)
        return ProcessRow(
            pid=known.pid,
            started_ticks=stat.started_ticks,
            ppid=stat.ppid,
            name=stat.name,
            command=known.command,
            user=known.user,
            state=stat.state,
            cpu_s=round(known.cpu_ns / 1e9, 5),
            resident_bytes=stat.resident_pages * self._page_bytes,
            threads=stat.threads,
            major_faults=stat.major_faults,
            read_bytes=io[0],
            write_bytes=io[1],
            swapped_bytes=known.swapped_bytes,
            open_files=known.open_files,
            open_files_limit=known.files_limit,
        )


def _cpu_heat(known: _Known) -> float:
    return known.cpu_heat


def _resident(known: _Known) -> int:
    return known.stat.resident_pages


def _hottest(warm: Iterable[_Known], heat: str) -> list[_Known]:
    return sorted(
        (known for known in warm if getattr(known, heat)), key=lambda known: getattr(known, heat), reverse=True
    )


def _turn(waiting: list[int], pids: Mapping[int, object], count: float) -> list[int]:
    """The next pids of a round over all of them; a new round begins when the last one is through."""
    if not waiting:
        waiting.extend(reversed(list(pids)))
    return [waiting.pop() for _ in range(min(len(waiting), ceil(count)))]
