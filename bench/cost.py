"""What the console costs, beside htop, btop and glances in the same run. Linux, root (each has a PID namespace of its own).

    python -m bench.cost [--quick] [--save FILE]

Programs take turns over several rounds; the table shows medians. CPU is time on a core, so a busy machine moves it little;
first frame and keys are wall time and want an idle one. Two crowds run at a time, one program in each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from bench.alone import Alone, Chunk, Crowd, build_crowd, needs, output
from bench.programs import CONSOLE, FLOOR, OURS, Program, first_numbers_s, installed, settle, versions
from bench.table import Row, machine_words, table, tick_table

MEGABYTE = 1e6


class Plan(NamedTuple):
    """How long and how often."""

    rounds: int = 3
    starts: int = 4
    settle_s: float = 5.0
    window_s: float = 10.0
    still_s: float = 6.0
    keys: int = 40
    ticks: int = 12
    small: int = 200
    large: int = 3000
    few: int = 300
    """The smaller crowd for the cost of a tick."""
    peers_still: bool = True


QUICK = Plan(rounds=1, starts=2, settle_s=3.0, window_s=5.0, still_s=5.0, keys=30, ticks=6, peers_still=False)


class Figures:
    """What was measured: figure → program → one value a round."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, figure: str, program: Program, *values: float) -> None:
        self._values[figure][program.name] += values

    def typical(self, figure: str) -> dict[str, float]:
        return {name: median(values) for name, values in self._values[figure].items() if values}

    def p95(self, figure: str) -> dict[str, float]:
        return {name: quantiles(values, n=20)[-1] for name, values in self._values[figure].items() if len(values) > 1}


class Bench:
    """One run of everything."""

    def __init__(self, plan: Plan, home: Path, programs: Sequence[Program]) -> None:
        self._plan = plan
        self._home = home
        self._programs = programs
        self.figures = Figures()

    def run(self) -> None:
        for _ in range(self._plan.starts):
            for program in (FLOOR, *self._programs):
                self._start(program)
            self._snapshot()
        for turn in range(self._plan.rounds):
            for small, large in self._turns(turn):
                self._steady(small, large)
        for program in self._programs if self._plan.peers_still else (CONSOLE,):
            self._still(program)

    def tick_costs(self) -> dict[int, dict[str, float]]:
        """Crowd → part → CPU ms a second."""
        plan = self._plan
        with ExitStack() as stack:
            running = {
                crowd: stack.enter_context(self._open(self._ticker(crowd), Crowd(crowd)))
                for crowd in (plan.few, plan.large)
            }
            output(list(running.values()), plan.ticks + 1.0)
            for alone in running.values():
                alone.lasted_s()
        return {crowd: json.loads(self._tick_file(crowd).read_text()) for crowd in running}

    def rows(self) -> list[Row]:
        plan, typical, p95 = self._plan, self.figures.typical, self.figures.p95
        return [
            Row("first frame with numbers", "s", typical("first frame"), 0.30),
            Row(f"CPU, {plan.small} processes", "%", typical("CPU small"), 1.0),
            Row(f"CPU, {plan.large} processes", "%", typical("CPU large"), 2.0),
            Row("CPU, nothing moves", "%", typical("CPU still")),
            Row("output, values move", "kB/s", typical("output moving"), 2.0),
            Row("output, nothing moves", "kB/s", typical("output still"), 0.3),
            Row(f"memory (PSS), {plan.small} processes", "MB", typical("PSS small"), 45.0),
            Row(f"memory (PSS), {plan.large} processes", "MB", typical("PSS large"), 45.0),
            Row("its growth a minute", "MB", typical("growth")),
            Row(f"key to screen p50, {plan.large} processes", "ms", typical("key")),
            Row(f"key to screen p95, {plan.large} processes", "ms", p95("key"), 15.0),
            Row("snapshot before its window", "s", typical("snapshot"), 0.15),
        ]

    def _turns(self, turn: int) -> Iterator[tuple[Program, Program]]:
        """Each program once in each crowd, never in both at a time; each round begins with another."""
        count = len(self._programs)
        order = [self._programs[(place + turn) % count] for place in range(count)]
        return zip(order, [*order[1:], order[0]], strict=True)

    def _open(self, program: Program, crowd: Crowd) -> Alone:
        return Alone(program.command, program.environ, crowd, self._home)

    def _start(self, program: Program) -> None:
        chunks: list[Chunk] = []
        with self._open(program, Crowd(self._plan.small)) as alone:
            for seconds in (1.0, 1.0, 2.0):
                chunks += alone.chunks(seconds)
                first_s = first_numbers_s(program, chunks)
                if first_s is not None:
                    self.figures.add("first frame", program, first_s)
                    return

    def _snapshot(self) -> None:
        window_s = 0.1
        command = (*CONSOLE.command, "snapshot", "--for", f"{window_s * 1e3:.0f}ms")
        with self._open(CONSOLE._replace(command=command), Crowd(self._plan.small)) as alone:
            self.figures.add("snapshot", CONSOLE, alone.lasted_s() - window_s)

    def _steady(self, small: Program, large: Program) -> None:
        """One program in each crowd, both watched over the same seconds."""
        with self._open(small, Crowd(self._plan.small)) as first, self._open(large, Crowd(self._plan.large)) as second:
            at_small, at_large = self._watch((first, second), self._plan.window_s)
            self.figures.add("CPU small", small, at_small.cpu_percent)
            self.figures.add("output moving", small, at_small.kilobytes_per_s)
            self.figures.add("PSS small", small, at_small.pss_bytes / MEGABYTE)
            self.figures.add("CPU large", large, at_large.cpu_percent)
            self.figures.add("PSS large", large, at_large.pss_bytes / MEGABYTE)
            self.figures.add("growth", large, at_large.grown_bytes_per_s * 60 / MEGABYTE)
            first.close()
            self._press(large, second)

    def _still(self, program: Program) -> None:
        with self._open(program, Crowd(self._plan.small).still()) as alone:
            (seen,) = self._watch((alone,), self._plan.still_s)
            self.figures.add("CPU still", program, seen.cpu_percent)
            self.figures.add("output still", program, seen.kilobytes_per_s)

    def _watch(self, running: Sequence[Alone], seconds: float) -> list[Seen]:
        output(running, self._plan.settle_s)
        before = [(alone.cpu_s(), alone.pss_bytes()) for alone in running]
        began = time.monotonic()
        written = output(running, seconds)
        lasted_s = time.monotonic() - began
        return [
            Seen(
                cpu_percent=(alone.cpu_s() - cpu_s) / lasted_s * 100,
                kilobytes_per_s=count / lasted_s / 1e3,
                pss_bytes=alone.pss_bytes(),
                grown_bytes_per_s=(alone.pss_bytes() - pss_bytes) / lasted_s,
            )
            for alone, (cpu_s, pss_bytes), count in zip(running, before, written, strict=True)
        ]

    def _press(self, program: Program, alone: Alone) -> None:
        """Keys at odd moments, so that some of them meet a tick; peers, which are slow to answer, get fewer."""
        moments = random.Random(7)
        for number in range(self._plan.keys if program is CONSOLE else self._plan.keys // 4):
            output([alone], moments.uniform(0.03, 0.12))
            waited_s = alone.press(program.keys[number % len(program.keys)])
            if waited_s is not None:
                self.figures.add("key", program, waited_s * 1e3)

    def _tick_file(self, crowd: int) -> Path:
        return self._home / f"tick-{crowd}.json"

    def _ticker(self, crowd: int) -> Program:
        command = (sys.executable, "-m", "bench.tick", str(self._plan.ticks), str(self._tick_file(crowd)))
        return Program("tick", command, "", environ=OURS)


class Seen(NamedTuple):
    """One program over one window."""

    cpu_percent: float
    kilobytes_per_s: float
    pss_bytes: int
    grown_bytes_per_s: float


def measure(plan: Plan, programs: Sequence[Program]) -> str:
    """All tables, as text."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build_crowd(home)
        settle(home)
        bench = Bench(plan, home, programs)
        bench.run()
        names = [program.name for program in (*programs, FLOOR)]
        tables = [table(bench.rows(), names), tick_table(bench.tick_costs())]
    return "\n\n".join([machine_words(versions(programs)), *tables]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round: less than 90 s instead of 6 min")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the tables to a file as well")
    args = parser.parse_args(arguments)
    missing = needs()
    if missing:
        print(f"bench.cost: {missing}", file=sys.stderr)
        return os.EX_UNAVAILABLE
    try:
        told = measure(QUICK if args.quick else Plan(), installed())
    except KeyboardInterrupt:
        return 130
    print(told, end="")
    if args.save:
        args.save.write_text(told)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
