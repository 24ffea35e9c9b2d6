"""The pace of a filling disk."""

from perftui.findings.disk_filling import DiskFillingLimits, disk_filling
from perftui.history.history import HistoryStore
from perftui.model.finding import Severity
from perftui.model.frame import Frame
from perftui.sources import filesystems
from perftui.sources.filesystems import FilesystemRow, FilesystemsSample


def test_a_wall_clock_that_is_set_back_does_not_hurry_the_disk() -> None:
    store = HistoryStore([filesystems.KIND])
    for second in range(90):
        free = (100 << 30) - second * (1 << 20)
        row = FilesystemRow("sda", "ext4", 600 << 30, free, free, 0, 0)
        wall = 1000.0 + second - (58 if second >= 60 else 0)
        read = FilesystemsSample(mono=float(second), filesystems={"/": row})
        history = store.push(Frame(seq=second, at=wall, mono=float(second), samples={"filesystems": read}))
        (finding,) = disk_filling(history, DiskFillingLimits())

        assert finding.severity is Severity.INFO, second
        assert finding.title == "/ is 83% full (space), 100 GiB left"
