"""Drills for real, as a user runs them (all of them with PERFTUI_TEST_DRILLS=all): the verdict, and that nothing of it
is left, however whoever ran it ended.

With PERFTUI_KEEP_TAPES=FOLDER each run is kept as a tape (names of other programs replaced), as the tapes of the rules' tests are
made.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.commands.sources import host_sources, machine
from perftui.drills import DRILLS, reason
from perftui.drills.kind import Drill
from perftui.drills.marks import PREFIX, place, sweep
from perftui.drills.needs import CGROUP
from perftui.drills.score import Result
from perftui.model.finding import Severity
from perftui.model.frame import Frame
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.recording.reader import Tape
from tests import faults
from tests.keep_tape import keep

pytestmark = pytest.mark.fault

ROOT = Path(__file__).parents[1]
BY_NAME = {drill.name: drill for drill in DRILLS}
EVERY_ONE = os.environ.get("PERFTUI_TEST_DRILLS") == "all"
"""By default one fault of each resource is played, which takes minutes enough; `make drills` plays them all as well."""
_GROUPS = (
    ("idle-in-transaction", "expired-certificate", "deadlocks", "lock-chain"),
    ("two-at-once", "postgres-restart", "postgres-frozen", "pooler-full"),
    ("orphaned-transaction", "slow-dependency", "too-many-clients", "long-statements"),
    ("n-plus-one", "bad-deploy", "replication-lag", "pool-leak"),
)
SIDE_BY_SIDE = _GROUPS if EVERY_ONE else _GROUPS[:2]
"""They load no host: each looks at its own stage only, so several cost the time of one."""
ALONE = [
    drill.name
    for drill in DRILLS
    if (drill.name in ("cpu-hog", "swap-thrash", "disk-fill", "slow-query"))
    or (EVERY_ONE and not any(drill.name in names for names in _GROUPS))
]
CALM_S = 3.0


class Round:
    """`perftui drill NAME --headless --json`, as a process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        why = reason(BY_NAME[name])
        if why is not None:
            pytest.skip(f"drill {name}: {why}")
        self._tape = folder / f"{name}.ptape"
        words = ("drill", name, "--headless", "--json", "--calm", f"{CALM_S}s", "--record", str(self._tape))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perftui", *words, *(("--seconds", "15") if BY_NAME[name].healthy else ())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self) -> Result:
        output, errors = self._process.communicate(timeout=200)
        assert output, errors.decode()
        result = msgspec.json.decode(output, type=Result)
        keep(self.name, Tape(self._tape).frames())
        print(f"{self.name}: {result.verdict_s} s after the symptom at {result.symptom_s} s")
        assert self._process.returncode == (0 if result.right else 1)
        return result


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a place of its own, short since a socket's path may have 107 bytes; at its end nothing is left there."""
    folder = Path(tempfile.mkdtemp(prefix="pt-", dir="/var/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    try:
        yield
        assert left() == []
    finally:
        sweep()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", ALONE)
async def test_a_drill_gives_its_verdict(name: str, tmp_path: Path) -> None:
    await quiet()
    result = Round(name, tmp_path).end()
    assert result.right, (result.reason, result.course)


@pytest.mark.parametrize("names", SIDE_BY_SIDE, ids="+".join)
def test_drills_side_by_side_give_each_its_verdict(names: tuple[str, ...], tmp_path: Path) -> None:
    results = [each.end() for each in [Round(name, tmp_path) for name in names]]
    assert [(each.drill, each.reason, each.course) for each in results if not each.right] == []


@pytest.mark.parametrize("name", ["swap-thrash", "lost-segments", "disk-fill"] if EVERY_ONE else ["swap-thrash"])
def test_a_console_that_is_killed_leaves_nothing(name: str) -> None:
    watcher, folder, keeper = started(BY_NAME[name])
    assert left() != [], "the fault is made"

    watcher.kill()
    watcher.wait(10)

    until_nothing_is_left()
    assert not folder.exists()
    assert not runs(keeper)


def test_what_a_killed_keeper_leaves_is_swept_by_the_next_drill() -> None:
    watcher, folder, keeper = started(BY_NAME["disk-fill"])

    os.kill(keeper, signal.SIGKILL)
    watcher.kill()
    watcher.wait(10)
    deadline = time.monotonic() + 10
    while runs(keeper) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert folder.exists()
    sweep()

    until_nothing_is_left()


async def test_a_healthy_busy_build_gives_no_finding(tmp_path: Path) -> None:
    await quiet()
    judge, store = Judge(machine=machine()), new_store()
    frames: list[Frame] = []
    seen: list[Snapshot] = []
    with faults.busy_build(tmp_path):
        async for frame in LiveFeed(host_sources(), SystemClock()):
            frames.append(frame)
            seen.append(judge.snapshot(store.push(frame)))
            if len(frames) >= 30:
                break
    keep("busy-build", frames)

    wrong = {f.title for s in seen for f in s.findings if f.severity > Severity.INFO and f.rule != "host.disk_filling"}
    assert wrong == set()
    busy = [s.history.value("host.cpu.busy_ratio") or 0.0 for s in seen[2:]]
    assert sum(busy) / len(busy) > 0.8, "the build must really keep the host busy"


def started(drill: Drill) -> tuple[subprocess.Popen[str], Path, int]:
    """(who plays the drill and holds it for ever, its folder, its keeper)"""
    why = reason(drill)
    if why is not None:
        pytest.skip(f"drill {drill.name}: {why}")
    program = f"""
import time
from perftui.drills import DRILLS
from perftui.drills.rehearsal import Rehearsal
with Rehearsal(next(drill for drill in DRILLS if drill.name == {drill.name!r}), 60) as rehearsal:
    rehearsal.begin()
    print(rehearsal.stage.folder, rehearsal.pid, flush=True)
    time.sleep(60)
"""
    watcher = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert watcher.stdout is not None
    folder, keeper = watcher.stdout.readline().split()
    watcher.stdout.close()
    return watcher, Path(folder), int(keeper)


def runs(pid: int) -> bool:
    """A zombie that nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left() -> list[str]:
    """Everything on this machine that carries the mark of this test's drills, or of any whose keeper is gone."""
    mark = f"{place()}/{PREFIX}"
    found = [str(each) for each in place().glob(f"{PREFIX}*")]
    found += [line for line in Path("/proc/swaps").read_text().splitlines() if mark in line]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if mark in line]
    found += [str(each) for each in CGROUP.glob("*/pt_*") if not runs(int(each.name.partition("_")[2]))]
    rules = subprocess.run(["iptables", "-S", "INPUT"], capture_output=True, text=True).stdout
    found += [pid for pid in re.findall(r"perftui-fault-(\d+)", rules) if not runs(int(pid))]
    for each in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(each / "cwd")
        except OSError:
            continue
        if where.startswith(mark):
            found.append(f"{each.name} {where}")
    return found


def until_nothing_is_left() -> None:
    deadline = time.monotonic() + 30
    while left() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left() == []


async def quiet() -> None:
    """A fault of an earlier test must have worn off: the kernel's 10 s means must be low before the next begins."""
    stalls = [path for kind in ("cpu", "io", "memory") if (path := Path(f"/proc/pressure/{kind}")).exists()]
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        if all(float(path.read_text().split("avg10=")[1].split()[0]) < 15 for path in stalls):
            return
        await asyncio.sleep(0.5)
    pytest.skip("somebody else keeps this machine busy: a fault of ours would not stand out")
