"""Mounted filesystems: /proc/self/mountinfo and statvfs."""

from __future__ import annotations

import os

import msgspec

from perftui.model.failure import SourceError
from perftui.model.frame import Sample
from perftui.sources.files import Clock, KernelFiles, Worker
from perftui.sources.kind import Part, SourceKind
from perftui.sources.text import printable, printable_bytes


class FilesystemRow(msgspec.Struct, frozen=True, array_like=True):
    device: str
    kind: str
    """ext4, xfs, tmpfs, …"""
    total_bytes: int
    free_bytes: int
    """Free for root, as `free` of statvfs f_bfree."""
    available_bytes: int
    """Free for ordinary users (f_bavail)."""
    inodes_total: int
    inodes_free: int
    read_only: bool = False


class FilesystemsSample(Sample, frozen=True, kw_only=True):
    """By mount point; each device once. Remote filesystems are left out: a dead server would block the call."""

    filesystems: dict[str, FilesystemRow]


class FilesystemReading(msgspec.Struct, frozen=True, kw_only=True):
    total_bytes: int
    """Size as df shows it."""
    free_bytes: int
    """For ordinary users, as `Avail` of df."""
    used_ratio: float
    """used / (used + available), as Use% of df."""
    inodes_used_ratio: float | None
    """None where the filesystem has no fixed number of inodes."""
    fill_bytes_per_s: float | None
    """Growth since the previous sample; negative while it empties, None after the first sample."""
    device: str
    """What is mounted there."""
    kind: str
    """ext4, xfs, tmpfs, …"""
    read_only: bool
    """Mounted so that nothing can be written to it."""


class FilesystemsPart(Part, frozen=True, kw_only=True):
    filesystems: dict[str, FilesystemReading]


_REMOTE = frozenset(
    b"nfs nfs4 cifs smb3 smbfs 9p afs ceph gfs2 ocfs2 lustre glusterfs beegfs gpfs ncpfs coda virtiofs".split()
)
_PSEUDO = frozenset(
    b"proc sysfs cgroup cgroup2 devtmpfs devpts mqueue debugfs tracefs securityfs pstore bpf configfs fusectl autofs "
    b"binfmt_misc hugetlbfs rpc_pipefs nsfs selinuxfs efivarfs ramfs rootfs binder nfsd sockfs pipefs".split()
)
_IMAGES = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})
_PUT_IN_BY_CONTAINER = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log"})
_MOST = 100


class Mount(msgspec.Struct, frozen=True):
    path: str
    """As the kernel wrote it, with blanks and the like as they are in the path."""
    device: str
    kind: str
    read_only: bool


class Filesystems:
    """Asks the kernel for the room in each local filesystem; in a worker, since a dead disk blocks the call.

    Every 2 s: a file system of 10 GB on a fast disk fills within seconds of the first warning, and 20 cost 0.1 ms.
    """

    name = "filesystems"
    interval_s = 2.0
    deadline_s = 2.0

    def __init__(self, files: KernelFiles, clock: Clock, worker: Worker) -> None:
        self._files = files
        self._clock = clock
        self._worker = worker
        self._mountinfo = b""
        self._mounts: tuple[Mount, ...] = ()

    async def sample(self) -> FilesystemsSample:
        """Ask once.

        Raises:
            SourceError: MISSING without /proc, TIMED_OUT while a filesystem does not answer.
        """
        return await self._worker.run(self._ask)

    def _ask(self) -> FilesystemsSample:
        mountinfo = self._files.read("/proc/self/mountinfo")
        if mountinfo != self._mountinfo:
            self._mountinfo = mountinfo
            self._mounts = local_mounts(mountinfo)
        rows = {}
        for mount in self._mounts:
            try:
                space = self._files.space(mount.path)
            except SourceError:  # no right to look below its parent, or unmounted meanwhile: the others still count
                continue
            if space.f_blocks:
                rows[printable(mount.path, 200)] = filesystem_row(mount, space)
        return FilesystemsSample(mono=self._clock.mono(), filesystems=rows)


def filesystem_row(mount: Mount, space: os.statvfs_result) -> FilesystemRow:
    return FilesystemRow(
        device=mount.device,
        kind=mount.kind,
        total_bytes=space.f_blocks * space.f_frsize,
        free_bytes=space.f_bfree * space.f_frsize,
        available_bytes=space.f_bavail * space.f_frsize,
        inodes_total=space.f_files,
        inodes_free=space.f_ffree,
        read_only=mount.read_only,
    )


def local_mounts(mountinfo: bytes) -> tuple[Mount, ...]:
    """The mounts worth a look: local, real, each device once (the whole before a part, then the shortest path), at most 100.

    A container's own root counts whatever it is. A mount that a later one covers is not to be seen by anybody.
    """
    visible: dict[bytes, list[bytes]] = {}
    for line in mountinfo.splitlines():
        words = line.split(b" ")  # each blank parts two fields: the source of a mount may be empty
        visible[words[4]] = words
    best: dict[bytes, tuple[tuple[bool, int], Mount]] = {}
    for path, words in visible.items():
        mount = _mount(path, words)
        if mount is None:
            continue
        rank = (words[3] != b"/", len(path))
        if words[2] not in best or rank < best[words[2]][0]:
            best[words[2]] = (rank, mount)
    # A host of many containers has hundreds of small tmpfs: disks first.
    mounts = sorted((mount for _, mount in best.values()), key=lambda mount: (mount.kind == "tmpfs", mount.path))
    return tuple(sorted(mounts[:_MOST], key=lambda mount: mount.path))


def _mount(path: bytes, words: list[bytes]) -> Mount | None:
    after = words.index(b"-", 6)
    kind, device, superblock_options = words[after + 1], words[after + 2], words[after + 3]
    if kind in _REMOTE or kind in _PSEUDO or kind.startswith(b"fuse."):
        return None
    if kind == b"overlay" and path != b"/":
        return None
    text = _unescaped(path)
    if text in _PUT_IN_BY_CONTAINER or (text.startswith(("/proc/", "/sys/", "/dev/")) and text != "/dev/shm"):
        return None
    read_only = b"ro" in words[5].split(b",") or b"ro" in superblock_options.split(b",")
    name = printable_bytes(kind, 32)
    return Mount(
        path=text, device=printable(_unescaped(device), 100), kind=name, read_only=read_only or name in _IMAGES
    )


def _unescaped(raw: bytes) -> str:
    """mountinfo writes blank, tab, newline and backslash as three octal digits."""
    for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        raw = raw.replace(code, char)
    return os.fsdecode(raw)


def derive(previous: FilesystemsSample | None, current: FilesystemsSample) -> FilesystemsPart:
    """Readings of each filesystem; its growth is None when another device is mounted there now."""
    before = previous.filesystems if previous else {}
    elapsed = current.mono - previous.mono if previous else 0.0
    return FilesystemsPart(
        filesystems={path: _reading(before.get(path), row, elapsed) for path, row in current.filesystems.items()}
    )


def _reading(previous: FilesystemRow | None, row: FilesystemRow, elapsed_s: float) -> FilesystemReading:
    used = row.total_bytes - row.free_bytes
    offered = used + row.available_bytes
    same = previous is not None and previous.device == row.device and previous.total_bytes == row.total_bytes
    return FilesystemReading(
        total_bytes=row.total_bytes,
        free_bytes=row.available_bytes,
        used_ratio=used / offered if offered else 0.0,
        inodes_used_ratio=1 - row.inodes_free / row.inodes_total if row.inodes_total else None,
        fill_bytes_per_s=(previous.free_bytes - row.free_bytes) / elapsed_s
        if previous and same and elapsed_s > 0
        else None,
        device=row.device,
        kind=row.kind,
        read_only=row.read_only,
    )


KIND = SourceKind(name="filesystems", sample=FilesystemsSample, part=FilesystemsPart, derive=derive, stale_s=10.0)
