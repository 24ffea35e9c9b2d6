"""The players as a screen uses them: calls from one thread, snapshots published from another."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.failure import TapeError
from perftui.model.finding import Constraint, Finding
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.live import LivePlayer
from perftui.pipeline.loop import Judge
from perftui.pipeline.player import Mode, Player, Shown
from perftui.pipeline.replay import WARM_UP_S, TapePlayer
from perftui.recording.codec import FORMAT, Header, encode_frame, encode_header
from perftui.recording.reader import Tape
from perftui.recording.writer import TapeFile, TapeWriter
from perftui.sources.cpu import Cpu
from tests.frames import MACHINE, cpu_frames

JUDGE = Judge(machine=MACHINE)
SECONDS = int(3 * WARM_UP_S)


class Screen:
    """Collects what a player publishes."""

    def __init__(self, player: Player) -> None:
        self._shown: queue.Queue[Shown] = queue.Queue()
        self.player = player
        player.start(self._shown.put)

    def until(self, wanted: Callable[[Shown], bool]) -> Shown:
        """The first published state that is as wanted; fails after 10 s."""
        while True:
            shown = self._shown.get(timeout=10)
            if wanted(shown):
                return shown


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tapes") / "half-an-hour.ptape"
    file = TapeFile(path, MACHINE)
    for frame in cpu_frames([(second % 100) / 100 for second in range(SECONDS)]):
        file.append(frame)
    file.finish()
    return path


@pytest.fixture
def replay(tape: Path) -> Iterator[Screen]:
    screen = Screen(TapePlayer(Tape(tape), JUDGE))
    yield screen
    screen.player.stop()


def at(second: int) -> Callable[[Shown], bool]:
    return lambda shown: shown.snapshot.at == 1000 + second


def test_a_tape_plays_from_its_beginning(replay: Screen) -> None:
    first = replay.until(lambda shown: True)
    assert (first.snapshot.at, first.mode) == (1000, Mode.PLAYING)
    assert (first.oldest_at, first.newest_at) == (1000, 1000 + SECONDS)

    replay.player.faster(200)
    assert replay.until(lambda shown: shown.snapshot.at > 1100).speed == 200


def test_steps_pause_and_show_exactly_the_moment(replay: Screen) -> None:
    replay.player.pause_or_resume()
    replay.until(lambda shown: shown.mode is Mode.PAUSED)
    replay.player.step(60)
    later = replay.until(at(60))
    replay.player.step(-1)
    earlier = replay.until(at(59))

    assert later.mode is earlier.mode is Mode.PAUSED
    assert later.snapshot.history.value("host.cpu.busy_ratio") == pytest.approx(0.59)
    assert earlier.snapshot.history.value("host.cpu.busy_ratio") == pytest.approx(0.58)


def test_seeks_to_both_ends_and_back_into_what_memory_no_longer_holds(replay: Screen) -> None:
    replay.player.newest()
    end = replay.until(at(SECONDS))
    assert end.mode is Mode.ENDED
    assert end.snapshot.history.window("host.cpu.busy_ratio", 60).ticks == 60

    replay.player.step(-(SECONDS - 10))
    assert replay.until(at(10)).snapshot.history.value("host.cpu.busy_ratio") == pytest.approx(0.09)
    replay.player.oldest()
    assert replay.until(at(0)).mode is not Mode.ENDED


def test_a_tape_that_ended_can_be_played_again(replay: Screen) -> None:
    replay.player.newest()
    replay.until(lambda shown: shown.mode is Mode.ENDED)
    replay.player.pause_or_resume()
    assert "Home" in replay.until(lambda shown: bool(shown.note)).note
    replay.player.oldest()
    replay.until(at(0))
    replay.player.pause_or_resume()
    replay.player.faster(100)
    replay.until(lambda shown: shown.mode is Mode.PLAYING and shown.snapshot.at > 1050)


def test_a_tape_says_what_it_can_not_do(replay: Screen) -> None:
    replay.player.mark("here")

    assert "can't be marked" in replay.until(lambda shown: bool(shown.note)).note


@pytest.fixture
def live() -> Iterator[Screen]:
    player = LivePlayer(LiveFeed([Cpu(KernelFiles(), SystemClock())], SystemClock(), interval_s=0.1), JUDGE)
    player.warm_up()
    screen = Screen(player)
    yield screen
    player.stop()


def test_live_goes_on_behind_a_pause(live: Screen) -> None:
    live.until(lambda shown: shown.snapshot.history.end >= 5)
    live.player.pause_or_resume()
    paused = live.until(lambda shown: shown.mode is Mode.PAUSED)
    later = live.until(lambda shown: shown.behind_s > 0.3)

    assert later.snapshot.at == paused.snapshot.at
    assert later.newest_at > paused.newest_at
    live.player.newest()
    assert live.until(lambda shown: shown.mode is Mode.LIVE).behind_s == 0


def test_live_looks_back_and_comes_home(live: Screen) -> None:
    newest = live.until(lambda shown: shown.snapshot.history.end >= 8)
    live.player.step(-0.4)
    back = live.until(lambda shown: shown.mode is Mode.PAUSED)
    assert 0 < newest.snapshot.at - back.snapshot.at < 1
    live.player.oldest()
    oldest = live.until(lambda shown: shown.snapshot.at == shown.oldest_at)
    assert oldest.mode is Mode.PAUSED
    live.player.step(3600)
    live.until(lambda shown: shown.mode is Mode.LIVE)


def test_a_mark_is_on_the_axis_and_a_tape_of_it_too(tmp_path: Path) -> None:
    path = tmp_path / "marked.ptape"
    tape = TapeWriter(path, MACHINE)
    feed = LiveFeed([Cpu(KernelFiles(), SystemClock())], SystemClock(), interval_s=0.1)
    player = LivePlayer(feed, JUDGE, tape)
    player.warm_up()
    screen = Screen(player)
    player.mark("deploy 2.8.1")
    shown = screen.until(lambda shown: bool(shown.snapshot.marks))
    player.stop()

    assert [mark.text for mark in shown.snapshot.marks] == ["deploy 2.8.1"]
    assert shown.recording == "on"
    recorded = [mark.text for frame in Tape(path).frames() for mark in frame.marks]
    assert recorded == ["deploy 2.8.1"]


def broken(history: History, limits: Limits) -> list[Finding]:
    """A rule with a fault of ours that shows after a few ticks."""
    if history.end > 3:
        raise KeyError("vda")
    return []


def test_a_fault_in_the_sampling_thread_is_told_on_the_screen_and_is_on_the_tape(tmp_path: Path) -> None:
    path = tmp_path / "fault.ptape"
    rule = Rule(name="host.broken", constraint=Constraint.IO_BOUND, limits=Limits, find=broken)
    feed = LiveFeed([Cpu(KernelFiles(), SystemClock())], SystemClock(), interval_s=0.1)
    player = LivePlayer(feed, Judge(machine=MACHINE, rules=(rule,)), TapeWriter(path, MACHINE))
    player.warm_up()
    screen = Screen(player)

    assert "KeyError" in screen.until(lambda shown: bool(shown.note)).note
    player.stop()
    assert isinstance(player.failure, KeyError)
    assert len(list(Tape(path).frames())) == 4


def test_a_tape_that_can_not_be_read_further_is_told_on_the_screen(
    tape: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "torn.jsonl"
    header = encode_header(Header(format=FORMAT, program="0", started_at=1000.0, machine=MACHINE))
    frames = [encode_frame(frame) for frame in Tape(tape).frames()][:20]
    path.write_bytes(b"\n".join([header, *frames[:10], b'{"seq":', *frames[10:], b""]))
    player = TapePlayer(Tape(path), JUDGE)
    screen = Screen(player)
    screen.until(at(0))
    player.step(60)

    assert "malformed frame" in screen.until(lambda shown: "ended" in shown.note).note
    player.stop()
    assert isinstance(player.failure, TapeError)
    assert capfd.readouterr().err == ""


def test_a_tape_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(encode_header(Header(format=FORMAT, program="0", started_at=1000.0, machine=MACHINE)) + b"\n")

    with pytest.raises(TapeError, match="holds no frame"):
        TapePlayer(Tape(path), JUDGE)
