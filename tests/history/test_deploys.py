from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perftui.history.deploys import DeploysPart
from perftui.history.history import History, HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame, Machine, Mark, Sample
from perftui.pipeline.loop import Judge
from perftui.pipeline.timeline import Timeline
from perftui.sources import KINDS
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, Place
from tests.sources.deploys import AT, deploy

FILE = "/var/lib/deploys.jsonl"


def sample(mono: float, *deploys: Deploy, place: Place | None = None, marks: Sequence[Mark] = ()) -> DeploysSample:
    return DeploysSample(mono=mono, deploys=deploys, places=(place or Place(name=FILE),), marks=tuple(marks))


def frame(second: int, read: DeploysSample | None = None, failed: str = "") -> Frame:
    samples: dict[str, Sample] = {"deploy_file": read} if read else {}
    failures = {"deploy_file": Failed(kind=FailureKind.DENIED, detail=failed)} if failed else {}
    return Frame(seq=second, at=AT + second, mono=100.0 + second, samples=samples, failed=failures)


def history(*frames: Frame) -> History:
    store = HistoryStore(KINDS, trends=TRENDS)
    return [store.push(each) for each in frames][-1]


def part(*frames: Frame) -> DeploysPart:
    found = history(*frames).latest(DeploysPart)
    assert found is not None
    return found


def test_nothing_is_told_where_no_source_was_asked() -> None:
    assert history(Frame(seq=0, at=AT, mono=1.0, samples={})).latest(DeploysPart) is None


def test_what_a_source_knows_stays_known_when_it_fails() -> None:
    known = part(frame(0, sample(100.0, deploy())), frame(1, failed="deploys.jsonl: run as root"))

    assert [each.version for each in known.deploys] == ["2.8.1"]
    (place,) = known.unknown()
    assert (place.place, place.source, place.unknown_since_at) == (FILE, "deploy_file", AT)
    assert place.trouble == "denied: deploys.jsonl: run as root"


def test_a_source_that_never_answered_is_unknown_since_we_watch_and_not_without_deploys() -> None:
    known = part(frame(0, failed="no right"), frame(1, failed="no right"))

    assert known.deploys == ()
    (place,) = known.unknown()
    assert (place.unknown_since_at, place.trouble) == (AT, "denied: no right")


def test_a_place_that_can_not_be_read_is_unknown_while_its_source_works() -> None:
    lost = Place(name=FILE, unknown_since_at=AT - 60, trouble="gone")
    known = part(frame(0, sample(100.0, place=lost)))

    assert [(place.unknown_since_at, place.trouble) for place in known.deploy_places] == [(AT - 60, "gone")]


def test_a_silent_source_is_unknown_since_its_last_answer() -> None:
    (place,) = part(frame(0, sample(100.0)), frame(60)).unknown()
    assert place.unknown_since_at == AT


def test_it_is_put_together_when_something_is_told_and_not_in_each_tick() -> None:
    store = HistoryStore(KINDS, trends=TRENDS)
    first = store.push(frame(0, sample(100.0, deploy()))).latest(DeploysPart)
    second = store.push(frame(1)).latest(DeploysPart)

    assert first is not None
    assert second is not None
    assert first.deploys is second.deploys


def test_changes_of_a_window() -> None:
    known = part(
        frame(0, sample(100.0, deploy(0, "1"), deploy(5, "2", at_end=AT + 900), deploy(30, "3", precision_s=60.0)))
    )

    def versions(start_min: float, end_min: float) -> list[str | None]:
        return [each.version for each in known.between(AT + start_min * 60, AT + end_min * 60)]

    assert versions(-1, 1) == ["1"]
    assert versions(1, 2) == []
    assert versions(10, 12) == ["2"]
    assert versions(14, 29.5) == ["3", "2"]
    assert versions(-60, 60) == ["3", "2", "1"]


def test_marks_of_the_file_are_told_once() -> None:
    mark = Mark(at=AT, text="pool doubled")
    assert part(frame(0, sample(100.0, marks=[mark, mark]))).marks == (mark,)


def test_a_sample_survives_the_tape() -> None:
    read = sample(100.0, deploy(sources=("git",), at_end=AT), marks=[Mark(at=AT, text="x")])
    assert msgspec.json.decode(msgspec.json.encode(read), type=DeploysSample) == read


def test_a_past_moment_knows_the_changes_of_then_and_no_change_makes_a_verdict() -> None:
    timeline = Timeline(Judge(machine=Machine(hostname="h", system="x", cores=1, memory_bytes=None)))
    for second in range(60):
        known = (deploy(0, "1"), deploy(0.5, "2", kind=DeployKind.ROLLBACK))[: 1 + second // 30]
        timeline.push(frame(second, sample(100.0 + second, *known) if second % 10 == 0 else None))

    def versions(index: int) -> list[str | None]:
        part = timeline.snapshot(index).history.latest(DeploysPart)
        return [each.version for each in part.deploys] if part else []

    assert versions(59) == ["2", "1"]
    assert versions(29) == ["1"]
    assert timeline.newest().findings == ()
    assert timeline.newest().verdict.constraint is timeline.snapshot(0).verdict.constraint
