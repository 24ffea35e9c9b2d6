"""`perftui mark` against the file that a running console reads."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perftui.clients.append import append_line
from perftui.commands.deploy_sources import DeploysConfig, deploy_sources
from perftui.recording.codec import encode_frame
from perftui.recording.reader import Tape
from perftui.sources.deploy import DeploysSample
from tests.commands.test_bad_input import perftui, refused


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "state" / "perftui"


def read() -> DeploysSample:
    file = next(source for source in deploy_sources(DeploysConfig()) if source.name == "deploy_file")
    sample = asyncio.run(file.sample())
    assert isinstance(sample, DeploysSample)
    return sample


def test_a_mark_and_a_deploy_reach_the_source(state: Path) -> None:
    for words in (
        ["pool doubled \x1b[31m"],
        [
            "canary",
            "--service",
            "orders-api",
            "--version",
            "2.8.1",
            "--status",
            "succeeded",
            "--url",
            "https://u:p@ci/1",
        ],
    ):
        done = perftui("mark", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    sample = read()
    (mark,) = sample.marks
    (deploy,) = sample.deploys
    assert mark.text == "pool doubled ?[31m"
    assert mark.at == pytest.approx(time.time(), abs=30)
    assert (deploy.service, deploy.version, deploy.status, deploy.kind) == (
        "orders-api",
        "2.8.1",
        "succeeded",
        "deploy",
    )
    assert (deploy.url, deploy.detail) == ("https://ci/1", "canary")
    file = state / "deploys.jsonl"
    assert "u:p" not in file.read_text()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(state.stat().st_mode)) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "--version", "1"], ["--version needs --service"]),
        (["x", "--at", "soon"], ["at: 'soon'", "2026-02-11T10:37:12Z"]),
        (["x", "--service", "a", "--kind", "release"], ["--kind"]),
        (["  "], ["neither service nor text"]),
        ([], ["text"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_mistake_is_told_and_nothing_is_written(state: Path, arguments: list[str], words: list[str]) -> None:
    refused(perftui("mark", *arguments), *words)
    assert not state.exists()


def test_a_place_that_can_not_be_written_is_told(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[deploys]\nfile = "/proc/deploys.jsonl"\n')
    refused(perftui("mark", "x", "--config", config), "/proc/deploys.jsonl", "deploys.file")
    config.write_text('[deploys]\nfile = "deploys.jsonl"\n')
    refused(perftui("mark", "x", "--config", config), "deploys.jsonl", "absolute")


def test_many_writers_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deploys.jsonl"
    code = (
        "import sys; from pathlib import Path; from perftui.clients.append import append_line\n"
        "for i in range(200): append_line(Path(sys.argv[1]), (b'{\"n\": %d, \"x\": \"' % i) + b'y' * 900 + b'\"}')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(file)]) for _ in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    # Who sees half of another's line begins a new one: empty lines are skipped by all readers.
    lines = [line for line in file.read_text().splitlines() if line]
    assert len(lines) == 800
    assert sum(json.loads(line)["n"] for line in lines) == 4 * sum(range(200))


def test_a_line_that_somebody_left_open_is_ended_first(tmp_path: Path) -> None:
    file = tmp_path / "deploys.jsonl"
    file.write_text('{"at": 1')
    append_line(file, b'{"at": 2}')
    assert file.read_text().splitlines() == ['{"at": 1', '{"at": 2}']


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match=r"(?i)no space"):
        append_line(Path("/dev/full"), b"x")


def test_a_mark_reaches_a_running_recorder_and_its_tape_holds_no_secret(state: Path, tmp_path: Path) -> None:
    tape = tmp_path / "x.ptape"
    recorder = subprocess.Popen(
        [sys.executable, "-m", "perftui", "record", str(tape), "--for", "20s"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert recorder.stderr is not None
        recorder.stderr.readline()  # it records
        url = "https://bot:s3cret@ci/1?private_token=abcdef123"
        perftui("mark", "canary", "--service", "orders-api", "--version", "2.8.1", "--url", url)
        perftui("mark", "password=hunter2 set")
        made = time.time()
        time.sleep(2.5)  # the promise: within two ticks
        recorder.terminate()
        assert recorder.wait(20) == 0
    finally:
        recorder.kill()
        recorder.stderr.close() if recorder.stderr else None

    read = [frame for frame in Tape(tape).frames() if "deploy_file" in frame.samples]
    last = read[-1].samples["deploy_file"]
    assert isinstance(last, DeploysSample)
    assert [(deploy.service, deploy.version) for deploy in last.deploys] == [("orders-api", "2.8.1")]
    assert [mark.text for mark in last.marks] == ["password=*** set"]
    assert last.deploys[0].seen_at - made < 2.0
    text = b"".join(encode_frame(frame) for frame in read)
    assert not [secret for secret in (b"s3cret", b"abcdef123", b"hunter2") if secret in text]
