"""systemd can't run in the machines that test this: `systemctl` is a script that prints what the real one prints (the format of
systemd 252, `systemctl show --property=…` of several units). The executables are real files of real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.clients.systemctl import Systemctl
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.deploy import DeployKind, DeploysSample, DeployStatus
from perftui.sources.deploy_systemd import Executable, Seen, Service, SystemdServices, parse_services, start_of
from tests.sources.deploys import AT, SameThread

pytestmark = pytest.mark.skipif(not Path("/proc/self/exe").exists(), reason="no /proc here")

SHOW = """MainPID=812
NRestarts=2
ExecMainStartTimestamp=Wed 2026-02-11 10:37:12 UTC
Id=orders-api.service
ActiveState=active
InvocationID=6f2a7d0c8d3e4f8f9a1b2c3d4e5f6071

MainPID=0
NRestarts=0
ExecMainStartTimestamp=Wed 2026-02-11 06:14:01 UTC
Id=apt-daily.service
ActiveState=inactive
InvocationID=

MainPID=900
ExecMainStartTimestamp=n/a
Id=odd.service
ActiveState=active

MainPID=901
NRestarts=0
ExecMainStartTimestamp=Wed 2026-02-11 10:37:12 UTC
Id=user@1000.service
ActiveState=active
InvocationID=1

MainPID=700
ExecMainStartTimestamp=Wed 2026-02-11 10:00:00 UTC
Id=old-systemd.service
ActiveState=active
"""


def test_active_services_with_a_process() -> None:
    assert parse_services(SHOW) == [
        Service(name="orders-api", pid=812, started_at=AT, restarts=2, invocation="6f2a7d0c8d3e4f8f9a1b2c3d4e5f6071"),
        Service(name="old-systemd", pid=700, started_at=AT - 2232, restarts=None, invocation="2026-02-11 10:00:00"),
    ]
    assert parse_services("") == parse_services("garbage\n\n=\n\x00") == []


BINARY = Executable(path="/usr/bin/orders", identity=(1, 2, 3), placed_at=AT - 86400)
OTHER = Executable(path="/usr/bin/orders", identity=(1, 9, 9), placed_at=AT - 60)


def seen(executable: Executable | None, invocation: str = "b", restarts: int | None = 0) -> Seen:
    service = Service(name="orders", pid=1, started_at=AT, restarts=restarts, invocation=invocation)
    return Seen(service=service, executable=executable)


@pytest.mark.parametrize(
    ("now", "before", "kind", "words"),
    [
        (seen(BINARY), None, DeployKind.RESTART, "there long before"),
        (seen(OTHER), None, DeployKind.DEPLOY, "was replaced before this start"),
        (seen(BINARY), seen(BINARY, "a"), DeployKind.RESTART, "is as it was"),
        (seen(OTHER), seen(BINARY, "a"), DeployKind.DEPLOY, "was replaced before this start"),
        (seen(OTHER), seen(OTHER, "a"), DeployKind.RESTART, "is as it was"),
        (seen(None), seen(BINARY, "a"), DeployKind.RESTART, "run as root"),
        (seen(BINARY, restarts=3), seen(BINARY, "a", restarts=2), DeployKind.RESTART, "systemd restarted it by itself"),
        (seen(BINARY), seen(None, "a"), DeployKind.RESTART, "is as it was"),
    ],
)
def test_a_start_is_a_deploy_when_the_executable_was_replaced(
    now: Seen, before: Seen | None, kind: DeployKind, words: str
) -> None:
    start = start_of(now, before, AT + 5)
    assert start.kind is kind
    assert words in (start.detail or "")
    assert (start.at, start.service, start.precision_s) == (AT, "orders", 1.0)


class Host:
    """A stand-in for systemctl, and a service whose program is a copy of `sleep`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = folder / "orders"
        self.output = folder / "output"
        script = folder / "systemctl"
        script.write_text(
            f'#!/bin/sh\nset -e\necho "$TZ $LC_ALL $@" > {folder}/asked\n'
            f"[ ! -e {folder}/sleep ] || sleep 60\ncat {self.output}\n[ ! -e {folder}/fail ]\n"
        )
        script.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.starts = 0
        self.put()

    def put(self) -> None:
        """Put the program there as a package does: a new file under the old name."""
        shutil.copy("/bin/sleep", self.folder / "new")
        (self.folder / "new").rename(self.binary)

    def start(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        process = subprocess.Popen([str(self.binary), "300"])
        self.processes.append(process)
        self.starts += 1
        deadline = time.monotonic() + 5
        while os.readlink(f"/proc/{process.pid}/exe") != str(self.binary):
            assert time.monotonic() < deadline
        stamp = datetime.now(UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC")
        self.output.write_text(
            f"MainPID={process.pid}\nNRestarts=0\nExecMainStartTimestamp={stamp}\nId=orders.service\n"
            f"ActiveState=active\nInvocationID={self.starts}\n"
        )

    def source(self, boot_at: float | None = None) -> SystemdServices:
        return SystemdServices(
            Systemctl(str(self.folder / "systemctl")), KernelFiles(), Clock(), SameThread(), boot_at=boot_at
        )


class Clock(SystemClock):
    """Each look is ten seconds after the one before."""

    def __init__(self) -> None:
        self.looks = 0

    def mono(self) -> float:
        self.looks += 1
        return self.looks * 10.0


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    try:
        host.start()
        yield host
    finally:
        for process in host.processes:
            process.kill()
            process.wait()


def kinds(sample: DeploysSample) -> list[tuple[str, str]]:
    return [(deploy.kind.value, deploy.status.value) for deploy in sample.deploys]


async def test_a_binary_replaced_on_disk_then_taken_by_a_restart(orders: Host) -> None:
    systemd = orders.source()
    first = await systemd.sample()
    assert kinds(first) == [("deploy", "succeeded")]  # the file was put there just before its start
    assert (orders.folder / "asked").read_text().startswith("UTC C show --no-pager --property=Id,MainPID,")

    orders.put()
    pending = await systemd.sample()
    assert kinds(pending)[0] == ("deploy", "started")
    assert "the old one still runs" in (pending.deploys[0].detail or "")
    assert pending.deploys[0].at == pytest.approx(time.time(), abs=5)
    assert (await systemd.sample()).deploys[0].id == pending.deploys[0].id

    orders.start()
    taken = await systemd.sample()
    assert kinds(taken) == [("deploy", "succeeded"), ("deploy", "succeeded")]

    orders.start()
    restarted = await systemd.sample()
    assert sorted(kinds(restarted)) == [("deploy", "succeeded"), ("deploy", "succeeded"), ("restart", "succeeded")]
    assert (await systemd.sample()).deploys == restarted.deploys
    assert restarted.places[0].since_at == pytest.approx(time.time(), abs=30)


async def test_starts_with_the_system_are_not_told_one_by_one(orders: Host) -> None:
    assert (await orders.source(boot_at=time.time() - 60).sample()).deploys == ()
    assert len((await orders.source(boot_at=time.time() - 3600).sample()).deploys) == 1


async def test_executables_that_can_not_be_seen_are_told(orders: Host) -> None:
    orders.output.write_text(orders.output.read_text().replace("MainPID=", "MainPID=99999"))
    sample = await orders.source().sample()
    assert [(deploy.kind, deploy.status) for deploy in sample.deploys] == [(DeployKind.RESTART, DeployStatus.SUCCEEDED)]
    assert sample.places[0].trouble.startswith("executables of 1 services can't be seen; run as root")


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [
        (
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
            "Failed to connect to bus: Host is down\n",
            FailureKind.UNSUPPORTED,
            "systemd is not this system's init",
        ),
        ("Failed to connect to bus: Permission denied\n", FailureKind.DENIED, "may not ask systemd"),
        (
            "Failed to connect to bus: \x1b[31mno medium\n",
            FailureKind.UNREACHABLE,
            "failed to connect to bus: ?[31mno medium",
        ),
        ("", FailureKind.UNREACHABLE, "it ended with 1"),
    ],
)
async def test_refusals(orders: Host, output: str, kind: FailureKind, words: str) -> None:
    orders.output.write_text(output)
    (orders.folder / "fail").touch()
    with pytest.raises(SourceError) as failed:
        await orders.source().sample()
    assert failed.value.kind is kind
    assert words in failed.value.detail


async def test_a_systemctl_that_hangs_is_ended(orders: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perftui.clients.systemctl.TIMEOUT_S", 0.3)
    (orders.folder / "sleep").touch()
    with pytest.raises(SourceError) as failed:
        await orders.source().sample()
    assert failed.value.kind is FailureKind.TIMED_OUT


async def test_without_systemctl_and_with_the_real_one_of_a_system_that_it_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as failed:
        await Systemctl(str(tmp_path / "systemctl")).show("*.service", ["Id"])
    assert failed.value.kind is FailureKind.MISSING
    if shutil.which("systemctl") and not Path("/run/systemd/system").exists():
        with pytest.raises(SourceError) as failed:
            await Systemctl().show("*.service", ["Id"])
        assert failed.value.kind is FailureKind.UNSUPPORTED


async def test_output_that_is_garbage_or_huge_gives_no_services(orders: Host) -> None:
    orders.output.write_bytes(os.urandom(200_000))
    assert (await orders.source().sample()).deploys == ()
    orders.output.write_text(SHOW * 50_000)
    assert len((await orders.source().sample()).deploys) <= 50
