"""Real faults, each a context manager that undoes itself. Linux, root; bounded in time, memory and disk.

What they leave behind when a test is killed carries a mark (`pt_…` groups, `pt-…` files), and `leftovers` takes it away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

CGROUP = Path("/sys/fs/cgroup")
Process = subprocess.Popen[bytes]


def need(*programs: str, controller: str = "") -> None:
    """Skip, with the reason, what can't run here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("makes a real fault: needs Linux and root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: make test installs it as root")
    if controller and not (CGROUP / controller / "cgroup.procs").exists():
        pytest.skip(f"no cgroup v1 controller {controller} here")


@contextlib.contextmanager
def running(command: Sequence[str | Path], group: Sequence[Path] = (), cwd: Path | None = None) -> Iterator[Process]:
    """A command in its own process group and in the given control groups; killed at the end with all its children."""
    # The shell moves itself into the groups and becomes the command: no code of ours between fork and exec.
    enter = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in group)
    process = subprocess.Popen(
        ["sh", "-c", f'{enter}exec "$@"', "sh", *map(str, command)],
        cwd=cwd,
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


def python(program: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(program)]


@contextlib.contextmanager
def control_group(controller: str, name: str, **settings: str) -> Iterator[Path]:
    """A cgroup v1 group `pt_NAME`; a setting `memory__limit_in_bytes` is written to `memory.limit_in_bytes`."""
    need(controller=controller)
    folder = CGROUP / controller / f"pt_{name}"
    _remove_group(folder)
    folder.mkdir()
    try:
        for key, value in settings.items():
            (folder / key.replace("__", ".")).write_text(value)
        yield folder
    finally:
        _remove_group(folder)


def _remove_group(folder: Path) -> None:
    """End what still runs in the group (workers of fio leave their parent's process group) and take it away."""
    for _ in range(100):
        if not folder.exists():
            return
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(OSError):  # busy until the kernel has counted the last process out
            folder.rmdir()
        time.sleep(0.05)
    raise AssertionError(f"{folder} can't be removed")


@contextlib.contextmanager
def cpu_hog(per_core: int = 4) -> Iterator[Process]:
    """Several busy loops for each core."""
    need("stress-ng")
    hogs = per_core * len(os.sched_getaffinity(0))
    with running(["stress-ng", "--cpu", str(hogs), "--cpu-method", "int64", "--timeout", "60", "-q"]) as process:
        yield process


def lay_file(folder: Path) -> None:
    """What `throttled_disk` reads. Done before a test watches: the kernel counts a child's I/O as its parent's own."""
    need("fio")
    file = folder / "pt-read.dat"
    layout = ["fio", "--name=lay", f"--filename={file}", "--size=64M", "--rw=write", "--bs=1M", "--end_fsync=1"]
    subprocess.run(layout, check=True, capture_output=True)


@contextlib.contextmanager
def throttled_disk(folder: Path, readers: int = 4, iops: int = 20) -> Iterator[Process]:
    """Readers of a disk that gives them a few requests a second."""
    need("fio", "findmnt", controller="blkio")
    file = folder / "pt-read.dat"
    device = subprocess.run(
        ["findmnt", "-no", "MAJ:MIN", "-T", folder], check=True, capture_output=True, text=True
    ).stdout.split()[0]
    command = [
        "fio", "--name=read", f"--filename={file}", "--size=64M", "--rw=randread", "--bs=4k", "--direct=1",
        "--ioengine=psync", f"--numjobs={readers}", "--time_based", "--runtime=60",
    ]  # fmt: skip
    with control_group("blkio", "io", blkio__throttle__read_iops_device=f"{device} {iops}") as group:
        with running(command, [group], cwd=folder) as process:
            yield process
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def swap_space(folder: Path, megabytes: int = 512) -> Iterator[Path]:
    """A swap file, switched on."""
    need("mkswap", "swapon", "fallocate")
    file = folder / "pt-swap.img"
    subprocess.run(["fallocate", "-l", f"{megabytes}M", file], check=True)
    file.chmod(0o600)
    subprocess.run(["mkswap", "-q", file], check=True)
    subprocess.run(["swapon", file], check=True)
    try:
        yield file
    finally:
        subprocess.run(["swapoff", file], check=True)
        file.unlink()


@contextlib.contextmanager
def swap_thrash(folder: Path, limit_mb: int = 128) -> Iterator[Process]:
    """A process that touches twice its group's memory page by page, round and round."""
    toucher = f"""
        memory = bytearray({2 * limit_mb} << 20)
        while True:
            for offset in range(0, len(memory), 4096):
                memory[offset] = (memory[offset] + 1) % 256
        """
    with (
        swap_space(folder, 3 * limit_mb),
        control_group("memory", "swap", memory__limit_in_bytes=f"{limit_mb}M") as group,
        running(python(toucher), [group]) as process,
    ):
        yield process


@contextlib.contextmanager
def leak(megabytes_per_s: int = 80, at_most_mb: int = 2000) -> Iterator[Process]:
    """A process that keeps all it allocates; it stops by itself long before the host is in danger."""
    need()
    program = f"""
        import time
        kept = []
        for _ in range({at_most_mb * 4 // megabytes_per_s}):
            kept.append(bytearray(b"x" * ({megabytes_per_s} << 18)))
            time.sleep(0.25)
        time.sleep(60)
        """
    with running(python(program)) as process:
        yield process


@contextlib.contextmanager
def small_filesystem(folder: Path, megabytes: int = 96, *options: str) -> Iterator[Path]:
    """A loop-mounted ext4 of its own."""
    need("mkfs.ext4", "mount")
    image, mount = folder / "pt-small.img", folder / "pt-small"
    subprocess.run(["truncate", "-s", f"{megabytes}M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", *options, image], check=True)
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
        mount.rmdir()
        image.unlink()


@contextlib.contextmanager
def filling_disk(folder: Path, megabytes_per_s: int = 12) -> Iterator[Path]:
    """A small filesystem that somebody writes full."""
    writer = """
        import sys, time
        with open(sys.argv[1], "wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(int(sys.argv[2]) << 18))
                except OSError:
                    pass
                time.sleep(0.25)
        """
    with small_filesystem(folder) as mount, running([*python(writer), mount / "log", str(megabytes_per_s)]):
        yield mount


@contextlib.contextmanager
def oom_kill(limit_mb: int = 100) -> Iterator[Process]:
    """A process that wants three times what its group may have; the kernel kills it within a second."""
    program = f"""
        import time
        time.sleep(2)
        kept = bytearray(b"x" * ({3 * limit_mb} << 20))
        """
    limit = f"{limit_mb}M"
    with control_group("memory", "oom", memory__limit_in_bytes=limit) as group:
        with contextlib.suppress(
            OSError
        ):  # without swap accounting there is no such file, and without swap no need of it
            (group / "memory.memsw.limit_in_bytes").write_text(limit)
        with running(python(program), [group]) as process:
            yield process


@contextlib.contextmanager
def cpu_quota(cores: float = 0.2) -> Iterator[Process]:
    """A busy loop that its group lets run a fifth of the time."""
    with (
        control_group("cpu", "quota", cpu__cfs_quota_us=str(int(cores * 100_000))) as group,
        running(python("while True: pass"), [group]) as process,
    ):
        yield process


@contextlib.contextmanager
def open_files(limit: int = 128) -> Iterator[Process]:
    """A process that opens files until it may not open more."""
    need()
    program = f"""
        import resource, time
        resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
        kept = []
        try:
            while True:
                kept.append(open("/dev/null"))
        except OSError:
            time.sleep(60)
        """
    with running(python(program)) as process:
        yield process


@contextlib.contextmanager
def busy_build(folder: Path) -> Iterator[Process]:
    """A healthy, busy host: a real parallel build of C files, one job a core, over and over."""
    need("make", "gcc")
    for number in range(24):
        functions = "\n".join(
            f"double f{number}_{i}(double a, int n) {{ double s = a; for (int i = 1; i < n; i++) "
            f"s += (s * {i + 1}.5 - i) / (i + {number}.25); return s; }}"
            for i in range(400)
        )
        (folder / f"part{number}.c").write_text(functions)
    (folder / "Makefile").write_text(
        "objects := $(patsubst %.c,%.o,$(wildcard *.c))\nall: $(objects)\n\t@ld -r -o whole.o $(objects)\n"
        "%.o: %.c\n\t@gcc -O2 -c $< -o $@\n"
    )
    jobs = len(os.sched_getaffinity(0))
    with running(["sh", "-c", f"while :; do make -s -B -j{jobs} all; done"], cwd=folder) as process:
        yield process


@contextlib.contextmanager
def lost_segments(probability: float = 0.1) -> Iterator[Process]:
    """A server and its clients on the loopback, and a firewall that drops some of what the server sends."""
    need("iptables")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rule = [
        "INPUT", "-i", "lo", "-p", "tcp", "--sport", str(port), "-m", "statistic", "--mode", "random",
        "--probability", str(probability), "-m", "comment", "--comment", "perftui-fault", "-j", "DROP",
    ]  # fmt: skip
    if subprocess.run(["iptables", "-I", *rule], capture_output=True).returncode != 0:
        pytest.skip("iptables can't add rules here")
    program = f"""
        import socket, threading, time
        def serve(peer):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                peer.sendall(bytes(200))
                time.sleep(0.005)
        listener = socket.create_server(("127.0.0.1", {port}))
        def accept():
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        def receive(client):
            while client.recv(4096):
                pass
        for client in [socket.create_connection(("127.0.0.1", {port})) for _ in range(8)]:
            threading.Thread(target=receive, args=(client,), daemon=True).start()
        time.sleep(60)
        """
    try:
        with running(python(program)) as process:
            yield process
    finally:
        subprocess.run(["iptables", "-D", *rule], check=True)


def leftovers() -> None:
    """Take back what a killed test run left: groups, swap, mounts, firewall rules. Nothing without the project's mark."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    for line in Path("/proc/swaps").read_text().splitlines()[1:]:
        if "pt-swap" in line:
            subprocess.run(["swapoff", line.split()[0]], check=False)
    for line in Path("/proc/mounts").read_text().splitlines():
        if line.split()[1].endswith("/pt-small"):
            subprocess.run(["umount", line.split()[1]], check=False)
    for folder in CGROUP.glob("*/pt_*"):
        _remove_group(folder)
    if shutil.which("iptables"):
        rules = subprocess.run(["iptables", "-S", "INPUT"], capture_output=True, text=True).stdout
        for rule in rules.splitlines():
            if "--comment perftui-fault" in rule:
                subprocess.run(["iptables", *rule.replace("-A", "-D", 1).split()], check=False)
