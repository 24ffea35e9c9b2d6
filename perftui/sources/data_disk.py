"""What kind of disk carries a path: /sys/dev/block, through partitions, LVM, LUKS and RAID."""

from __future__ import annotations

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.files import KernelFiles
from perftui.sources.text import printable, printable_bytes

_DEPTH = 5
_BLOCKS = "/sys/class/block"
_NO_DISKS = ("loop", "ram", "zram", "nbd", "rbd", "drbd")
_HYPERVISORS = ("/virtio", "/vbd-", "/vmbus")
"""In the path of the device: KVM, Xen, Hyper-V."""
_VIRTUAL = ("qemu", "vmware", "vbox", "msft", "virtual", "elastic block store", "nvme_card", "persistentdisk")
"""In vendor or model. Behind them may be anything, and `rotational` is what the hypervisor's author left there."""


def disk_kind(files: KernelFiles, path: str) -> str:
    """`ssd` or `hdd`.

    Raises:
        SourceError: it can't be told, with the reason.
    """
    number = files.device(path)
    if number.startswith("0:"):
        text = f"{printable(path, 80)} lies on no block device of its own (overlay, tmpfs, btrfs, network)"
        raise SourceError(FailureKind.UNSUPPORTED, text)
    return _kind(files, number, _DEPTH)


def _kind(files: KernelFiles, number: str, depth: int) -> str:
    place = files.link(f"/sys/dev/block/{number}").rstrip("/")
    name = place.rpartition("/")[2]
    if "partition" in files.names(f"{_BLOCKS}/{name}"):
        place = place.rpartition("/")[0]
        name = place.rpartition("/")[2]
    below = files.names(f"{_BLOCKS}/{name}/slaves") if depth else []
    if below:
        numbers = (files.read_once(f"{_BLOCKS}/{each}/dev").strip().decode() for each in below)
        kinds = {_kind(files, each, depth - 1) for each in numbers}
        if len(kinds) > 1:
            raise SourceError(FailureKind.UNSUPPORTED, f"{printable(name, 32)} lies on disks of several kinds")
        return kinds.pop()
    if name.startswith(_NO_DISKS) or any(mark in place for mark in _HYPERVISORS) or _model_is_virtual(files, name):
        raise SourceError(
            FailureKind.UNSUPPORTED,
            f"{printable(name, 32)} is no real disk: what carries it is not told",
        )
    return "hdd" if files.read_once(f"{_BLOCKS}/{name}/queue/rotational").strip() == b"1" else "ssd"


def _model_is_virtual(files: KernelFiles, name: str) -> bool:
    words = ""
    for each in ("vendor", "model"):
        try:
            words += printable_bytes(files.read_once(f"{_BLOCKS}/{name}/device/{each}"), 64).lower()
        except SourceError:  # NVMe has no vendor, eMMC no model
            continue
    return any(mark in words for mark in _VIRTUAL)
