"""What a fault leaves on the machine carries a mark and the pid of its keeper, and is taken back by either of two ways.

Its own undo at the end; and `sweep`, which the next drill runs, for what a killed keeper left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from perftui.drills.needs import CGROUP

PREFIX = "perftui-drill-"
KEEPER = "keeper.pid"
RULE_MARK = "perftui-fault"
Process = subprocess.Popen[bytes]


def place() -> Path:
    """$TMPDIR; without it a folder that lies on a disk rather than in memory, where there is one."""
    lasting = Path("/var/tmp")
    named = "TMPDIR" in os.environ or not os.access(lasting, os.W_OK)
    return Path(tempfile.gettempdir()) if named else lasting


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """The folder of one drill, with its keeper's pid in it."""
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place()))
    try:
        (made / KEEPER).write_text(str(os.getpid()))
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], groups: Sequence[Path] = (), within: Path | None = None
) -> Iterator[Process]:
    """A command in a process group of its own and in the given control groups; killed at the end, or by the kernel with us."""
    # The shell moves itself into the groups and becomes the command: no code of ours between fork and exec.
    enter = "".join(f"echo $$ > {group}/cgroup.procs && " for group in groups)
    process = subprocess.Popen(
        ["sh", "-c", f'{enter}exec "$@"', "sh", *die_with_us(), *map(str, command)],
        cwd=within,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def die_with_us() -> list[str]:
    """Words before a command that the kernel kills when we are, where util-linux offers that."""
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def python(program: str) -> list[str]:
    """The command that runs a small program."""
    return [sys.executable, "-c", textwrap.dedent(program)]


@contextlib.contextmanager
def control_group(controller: str, settings: dict[str, str]) -> Iterator[Path]:
    """A cgroup v1 group with our mark and pid, and its settings by file name."""
    made = CGROUP / controller / f"pt_{os.getpid()}"
    made.mkdir()
    try:
        for name, value in settings.items():
            (made / name).write_text(value)
        yield made
    finally:
        remove_group(made)


def remove_group(group: Path) -> None:
    """End what still runs in the group (workers of fio leave their parent's process group) and take it away.

    Raises:
        OSError: it can't be removed within some seconds.
    """
    for _ in range(100):
        if not group.exists():
            return
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(OSError):  # busy until the kernel has counted the last process out
            group.rmdir()
        time.sleep(0.05)
    raise OSError(16, f"{group} can't be removed")


def sweep() -> None:
    """Take back what killed drills left: groups, swap, mounts, firewall rules, folders. Nothing of one that still runs."""
    for left in place().glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.stat().st_uid == os.geteuid() and not _keeper_lives(left):
                _sweep_folder(left)
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    for group in CGROUP.glob("*/pt_*"):
        pid = group.name.removeprefix("pt_")
        if pid.isdigit() and not _lives(int(pid)):
            remove_group(group)
    if shutil.which("iptables"):
        _sweep_rules()


def _sweep_folder(left: Path) -> None:
    _end_inside(left)
    if sys.platform == "linux" and os.geteuid() == 0:
        for line in Path("/proc/swaps").read_text().splitlines()[1:]:
            if line.startswith(f"{left}/"):
                subprocess.run(["swapoff", line.split()[0]], check=False)
        if not _unmounted(left):
            return  # with its keeper's pid in it, by which the next sweep knows it
    shutil.rmtree(left, ignore_errors=True)


def _end_inside(left: Path) -> None:
    """End what still works in the folder: killed in the moment of its start, a keeper is survived by what had not yet asked
    the kernel to die with it."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(each / "cwd").startswith(str(left)):
                os.kill(int(each.name), signal.SIGKILL)


def _unmounted(left: Path) -> bool:
    """Take its mounts away; one is busy until the kernel has ended the processes of a killed keeper."""
    for _ in range(50):
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        ours = [mount for mount in mounted if mount.startswith(f"{left}/")]
        if not ours:
            return True
        for mount in ours:
            subprocess.run(["umount", mount], capture_output=True, check=False)
        time.sleep(0.1)
    return False


def _sweep_rules() -> None:
    listed = subprocess.run(["iptables", "-S", "INPUT"], capture_output=True, text=True, check=False).stdout
    for rule in listed.splitlines():
        words = rule.split()
        marks = [word for word in words if word.startswith(f"{RULE_MARK}-")]
        if marks and not _lives(int(marks[0].rpartition("-")[2])):
            subprocess.run(["iptables", *rule.replace("-A", "-D", 1).split()], check=False)


def _keeper_lives(left: Path) -> bool:
    try:
        return _lives(int((left / KEEPER).read_text()))
    except (OSError, ValueError):
        return time.time() - left.stat().st_mtime < 60  # being made


def _lives(pid: int) -> bool:
    """Whether that process runs; one that only waits to be taken note of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux" and _answers(pid)


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
