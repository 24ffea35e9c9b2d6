"""The kernel's log, from now on: /dev/kmsg."""

from __future__ import annotations

import errno
import os

from perftui.clients.kernel_files import source_errors
from perftui.model.failure import FailureKind, SourceError

_AT_ONCE = 500
_RECORD_BYTES = 8192  # the kernel refuses a read with less room than the longest record


class KernelMessages:
    """Keeps a descriptor at the log's end."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        self._path = path
        self._descriptor: int | None = None

    def new(self) -> list[bytes]:
        """The records since the last call, at most 500 (the next call goes on there); the first call only finds the end.

        Raises:
            SourceError: DENIED without the right to read the log, MISSING where there is none (containers).
        """
        if self._descriptor is None:
            self._descriptor = self._opened()
        records: list[bytes] = []
        while len(records) < _AT_ONCE:
            try:
                records.append(os.read(self._descriptor, _RECORD_BYTES))
            except BlockingIOError:
                break
            except OSError as exc:
                # EPIPE: records were overwritten before we read them; the next read gives the oldest one left.
                if exc.errno == errno.EPIPE:
                    continue
                raise SourceError(
                    FailureKind.UNREACHABLE, f"{self._path}: {os.strerror(exc.errno or 0).lower()}"
                ) from exc
        return records

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        try:
            with source_errors(self._path):
                descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                os.lseek(descriptor, 0, os.SEEK_END)
                return descriptor
        except SourceError as exc:
            if exc.kind is not FailureKind.DENIED:
                raise
            advice = "run as root, grant CAP_SYSLOG or set kernel.dmesg_restrict=0 to see whom the kernel kills"
            raise SourceError(FailureKind.DENIED, f"{self._path}: {advice}") from exc
