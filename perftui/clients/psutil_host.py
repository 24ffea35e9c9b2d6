"""The host as psutil tells it, for systems without /proc. Plain numbers and tuples; psutil is imported at the first call."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from perftui.clients.kernel_files import source_errors
from perftui.model.failure import FailureKind, SourceError

if TYPE_CHECKING:
    import psutil


class HostProcess(NamedTuple):
    pid: int
    ppid: int
    created_at: float
    name: str
    command: tuple[str, ...]
    user: str
    status: str
    cpu_s: float
    resident_bytes: int
    threads: int
    io_bytes: tuple[int, int] | None
    """Read and written; None where the system or this user can't tell."""


@contextmanager
def psutil_errors(what: str) -> Iterator[None]:
    """Turn psutil's errors into ours."""
    import psutil

    try:
        yield
    except psutil.AccessDenied as exc:
        raise SourceError(FailureKind.DENIED, f"{what}: run as root or as the owner to read it") from exc
    except (psutil.Error, NotImplementedError) as exc:
        raise SourceError(FailureKind.UNSUPPORTED, f"{what}: this system does not tell ({exc})") from exc
    except OSError as exc:
        raise SourceError(FailureKind.UNREACHABLE, f"{what}: {os.strerror(exc.errno or 0).lower()}") from exc


class PsutilHost:
    """Seconds and bytes since boot, as psutil gives them; what a system has no number for is left out or None."""

    def cpu_times(self) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Seconds in each mode: of all CPUs together, and of each."""
        import psutil

        with psutil_errors("cpu times"):
            return psutil.cpu_times()._asdict(), [times._asdict() for times in psutil.cpu_times(percpu=True)]

    def context_switches(self) -> int:
        import psutil

        with psutil_errors("context switches"):
            return int(psutil.cpu_stats().ctx_switches)

    def load(self) -> tuple[float, float, float]:
        with source_errors("load average"):
            return os.getloadavg()

    def boot_at(self) -> float:
        """Wall clock, seconds since 1970."""
        import psutil

        with psutil_errors("boot time"):
            return float(psutil.boot_time())

    def memory(self) -> dict[str, int]:
        """Bytes by psutil's own names: total, available, free and what else the system has."""
        import psutil

        with psutil_errors("memory"):
            return {name: int(value) for name, value in psutil.virtual_memory()._asdict().items()}

    def swap(self) -> tuple[int, int, int, int]:
        """(total, free, swapped in since boot, swapped out since boot) in bytes."""
        import psutil

        with psutil_errors("swap"):
            swap = psutil.swap_memory()
            return int(swap.total), int(swap.free), int(swap.sin), int(swap.sout)

    def disks(self) -> dict[str, dict[str, int]]:
        """Counters of each device by psutil's names; busy_time is there on Linux and FreeBSD only."""
        import psutil

        with psutil_errors("disks"):
            counters = psutil.disk_io_counters(perdisk=True, nowrap=False)
            return {name: each._asdict() for name, each in counters.items()}

    def filesystems(self) -> list[tuple[str, str, str, str]]:
        """(device, mount point, kind, options) of what psutil takes for physical devices."""
        import psutil

        with psutil_errors("filesystems"):
            return [
                (part.device, part.mountpoint, part.fstype, part.opts) for part in psutil.disk_partitions(all=False)
            ]

    def space(self, path: str) -> os.statvfs_result:
        """Size and free space of the filesystem at a mount point; may block while its device doesn't answer."""
        with source_errors(path):
            return os.statvfs(path)

    def interfaces(self) -> dict[str, tuple[int, int, int, int, int, int, int, int]]:
        """Received bytes, packets, errors, drops, then the same of what was sent."""
        import psutil

        with psutil_errors("network"):
            counters = psutil.net_io_counters(pernic=True, nowrap=False)
        return {
            name: (
                *(each.bytes_recv, each.packets_recv, each.errin, each.dropin),
                *(each.bytes_sent, each.packets_sent, each.errout, each.dropout),
            )
            for name, each in counters.items()
        }

    def processes(self) -> list[HostProcess]:
        """Every process that this user may see; one that may be listed but not read counts with what is known."""
        import psutil

        fields = ["pid", "ppid", "create_time", "name", "username", "status", "cpu_times", "memory_info", "num_threads"]
        with psutil_errors("processes"):
            return [
                HostProcess(
                    pid=process.pid,
                    ppid=known["ppid"] or 0,
                    created_at=known["create_time"] or 0.0,
                    name=known["name"] or "",
                    command=_command(process),
                    user=known["username"] or "",
                    status=known["status"] or "",
                    cpu_s=known["cpu_times"].user + known["cpu_times"].system if known["cpu_times"] else 0.0,
                    resident_bytes=known["memory_info"].rss if known["memory_info"] else 0,
                    threads=known["num_threads"] or 0,
                    io_bytes=_io_bytes(process),
                )
                for process in psutil.process_iter(fields)
                if (known := process.info)
            ]


def _command(process: psutil.Process) -> tuple[str, ...]:
    import psutil

    try:
        return tuple(process.cmdline())
    except (psutil.Error, OSError):
        return ()


def _io_bytes(process: psutil.Process) -> tuple[int, int] | None:
    import psutil

    try:
        counters = process.io_counters()
    except (psutil.Error, OSError, AttributeError):  # macOS has no such method
        return None
    return int(counters.read_bytes), int(counters.write_bytes)
