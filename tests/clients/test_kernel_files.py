from __future__ import annotations

import os
from pathlib import Path

import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import FailureKind, SourceError


def test_reads_the_whole_of_a_file_the_kernel_gives_in_pieces() -> None:
    """/proc/self/maps gives whole lines in pieces below 4 kB, so a short read is not its end."""
    for read in (KernelFiles().read, KernelFiles().read_once):
        maps = read("/proc/self/maps")
        assert len(maps) > 8192
        assert maps.splitlines()[-1].endswith((b"[vsyscall]", b"[stack]", b"[vdso]"))


def test_a_kept_file_is_read_anew_each_time(tmp_path: Path) -> None:
    files = KernelFiles(str(tmp_path))
    (tmp_path / "counter").write_text("1")
    assert files.read("/counter") == b"1"
    (tmp_path / "counter").write_text("22")
    assert files.read("/counter") == b"22"
    files.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/nowhere", FailureKind.MISSING),
        ("/proc/self/nowhere", FailureKind.MISSING),
        ("/proc", FailureKind.UNREACHABLE),
    ],
    ids=["no such file", "no such file of a process", "a folder"],
)
def test_failures_say_what_and_where(path: str, kind: FailureKind) -> None:
    with pytest.raises(SourceError, match=f"^{path}: ") as caught:
        KernelFiles().read(path)
    assert caught.value.kind is kind


def test_folders_only(tmp_path: Path) -> None:
    (tmp_path / "group/child").mkdir(parents=True)
    (tmp_path / "group/file").touch()
    assert KernelFiles(str(tmp_path)).folders("/group") == ["child"]
    # The kernel counts the folders of these filesystems in the link count: one without is not even listed.
    assert sorted(KernelFiles().folders("/sys/class")) == sorted(
        p.name for p in Path("/sys/class").iterdir() if p.is_dir()
    )
    assert KernelFiles().folders("/sys/kernel/mm/hugepages") != []


def test_the_device_of_a_file_and_of_a_device(tmp_path: Path) -> None:
    number = tmp_path.stat().st_dev
    assert KernelFiles().device(str(tmp_path)) == f"{os.major(number)}:{os.minor(number)}"
