"""A player over frames made up here: the real history, the real views, a host that does exactly what a test says."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import msgspec

from perftui.history.history import History, HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.finding import Constraint, Finding, Link, Severity, Verdict
from perftui.model.frame import Frame, Machine, Sample
from perftui.pipeline.player import Mode, Publish, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.sources import cpu, disks, memory, network, pressure, processes

MACHINE = Machine(hostname="db-prod-3", system="Linux 6.1.0", cores=16, memory_bytes=64 << 30)
STARTED_AT = 1_770_800_000.0
KINDS = (cpu.KIND, pressure.KIND, memory.KIND, disks.KIND, network.KIND, processes.KIND)

HEALTHY = Verdict(
    constraint=Constraint.HEALTHY,
    finding=None,
    severity=Severity.INFO,
    since_at=None,
    summary="all limits hold: cpu 31 %, no pressure, no swapping",
)
SATURATED = Finding(
    rule="host.cpu_saturated",
    severity=Severity.CRITICAL,
    constraint=Constraint.CPU_BOUND,
    title="CPU 97 % busy for 2 min; worker-3 uses 4.1 CPUs",
    since_at=STARTED_AT,
)
CPU_BOUND = Verdict(
    constraint=Constraint.CPU_BOUND,
    finding=SATURATED.rule,
    severity=Severity.CRITICAL,
    since_at=STARTED_AT,
    summary=SATURATED.title,
    chain=(SATURATED.rule,),
    links=(Link(finding=0, rule=SATURATED.rule),),
)


def frames(moving: bool = True, process_count: int = 40) -> Iterator[Frame]:
    """A frame a second, for ever. `moving`: every value differs from tick to tick."""
    total = dict.fromkeys(("user", "system", "idle", "io", "in", "out", "reads"), 0)
    used = [0.0] * process_count
    seq = 0
    while True:
        wave = 0.5 + 0.4 * math.sin(seq / 3) if moving else 0.3
        step = {"user": 900 * wave, "system": 300 * wave, "idle": 1600 - 1200 * wave, "io": 400_000 * wave}
        step |= {"in": 5_000_000 * wave, "out": 2_000_000 * wave, "reads": 400 * wave}
        for name, size in step.items():
            total[name] += int(size)
        for i in range(process_count):
            used[i] += wave * 4 / (1 + (i + (seq if moving else 0)) % process_count)
        yield Frame(seq=seq, at=STARTED_AT + seq, mono=1000.0 + seq, samples=_samples(seq, moving, wave, total, used))
        seq += 1


def _samples(seq: int, moving: bool, wave: float, total: dict[str, int], used: list[float]) -> dict[str, Sample]:
    mono = 1000.0 + seq
    times = cpu.CpuTimes(total["user"], 0, total["system"], total["idle"], 0, 0, 0, 0)
    stall = pressure.StallLine(avg10=wave * 10, avg60=wave * 8, avg300=wave * 5, total=int(seq * 1e6 * 0.05))
    free = int((8 + (wave * 4 if moving else 0)) * (1 << 30))
    meminfo = {"MemTotal": 64 << 30, "MemFree": free, "MemAvailable": free + (20 << 30), "Cached": 20 << 30}
    meminfo |= {"AnonPages": (36 << 30) - free + (8 << 30), "SwapTotal": 8 << 30, "SwapFree": 8 << 30, "Buffers": 0}
    disk = disks.DiskRow(total["reads"], total["io"], total["reads"], total["reads"], total["io"], total["reads"], 0, 0)
    interface = network.InterfaceRow(total["in"], seq * 100, 0, 0, total["out"], seq * 100, 0, 0)
    rows = tuple(
        processes.ProcessRow(
            100 + i, 5000 + i, 1, f"worker-{i}", f"/usr/bin/worker --number {i}", "app", "S", cpu_s,
            (i + 1) << 24, 4, 0, int(cpu_s * 1e6), int(cpu_s * 2e6),
        )
        for i, cpu_s in enumerate(used)
    )  # fmt: skip
    return {
        "cpu": cpu.CpuSample(
            mono=mono, all=times, per_cpu={str(n): times for n in range(4)}, context_switches=seq * 5000,
            runnable=3 + (seq % 5 if moving else 0), blocked=0, load=(wave, 0.4, 0.3), uptime_s=86400.0 + (seq if moving else 0),
        ),
        "pressure": pressure.PressureSample(
            mono=mono, cpu=pressure.Stall(stall), io=pressure.Stall(stall, stall), memory=pressure.Stall(stall, stall)
        ),
        "memory": memory.MemorySample(mono=mono, meminfo=meminfo, vmstat={"pswpin": 0, "pswpout": 0, "oom_kill": 0}),
        "disks": disks.DisksSample(mono=mono, disks={"vda": disk, "vdb": disk}),
        "network": network.NetworkSample(
            mono=mono, interfaces={"eth0": interface}, segments_out=seq * 1000, segments_retransmitted=seq,
            established=12,
        ),
        "processes": processes.ProcessesSample(mono=mono, total=len(rows), rows=rows),
    }  # fmt: skip


def histories(moving: bool = True, process_count: int = 40) -> Iterator[History]:
    store = HistoryStore(KINDS, trends=TRENDS)
    for frame in frames(moving, process_count):
        yield store.push(frame)


def snapshot(history: History, verdict: Verdict = HEALTHY) -> Snapshot:
    found = (SATURATED,) if verdict is CPU_BOUND else ()
    return Snapshot(machine=MACHINE, history=history, findings=found, verdict=verdict)


def shown_after(ticks: int, verdict: Verdict = HEALTHY, moving: bool = True) -> Shown:
    """What is shown after so many ticks."""
    source = histories(moving)
    history = next(source)
    for _ in range(ticks - 1):
        history = next(source)
    return Shown(snapshot=snapshot(history, verdict), mode=Mode.LIVE, newest_at=history.at, oldest_at=STARTED_AT)


class StandIn:
    """Publishes a snapshot each interval from a thread of its own; notes what it was asked to do."""

    def __init__(
        self, interval_s: float = 1.0, moving: bool = True, verdict: Verdict = HEALTHY, ticks: int = 0
    ) -> None:
        self._interval_s = interval_s
        self._verdict = verdict
        self._histories = histories(moving)
        self._ticks = ticks
        """Published before `start` returns."""
        self._stopped = threading.Event()
        self._publish: Publish | None = None
        self.shown: Shown | None = None
        self.asked: list[str] = []

    failure: BaseException | None = None

    def start(self, publish: Publish) -> None:
        self._publish = publish
        for _ in range(max(1, self._ticks)):
            self.tick()
        if self._interval_s > 0:
            threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def tick(self) -> None:
        history = next(self._histories)
        self.show(Shown(snapshot=snapshot(history, self._verdict), mode=Mode.LIVE, newest_at=history.at))

    def show(self, shown: Shown) -> None:
        self.shown = shown
        if self._publish is not None:
            self._publish(shown)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self.tick()

    def _note(self, asked: str) -> None:
        self.asked.append(asked)
        if self.shown is not None:
            self.show(msgspec.structs.replace(self.shown, note=asked))

    def pause_or_resume(self) -> None:
        self._note("pause")

    def step(self, seconds: float) -> None:
        self._note(f"step {seconds:+g}")

    def oldest(self) -> None:
        self._note("oldest")

    def newest(self) -> None:
        self._note("newest")

    def faster(self, factor: float) -> None:
        self._note(f"faster {factor:g}")

    def mark(self, text: str) -> None:
        self._note(f"mark {text}")

    def want_all_processes(self, wanted: bool) -> None:
        self.asked.append(f"all processes {wanted}")
