"""Which process leads a finding: one that stands out, or several of one name together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from perftui.history.history import History
from perftui.model.finding import Subject
from perftui.sources.processes import ProcessesPart, ProcessReading

Weight = Callable[[ProcessReading], float]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of one name, and how much of the load is theirs."""

    name: str
    pids: tuple[int, ...]
    """The oldest first, so that who is named does not change from tick to tick."""
    weight: float
    share: float
    """Of the weight of all processes seen."""

    @property
    def words(self) -> str:
        """`postgres (pid 4242)` or `6 x stress-ng (pid 4242, …)`."""
        if len(self.pids) == 1:
            return f"{self.name} (pid {self.pids[0]})"
        return f"{len(self.pids)} x {self.name} (pid {self.pids[0]}, …)"


def leading(history: History, weight: Weight, floor: float, min_share: float = 0.3) -> Group | None:
    """The name whose processes carry the most weight; None when nobody reaches the floor or stands out.

    Processes below a hundredth of the heaviest of their name are not counted among its pids.
    """
    part = history.latest(ProcessesPart)
    if part is None:
        return None
    by_name: dict[str, list[ProcessReading]] = defaultdict(list)
    for process in part.processes.top:
        if weight(process) > 0:
            by_name[process.name].append(process)
    totals = {name: sum(map(weight, processes)) for name, processes in by_name.items()}
    if not totals:
        return None
    name = max(totals, key=lambda each: totals[each])
    share = totals[name] / sum(totals.values())
    if totals[name] < floor or share < min_share:
        return None
    heaviest = max(map(weight, by_name[name]))
    counted = [process for process in by_name[name] if weight(process) >= heaviest / 100]
    counted.sort(key=lambda process: (process.started_ticks, process.pid))
    return Group(name=name, pids=tuple(process.pid for process in counted), weight=totals[name], share=share)


def cpu(process: ProcessReading) -> float:
    return process.cpu_ratio or 0.0


def disk(process: ProcessReading) -> float:
    """Bytes moved; a process that hangs in the disk without moving any counts a little."""
    moved = (process.read_bytes_per_s or 0.0) + (process.write_bytes_per_s or 0.0)
    return moved + (4096.0 if process.state == "D" else 0.0)


def asleep(process: ProcessReading) -> float:
    """One that sleeps until a disk answers."""
    return float(process.state == "D")


def major_faults(process: ProcessReading) -> float:
    return process.major_faults_per_s or 0.0


def resident(process: ProcessReading) -> float:
    return float(process.resident_bytes)


def subject(group: Group | None, **place: str | None) -> Subject:
    """The leading process and the places (disk, cgroup) that are known."""
    found: Subject = {kind: name for kind, name in place.items() if name is not None}
    if group:
        found |= {"process": group.name, "pid": group.pids[0], "processes": len(group.pids)}
    return found


def by(group: Group | None) -> str:
    """`, led by …` for a title; empty where nobody leads."""
    return f", led by {group.words}" if group else ""
