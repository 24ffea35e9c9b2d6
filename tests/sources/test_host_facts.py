"""What this host is, compared with the tools that an engineer would ask."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.model.facts import SYSCTLS
from perftui.model.failure import SourceError
from perftui.model.frame import Machine
from perftui.sources.host_facts import Known, Notes, host_facts, open_files, os_name, usable_cpus
from tests.sources.manual_clock import ManualClock

HERE = Machine(hostname="web-1", system="Linux 6.1", cores=4, memory_bytes=8 << 30)


def look(files: KernelFiles, data_path: str = "/") -> tuple[Known, Notes]:
    return asyncio.run(host_facts(files, SystemClock(), HERE, data_path))


def told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and /sys")
def test_this_host_as_other_tools_tell_it() -> None:
    known, notes = look(KernelFiles())

    free = {line.split()[0]: int(line.split()[1]) for line in told("free", "-b").splitlines()[1:]}
    if "cores" not in notes:
        assert known["cores"] == int(told("nproc"))
    if "memory_bytes" not in notes:
        assert known["memory_bytes"] == free["Mem:"]
    assert known["swap_bytes"] == free["Swap:"]
    assert known["kernel"] == os.uname().release
    assert known["open_files"] == int(told("sh", "-c", "ulimit -n"))
    assert known["data_filesystem_bytes"] == int(told("df", "-B1", "--output=size", "/").split()[-1])
    for name in SYSCTLS:
        file = Path("/proc/sys") / name.replace(".", "/")
        if file.exists():
            assert str(known["sysctl"][name]) == " ".join(file.read_text().split())
        else:
            assert f"sysctl.{name}" in notes
    # Known or told why not, and never 0.
    for name in ("bandwidth_bits_per_s", "data_disk_kind", "cpu_model", "transparent_hugepages"):
        assert known.get(name) or notes[name]


def test_a_system_without_these_files_tells_what_it_knows_and_why_not_the_rest(tmp_path: Path) -> None:
    known, notes = look(KernelFiles(str(tmp_path)))

    assert (known["cores"], known["memory_bytes"], known["sysctl"]) == (4, 8 << 30, {})
    assert {"swap_bytes", "kernel", "os", "open_files", "bandwidth_bits_per_s"} <= notes.keys()


def container(root: Path, **limits: str) -> KernelFiles:
    """A host of 4 CPUs and 8 GiB with a control group of version 2 as its root."""
    files = {
        "proc/self/mountinfo": "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "proc/self/cgroup": "0::/\n",
        "proc/self/status": "Cpus_allowed_list:\t0-3\n",
        "sys/devices/system/cpu/online": "0-3\n",
        "proc/meminfo": "MemTotal: 8388608 kB\nSwapTotal: 0 kB\n",
        "sys/fs/cgroup/cpu.stat": "nr_periods 0\n",
        **{f"sys/fs/cgroup/{name.replace('_', '.')}": text for name, text in limits.items()},
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return KernelFiles(str(root))


@pytest.mark.parametrize(
    ("limits", "cores", "memory_bytes", "noted"),
    [
        ({}, 4, 8 << 30, set()),
        ({"cpu_max": "150000 100000\n"}, 1.5, 8 << 30, {"cores"}),
        ({"cpu_max": "800000 100000\n"}, 4, 8 << 30, set()),
        ({"cpu_max": "max 100000\n", "memory_max": f"{2 << 30}\n"}, 4, 2 << 30, {"memory_bytes"}),
        ({"memory_max": "max\n"}, 4, 8 << 30, set()),
    ],
    ids=["no limit", "quota", "quota above the host", "memory limit", "memory without a limit"],
)
def test_what_the_control_group_leaves(
    limits: dict[str, str], cores: float, memory_bytes: int, noted: set[str], tmp_path: Path
) -> None:
    known, notes = asyncio.run(host_facts(container(tmp_path, **limits), ManualClock(), HERE, "/"))

    assert (known["cores"], known["memory_bytes"]) == (cores, memory_bytes)
    assert notes.keys() & {"cores", "memory_bytes"} == noted


@pytest.mark.parametrize(
    ("allowed", "online", "count"),
    [(b"0-1", b"0-1", 2), (b"0-127", b"0-3", 4), (b"0,2-3", b"0-3", 3), (b"1", b"0-7", 1)],
)
def test_cpus_that_may_be_used(allowed: bytes, online: bytes, count: int) -> None:
    assert usable_cpus(b"Name:\tpython\nCpus_allowed_list:\t" + allowed + b"\n", online + b"\n") == count


@pytest.mark.parametrize(
    ("release", "name"),
    [
        (b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "Debian GNU/Linux 12 (bookworm)"),
        (b"PRETTY_NAME=Arch\n", "Arch"),
    ],
)
def test_name_of_the_system(release: bytes, name: str) -> None:
    assert os_name(release) == name


def test_a_limit_that_is_none_is_not_a_number() -> None:
    with pytest.raises(SourceError, match="not limited"):
        open_files(b"Max open files            unlimited            unlimited            files\n")
