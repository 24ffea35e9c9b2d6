from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perftui.commands.sources import host_sources, machine
from perftui.sources import BY_NAME


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_each_source_has_its_kind(platform: str) -> None:
    names = [source.name for source in host_sources(platform)]
    assert len(names) == len(set(names))
    assert set(names) <= BY_NAME.keys()


def test_on_linux_every_kind_of_the_host_has_its_source() -> None:
    assert {source.name for source in host_sources("linux")} == {
        name for name, kind in BY_NAME.items() if kind.root == "host"
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_samples_of_this_machine_are_of_their_kinds() -> None:
    for source in host_sources():
        if source.name != "kernel_log" or os.geteuid() == 0:
            sample = await source.sample()
            kind = BY_NAME[source.name]
            assert type(sample) is kind.sample
            assert type(kind.derive(None, sample)) is kind.part


@pytest.mark.skipif(sys.platform != "linux", reason="off Linux psutil is how it reads")
def test_psutil_is_not_loaded_on_linux() -> None:
    program = """
import asyncio, sys
from perftui.commands.sources import host_sources, machine
async def main():
    for source in host_sources():
        if source.name != "kernel_log":
            await source.sample()
machine()
asyncio.run(main())
sys.exit("psutil" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine() -> None:
    found = machine()
    assert found.hostname.isprintable()
    assert found.system == f"Linux {os.uname().release}"
    assert found.cores == Path("/proc/stat").read_text().count("cpu") - 1
    stat = dict(line.split(maxsplit=1) for line in Path("/proc/stat").read_text().splitlines())
    assert found.boot_at == pytest.approx(int(stat["btime"]), abs=2)
    meminfo = Path("/proc/meminfo").read_text().splitlines()[0].split()
    assert found.memory_bytes == int(meminfo[1]) * 1024
