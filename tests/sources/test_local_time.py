from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from perftui.clients.host_zone import host_zone
from perftui.sources.local_time import local_moment, zone_words
from tests.sources.deploys import AT

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "at", "precision_s"),
    [
        ("2026-02-11 11:37:12", AT, 1.0),
        ("2026-02-11  11:37:12", AT, 1.0),
        ("2026-02-11T10:37:12Z", AT, 1.0),
        ("2026-10-25 02:30:00", 1_792_888_200.0, 3601.0),
        ("2026-03-29 02:30:00", 1_774_747_800.0, 3601.0),
    ],
    ids=["local", "as apt writes it", "with its zone", "the hour that comes twice", "the hour that never was"],
)
def test_a_log_of_a_host_in_berlin(text: str, at: float, precision_s: float) -> None:
    assert local_moment(text, BERLIN) == (at, precision_s)


def test_the_zone_is_told_where_it_is_not_utc() -> None:
    assert zone_words(BERLIN, AT) == "logged in local time CET (UTC+01:00)"
    assert zone_words(UTC, AT) == ""


def test_the_hosts_zone_is_its_own_whatever_tz_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    if Path("/usr/share/zoneinfo/Europe/Berlin").exists():
        assert zone_words(host_zone(tmp_path / "localtime"), AT) == "logged in local time CET (UTC+01:00)"
    (tmp_path / "broken").write_text("x")
    assert host_zone(tmp_path / "broken") is UTC
    assert host_zone(tmp_path / "missing") is UTC
