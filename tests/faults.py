"""What tests with real faults share: why one can't run here, and a busy host with nothing wrong. The faults are the drills'."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perftui.drills.marks import Process, running
from perftui.drills.needs import CGROUP


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
    with running(["sh", "-c", f"while :; do make -s -B -j{jobs} all; done"], within=folder) as process:
        yield process
