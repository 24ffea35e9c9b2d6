"""Walks the control groups of v1, v2 and hybrid hosts and reads those with limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.cgroups import CgroupRow, CgroupsSample
from perftui.sources.files import Clock, KernelFiles, words_to_ints
from perftui.sources.text import printable

_DEPTH = 4
_MOST = 100
_VISITED = 2000
_TREE_S, _LARGE_TREE_S = 2.0, 10.0
_LARGE = 50
"""Groups; walking so many takes about a millisecond."""
_UNLIMITED_BYTES = 1 << 60
"""v1 says "no limit" as the largest page-aligned number, 0x7FFFFFFFFFFFF000."""


class CgroupMount(msgspec.Struct, frozen=True):
    """Where the groups of one resource are."""

    version: int
    point: str
    own: str
    """Our group's path below `point`, beginning with a slash; `/` when it lies outside of what is mounted (containers)."""

    def file(self, group: str, name: str) -> str:
        return f"{self.point}/{name}" if group == "/" else f"{self.point}{group}/{name}"


_CPU_STAT = (b"nr_periods", b"nr_throttled", b"throttled_usec", b"throttled_time")
_MEMORY_STAT = (b"inactive_file", b"total_inactive_file")


_ReadLimit = Callable[[CgroupMount, str], float | None]


class _Limit(msgspec.Struct, frozen=True):
    """A limit and the group that sets it."""

    group: str
    value: float


class Cgroups:
    """Reads quota, throttling, memory limit and use, and OOM kills of the groups that have a limit, and of our own."""

    name = "cgroups"
    deadline_s = 2.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self.interval_s = 1.0
        self._files = files
        self._clock = clock
        self._cpu: CgroupMount | None = None
        self._memory: CgroupMount | None = None
        self._quotas: dict[str, _Limit] = {}
        self._limits: dict[str, _Limit] = {}
        self._walked_at = float("-inf")
        self._visited = 0

    async def sample(self) -> CgroupsSample:
        """Read once; the tree is walked every 2 s, a large one every 10 s.

        Raises:
            SourceError: MISSING where neither the cpu nor the memory controller is mounted.
        """
        mono = self._clock.mono()
        if mono - self._walked_at >= (_LARGE_TREE_S if self._visited > _LARGE else _TREE_S) - 0.5:
            self._walk()
            self._walked_at = mono
        groups: dict[str, CgroupRow] = {}
        own = self._own()
        for group in dict.fromkeys([own, *self._quotas, *self._limits]):
            if len(groups) == _MOST:
                break
            row = self._row(group, group == own)
            if row is not None:
                groups[printable(group, 200)] = row
        # 40 µs a group.
        self.interval_s = 1.0 if len(groups) <= 8 else 2.0 if len(groups) <= 30 else 5.0
        versions = {mount.version for mount in (self._cpu, self._memory) if mount}
        return CgroupsSample(mono=mono, version=min(versions), groups=groups)

    def _walk(self) -> None:
        mounts = self._files.read_once("/proc/self/mountinfo")
        self._cpu, self._memory = find_mounts(mounts, self._files.read_once("/proc/self/cgroup"))
        if self._cpu is None and self._memory is None:
            raise SourceError(
                FailureKind.MISSING,
                "/sys/fs/cgroup: no cpu or memory controller is mounted; mount cgroup2 to see limits",
            )
        self._cpu = self._within(self._cpu)
        self._memory = self._within(self._memory)
        self._quotas = self._limited(self._cpu, self._quota)
        self._limits = self._limited(self._memory, self._memory_limit)

    def _within(self, mount: CgroupMount | None) -> CgroupMount | None:
        """The mount with our own group where it can be seen, otherwise with the mount's root as our group."""
        if mount is None or mount.own == "/":
            return mount
        try:
            self._files.folders(mount.file(mount.own, "").rstrip("/"))
        except SourceError:
            return msgspec.structs.replace(mount, own="/")
        return mount

    def _own(self) -> str:
        """Our group's name: with v1 that of the hierarchy in which we are deepest."""
        paths = [mount.own for mount in (self._cpu, self._memory) if mount]
        return max(paths, key=len, default="/")

    def _limited(self, mount: CgroupMount | None, limit: _ReadLimit) -> dict[str, _Limit]:
        """The groups that set a limit, and our own with the tightest of those above it."""
        if mount is None:
            return {}
        found = {}
        for group in self._groups(mount):
            value = limit(mount, group)
            if value is not None:
                found[group] = _Limit(group, value)
        above = [_Limit(group, value) for group in _upwards(mount.own) if (value := limit(mount, group)) is not None]
        if above:
            found[self._own()] = min(above, key=lambda each: each.value)
        return found

    def _groups(self, mount: CgroupMount) -> Iterator[str]:
        waiting, seen = ["/"], 0
        while waiting and seen < _VISITED:
            group = waiting.pop(0)
            seen += 1
            self._visited = seen
            yield group
            if group.rstrip("/").count("/") < _DEPTH:
                try:
                    names = self._files.folders(mount.file(group, "").rstrip("/"))
                except SourceError:  # it ended while we walked
                    continue
                waiting += [f"{group.rstrip('/')}/{name}" for name in names]

    def _row(self, group: str, own: bool) -> CgroupRow | None:
        quota, limit = self._quotas.get(group), self._limits.get(group)
        throttling = self._throttling(quota.group) if quota else (None, None, None)
        # The group's own numbers where no limit says whose are meant.
        memory_group = limit.group if limit else self._memory.own if own and self._memory else None
        used, kills = self._memory_use(memory_group) if memory_group else (None, None)
        if not own and throttling[0] is None and used is None:
            return None
        return CgroupRow(
            quota_cores=quota.value if quota else None,
            periods=None if throttling[0] is None else int(throttling[0]),
            throttled_periods=None if throttling[1] is None else int(throttling[1]),
            throttled_s=throttling[2],
            memory_limit_bytes=int(limit.value) if limit else None,
            memory_used_bytes=used,
            oom_kills=kills,
            own=own,
        )

    def _quota(self, mount: CgroupMount, group: str) -> float | None:
        """CPUs; None without a quota."""
        if mount.version == 2:
            quota, _, period = self._text(mount, group, "cpu.max").partition(b" ")
        else:
            quota = self._text(mount, group, "cpu.cfs_quota_us")
            period = self._text(mount, group, "cpu.cfs_period_us") if quota.isdigit() else b""
        return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None

    def _memory_limit(self, mount: CgroupMount, group: str) -> float | None:
        """Bytes; None without a limit."""
        text = self._text(mount, group, "memory.max" if mount.version == 2 else "memory.limit_in_bytes")
        return int(text) if text.isdigit() and int(text) < _UNLIMITED_BYTES else None

    def _throttling(self, group: str) -> tuple[int | None, int | None, float | None]:
        mount = self._cpu
        if mount is None:
            return None, None, None
        found = words_to_ints(self._text(mount, group, "cpu.stat"), _CPU_STAT)
        time, unit = (found.get(b"throttled_usec"), 1e6) if mount.version == 2 else (found.get(b"throttled_time"), 1e9)
        return found.get(b"nr_periods"), found.get(b"nr_throttled"), None if time is None else time / unit

    def _memory_use(self, group: str) -> tuple[int | None, int | None]:
        """(bytes in use, OOM kills)."""
        mount = self._memory
        if mount is None:
            return None, None
        new = mount.version == 2
        usage = self._text(mount, group, "memory.current" if new else "memory.usage_in_bytes")
        stat = words_to_ints(self._text(mount, group, "memory.stat"), _MEMORY_STAT)
        events = words_to_ints(self._text(mount, group, "memory.events" if new else "memory.oom_control"))
        inactive = stat.get(b"inactive_file" if new else b"total_inactive_file", 0)
        return max(0, int(usage) - inactive) if usage.isdigit() else None, events.get(b"oom_kill")

    def _text(self, mount: CgroupMount, group: str, name: str) -> bytes:
        """A group's file; empty when the group ended or has no such controller."""
        try:
            return self._files.read_once(mount.file(group, name)).strip()
        except SourceError:
            return b""


def _upwards(group: str) -> list[str]:
    """`/a/b` → `/a/b`, `/a`, `/`."""
    parts = [part for part in group.split("/") if part]
    return ["/" + "/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def find_mounts(mountinfo: bytes, own: bytes) -> tuple[CgroupMount | None, CgroupMount | None]:
    """Where the cpu and the memory controller are: in v1 hierarchies of their own, otherwise in the v2 one.

    Args:
        mountinfo: /proc/self/mountinfo.
        own: /proc/self/cgroup, `number:controllers:path`; paths count from the hierarchy's root, not from what is mounted.
    """
    paths: dict[str, str] = {}
    for line in own.decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    found: dict[str, CgroupMount] = {}
    for line in mountinfo.decode("utf-8", "surrogateescape").splitlines():
        words = line.split(" ")  # each blank parts two fields: the source of a mount may be empty
        after = words.index("-", 6)
        kind, options = words[after + 1], words[after + 3].split(",")
        if kind == "cgroup2":
            found.setdefault("", CgroupMount(2, words[4], _below(words[3], paths.get("", "/"))))
        elif kind == "cgroup":
            for controller in {"cpu", "memory"}.intersection(options):
                found.setdefault(controller, CgroupMount(1, words[4], _below(words[3], paths.get(controller, "/"))))
    v2 = found.get("")
    # On a hybrid host the v2 tree is there without these controllers.
    if "cpu" in found or "memory" in found:
        v2 = None
    return found.get("cpu", v2), found.get("memory", v2)


def _below(root: str, path: str) -> str:
    """A group's path below a mount that shows the hierarchy from `root` on."""
    if path.startswith("/.."):  # moved out of the namespace it was started in
        return "/"
    if root == "/":
        return path
    if path == root or path.startswith(root + "/"):
        return path[len(root) :] or "/"
    return "/"
