"""Processes: the folders of /proc, and the CPU clock of each pid."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from perftui.clients.kernel_files import source_errors


class ProcessTable:
    """Reads without keeping descriptors; what is gone or private is None."""

    def pids(self) -> list[int]:
        """Every process of this PID namespace.

        Raises:
            SourceError: MISSING without /proc.
        """
        with source_errors("/proc"):
            names = os.listdir("/proc")
        return [int(name) for name in names if name.isdigit()]

    def newest_pid(self) -> int:
        """The last pid the kernel gave to a process or thread of this PID namespace.

        Raises:
            SourceError: MISSING without /proc.
        """
        with source_errors("/proc/loadavg"):
            descriptor = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return int(os.read(descriptor, 256).split()[-1])
            finally:
                os.close(descriptor)

    def moved(self, clocks: Mapping[int, int]) -> tuple[dict[int, int], list[int]]:
        """CPU ns since its start, all threads, of each process whose clock differs from the given one; and who has no clock.

        The kernel tells it to everybody for 0.4 to 1 µs a process, reading /proc/PID/stat costs 2.5 to 10 µs. The number
        asked for is the kernel's own form of a process' CPU clock: the pid's complement, then CPUCLOCK_SCHED. A thread that
        is not its process' first has no such clock, nor has a process that is gone.
        """
        clock, moved, without = time.clock_gettime_ns, {}, []
        for pid, before in clocks.items():
            try:
                now = clock((~pid << 3) | 2)
            except OSError:
                without.append(pid)
                continue
            if now != before:
                moved[pid] = now
        return moved, without

    def read(self, pid: int, name: str) -> bytes | None:
        """The first 4 kB of /proc/PID/name; None when the process is gone or this user may not read it."""
        try:
            descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.read(descriptor, 4096)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def open_files(self, pid: int) -> int | None:
        """How many descriptors it holds; None when it is gone, or private on a kernel before 6.2."""
        path = f"/proc/{pid}/fd"
        try:
            # Since Linux 6.2 the folder's size is the count and is told to everybody; before it is 0.
            return os.stat(path).st_size or len(os.listdir(path))
        except OSError:
            return None
