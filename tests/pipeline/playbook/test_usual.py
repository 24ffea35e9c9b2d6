"""Baselines that are kept on this host reach a run; a run keeps one as `perftui baseline save` does, and by its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from perftui.commands import baselines, main
from perftui.history.baseline import Baseline
from perftui.model.exit_code import ExitCode
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.conditions import Condition, evaluate
from perftui.playbooks.run.state import Book
from tests.loads import Second, watched
from tests.pipeline.playbook.sitting import Sitting
from tests.playbooks.shelf import loaded, text

KEEP = """
- id: keep
  title: Keep
  collect: {kind: baseline, name: "${vars.name}", metrics: [load.p95_s], window: 30m, save: true}
  on_fail: continue
"""
SLOWER = "- {id: slower, title: Slower, compare: {baseline: noon, metrics: [load.p95_s], after: 10m}}"
COMPARE = f"""
{SLOWER}
- {{id: usual, title: Usual, check: ratio(load.p95_s) < 1.1, on_fail: continue}}
"""
STEP = loaded(text(SLOWER)).playbook.steps[0]
HEAD = "vars: {name: {type: text, pattern: '[a-z-]+', default: noon}}\n"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "perftui" / "baselines"


def nobody(question: Question) -> Reply:
    raise AssertionError(question.title)


async def run(folder: Path, steps: str, snapshot: Snapshot, usual: Usual) -> Sitting:
    sitting = Sitting(folder, steps, nobody, HEAD)
    sitting.runner.usual = usual
    sitting.board.put(snapshot)
    await sitting.run()
    return sitting


def minutes(count: int, latency_s: float = 0.1, failing: float = 0.0) -> Snapshot:
    return watched(
        [Second(latency_s=latency_s * (1 + second % 7 / 50), failing=failing) for second in range(count * 60 + 1)]
    )


@pytest.fixture(scope="module")
def half_an_hour() -> Snapshot:
    return minutes(30)


async def test_a_window_is_kept_for_the_command_and_for_the_next_run(
    tmp_path: Path, half_an_hour: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await run(tmp_path / "1", KEEP, half_an_hour, baselines.usual(""))

    assert first.outcome("keep")["state"] == "passed", first.outcome("keep")
    assert main(["baseline", "list"]) == ExitCode.HEALTHY
    assert "noon" in capsys.readouterr().out

    same = await run(tmp_path / "2", COMPARE, half_an_hour, baselines.usual("noon"))
    assert same.outcome("slower")["values"]["verdict"] == "same"
    assert same.outcome("usual")["state"] == "passed"
    assert same.entries[0].data["baseline"] == "noon"

    slower = await run(tmp_path / "3", COMPARE, minutes(12, latency_s=0.15), baselines.usual("noon"))
    assert slower.outcome("slower")["values"]["verdict"] == "shifted"
    assert slower.outcome("slower")["values"]["regressed"] == 1
    assert slower.outcome("usual")["state"] == "failed"


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (lambda: minutes(10), "it is 10 min long; at least 30"),
        (lambda: minutes(30, failing=0.5), "abort the load test: 50% of its requests fail within it"),
    ],
    ids=["short", "an incident"],
)
async def test_a_window_that_is_not_worth_it_is_not_kept(
    window: Callable[[], Snapshot], words: str, tmp_path: Path, state: Path
) -> None:
    kept = await run(tmp_path, KEEP, window(), baselines.usual(""))

    assert kept.outcome("keep")["state"] == "failed"
    assert words in kept.outcome("keep")["why"]
    assert not state.exists()


async def test_a_disk_that_refuses_fails_the_step(tmp_path: Path, state: Path, half_an_hour: Snapshot) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("in the way")
    kept = await run(tmp_path, KEEP, half_an_hour, baselines.usual(""))

    assert kept.outcome("keep")["state"] == "failed"
    assert "the baseline noon: " in kept.outcome("keep")["why"]


async def test_a_missing_or_broken_baseline_is_unknown_with_the_reason(
    tmp_path: Path, state: Path, half_an_hour: Snapshot
) -> None:
    none = await run(tmp_path / "1", SLOWER, half_an_hour, baselines.usual(""))
    assert none.outcome("slower")["values"]["verdict"] == "unknown"
    assert none.outcome("slower")["why"] == "no baseline noon is kept; perftui baseline list shows those that are"
    ratio = evaluate(Condition.parse("ratio(load.p95_s) < 1.1"), none.runner.world("", "slower", STEP).scope())
    assert ratio.truth is None
    assert ratio.missing == ("baseline(load.p95_s): no baseline is kept on this host",)

    state.mkdir(parents=True)
    (state / "noon.json").write_text("{")
    broken = await run(tmp_path / "2", SLOWER, half_an_hour, baselines.usual(""))
    assert "noon.json: can't be read" in broken.outcome("slower")["why"]
    assert main(["baseline", "list"]) == ExitCode.UNKNOWN


async def test_what_a_run_collected_is_known_after_it_was_left(tmp_path: Path, half_an_hour: Snapshot) -> None:
    steps = "- {id: before, title: T, collect: {kind: baseline, name: before, metrics: [load.p95_s], window: 5m}}"
    left = await run(tmp_path, steps, half_an_hour, Usual())

    playbook = loaded(text(steps)).playbook
    book = Book("sample", {"sample": playbook})
    again = Runner(book, left.keeper, left.board, left.runner.tools, left.operator)
    assert again.baselines.keys() == {"before"}
    assert again.baselines["before"]["load.p95_s"].mean == pytest.approx(0.106, rel=0.02)


def baseline(name: str, host: str, last_at: float) -> Baseline:
    return Baseline(
        name=name, first_at=0.0, last_at=last_at, host=host, system="Linux", cores=4, program="0", courses={}
    )


KEPT = {each.name: each for each in (baseline("old", "a", 1.0), baseline("new", "a", 2.0), baseline("far", "b", 3.0))}


@pytest.mark.parametrize(
    ("named", "begun", "loaded_name"),
    [
        ("", "", "new"),
        ("far", "", "far"),
        ("broken", "", ""),
        ("nowhere", "", ""),
        ("", "old", "old"),
        ("", "gone", "new"),
        ("far", "old", "far"),
    ],
)
def test_the_named_one_is_loaded_else_that_of_the_beginning_else_the_newest_of_this_host(
    named: str, begun: str, loaded_name: str
) -> None:
    usual = Usual.of(KEPT, {"broken": "broken.json: can't be read"}, "a", named, _keep).as_begun(begun)

    assert usual.loaded == loaded_name
    assert loaded_name or usual.unknown() in _TOLD


_TOLD: Sequence[str] = (
    "broken.json: can't be read",
    "no baseline nowhere is kept; perftui baseline list shows those that are",
)


def _keep(baseline: Baseline) -> None:
    raise AssertionError(baseline.name)
