"""Readings of more than two samples, and roots that are maps of names: their names, their series, their place in the tree."""

from __future__ import annotations

import msgspec

from perftui.history.flatten import flatten
from perftui.history.history import History, HistoryStore, Trend
from perftui.sources import cpu
from perftui.sources.kind import Part
from tests.frames import cpu_frames


class Door(msgspec.Struct, frozen=True, kw_only=True):
    open_ratio: float | None
    name: str = ""


class Doors(Part, frozen=True, kw_only=True):
    doors: dict[str, Door]
    door: Door


def doors(history: History) -> Doors | None:
    busy = history.value("host.cpu.busy_ratio")
    if busy is None:
        return None
    front = Door(open_ratio=busy)
    return Doors(doors={"front": front}, door=front)


TREND = Trend(part=Doors, root="", read=doors)


def test_a_part_at_the_top_of_the_tree_names_its_maps_by_their_field() -> None:
    told = dict(flatten(Doors(doors={"a.b": Door(open_ratio=0.5)}, door=Door(open_ratio=1.0)), ""))

    assert told == {"doors.a.b.open_ratio": 0.5, "door.open_ratio": 1.0}


def test_a_trend_has_a_course_of_its_own_from_the_tick_on_where_it_is_known() -> None:
    store = HistoryStore([cpu.KIND], trends=(TREND,))
    histories = [store.push(frame) for frame in cpu_frames([0.25, 0.5, 0.75])]

    assert histories[-1].window("doors.front.open_ratio", 10).values == [0.25, 0.5, 0.75]
    assert histories[-1].value("door.open_ratio") == 0.75
    assert histories[0].latest(Doors) is None
