from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.drills import cpu_throttle, oom_kill
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.cgroup_tree import CgroupMount, Cgroups, find_mounts
from perftui.sources.cgroups import CgroupRow, CgroupsSample, derive
from tests.sources.manual_clock import ManualClock

V1_CPU = b"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V1_MEMORY = b"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = b"41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V2_HYBRID = b"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
V1_CONTAINER = b"35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"

CPU_V1 = "/sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("mountinfo", "own", "cpu", "memory"),
    [
        (
            V1_CPU + V1_MEMORY + V2_HYBRID,
            b"4:memory:/m/x\n2:cpu,cpuacct:/c\n0::/\n",
            CgroupMount(1, CPU_V1, "/c"),
            CgroupMount(1, "/sys/fs/cgroup/memory", "/m/x"),
        ),
        (V2, b"0::/user.slice/a\n", *[CgroupMount(2, "/sys/fs/cgroup", "/user.slice/a")] * 2),
        (V1_CONTAINER, b"4:memory:/docker/abc/in\n", None, CgroupMount(1, "/sys/fs/cgroup/memory", "/in")),
        (V1_CONTAINER, b"4:memory:/elsewhere\n", None, CgroupMount(1, "/sys/fs/cgroup/memory", "/")),
        (V2, b"0::/../moved\n", *[CgroupMount(2, "/sys/fs/cgroup", "/")] * 2),
        (b"", b"", None, None),
    ],
    ids=["hybrid", "v2", "container", "outside of what is mounted", "outside of the namespace", "none"],
)
def test_where_the_controllers_are(
    mountinfo: bytes, own: bytes, cpu: CgroupMount | None, memory: CgroupMount | None
) -> None:
    assert find_mounts(mountinfo, own) == (cpu, memory)


def put(root: Path, folder: str, **files: str) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / folder / name.replace("__", ".")).write_text(text + "\n")


def v2_group(root: Path, path: str, cpu: str, memory: str) -> None:
    put(
        root,
        f"sys/fs/cgroup{path}",
        cpu__max=cpu,
        cpu__stat="usage_usec 5\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500000",
        memory__max=memory,
        memory__current="900",
        memory__stat="anon 1\ninactive_file 300\nactive_file 4",
        memory__events="low 0\noom 2\noom_kill 1",
    )


def v2_host(root: Path, own: str) -> Cgroups:
    put(root, "proc/self", mountinfo=V2.decode().strip(), cgroup=f"0::{own}")
    return Cgroups(KernelFiles(str(root)), ManualClock())


async def test_v2_groups_with_limits_and_our_own(tmp_path: Path) -> None:
    for path, cpu, memory in (
        ("/limited", "50000 100000", "2000"),
        ("/free", "max 100000", "max"),
        ("/me", "max 100000", "max"),
    ):
        v2_group(tmp_path, path, cpu, memory)
    sample = await v2_host(tmp_path, "/me").sample()
    assert sample.version == 2
    assert sample.groups == {
        "/me": CgroupRow(None, None, None, None, None, 600, 1, True),
        "/limited": CgroupRow(0.5, 40, 10, 2.5, 2000, 600, 1),
    }


async def test_a_limit_of_a_parent_is_ours_with_the_parents_use(tmp_path: Path) -> None:
    v2_group(tmp_path, "/pod", "150000 100000", "1800")
    v2_group(tmp_path, "/pod/me", "max 100000", "5000")
    put(
        tmp_path,
        "sys/fs/cgroup/pod/me",
        memory__current="400",
        cpu__stat="nr_periods 0\nnr_throttled 0\nthrottled_usec 0",
    )
    sample = await v2_host(tmp_path, "/pod/me").sample()
    assert sample.groups["/pod/me"] == CgroupRow(1.5, 40, 10, 2.5, 1800, 600, 1, True)


async def test_five_levels_down_is_not_looked_at(tmp_path: Path) -> None:
    for path in ("/a/b/c/d", "/a/b/c/d/e"):
        v2_group(tmp_path, path, "10000 100000", "max")
    assert "/a/b/c/d" in (await v2_host(tmp_path, "/").sample()).groups
    assert "/a/b/c/d/e" not in (await v2_host(tmp_path, "/").sample()).groups


async def test_of_very_many_groups_a_hundred_more_rarely(tmp_path: Path) -> None:
    for number in range(150):
        v2_group(tmp_path, f"/g{number}", "10000 100000", "max")
    source = v2_host(tmp_path, "/g149")
    sample = await source.sample()
    assert len(sample.groups) == 100
    assert sample.groups["/g149"].own
    assert source.interval_s == 5.0


async def test_a_group_that_ends_is_left_out_and_a_new_one_joins_within_ten_seconds(tmp_path: Path) -> None:
    put(tmp_path, "proc/self", mountinfo=V2.decode().strip(), cgroup="0::/")
    clock = ManualClock()
    source = Cgroups(KernelFiles(str(tmp_path)), clock)
    v2_group(tmp_path, "/old", "10000 100000", "max")
    assert "/old" in (await source.sample()).groups
    for file in (tmp_path / "sys/fs/cgroup/old").iterdir():
        file.unlink()
    v2_group(tmp_path, "/new", "10000 100000", "max")
    assert set((await source.sample()).groups) == {"/"}
    clock.now += 10.0
    assert set((await source.sample()).groups) == {"/", "/new"}


async def test_no_controller_says_so(tmp_path: Path) -> None:
    put(tmp_path, "proc/self", mountinfo="22 27 0:21 / /proc rw - proc proc rw", cgroup="0::/")
    with pytest.raises(SourceError) as caught:
        await Cgroups(KernelFiles(str(tmp_path)), ManualClock()).sample()
    assert caught.value.kind is FailureKind.MISSING


ROW = CgroupRow(0.5, 100, 20, 1.0, 1000, 500, 3, True)


@pytest.mark.parametrize(
    ("later", "ratio", "seconds"),
    [
        (CgroupRow(0.5, 120, 35, 2.0, 1000, 500, 3, True), 0.75, 0.5),
        (CgroupRow(0.5, 100, 20, 1.0, 1000, 500, 3, True), None, 0.0),
        (CgroupRow(0.5, 5, 1, 0.1, 1000, 500, 0, True), None, None),
        (CgroupRow(None, None, None, None, 1000, 500, 3, True), None, None),
    ],
    ids=["throttled", "idle", "a new group under the old name", "no quota any more"],
)
def test_throttling_between_two_samples(later: CgroupRow, ratio: float | None, seconds: float | None) -> None:
    before = CgroupsSample(mono=1.0, version=1, groups={"/x": ROW})
    part = derive(before, msgspec.structs.replace(before, mono=3.0, groups={"/x": later}))
    reading = part.cgroups["/x"]
    assert part.cpu.throttled_ratio == reading.throttled_ratio == ratio
    assert reading.throttled_s_per_s == seconds
    assert reading.memory_used_ratio == 0.5


@pytest.mark.fault
async def test_a_real_quota_throttles() -> None:
    with cpu_throttle.throttled() as group:
        source = Cgroups(KernelFiles(), SystemClock())
        before = await source.sample()
        await asyncio.sleep(2)
        reading = derive(before, await source.sample()).cgroups[f"/{group.name}"]
    assert reading.quota_cores == pytest.approx(0.2)
    # A fifth of the time it may run, the rest it stands: less where others want the same core.
    assert reading.throttled_ratio is not None
    assert reading.throttled_ratio > 0.4
    assert reading.throttled_s_per_s is not None
    assert 0.3 < reading.throttled_s_per_s < 1.0


@pytest.mark.fault
async def test_a_real_memory_limit_and_its_kill() -> None:
    with oom_kill.greedy() as (process, group):
        source = Cgroups(KernelFiles(), SystemClock())
        before = (await source.sample()).groups[group]
        await asyncio.to_thread(process.wait, 15)
        after = (await source.sample()).groups[group]
    assert before.memory_limit_bytes == 100 << 20
    assert before.memory_used_bytes is not None
    assert before.memory_used_bytes < 50 << 20
    assert before.quota_cores is None
    assert (before.oom_kills, after.oom_kills) == (0, 1)


def test_a_mount_whose_source_is_empty_does_not_hide_the_groups() -> None:
    text = b"84 25 0:39 / /x rw,relatime - tmpfs  rw\n35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"

    cpu, memory = find_mounts(text, b"0::/app\n")

    assert cpu is memory
    assert cpu is not None
    assert (cpu.version, cpu.own) == (2, "/app")
