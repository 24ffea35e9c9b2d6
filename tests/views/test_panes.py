"""Every pane at every size: nothing sticks out, the most important stays, what is not known is told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
import pytest

from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.memory import MemorySample
from perftui.sources.processes import ProcessesSample
from perftui.views import PANES, PaneKind
from perftui.views.layout import length
from perftui.views.model import Pane, Role
from tests.views.drawn import flat, text
from tests.views.scenes import CGROUPS, DISKS, GIB, MEMINFO, NETWORK, Given, filesystem, host, process, without

T = TypeVar("T", bound=msgspec.Struct)
BY_KEY = {kind.key: kind for kind in PANES}
OF_THE_HOST = [kind for kind in PANES if kind.shown(host(0))]
SOURCE = {
    "cpu": "cpu",
    "io": "cpu",
    "memory": "memory",
    "swap": "memory",
    "processes": "processes",
    "network": "network",
}


@pytest.fixture(scope="module")
def well() -> Snapshot:
    return host()


@pytest.fixture(scope="module")
def new() -> Snapshot:
    """Right after the first tick: no rates yet."""
    return host(0)


def test_the_order_of_the_panes_is_that_of_their_numbers() -> None:
    assert [kind.key for kind in PANES] == [
        *("cpu", "io", "memory", "swap"),
        *("statements", "locks", "connections", "pools"),
        "deploys",
        "probes",
        "load",
        *("processes", "disks", "network"),
        *("replication", "tables"),
    ]


@pytest.mark.parametrize("kind", PANES, ids=lambda kind: kind.key)
def test_a_pane_stays_within_its_size_and_fills_at_least_a_line(new: Snapshot, well: Snapshot, kind: PaneKind) -> None:
    for snapshot in (new, well, host(5, without("cpu", "memory", "processes", "disks", "network"))):
        for height in (1, 2, 3, 4, 6, 10, 20):
            for width in (18, 22, 26, 36, 40, 52, 68, 80, 118, 200):
                lines = kind.pane(snapshot, width, height).lines
                assert 1 <= len(lines) <= height, (width, height)
                assert all(length(line) <= width for line in lines), (width, height, text(lines))


@pytest.mark.parametrize("kind", OF_THE_HOST, ids=lambda kind: kind.key)
def test_only_names_of_things_are_ever_cut(well: Snapshot, kind: PaneKind) -> None:
    for height in (1, 2, 4, 8):
        for width in (26, 52, 68, 118):
            cut = [word for word in text(kind.pane(well, width, height).lines).split() if "…" in word]
            assert all(word.startswith(("/", "post", "my")) for word in cut), (width, height, cut)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cpu", ["busy 31 %", "run 3/4", "throttled 37 %"]),
        ("io", ["iowait 4 %", "psi 2 %", "vda 12 %", "0.8 ms", "q 0.3", "blocked 0"]),
        ("memory", ["healthy", "anon 38 G", "avail 14 G", "cache 18 G", "growth stable"]),
        ("swap", ["used 0.2 of 8 G", "in 0", "out 0"]),
        ("processes", ["postgres 4310 250 %", "postgres 4242  50 %"]),
        ("disks", ["vda 12 %", "/var/lib/postgresql 63 % full"]),
        ("network", ["eth0 in 12 M/s", "out 3.0 M/s", "resent 0.4 %"]),
    ],
)
def test_one_line_of_an_80_column_screen_tells_what_matters(well: Snapshot, key: str, words: list[str]) -> None:
    (line,) = BY_KEY[key].pane(well, 65, 1).lines

    assert [word for word in words if word not in flat(line)] == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cpu", ["usr 22", "sys 7", "st 0", "irq 2", "load 1.25 0.90 0.80", "cores ", "250 % postgres 4310"]),
        ("io", ["all stalled 1 %", "r 140 M/s", "w 2.5 M/s", "postgres 4242"]),
        ("memory", ["limit 410 of 512 M", "available 14 GiB of 64 GiB", "OOM kills since boot 2", "killed leaky 99"]),
        ("swap", ["major faults/s 5", "3.0 M postgres 4242"]),
        ("processes", ["4310 postgres  250.0", "mallory", "x [bold]y[/bold]"]),
        ("disks", ["vda (swap)", "sdb", " 41 % full", "read-only"]),
        ("network", ["drops/s 7", "errors/s –", "lo in 99 M/s", "estab 212"]),
    ],
)
def test_a_tall_pane_tells_the_rest(well: Snapshot, key: str, words: list[str]) -> None:
    shown = text(BY_KEY[key].pane(well, 100, 12).lines)

    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize("key", ["cpu", "io", "swap", "processes", "disks", "network"])
def test_before_there_are_rates_they_are_not_told_as_zero(key: str) -> None:
    def young(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        unknown = {name: _no_rates(disk) for name, disk in DISKS.disks.items()}
        silent = {name: _no_rates(interface) for name, interface in NETWORK.network.items()}
        tcp = msgspec.structs.replace(NETWORK.tcp, retransmit_ratio=None)
        network = msgspec.structs.replace(NETWORK, network=silent, tcp=tcp)
        return {
            **read,
            "disks": Given(mono=100.0, part=msgspec.structs.replace(DISKS, disks=unknown)),
            "network": Given(mono=100.0, part=network),
        }

    shown = text(BY_KEY[key].pane(host(0, young), 100, 3).lines)

    assert "–" in shown
    assert not {"busy 0 %", "iowait 0 %", "in 0", "util 0 %", "resent 0.0 %"} & {
        " ".join(pair) for pair in zip(shown.split(), [*shown.split()[1:], ""], strict=True)
    }


def _no_rates(reading: T) -> T:
    return msgspec.structs.replace(reading, **{n: None for n in reading.__struct_fields__ if n != "swap"})


@pytest.mark.parametrize(("key", "source"), SOURCE.items())
def test_a_source_that_failed_is_told_in_words(key: str, source: str) -> None:
    """20 s after its last sample every source is stale, the slow ones too."""
    pane = BY_KEY[key].pane(host(25, without(source, after=5)), 80, 4)

    words = text(pane.lines)
    assert words == f"no reading for 20 s: denied: /proc/{source}: not allowed; run as root"
    assert pane.lines[0][0][1] is Role.WARNING


def test_a_source_that_never_spoke_is_told_in_words() -> None:
    zoomed = BY_KEY["cpu"].pane(host(5, without("cpu")), 80, 4)

    assert text(zoomed.lines) == "no reading yet: denied: /proc/cpu: not allowed; run as root"


def test_filesystems_are_shown_while_the_disks_can_not_be_read() -> None:
    shown = text(BY_KEY["disks"].pane(host(5, without("disks")), 80, 8).lines)

    assert "63 % full" in shown
    assert "disks: no reading yet: denied" in shown


def finding(rule: str, severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding(rule=rule, severity=severity, constraint=Constraint.IO_BOUND, title="it is so", since_at=0.0)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("host.cpu_saturated", "cpu"),
        ("host.cpu_throttled", "cpu"),
        ("host.cpu_stolen", "cpu"),
        ("host.io_saturated", "io"),
        ("host.memory_pressure", "memory"),
        ("host.memory_leak", "memory"),
        ("host.oom_kill", "memory"),
        ("host.swapping", "swap"),
        ("host.disk_filling", "disks"),
        ("host.network_retransmits", "network"),
        ("host.fd_exhaustion", "processes"),
    ],
)
def test_a_finding_points_at_one_pane(rule: str, key: str) -> None:
    snapshot = host(1, findings=(finding(rule, Severity.WARNING),))

    assert {kind.key for kind in PANES if kind.pane(snapshot, 40, 4).tone is not Role.DIM} == {key}
    assert BY_KEY[key].pane(snapshot, 40, 4).tone is Role.WARNING


def test_every_rule_points_at_a_pane() -> None:
    from perftui.findings import RULES
    from perftui.views.tone import pane_of

    assert {pane_of(rule.name) for rule in RULES} <= set(BY_KEY)


@pytest.mark.parametrize("key", ["io", "disks"])
def test_an_idle_loop_device_comes_after_an_idle_disk(key: str) -> None:
    def idle(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        disks = {"loop0": DISKS.disks["sdb"], "sdb": DISKS.disks["sdb"]}
        return {**read, "disks": Given(mono=100.0 + second, part=msgspec.structs.replace(DISKS, disks=disks))}

    (line,) = BY_KEY[key].pane(host(3, idle), 65, 1).lines

    assert "sdb 0 %" in flat(line).partition("loop0")[0]


def test_the_worst_finding_gives_the_tone() -> None:
    both = (finding("host.memory_leak", Severity.WARNING), finding("host.oom_kill"))

    assert BY_KEY["memory"].pane(host(1, findings=both), 40, 4).tone is Role.CRITICAL


def test_the_state_of_the_memory_is_in_its_title() -> None:
    def cached(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        memory = read["memory"]
        assert isinstance(memory, MemorySample)
        meminfo = {**memory.meminfo, "AnonPages": 8 * GIB, "Cached": 48 * GIB, "MemAvailable": 50 * GIB}
        return {**read, "memory": msgspec.structs.replace(memory, meminfo=meminfo)}

    assert BY_KEY["memory"].pane(host(5, cached), 40, 4).title == "Memory · cache heavy"


@pytest.mark.parametrize(("height", "words"), [(4, "Memory"), (1, "anon")])
def test_a_memory_with_a_finding_is_not_called_healthy(height: int, words: str) -> None:
    well, killed = host(5), host(5, findings=(finding("host.oom_kill"),))

    assert "healthy" in told(BY_KEY["memory"].pane(well, 65, height))
    assert "healthy" not in told(BY_KEY["memory"].pane(killed, 65, height))
    assert words in told(BY_KEY["memory"].pane(killed, 65, height))


def told(pane: Pane) -> str:
    return f"{pane.title} {text(pane.lines)}"


def test_a_reason_that_has_no_room_says_that_it_goes_on(well: Snapshot) -> None:
    lines = [flat(line) for line in BY_KEY["memory"].pane(well, 26, 5).lines]

    assert lines[4].startswith("available 14 GiB")
    assert lines[4].endswith("…")


def test_a_cpu_that_is_all_used_for_one_thing_keeps_its_whole_split_in_the_line() -> None:
    def hogged(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        cpu = read["cpu"]
        assert isinstance(cpu, CpuSample)
        return {**read, "cpu": msgspec.structs.replace(cpu, all=CpuTimes(100 * second, 0, 0, 0, 0, 0, 0, 0))}

    shown = flat(BY_KEY["cpu"].pane(host(5, hogged), 26, 4).lines[2])

    assert shown.split() == ["usr", "100", "sys", "0", "st", "0", "irq", "0"]


def test_stalls_are_those_of_the_tick_as_in_the_chart(well: Snapshot) -> None:
    shown = text(BY_KEY["io"].pane(well, 65, 2).lines)
    last = well.history.points("host.pressure.io.some_ratio", 60)[1][-1]

    assert f"psi {last * 100:.0f} %" in shown


def test_processes_that_show_the_same_cpu_stand_in_the_order_of_their_memory() -> None:
    def idle(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        rows = (
            process(10, "kworker", 0.0002 * second, resident_bytes=0),
            process(11, "cache", 0.0001 * second, resident_bytes=GIB),
            process(12, "busy", 0.01 * second),
        )
        return {**read, "processes": ProcessesSample(mono=100.0 + second, total=3, rows=rows)}

    _, *lines = [flat(line) for line in BY_KEY["processes"].pane(host(5, idle), 60, 12).lines]

    assert [line.split()[-1] for line in lines] == ["busy", "cache", "kworker"]


def test_what_can_not_be_written_to_is_not_told_what_is_left_of_it(well: Snapshot) -> None:
    lines = [flat(line) for line in BY_KEY["disks"].pane(well, 60, 12).lines if "read-only" in flat(line)]

    assert len(lines) == 1
    assert "left" not in lines[0]


def test_a_host_without_swap_says_so() -> None:
    def bare(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        memory = read["memory"]
        assert isinstance(memory, MemorySample)
        meminfo = {**memory.meminfo, "SwapTotal": 0, "SwapFree": 0}
        return {**read, "memory": msgspec.structs.replace(memory, meminfo=meminfo)}

    lines = [flat(line) for line in BY_KEY["swap"].pane(host(5, bare), 40, 2).lines]

    assert lines[0].rstrip() == "no swap"


def test_without_a_quota_nothing_is_said_of_throttling() -> None:
    def free(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        part = msgspec.structs.replace(
            CGROUPS, cgroups={}, cpu=msgspec.structs.replace(CGROUPS.cpu, throttled_ratio=None)
        )
        return {**read, "cgroups": Given(mono=100.0 + second, part=part)}

    assert "throttled" not in text(BY_KEY["cpu"].pane(host(5, free), 100, 10).lines)
    assert "limit" not in text(BY_KEY["memory"].pane(host(5, free), 100, 10).lines)


def test_a_full_filesystem_comes_before_one_that_can_not_be_written_to() -> None:
    def full(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        part = read["filesystems"]
        assert isinstance(part, Given)
        mounted = {"/iso": filesystem(1.0, read_only=True), "/data": filesystem(0.5, inodes_used_ratio=0.97)}
        return {
            **read,
            "filesystems": Given(mono=part.mono, part=msgspec.structs.replace(part.part, filesystems=mounted)),
        }

    (line,) = BY_KEY["disks"].pane(host(5, full), 65, 1).lines

    assert "/data 97 % full" in flat(line)


def labels(snapshot: Snapshot, key: str) -> list[tuple[int, str]]:
    """Where each label begins."""
    found = []
    for line in BY_KEY[key].pane(snapshot, 65, 2).lines:
        at = 0
        for words, role in line:
            if role is Role.DIM and words.strip():
                found.append((at, words))
            at += len(words)
    return found


@pytest.mark.parametrize("key", ["cpu", "io", "memory", "swap", "network"])
def test_numbers_that_change_move_nothing_else(well: Snapshot, key: str) -> None:
    def loaded(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        cpu, memory = read["cpu"], read["memory"]
        assert isinstance(cpu, CpuSample) and isinstance(memory, MemorySample)
        times = CpuTimes(90 * second, 0, 9 * second, 0, second, 0, 0, 0)
        eth0 = msgspec.structs.replace(NETWORK.network["eth0"], receive_bytes_per_s=999.0, transmit_bytes_per_s=0.0)
        network = msgspec.structs.replace(NETWORK, network={**NETWORK.network, "eth0": eth0})
        return {
            **read,
            "cpu": msgspec.structs.replace(cpu, all=times, blocked=17),
            "memory": msgspec.structs.replace(memory, meminfo={**MEMINFO, "MemAvailable": 7 * GIB, "SwapFree": 0}),
            "network": Given(mono=cpu.mono, part=network),
        }

    assert labels(host(30, loaded), key) == labels(well, key)
