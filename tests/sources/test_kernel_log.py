from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_messages import KernelMessages
from perftui.drills import oom_kill
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.kernel_log import KernelLog, OomKill, OomLines, derive
from tests import faults
from tests.sources.manual_clock import ManualClock

LINUX_3_10_GROUP = [
    b"4,1,1,-;java invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
    b"6,2,1,-;Task in /docker/abc killed as a result of limit of /docker",
    b"3,3,1,-;Memory cgroup out of memory: Kill process 1234 (java) score 900 or sacrifice child",
    b"3,4,1,-;Killed process 1234 (java) total-vm:1024kB, anon-rss:512kB, file-rss:8kB",
]
RHEL_7 = [
    b"4,1,1,-;java invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
    b"3,3,1,-;Out of memory: Kill process 77 (java) score 900 or sacrifice child",
    b"3,4,1,-;Killed process 77 (java), UID 1000, total-vm:1024kB, anon-rss:512kB, file-rss:8kB, shmem-rss:0kB",
]
LINUX_6_GROUP = [
    b"4,1,1,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    b"6,2,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/pt_x,"
    b"task_memcg=/pt_x/y,task=my (odd) name,pid=99,uid=0",
    b"3,3,1,-;Memory cgroup out of memory: Killed process 99 (my (odd) name) total-vm:1024kB, anon-rss:512kB, "
    b"file-rss:8kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n SUBSYSTEM=none",
]
LINUX_6_HOST = [
    b"6,2,1,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
    b"task_memcg=/user,task=hog,pid=5,uid=0",
    b"3,3,1,-;Out of memory: Killed process 5 (hog) total-vm:1024kB, anon-rss:512kB, file-rss:8kB, shmem-rss:0kB, UID:0",
]


@pytest.mark.parametrize(
    ("lines", "kill"),
    [
        (LINUX_3_10_GROUP, OomKill(pid=1234, name="java", resident_bytes=524288, cgroup="/docker")),
        (RHEL_7, OomKill(pid=77, name="java", resident_bytes=524288, cgroup="")),
        (LINUX_6_GROUP, OomKill(pid=99, name="my (odd) name", resident_bytes=524288, cgroup="/pt_x")),
        (LINUX_6_HOST, OomKill(pid=5, name="hog", resident_bytes=524288, cgroup="")),
    ],
    ids=["3.10 group", "rhel 7 host", "6.x group", "6.x host"],
)
def test_kills_of_all_kernels(lines: list[bytes], kill: OomKill) -> None:
    assert OomLines().kills(lines) == [kill]


def test_lines_of_one_kill_may_come_in_two_reads() -> None:
    parser = OomLines()
    assert parser.kills(LINUX_6_GROUP[:2]) == []
    (kill,) = parser.kills(LINUX_6_GROUP[2:])
    assert kill.cgroup == "/pt_x"


def test_the_group_of_one_kill_is_not_that_of_the_next() -> None:
    assert [kill.cgroup for kill in OomLines().kills(LINUX_6_GROUP + LINUX_6_HOST)] == ["/pt_x", ""]


def test_a_line_that_a_program_wrote_proves_nothing() -> None:
    forged = [b"12" + line[1:] for line in LINUX_6_HOST]
    assert OomLines().kills(forged) == []


def test_control_characters_of_a_name_stay_out() -> None:
    (kill,) = OomLines().kills([b"3,3,1,-;Out of memory: Killed process 5 (\x1b[31m) total-vm:1kB, anon-rss:2kB"])
    assert kill.name == "?[31m"


class Recorded:
    def __init__(self, *reads: list[bytes]) -> None:
        self._reads = list(reads)

    def new(self) -> list[bytes]:
        return self._reads.pop(0)


async def test_a_kill_is_told_for_five_minutes() -> None:
    clock = ManualClock()
    source = KernelLog(Recorded(LINUX_6_GROUP, LINUX_6_HOST, []), clock)
    told = []
    for step_s in (0.0, 200.0, 200.0):
        clock.now += step_s
        told.append([kill.pid for kill in derive(None, await source.sample()).oom_kills])
    assert told == [[99], [99, 5], [5]]


async def test_without_the_log_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        await KernelLog(KernelMessages(str(tmp_path / "kmsg")), ManualClock()).sample()
    assert caught.value.kind is FailureKind.MISSING


@pytest.mark.fault
async def test_a_real_kill_in_a_group() -> None:
    faults.need(controller="memory")
    source = KernelLog(KernelMessages(), SystemClock())
    assert (await source.sample()).oom_kills == ()
    with oom_kill.greedy() as (process, group):
        await asyncio.to_thread(process.wait, 15)
        kills = (await source.sample()).oom_kills
    assert [(kill.pid, kill.cgroup) for kill in kills] == [(process.pid, group)]
    assert (kills[0].resident_bytes or 0) > 50 << 20
