"""Zooms: the chart's readings in their units, and tables in the order that was asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import isnan

import pytest

from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.processes import ProcessesSample
from perftui.views import PANES, PaneKind
from perftui.views.layout import length
from perftui.views.model import TableState, Zoom
from tests.views.drawn import column, text
from tests.views.scenes import MIB, STARTED_AT, host, process, without

BY_KEY = {kind.key: kind for kind in PANES}
OF_THE_HOST = [kind for kind in PANES if kind.shown(host(0))]


@pytest.fixture(scope="module")
def well() -> Snapshot:
    return host(30, marks={10: "deploy 2.8.1"})


def zoom(snapshot: Snapshot, key: str, width: int = 118, **chosen: object) -> Zoom:
    return BY_KEY[key].zoom(snapshot, TableState(**chosen), width)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", OF_THE_HOST, ids=lambda kind: kind.key)
@pytest.mark.parametrize("width", [18, 40, 76, 118, 200])
def test_a_zoom_fits_its_width(well: Snapshot, kind: PaneKind, width: int) -> None:
    shown = kind.zoom(well, TableState(), width)

    assert all(length(line) <= width for line in shown.lines)
    assert shown.table is not None and shown.table.rows
    assert sum((c.width or 10) + 1 for c in shown.table.columns) - 1 <= max(width, 20)
    assert sum(c.width == 0 for c in shown.table.columns) <= 1
    assert all(len(row.cells) == len(shown.table.columns) for row in shown.table.rows)
    assert len({row.key for row in shown.table.rows}) == len(shown.table.rows)


@pytest.mark.parametrize("kind", OF_THE_HOST, ids=lambda kind: kind.key)
def test_each_sort_key_sorts_and_reverses(well: Snapshot, kind: PaneKind) -> None:
    table = kind.zoom(well, TableState(), 200).table
    assert table is not None
    for key in table.sorts:
        down = kind.zoom(well, TableState(sort=key), 60).table
        up = kind.zoom(well, TableState(sort=key, reverse=True), 60).table
        assert down is not None and up is not None
        assert down.sorted_by == up.sorted_by == key
        assert key in [column.key for column in down.columns]
        assert {row.key for row in down.rows} == {row.key for row in up.rows}


@pytest.mark.parametrize("kind", OF_THE_HOST, ids=lambda kind: kind.key)
def test_an_unknown_sort_key_means_the_default_one(well: Snapshot, kind: PaneKind) -> None:
    assert kind.zoom(well, TableState(sort="nonsense"), 118).table == kind.zoom(well, TableState(), 118).table


@pytest.mark.parametrize(
    ("key", "unit", "newest"),
    [
        ("cpu", "%", {"user": 22.0, "system": 7.0, "iowait": 4.0, "steal": 0.0}),
        ("io", "%", {"iowait": 4.0, "some task stalled": 2.0, "all stalled": 1.0}),
        ("memory", "GiB", {"anonymous": 38.0, "available": 14.0}),
        ("swap", "MiB/s", {"in": 0.0, "out": 0.0}),
        ("disks", "%", {"vda": 12.0, "sdb": 0.0}),
        ("network", "MiB/s", {"eth0 in": 12.0, "eth0 out": 3.0}),
    ],
)
def test_a_chart_shows_its_readings_in_the_unit_beside_the_axis(
    well: Snapshot, key: str, unit: str, newest: Mapping[str, float]
) -> None:
    chart = zoom(well, key, span_s=20.0).chart

    assert chart is not None
    assert chart.unit == unit
    assert {line.name: line.values[-1] for line in chart.lines if line.name in newest} == pytest.approx(newest)
    assert {len(line.values) for line in chart.lines} == {len(chart.at)} == {20}
    assert chart.at[-1] == STARTED_AT + 30


def test_marks_stand_on_the_chart_while_they_are_within_its_span(well: Snapshot) -> None:
    wide, narrow = zoom(well, "cpu", span_s=60.0).chart, zoom(well, "cpu", span_s=10.0).chart

    assert wide is not None and narrow is not None
    assert wide.marks == ((STARTED_AT + 10, "deploy 2.8.1"),)
    assert narrow.marks == ()


def test_a_gap_in_the_chart_is_not_a_zero() -> None:
    def gap(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        return read if second < 5 or second > 20 else {k: v for k, v in read.items() if k != "cpu"}

    chart = zoom(host(30, gap), "cpu").chart

    assert chart is not None
    assert sum(isnan(value) for value in chart.lines[0].values) >= 10


@pytest.mark.parametrize("key", ["cpu", "io", "memory", "swap", "processes", "network"])
def test_a_zoom_without_its_source_says_why(key: str) -> None:
    shown = zoom(host(3, without("cpu", "memory", "processes", "network")), key)

    assert text(shown.lines).startswith("no reading yet: denied: ")
    assert shown.table is None and shown.chart is None


def test_memory_classes_add_up_and_say_what_they_are(well: Snapshot) -> None:
    shown = zoom(well, "memory").table

    assert shown is not None
    assert column(shown, "class or group")[:3] == ["anonymous", "file cache", "free"]
    assert "heaps and stacks of processes" in column(shown, "what it is")
    assert "of its limit of 512 M; 2 OOM kills; ours" in column(shown, "what it is")
    assert len(shown.rows) == 12


def test_cores_stand_in_their_order_until_sorted_otherwise(well: Snapshot) -> None:
    table = zoom(well, "cpu").table

    assert table is not None
    assert (column(table, "core"), table.sorted_by) == (["0", "1", "2", "3"], "core")


def test_groups_that_are_throttled_are_named(well: Snapshot) -> None:
    assert "throttled  37 %  quota 2 CPUs  /kubepods/pod-1 (ours)" in text(zoom(well, "cpu").lines)


def test_disks_stand_above_filesystems_and_what_can_not_be_written_to_last(well: Snapshot) -> None:
    table = zoom(well, "disks").table

    assert table is not None
    assert column(table, "disk or mount point") == [
        "vda (swap)",
        "sdb",
        "/var/lib/postgresql",
        "/",
        "/snap/core (read-only)",
    ]
    assert column(table, "await")[1:3] == ["     –", ""]


def test_the_loopback_is_last(well: Snapshot) -> None:
    table = zoom(well, "network").table

    assert table is not None
    assert column(table, "interface") == ["eth0", "lo"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [("POSTGRES", ["4310", "4242"]), ("mallory", ["777"]), ("--serve", ["4310", "4242", "1"]), ("77", ["777"])],
)
def test_a_filter_finds_names_users_commands_and_pids(well: Snapshot, wanted: str, names: list[str]) -> None:
    table = zoom(well, "processes", filter=wanted).table

    assert table is not None
    assert column(table, "pid") == names


def test_a_filter_that_finds_nothing_says_so(well: Snapshot) -> None:
    table = zoom(well, "processes", filter="nginx").table

    assert table is not None
    assert (table.rows, table.empty) == ((), "nothing matches 'nginx'")


@pytest.mark.parametrize(
    ("sort", "pids"),
    [
        ("", ["4310", "4242", "777", "1"]),
        ("pid", ["1", "777", "4242", "4310"]),
        ("read", ["4242", "4310", "1", "777"]),
        ("name", ["777", "4310", "4242", "1"]),
    ],
)
def test_processes_sort_with_what_is_not_known_last(well: Snapshot, sort: str, pids: list[str]) -> None:
    table = zoom(well, "processes", sort=sort).table

    assert table is not None
    assert column(table, "pid") == pids


def tree_of(*rows: tuple[int, int, float]) -> Snapshot:
    """(pid, parent, CPUs in use) of each process."""

    def change(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        made = tuple(process(pid, f"p{pid}", cpu * second, ppid, command=f"p{pid}") for pid, ppid, cpu in rows)
        return {**read, "processes": ProcessesSample(mono=100.0 + second, total=len(made), rows=made, complete=True)}

    return host(3, change)


def test_a_tree_puts_children_below_parents_by_the_cpu_of_all_below() -> None:
    snapshot = tree_of(
        (1, 0, 0.0), (10, 1, 0.1), (11, 10, 0.1), (20, 1, 0.0), (21, 20, 0.9), (22, 20, 0.3), (9, 7, 0.0)
    )
    table = zoom(snapshot, "processes", turned=True).table

    assert table is not None
    assert column(table, "command") == [
        "p1",
        "├─ p20",
        "│  ├─ p21",
        "│  └─ p22",
        "└─ p10",
        "   └─ p11",
        "p9",
    ]


def test_a_filtered_tree_keeps_the_ancestors() -> None:
    table = zoom(
        tree_of((1, 0, 0.0), (10, 1, 0.1), (11, 10, 0.1), (20, 1, 0.5)), "processes", turned=True, filter="P11"
    )

    assert table.table is not None
    assert column(table.table, "command") == ["p1", "└─ p10", "   └─ p11"]


def test_a_narrow_tree_indents_the_names() -> None:
    table = zoom(tree_of((1, 0, 0.0), (10, 1, 0.1)), "processes", width=40, turned=True).table

    assert table is not None
    assert column(table, "name") == ["p1", "└─ p10"]


def test_a_tree_deeper_than_the_stack_of_python() -> None:
    table = zoom(tree_of(*((pid, pid - 1, 0.0) for pid in range(1, 1500))), "processes", turned=True).table

    assert table is not None
    assert len(table.rows) == 1499


def test_three_thousand_processes_are_a_table_in_a_few_milliseconds() -> None:
    def many(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        rows = tuple(process(pid, f"p{pid}", 0.001 * pid * second, resident_bytes=pid * MIB) for pid in range(1, 3001))
        return {**read, "processes": ProcessesSample(mono=100.0 + second, total=3000, rows=rows, complete=True)}

    snapshot = host(2, many)
    zoom(snapshot, "processes")
    costs = []
    for _ in range(3):
        began = time.process_time()
        zoom(snapshot, "processes")
        costs.append(time.process_time() - began)

    assert min(costs) < 0.1
    print(f"3,000 rows: {min(costs) * 1e3:.1f} ms")
