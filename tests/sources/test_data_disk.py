"""What carries a path: through partitions, LVM and RAID to real disks, and no guess where a hypervisor is in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import SourceError
from perftui.sources.data_disk import disk_kind

PCI = "devices/pci0000:00/0000:00:1f.2"


class Host(KernelFiles):
    """Block devices below a folder; every path lies on the device with this number."""

    def __init__(self, root: Path, number: str) -> None:
        super().__init__(str(root))
        self._number = number
        self._disks = root
        for folder in ("sys/dev/block", "sys/class/block"):
            (root / folder).mkdir(parents=True)

    def device(self, path: str) -> str:
        return self._number

    def add(self, number: str, place: str, *below: str, **files: str) -> None:
        folder = self._disks / "sys" / place
        (folder / "slaves").mkdir(parents=True)
        for each in below:
            (folder / "slaves" / each).mkdir()
        for name, text in {"dev": number, **files}.items():
            file = folder / name.replace("__", "/")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        (self._disks / "sys/dev/block" / number).symlink_to(f"../../{place}")
        (self._disks / "sys/class/block" / folder.name).symlink_to(f"../../{place}")


def disk(host: Host, name: str, number: str, rotational: str, place: str = f"{PCI}/ata1", **files: str) -> None:
    host.add(number, f"{place}/block/{name}", queue__rotational=rotational, **files)


@pytest.mark.parametrize(("rotational", "kind"), [("1\n", "hdd"), ("0\n", "ssd")])
def test_a_disk_and_its_partition(rotational: str, kind: str, tmp_path: Path) -> None:
    host = Host(tmp_path, "8:1")
    disk(host, "sda", "8:0", rotational)
    host.add("8:1", f"{PCI}/ata1/block/sda/sda1", partition="1")

    assert disk_kind(host, "/var/lib") == kind


@pytest.mark.parametrize(
    ("kinds", "kind"), [(("0", "0"), "ssd"), (("1", "1"), "hdd"), (("0", "1"), None)], ids=["ssd", "hdd", "mixed"]
)
def test_a_volume_on_a_raid(kinds: tuple[str, str], kind: str | None, tmp_path: Path) -> None:
    host = Host(tmp_path, "253:0")
    host.add("253:0", "devices/virtual/block/dm-0", "md0", queue__rotational="1")
    host.add("9:0", "devices/virtual/block/md0", "sda", "nvme0n1", queue__rotational="1")
    disk(host, "sda", "8:0", kinds[0])
    disk(host, "nvme0n1", "259:0", kinds[1], "devices/virtual/nvme-subsystem/nvme-subsys0")
    if kind is not None:
        assert disk_kind(host, "/") == kind
        return
    with pytest.raises(SourceError, match="md0 lies on disks of several kinds"):
        disk_kind(host, "/")


@pytest.mark.parametrize(
    ("name", "place", "model"),
    [
        ("vda", "devices/pci0000:00/0000:00:02.0/virtio1", None),
        ("xvda", "devices/vbd-51712", None),
        ("sda", f"{PCI}/ata1", "QEMU HARDDISK"),
        ("nvme0n1", "devices/pci0000:00/0000:00:04.0/nvme/nvme0", "Amazon Elastic Block Store"),
        ("loop0", "devices/virtual", None),
    ],
)
def test_what_is_no_real_disk_does_not_tell(name: str, place: str, model: str | None, tmp_path: Path) -> None:
    host = Host(tmp_path, "254:0")
    disk(host, name, "254:0", "1", place, **({"device__model": model} if model else {}))

    with pytest.raises(SourceError, match=f"{name} is no real disk"):
        disk_kind(host, "/")


def test_what_lies_on_no_device_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="on no block device"):
        disk_kind(Host(tmp_path, "0:43"), "/")
