"""The one table of what may explain what, and the gates an explanation must pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from perftui.history.history import History
from perftui.model.finding import Finding
from perftui.sources.disks import DisksPart

SLACK_S = 10.0
"""A cause is measured over a window like its symptom, so it may be noticed this much later."""

Gate = Callable[[History, Finding, Finding], bool]
"""(history, cause, symptom): whether their subjects meet."""


class Edge(msgspec.Struct, frozen=True):
    cause: str
    symptom: str
    meets: Gate


def anywhere(history: History, cause: Finding, symptom: Finding) -> bool:
    """Both are about the host as a whole."""
    return True


def same_process(history: History, cause: Finding, symptom: Finding) -> bool:
    """One process leads both; or one of the two names none."""
    ours, theirs = cause.subject.get("process"), symptom.subject.get("process")
    return ours is None or theirs is None or ours == theirs


def swap_reaches_disk(history: History, cause: Finding, symptom: Finding) -> bool:
    """The waited-for disk carries the swap, or swap is a quarter of what that disk moves."""
    part = history.latest(DisksPart)
    name = symptom.subject.get("disk")
    disk = part.disks.get(str(name)) if part and name else None
    if disk is None:
        return True
    moved = (history.value("host.swap.in_bytes_per_s") or 0.0) + (history.value("host.swap.out_bytes_per_s") or 0.0)
    carried = (disk.read_bytes_per_s or 0.0) + (disk.write_bytes_per_s or 0.0)
    return disk.swap or moved > 0.25 * carried


def kernel_works(history: History, cause: Finding, symptom: Finding) -> bool:
    """Most of the CPU time is the kernel's: it reclaims and swaps."""
    return (history.value("host.cpu.system_ratio") or 0.0) > (history.value("host.cpu.user_ratio") or 0.0)


EDGES: tuple[Edge, ...] = (
    Edge("host.memory_leak", "host.memory_pressure", anywhere),
    Edge("host.memory_leak", "host.swapping", anywhere),
    Edge("host.memory_leak", "host.oom_kill", same_process),
    Edge("host.memory_pressure", "host.oom_kill", anywhere),
    Edge("host.memory_pressure", "host.swapping", anywhere),
    Edge("host.memory_pressure", "host.io_saturated", anywhere),
    Edge("host.swapping", "host.io_saturated", swap_reaches_disk),
    Edge("host.swapping", "host.cpu_saturated", kernel_works),
    Edge("host.cpu_stolen", "host.cpu_saturated", anywhere),
)


class Links(msgspec.Struct, frozen=True):
    """Which active finding explains which, by their place in the list of findings."""

    symptoms: dict[int, tuple[int, ...]]
    explained: frozenset[int]


def links(history: History, findings: Sequence[Finding]) -> Links:
    """The edges that hold now: both ends active, the subjects meet, and the cause did not begin after its symptom."""
    symptoms: dict[int, list[int]] = {}
    explained = set()
    for edge in EDGES:
        for cause_at, cause in enumerate(findings):
            if cause.rule != edge.cause:
                continue
            for symptom_at, symptom in enumerate(findings):
                if symptom.rule == edge.symptom and _in_time(cause, symptom) and edge.meets(history, cause, symptom):
                    symptoms.setdefault(cause_at, []).append(symptom_at)
                    explained.add(symptom_at)
    return Links({cause: tuple(found) for cause, found in symptoms.items()}, frozenset(explained))


def _in_time(cause: Finding, symptom: Finding) -> bool:
    return cause.began_before or cause.since_at <= symptom.since_at + SLACK_S
