"""Against logs in apt's and dpkg's own words, this machine's real ones, and a real run of dpkg with a log of its own."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from perftui.clients.host_zone import host_zone
from perftui.clients.log_file import LogFile
from perftui.sources.deploy import MOST, Deploy, DeployKind, DeploysSample, DeployStatus
from perftui.sources.deploy_packages import AptHistory, DpkgLog
from tests.sources.deploys import AT, WallClock, source, utc

BERLIN = ZoneInfo("Europe/Berlin")
INSTALL = """
Start-Date: 2026-02-11  11:37:12
Commandline: apt-get -o Acquire::http::Proxy=http://u:s3cret@proxy:3128 install -y pgbouncer
Requested-By: deploy (1000)
Install: libc-ares2:amd64 (1.18.1-3, automatic), pgbouncer:amd64 (1.18.0-1+deb12u1)
End-Date: 2026-02-11  11:37:20
"""
UPGRADES = """
Start-Date: 2026-02-11  06:14:01
Commandline: /usr/bin/unattended-upgrade
Upgrade: libssl3:amd64 (3.0.15-1, 3.0.16-1), openssl:amd64 (3.0.15-1, 3.0.16-1)
Remove: old:amd64 (1.0)
End-Date: 2026-02-11  06:14:09
"""
BROKEN = """
Start-Date: 2026-02-11  11:40:00
Commandline: apt-get upgrade
Upgrade: nginx:amd64 (1.22.1-9, 1.22.1-9+deb12u1)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
End-Date: 2026-02-11  11:40:30
"""
DPKG = """2026-02-11 11:37:13 startup archives unpack
2026-02-11 11:37:14 install pgbouncer:amd64 <none> 1.18.0-1+deb12u1
2026-02-11 11:37:18 status installed pgbouncer:amd64 1.18.0-1+deb12u1
2026-02-11 11:50:00 startup archives install
2026-02-11 11:50:00 upgrade orders-api:amd64 2.8.0 2.8.1
2026-02-11 11:50:00 status half-configured orders-api:amd64 2.8.0
2026-02-11 11:51:40 status installed orders-api:amd64 2.8.1
2026-02-11 11:55:00 startup packages remove
2026-02-11 11:55:00 remove old-agent:all 1.0 <none>
"""


async def known(tmp_path: Path, apt: str = "", dpkg: str = "") -> tuple[Deploy, ...]:
    return (await sample(tmp_path, apt, dpkg)).deploys


async def sample(tmp_path: Path, apt: str = "", dpkg: str = "") -> DeploysSample:
    (tmp_path / "history.log").write_text(apt)
    (tmp_path / "dpkg.log").write_text(dpkg)
    return await source(*_places(tmp_path, 1 << 20), clock=WallClock(mono=9000.0)).sample()


async def test_a_run_of_apt_is_one_change(tmp_path: Path) -> None:
    (run,) = await known(tmp_path, INSTALL)

    assert (run.at, run.at_end, run.precision_s) == (AT, AT + 8, 1.0)
    assert (run.service, run.version, run.previous, run.who) == ("pgbouncer", "1.18.0-1+deb12u1", None, "deploy")
    assert (run.kind, run.status, run.source) == (DeployKind.PACKAGE, DeployStatus.SUCCEEDED, "packages")
    assert run.detail == (
        "installed pgbouncer 1.18.0-1+deb12u1; and 1 that they need; "
        "apt-get -o Acquire::http::Proxy=http://proxy:3128 install -y pgbouncer; logged in local time CET (UTC+01:00)"
    )


async def test_unattended_upgrades_of_several_packages(tmp_path: Path) -> None:
    (run,) = await known(tmp_path, UPGRADES)

    assert (run.service, run.version, run.who) == ("3 packages", None, "unattended-upgrades")
    assert run.detail is not None
    assert run.detail.startswith(
        "upgraded libssl3 3.0.15-1 to 3.0.16-1, openssl 3.0.15-1 to 3.0.16-1; removed old 1.0; "
    )


async def test_a_run_that_failed_and_one_that_goes_on(tmp_path: Path) -> None:
    failed, running = reversed(
        await known(tmp_path, BROKEN + INSTALL.replace("11:37", "11:44").rpartition("End-Date")[0])
    )
    assert (failed.service, failed.previous, failed.status) == ("nginx", "1.22.1-9", DeployStatus.FAILED)
    assert "returned an error code (1)" in (failed.detail or "")
    assert (running.status, running.at_end) == (DeployStatus.STARTED, None)


async def test_what_apt_did_is_not_told_twice_and_runs_of_dpkg_are_parted_by_silence(tmp_path: Path) -> None:
    runs = await known(tmp_path, INSTALL, DPKG)

    assert [(run.service, run.previous, run.version) for run in runs] == [
        ("old-agent", "1.0", None),
        ("orders-api", "2.8.0", "2.8.1"),
        ("pgbouncer", None, "1.18.0-1+deb12u1"),
    ]
    assert [run.at_end - run.at for run in runs if run.at_end] == [0.0, 0.0, 8.0]


async def test_dpkg_alone_tells_all(tmp_path: Path) -> None:
    assert [run.service for run in await known(tmp_path, "", DPKG)] == ["old-agent", "orders-api", "pgbouncer"]


async def test_moments_in_the_hour_that_comes_twice_are_told_as_doubtful(tmp_path: Path) -> None:
    clock = WallClock()
    clock.now += 1_792_888_200.0 - AT
    (tmp_path / "history.log").write_text(INSTALL.replace("2026-02-11  11", "2026-10-25  02"))
    (run,) = (
        await source(AptHistory(LogFile(str(tmp_path / "history.log"), 1 << 20), BERLIN), clock=clock).sample()
    ).deploys
    assert run.precision_s == 3601.0


async def test_blocks_that_come_in_pieces_and_rotated_logs_are_put_together(tmp_path: Path) -> None:
    log = tmp_path / "history.log"
    (tmp_path / "history.log.1.gz").write_bytes(gzip.compress(UPGRADES.encode()))
    log.write_text(INSTALL[:100])
    (tmp_path / "dpkg.log").write_text("")
    logs = source(AptHistory(LogFile(str(log), 1 << 20), BERLIN), clock=WallClock(mono=9000.0))

    first = await logs.sample()
    with log.open("a") as file:
        file.write(INSTALL[100:])
    second = await logs.sample()

    assert [(run.service, run.status) for run in first.deploys] == [
        ("apt", DeployStatus.STARTED),
        ("3 packages", DeployStatus.SUCCEEDED),
    ]
    assert [(run.service, run.status) for run in second.deploys] == [
        ("pgbouncer", DeployStatus.SUCCEEDED),
        ("3 packages", DeployStatus.SUCCEEDED),
    ]
    assert [run.seen_at for run in first.deploys] == [run.seen_at for run in second.deploys]


async def test_lines_that_are_none_are_skipped(tmp_path: Path) -> None:
    garbage = "Start-Date: soon\nInstall: x\nEnd-Date: later\n" + INSTALL + "\x00\xff: \n"
    told = await sample(
        tmp_path, garbage, "\x00\n" + "x" * 50 + "\n" + DPKG.replace("2026-02-11 11:55:00", "yesterday at noon  ")
    )
    assert [run.service for run in told.deploys] == ["orders-api", "pgbouncer"]
    assert "soon" in told.places[0].trouble


async def test_of_a_huge_log_the_end_is_read_and_since_when_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.log").write_text(UPGRADES * 2000 + INSTALL)
    (tmp_path / "dpkg.log").write_text(DPKG.splitlines()[2] + "\n" + (DPKG.splitlines()[8] + "\n") * 30_000)
    logs = source(*_places(tmp_path, 1 << 16), clock=WallClock(mono=9000.0))
    told = await logs.sample()
    assert {run.service for run in told.deploys} >= {"pgbouncer"}
    assert [place.since_at is not None for place in told.places] == [True, True]


def _places(tmp_path: Path, most_bytes: int) -> tuple[AptHistory, DpkgLog]:
    apt = AptHistory(LogFile(str(tmp_path / "history.log"), most_bytes), BERLIN)
    return apt, DpkgLog(LogFile(str(tmp_path / "dpkg.log"), most_bytes), BERLIN, apt)


async def test_a_real_package_put_in_by_a_real_dpkg(tmp_path: Path) -> None:
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg here: not a Debian")
    log, root, admin = tmp_path / "dpkg.log", tmp_path / "root", tmp_path / "admin"
    for folder in (root, admin / "updates", admin / "info"):
        folder.mkdir(parents=True)
    (admin / "status").touch()
    (admin / "available").touch()
    began = time.time()
    for version in ("1.0", "1.1"):
        build = tmp_path / f"orders-{version}"
        (build / "DEBIAN").mkdir(parents=True)
        (build / "DEBIAN" / "control").write_text(
            f"Package: perftui-orders\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
        )
        subprocess.run(["dpkg-deb", "--build", str(build), f"{build}.deb"], check=True, capture_output=True)
        subprocess.run(
            [
                "dpkg",
                f"--admindir={admin}",
                f"--instdir={root}",
                f"--log={log}",
                "--force-not-root",
                "-i",
                f"{build}.deb",
            ],
            check=True,
            capture_output=True,
        )

    clock = WallClock()
    clock.now += time.time() - AT
    zone = host_zone()
    told = await source(DpkgLog(LogFile(str(log), 1 << 20), zone, None), clock=clock).sample()

    (run,) = told.deploys  # within a minute of each other: one run of somebody at work
    assert run.service == "2 packages"
    assert run.detail is not None
    assert "installed perftui-orders 1.0" in run.detail
    assert "upgraded perftui-orders 1.0 to 1.1" in run.detail
    assert run.at == pytest.approx(began, abs=5)


async def test_this_machines_own_logs_agree_with_grep() -> None:
    history = Path("/var/log/apt/history.log")
    if not history.exists():
        pytest.skip("no apt here: not a Debian")
    text = history.read_bytes()
    clock = WallClock()
    clock.now += time.time() - AT
    told = await source(AptHistory(LogFile(str(history), 64 << 20), host_zone()), clock=clock, days=36600.0).sample()

    blocks = text.count(b"Start-Date: ")
    assert len(told.deploys) >= min(blocks, MOST)  # those of rotated logs too
    assert all(
        run.status in (DeployStatus.SUCCEEDED, DeployStatus.FAILED, DeployStatus.STARTED) for run in told.deploys
    )
    assert utc(told) == sorted(utc(told), reverse=True)
