"""What the files in /proc/PID say."""

from __future__ import annotations

import re

import msgspec

from perftui.sources.text import printable_bytes

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of the kernel's sched.h, in `flags` of stat
COMMAND_CHARACTERS = 200


class ProcessStat(msgspec.Struct, frozen=True):
    """Source: /proc/PID/stat."""

    name: str
    state: str
    ppid: int
    kernel_thread: bool
    major_faults: int
    cpu_ticks: int
    threads: int
    started_ticks: int
    resident_pages: int


def parse_stat(raw: bytes) -> ProcessStat:
    """The name may hold spaces and parentheses: it ends at the line's last one."""
    head, _, tail = raw.rpartition(b")")
    words = tail.split(None, 23)
    return ProcessStat(
        name=printable_bytes(head[head.index(b"(") + 1 :], 15),
        state=words[0].decode(),
        ppid=int(words[1]),
        kernel_thread=bool(int(words[6]) & _KERNEL_THREAD),
        major_faults=int(words[9]),
        cpu_ticks=int(words[11]) + int(words[12]),
        threads=int(words[17]),
        started_ticks=int(words[19]),
        resident_pages=int(words[21]),
    )


def parse_io(raw: bytes) -> tuple[int, int] | None:
    """(read_bytes, write_bytes) of /proc/PID/io: what went to or came from a disk. None when the lines are not there."""
    found: dict[bytes, int] = {}
    for line in raw.splitlines():
        name, _, number = line.partition(b": ")
        if name in (b"read_bytes", b"write_bytes"):
            found[name] = int(number)
    return (found[b"read_bytes"], found[b"write_bytes"]) if len(found) == 2 else None


_UID = re.compile(rb"^Uid:\s+\d+\s+(\d+)", re.MULTILINE)
_SWAP = re.compile(rb"^VmSwap:\s+(\d+) kB", re.MULTILINE)
_LIMIT = re.compile(rb"^Max open files\s+(\d+)", re.MULTILINE)


def parse_status(raw: bytes) -> tuple[int | None, int | None]:
    """(effective uid as in ps, bytes in swap) of /proc/PID/status; kernel threads have no VmSwap line: None."""
    uid, swap = _UID.search(raw), _SWAP.search(raw)
    return int(uid[1]) if uid else None, int(swap[1]) * 1024 if swap else None


def parse_open_files_limit(raw: bytes) -> int | None:
    """The soft limit of /proc/PID/limits; None when it is unlimited or not told."""
    limit = _LIMIT.search(raw)
    return int(limit[1]) if limit else None


_SECRET = re.compile(
    rb"(://[^:/@\s\0]*:)[^\s\0]+(?=@)|(?i:((?:passw(?:or)?d|token|secret|api[_-]?key|access[_-]?key)=))[^\s\0&]+"
)


def command_text(raw: bytes) -> str:
    """/proc/PID/cmdline as one line, at most 200 characters, without the passwords of URLs, of `password=` and of tokens."""
    if b"://" in raw or b"=" in raw:
        raw = _SECRET.sub(rb"\1\2***", raw)
    return printable_bytes(raw.rstrip(b"\0").replace(b"\0", b" "), COMMAND_CHARACTERS)


def parse_passwd(raw: bytes) -> dict[int, str]:
    """User names by uid; of several names for one uid the first counts, as in getpwuid."""
    names: dict[int, str] = {}
    for line in raw.splitlines():
        fields = line.split(b":")
        if len(fields) >= 3 and fields[2].isdigit():
            names.setdefault(int(fields[2]), printable_bytes(fields[0], 32))
    return names
