from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.clients.worker import DaemonWorker
from perftui.drills import disk_fill
from perftui.sources.filesystems import FilesystemRow, Filesystems, FilesystemsSample, derive, local_mounts

HOST = b"""22 27 0:21 / /proc rw,relatime - proc proc rw
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24683656k
26 24 0:24 / /dev/pts rw,relatime - devpts devpts rw,mode=600
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 254:0 /var/lib/data /data rw,relatime shared:1 - ext4 /dev/vda rw
30 25 0:27 / /dev/shm rw,relatime - tmpfs covers rw,size=24683656k
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 27 0:40 / /mnt/files rw - nfs4 server:/files rw
34 27 0:41 / /home/me/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw
35 27 7:1 / /snap/core/1 ro,nodev - squashfs /dev/loop1 ro
36 27 8:1 / /media/my\\040disk ro,relatime - vfat /dev/sdb1 rw
37 27 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/l
"""
CONTAINER = b"""500 400 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l
501 500 254:0 /docker/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
502 500 254:0 /volumes/data /data rw,relatime - ext4 /dev/vda rw
"""


@pytest.mark.parametrize(
    ("mountinfo", "paths"),
    [(HOST, ["/", "/dev/shm", "/media/my disk", "/snap/core/1"]), (CONTAINER, ["/", "/data"])],
    ids=["host", "container"],
)
def test_local_real_and_each_device_once(mountinfo: bytes, paths: list[str]) -> None:
    assert [mount.path for mount in local_mounts(mountinfo)] == paths


def test_what_is_mounted_last_is_what_can_be_seen() -> None:
    mounts = {mount.path: mount for mount in local_mounts(HOST)}
    assert mounts["/dev/shm"].device == "covers"


def test_images_and_read_only_mounts_are_told() -> None:
    assert [mount.path for mount in local_mounts(HOST) if mount.read_only] == ["/media/my disk", "/snap/core/1"]


ROW = FilesystemRow("/dev/sda", "ext4", 1000, 300, 200, 50, 40)


def sample(mono: float, row: FilesystemRow) -> FilesystemsSample:
    return FilesystemsSample(mono=mono, filesystems={"/": row})


def test_used_as_df_counts_it() -> None:
    reading = derive(None, sample(1.0, ROW)).filesystems["/"]
    assert reading.used_ratio == pytest.approx(700 / 900)
    assert reading.free_bytes == 200
    assert reading.inodes_used_ratio == pytest.approx(0.2)
    assert reading.fill_bytes_per_s is None


def test_no_fixed_number_of_inodes_is_unknown() -> None:
    btrfs = msgspec.structs.replace(ROW, inodes_total=0, inodes_free=0)
    assert derive(None, sample(1.0, btrfs)).filesystems["/"].inodes_used_ratio is None


@pytest.mark.parametrize(
    ("later", "pace"),
    [
        ({"free_bytes": 100}, 100.0),
        ({"free_bytes": 500}, -100.0),
        ({"free_bytes": 100, "device": "/dev/sdb"}, None),
        ({"free_bytes": 1100, "total_bytes": 2000}, None),
    ],
    ids=["fills", "empties", "another device", "grown"],
)
def test_how_fast_it_fills(later: dict[str, int | str], pace: float | None) -> None:
    after = msgspec.structs.replace(ROW, **later)
    assert derive(sample(1.0, ROW), sample(3.0, after)).filesystems["/"].fill_bytes_per_s == pace


def df(path: str) -> list[str]:
    command = ["df", "--output=pcent,size,ipcent", "-B1", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1].split()


async def test_agrees_with_df_on_this_machine() -> None:
    read = await Filesystems(KernelFiles(), SystemClock(), DaemonWorker("test")).sample()
    percent, size, inodes = df("/")
    root = derive(None, read).filesystems["/"]
    assert root.total_bytes == int(size)
    # df rounds up
    assert int(percent[:-1]) - 1 <= root.used_ratio * 100 <= int(percent[:-1])
    assert root.inodes_used_ratio is None or int(inodes[:-1]) - 1 <= root.inodes_used_ratio * 100 <= int(inodes[:-1])


def write_through(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())


@pytest.mark.fault
async def test_a_filesystem_that_fills_is_seen_with_its_pace(tmp_path: Path) -> None:
    source = Filesystems(KernelFiles(), SystemClock(), DaemonWorker("test"))
    with disk_fill.small_filesystem(tmp_path) as mount:
        before = await source.sample()
        write_through(mount / "log", 60 << 20)
        reading = derive(before, await source.sample()).filesystems[str(mount)]
    assert reading.used_ratio > 0.6
    assert reading.fill_bytes_per_s is not None
    assert reading.fill_bytes_per_s > 60 << 20


def test_a_mount_whose_source_is_empty_is_one_of_many() -> None:
    # `mount -t tmpfs "" /x`: the kernel writes two blanks
    text = b"25 1 253:0 / / rw - ext4 /dev/vda rw\n84 25 0:39 / /x rw,relatime - tmpfs  rw\n"

    assert [(mount.path, mount.device) for mount in local_mounts(text)] == [("/", "/dev/vda"), ("/x", "")]
