"""Who the kernel killed for want of memory: /dev/kmsg."""

from __future__ import annotations

import re

import msgspec

from perftui.model.frame import Sample
from perftui.sources.files import Clock, KernelMessages
from perftui.sources.kind import Part, SourceKind
from perftui.sources.text import printable_bytes


class OomKill(msgspec.Struct, frozen=True, kw_only=True):
    """`Out of memory: Killed process …` or `Memory cgroup out of memory: Killed process …` of the kernel's log."""

    pid: int
    """The process that the kernel killed for want of memory."""
    name: str
    """Its name."""
    resident_bytes: int | None
    """anon-rss of the line."""
    cgroup: str
    """The group whose limit was hit (`oom_memcg` of the line before); empty when the host had none left."""


class KernelLogSample(Sample, frozen=True, kw_only=True):
    oom_kills: tuple[OomKill, ...]
    """The last 20 that were read in the last 300 s, newest last; the log from before our start is skipped."""


class KernelLogPart(Part, frozen=True, kw_only=True):
    oom_kills: tuple[OomKill, ...]
    """The last 20, newest last."""


_REMEMBERED_S = 300.0
_MOST = 20
_KILLED = re.compile(rb"Killed process (\d+) \((.{0,32}?)\)(?=,| total-vm)(?:.*?anon-rss:(\d+)kB)?")
"""All kernels from 3.10 to 6.x; RHEL 7 puts `, UID 1000,` after the name."""
_GROUP = re.compile(
    rb"oom-kill:constraint=CONSTRAINT_MEMCG,.*?oom_memcg=(.*?),task_memcg=|killed as a result of limit of (.*)"
)
_HOST = re.compile(rb"oom-kill:constraint=|invoked oom-killer")
"""A new event begins, of which no group is known yet."""


class OomLines:
    """Puts the lines of one kill together, which may come in two reads."""

    def __init__(self) -> None:
        self._group = ""

    def kills(self, records: list[bytes]) -> list[OomKill]:
        """The kills in records of /dev/kmsg (`priority,sequence,µs,flags;text`)."""
        found = []
        for record in records:
            head, _, text = record.partition(b"\n")[0].partition(b";")
            priority = head.partition(b",")[0]
            # Facility 0 is the kernel; lines that programs wrote into the log prove nothing.
            if not priority.isdigit() or int(priority) >> 3:
                continue
            if group := _GROUP.search(text):
                self._group = printable_bytes(group[1] or group[2] or b"", 200)
            elif _HOST.search(text):
                self._group = ""
            elif killed := _KILLED.search(text):
                found.append(_kill(killed, self._group))
        return found


def _kill(killed: re.Match[bytes], group: str) -> OomKill:
    return OomKill(
        pid=int(killed[1]),
        name=printable_bytes(killed[2], 15),
        resident_bytes=int(killed[3]) * 1024 if killed[3] else None,
        cgroup=group,
    )


class KernelLog:
    """Reads what is new in /dev/kmsg."""

    name = "kernel_log"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, messages: KernelMessages, clock: Clock) -> None:
        self._messages = messages
        self._clock = clock
        self._lines = OomLines()
        self._kills: list[tuple[float, OomKill]] = []

    async def sample(self) -> KernelLogSample:
        """Read what came since the last call.

        Raises:
            SourceError: DENIED without the right to read the kernel's log, MISSING in a container.
        """
        mono = self._clock.mono()
        self._kills += [(mono, kill) for kill in self._lines.kills(self._messages.new())]
        self._kills = [(read, kill) for read, kill in self._kills if mono - read <= _REMEMBERED_S][-_MOST:]
        return KernelLogSample(mono=mono, oom_kills=tuple(kill for _, kill in self._kills))


def derive(previous: KernelLogSample | None, current: KernelLogSample) -> KernelLogPart:
    """Readings of the current sample alone."""
    return KernelLogPart(oom_kills=current.oom_kills)


KIND = SourceKind(name="kernel_log", sample=KernelLogSample, part=KernelLogPart, derive=derive)
