"""Fixtures, replayed by the real runner: what a step is answered, how readings follow, and what differs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from perftui.commands import main
from perftui.commands.playbook_test import Replayed, replays
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError
from perftui.pipeline.catalogue import catalogue
from perftui.playbooks.shelf import shelf
from perftui.playbooks.vocabulary import Vocabulary
from tests.playbooks.shelf import text

HEAD = """\
vars:
  size: {type: int, default: 4}
limits: {step_timeout: 10s}
"""
STEPS = """
- id: who
  title: Who
  sql: SELECT 1 AS pid
  capture: {as: rows, parse: table}
- id: pick
  title: Pick
  ask: {victim: {type: row, from: steps.who, key: [pid]}}
- id: route
  title: Route
  branch:
    - {if: pool.waiting > 10 for 10s, verdict: confirmed, cause: pool, goto: end_it}
    - else: leave
    - unknown: leave
- id: end_it
  title: End it
  when: vars.size == 7
  effect: change
  target: "end ${vars.victim.pid}"
  run: [end, "--", "${vars.victim.pid}"]
  undo: {effect: change, target: back, run: [begin]}
- id: calm
  title: Calm
  wait: {until: pool.waiting == 0 for 2m, timeout: 15m}
- id: leave
  title: Leave
  say: Done
"""
FIXTURE = """
title: A queue that one session holds up
readings:
  pool.waiting: 0, 14 at -30s, 0 at end_it+20s
vars: {size: 7}
inputs: {pick: {victim: pid=12}}
keys: {end_it: confirm}
answers:
  who: {rows: [{pid: 11}, {pid: 12}]}
  end_it: {text: ended}
"""
EXPECT = """
expect:
  trail: [who, pick, route -> end_it, end_it, calm, leave, undo:end_it kept]
  board: {pool: confirmed}
"""


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())


@pytest.fixture(autouse=True)
def no_own_playbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def written(tmp_path: Path, fixture: str, steps: str = STEPS) -> Path:
    path = tmp_path / "sample.yaml"
    path.write_text(text(steps, HEAD))
    below = tmp_path / "fixtures" / "sample"
    below.mkdir(parents=True, exist_ok=True)
    (below / "one.yaml").write_text(fixture)
    return path


def replayed(tmp_path: Path, vocabulary: Vocabulary, fixture: str, steps: str = STEPS) -> Replayed:
    path = written(tmp_path, fixture, steps)
    (only,) = replays(path, shelf((tmp_path,)), vocabulary)
    return only


def test_minutes_of_a_run_take_moments(tmp_path: Path, vocabulary: Vocabulary) -> None:
    began = time.monotonic()
    tested = replayed(tmp_path, vocabulary, FIXTURE + EXPECT)

    assert tested.differences == []
    assert tested.passed and tested.replayed_s > 140
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("14 at -30s", "9 at -30s"), "trail: step 3 was 'route -> leave', expected 'route -> end_it'"),
        (("size: 7", "size: 8"), "trail: step 4 was 'end_it skipped', expected 'end_it'"),
        (("{text: ended}", "{code: 2}"), "end_it asks the operator: Failed: End it"),
        (("end_it: confirm", "end_it: skip"), "trail: step 4 was 'end_it skipped', expected 'end_it'"),
        (("pool: confirmed", "disk: suspect"), "board: disk is not on it, expected suspect"),
        (("[who, pick", "[who, ..., calm, never"), "trail: step 6 was 'leave', expected 'never'"),
        (("  who: {rows: [{pid: 11}, {pid: 12}]}\n", ""), "who asks Postgres: add `answers: {who: …}`"),
        (("  who: {rows", "  who: {fails: gone, rows"), "who asks the operator: Failed: Who"),
        (("keys: {end_it: confirm}\n", ""), "end_it asks the operator: A change. Type what it changes"),
        (("pid=12", "pid=13"), "there is no row pid=13 to pick among 2"),
        (("expect:", "changes: false\nexpect:"), "trail: step 4 was 'end_it refused', expected 'end_it'"),
        (("expect:\n", "expect:\n  exit: timed_out\n"), "exit code healthy, expected timed_out"),
        (("expect:\n", "expect:\n  end: elsewhere\n"), "it ended with 'finished', expected 'elsewhere'"),
        (("0 at end_it+20s", "3 at end_it"), "calm asks the operator: Failed: Calm"),
    ],
)
def test_what_differs_is_told(tmp_path: Path, vocabulary: Vocabulary, change: tuple[str, str], told: str) -> None:
    fixture = FIXTURE + EXPECT
    assert change[0] in fixture
    tested = replayed(tmp_path, vocabulary, fixture.replace(*change))

    assert not tested.passed
    assert any(line.startswith(told) for line in tested.differences), tested.differences


def test_the_second_time_and_the_undo_have_answers_of_their_own(tmp_path: Path, vocabulary: Vocabulary) -> None:
    steps = """
- {id: look, title: L, run: [look], effect: read, retry: {times: 1, every: 30s}, capture: {as: n, parse: number}}
- {id: change, title: C, run: [change], effect: change, target: c, undo: {run: [back], effect: change, target: b}}
"""
    fixture = """
title: Looked at twice, changed and taken back
keys: {change: confirm, end: undo, "undo:change": confirm}
answers: {look: {code: 1}, look#2: {text: "5"}, change: {}, "undo:change": {text: back}}
expect: {trail: [look failed, look, change, undo:change done], board: {}}
"""
    tested = replayed(tmp_path, vocabulary, fixture, steps)

    assert tested.differences == []
    assert tested.replayed_s >= 30


def test_deploys_and_states_are_told(tmp_path: Path, vocabulary: Vocabulary) -> None:
    steps = """
- {id: state, title: S, check: host.memory.state == 'thrashing' and postgres.locks.tree > 2}
- {id: deploys, title: D, check: deploys('10m') == 1 and deploys('1h') == 2}
- {id: full, title: F, check: 'host.filesystems["/var"].used_ratio > 90% and host.filesystems["*"].used_ratio > 90%'}
- {id: kept, title: K, collect: disk}
"""
    fixture = """
title: All sorts of readings
deploys: [{at: -5m}, {at: -30m, version: v1}]
readings:
  host.memory.state: thrashing
  postgres.locks.tree: 3
  host.filesystems["/var"].used_ratio: 80%, 91% at -1m
expect: {trail: [state, deploys, full, kept]}
"""
    assert replayed(tmp_path, vocabulary, fixture, steps).differences == []


def test_every_mistake_in_a_fixture_is_told_with_its_place(tmp_path: Path, vocabulary: Vocabulary) -> None:
    path = written(
        tmp_path, "title: x\nreadings:\n  pool.wating: 3\n  pool.wait_s: 3MiB\n  pool.waiting: 3 at soon-ish\n"
    )

    with pytest.raises(UsageError) as told:
        list(replays(path, shelf((tmp_path,)), vocabulary))

    lines = str(told.value).splitlines()
    assert lines[0].endswith("one.yaml: 3 mistakes")
    assert ":3:16: pool.wating is no reading; did you mean pool.waiting" in lines[1]
    assert ":4:16: pool.wait_s is measured in s, not in bytes" in lines[2]
    assert ":5:17: " in lines[3]


def test_exit_codes_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, FIXTURE + EXPECT)
    assert main(["playbook", "test", str(path), "--dir", str(tmp_path)]) == ExitCode.HEALTHY
    assert "ok       sample/one" in capsys.readouterr().out

    written(tmp_path, FIXTURE)
    assert main(["playbook", "test", str(path), "--dir", str(tmp_path)]) == ExitCode.WARNING
    shown = capsys.readouterr().out
    assert "it says nothing of what is expected" in shown and "    - route -> end_it" in shown

    assert main(["playbook", "test", "sample", "--json", "--dir", str(tmp_path)]) == ExitCode.WARNING
    (only,) = json.loads(capsys.readouterr().out)
    assert only["came"]["board"] == {"pool": "confirmed"} and only["passed"] is False

    (tmp_path / "fixtures" / "sample" / "one.yaml").unlink()
    assert main(["playbook", "test", str(path), "--dir", str(tmp_path)]) == ExitCode.UNKNOWN
    assert "sample has no fixture; write fixtures/sample/NAME.yaml beside it" in capsys.readouterr().err


WATCHED = """
- id: calm
  title: Calm
  watch:
    for: 5m
    abort_if: [pool.waiting > 10 for 1m]
  on_fail: continue
"""


@pytest.mark.parametrize(
    ("waiting", "trail", "lasted_s"),
    [
        ("14 at -10m, 0 at 20s", "calm", 300),  # what was so before it began is no reason
        ("0, 14 at 30s, 0 at 60s", "calm", 300),
        ("0, 14 at 30s", "calm failed", 90),
        ("14", "calm failed", 60),
        ("none", "calm unknown", 300),
    ],
)
def test_a_watch_ends_by_what_it_saw_itself(
    tmp_path: Path, vocabulary: Vocabulary, waiting: str, trail: str, lasted_s: float
) -> None:
    fixture = f"title: W\nreadings: {{pool.waiting: '{waiting}'}}\n"
    came = replayed(tmp_path, vocabulary, fixture, WATCHED)

    assert came.came.trail == (trail,)
    assert came.replayed_s == pytest.approx(lasted_s, abs=3)


def test_an_exit_code_that_is_expected_passes(tmp_path: Path, vocabulary: Vocabulary) -> None:
    steps = """
- {id: none_found, title: N, run: [lsof, +L1], expect_exit: [0, 1], effect: read, on_fail: continue}
- {id: broken, title: B, run: [lsof, +L1], expect_exit: [0, 1], effect: read, on_fail: continue}
"""
    came = replayed(tmp_path, vocabulary, "title: E\nanswers: {none_found: {code: 1}, broken: {code: 2}}\n", steps)

    assert came.came.trail == ("none_found", "broken failed")


def test_a_value_that_does_not_fit_is_asked_for(tmp_path: Path, vocabulary: Vocabulary) -> None:
    path = written(tmp_path, FIXTURE.replace("size: 7", "size: many"))
    (came,) = replays(path, shelf((tmp_path,)), vocabulary)

    assert "size" in came.differences[0] and came.came.trail == ()


def test_a_duration_can_be_an_input(tmp_path: Path, vocabulary: Vocabulary) -> None:
    steps = "- {id: how_long, title: H, ask: {pause: {type: duration, default: 30s}}}\n"
    came = replayed(tmp_path, vocabulary, "title: D\nexpect: {trail: [how_long]}\n", steps)

    assert came.differences == []


def test_a_tape_gives_the_readings_and_others_lie_over_it(tmp_path: Path, vocabulary: Vocabulary) -> None:
    steps = """
- {id: host, title: H, check: host.memory.used_ratio > 0% and host.cpu.count >= 1 for 5s}
- {id: over, title: O, wait: {until: pool.waiting == 0 for 5s, timeout: 1m}}
"""
    tape = Path(__file__).parents[2] / "tapes" / "memory-leak.ptape"
    fixture = f"""
title: T
tape: {tape}
tape_from: 7s
readings: {{pool.waiting: '3, 0 at 4s'}}
expect: {{trail: [host, over]}}
"""
    came = replayed(tmp_path, vocabulary, fixture, steps)

    assert came.differences == []
    assert came.replayed_s == pytest.approx(9, abs=2)


WATCH = """
- id: ramp
  title: Ramp
  watch: {for: 1h, until: load.phase != 'ramp', abort_if: [load.error_ratio > 10% for 10s]}
  on_fail: continue
"""


@pytest.mark.parametrize(
    ("course", "trail", "longest_s"),
    [
        ("{load.phase: 'ramp, steady at 30s', load.error_ratio: 0%}", ["ramp"], 40),
        ("{load.phase: steady, load.error_ratio: 0%}", ["ramp"], 5),
        ("{load.phase: ramp, load.error_ratio: 0%}", ["ramp"], 3700),
        ("{load.phase: none}", ["ramp unknown"], 3700),
        ("{load.phase: ramp, load.error_ratio: '0%, 50% at 20s'}", ["ramp failed"], 40),
    ],
    ids=["as wanted", "already so", "never so", "unknown", "aborted"],
)
def test_a_watch_ends_at_its_condition_or_by_its_rules(
    course: str, trail: list[str], longest_s: float, tmp_path: Path, vocabulary: Vocabulary
) -> None:
    tested = replayed(tmp_path, vocabulary, f"title: T\nreadings: {course}\n", WATCH)

    assert list(tested.came.trail) == trail
    assert tested.replayed_s <= longest_s
