"""A small filesystem of its own that a log fills."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.marks import python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

SIZE_MB = 96
MB_PER_S = 12


@contextlib.contextmanager
def small_filesystem(folder: Path) -> Iterator[Path]:
    """A loop-mounted ext4."""
    image, mount = folder / "small.img", folder / "data"
    subprocess.run(["truncate", "-s", f"{SIZE_MB}M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
        mount.rmdir()
        image.unlink()


@contextlib.asynccontextmanager
async def filling(stage: Stage) -> AsyncIterator[None]:
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
    with small_filesystem(stage.folder) as mount, running([*python(writer), mount / "log", str(MB_PER_S)]):
        yield


DRILL = Drill(
    name="disk-fill",
    title="a log fills a filesystem",
    fault=filling,
    constraints=(Constraint.IO_BOUND,),
    rules=("host.disk_filling",),
    needs=(needs.root, needs.program("mkfs.ext4", "mount", "truncate")),
    remedies=("rotate or truncate the log", "make room"),
)
