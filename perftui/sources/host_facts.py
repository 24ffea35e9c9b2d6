"""What this host is, for one look: sizes, limits and kernel settings that two environments may differ in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from perftui.model.facts import SYSCTLS
from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Machine
from perftui.sources.cgroup_tree import Cgroups
from perftui.sources.cgroups import CgroupRow
from perftui.sources.data_disk import disk_kind
from perftui.sources.files import Clock, KernelFiles, words_to_ints
from perftui.sources.link_speed import link_bits_per_s
from perftui.sources.text import printable_bytes

Known = dict[str, Any]
Notes = dict[str, str]


async def host_facts(files: KernelFiles, clock: Clock, here: Machine, data_path: str) -> tuple[Known, Notes]:
    """(fields of `Facts`, notes by name). What can't be read is left out, with the reason among the notes.

    Args:
        data_path: Whose filesystem and disk count.
    """
    known: Known = {"host": here.hostname, "cores": here.cores, "data_path": data_path}
    if here.memory_bytes is not None:
        known["memory_bytes"] = here.memory_bytes
    notes: Notes = {}
    readers: Mapping[str, Callable[[], Any]] = {
        "cores": lambda: usable_cpus(files.read_once("/proc/self/status"), files.read_once(_ONLINE)),
        "cpu_model": lambda: _cpu_model(files.read_once("/proc/cpuinfo")),
        "memory_bytes": lambda: _meminfo(files, b"MemTotal"),
        "swap_bytes": lambda: _meminfo(files, b"SwapTotal"),
        "os": lambda: os_name(files.read_once("/etc/os-release")),
        "kernel": lambda: printable_bytes(files.read_once("/proc/sys/kernel/osrelease").strip(), 64),
        "open_files": lambda: open_files(files.read_once("/proc/self/limits")),
        "transparent_hugepages": lambda: _chosen(files.read_once("/sys/kernel/mm/transparent_hugepage/enabled")),
        "data_filesystem_bytes": lambda: _size(files, data_path),
        "data_disk_kind": lambda: disk_kind(files, data_path),
    }
    for name, read in readers.items():
        try:
            known[name] = read()
        except SourceError as exc:
            if name not in known:
                notes[name] = exc.detail
    try:
        interface, known["bandwidth_bits_per_s"] = link_bits_per_s(files)
        notes["bandwidth_bits_per_s"] = f"link speed of {interface}"
    except SourceError as exc:
        notes["bandwidth_bits_per_s"] = exc.detail
    known["sysctl"] = _sysctls(files, notes)
    _limit(known, notes, await _own_group(files, clock))
    return known, notes


_ONLINE = "/sys/devices/system/cpu/online"


def usable_cpus(status: bytes, online: bytes) -> int:
    """How many CPUs a program started here may run on, as `nproc`.

    Args:
        status: /proc/self/status; its mask may name CPUs that this host does not have.
        online: /sys/devices/system/cpu/online.
    """
    allowed = re.search(rb"^Cpus_allowed_list:\s*(\S+)", status, re.MULTILINE)
    if allowed is None:
        raise SourceError(FailureKind.MALFORMED, "/proc/self/status: no Cpus_allowed_list line")
    return len(_numbers(allowed[1]) & _numbers(online))


def _numbers(ranges: bytes) -> set[int]:
    """`0-2,5` → 0, 1, 2, 5."""
    found: set[int] = set()
    for part in ranges.strip().split(b","):
        first, _, last = part.partition(b"-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _cpu_model(cpuinfo: bytes) -> str:
    found = re.search(rb"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    if found is None:
        raise SourceError(FailureKind.UNSUPPORTED, "/proc/cpuinfo: this kind of CPU has no model name there")
    return printable_bytes(found[1].strip(), 80)


def _meminfo(files: KernelFiles, name: bytes) -> int:
    kibibytes = words_to_ints(files.read_once("/proc/meminfo")).get(name)
    if kibibytes is None:
        raise SourceError(FailureKind.MALFORMED, f"/proc/meminfo: no {name.decode()} line")
    return kibibytes * 1024


def os_name(release: bytes) -> str:
    """PRETTY_NAME of /etc/os-release."""
    found = re.search(rb"^PRETTY_NAME=[\"']?([^\"'\n]+)", release, re.MULTILINE)
    if found is None:
        raise SourceError(FailureKind.MALFORMED, "/etc/os-release: no PRETTY_NAME")
    return printable_bytes(found[1].strip(), 80)


def open_files(limits: bytes) -> int:
    """The soft limit, as `ulimit -n`."""
    found = re.search(rb"^Max open files\s+(\d+)", limits, re.MULTILINE)
    if found is None:
        raise SourceError(FailureKind.UNSUPPORTED, "/proc/self/limits: open files are not limited")
    return int(found[1])


def _chosen(choices: bytes) -> str:
    """`always [madvise] never` → madvise."""
    found = re.search(rb"\[(\w+)\]", choices)
    return printable_bytes(found[1] if found else choices.strip(), 32)


def _size(files: KernelFiles, path: str) -> int:
    space = files.space(path)
    return space.f_blocks * space.f_frsize


def _sysctls(files: KernelFiles, notes: Notes) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for name in SYSCTLS:
        try:
            raw = files.read_once(f"/proc/sys/{name.replace('.', '/')}")
        except SourceError as exc:
            notes[f"sysctl.{name}"] = exc.detail
            continue
        words = printable_bytes(b" ".join(raw.split()), 200)
        found[name] = int(words) if words.isdigit() else words
    return found


async def _own_group(files: KernelFiles, clock: Clock) -> CgroupRow | None:
    try:
        groups = (await Cgroups(files, clock).sample()).groups
    except SourceError:  # no control groups, so no limits of theirs
        return None
    return next((row for row in groups.values() if row.own), None)


def _limit(known: Known, notes: Notes, group: CgroupRow | None) -> None:
    """What the control group leaves of cores and memory."""
    if group is None:
        return
    if group.quota_cores is not None and group.quota_cores < known["cores"]:
        notes["cores"] = f"quota of the control group, of {known['cores']}"
        known["cores"] = round(group.quota_cores, 3)
    limit = group.memory_limit_bytes
    if limit is not None and limit < known.get("memory_bytes", float("inf")):
        if "memory_bytes" in known:
            notes["memory_bytes"] = f"limit of the control group, of {known['memory_bytes']}"
        known["memory_bytes"] = limit
