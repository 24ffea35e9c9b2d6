"""The tree for scripts: its keys, its unknowns, its moments."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perftui import __version__
from perftui.reports.json import snapshot_json
from tests.views.scenes import host, without
from tests.views.test_banner import SWAPPING, WAITING


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(
        snapshot_json(host(30, without("disks"), findings=(SWAPPING, WAITING)))
    )
    return decoded


def test_the_keys_at_its_top(tree: dict[str, Any]) -> None:
    assert list(tree) == [
        *(
            "at",
            "version",
            "host",
            "postgres",
            "pools",
            "deploys",
            "probes",
            "slo",
            "load",
            "findings",
            "verdict",
            "sources",
        )
    ]
    assert (tree["at"], tree["version"]) == ("2026-02-11T10:42:07.000Z", __version__)


def test_layers_that_are_not_there_are_empty_or_null(tree: dict[str, Any]) -> None:
    assert [tree[key] for key in ("postgres", "pools", "deploys", "probes", "slo", "load")] == [
        None,
        {},
        [],
        {},
        {},
        None,
    ]


def test_readings_of_several_sources_meet_in_one_place(tree: dict[str, Any]) -> None:
    assert tree["host"]["cpu"]["busy_ratio"] == pytest.approx(0.31)
    assert tree["host"]["cpu"]["throttled_ratio"] == 0.37
    assert tree["host"]["memory"]["state"] == "healthy"
    assert tree["host"]["memory"]["classes"]["anonymous_bytes"] == 38 << 30
    assert tree["host"]["filesystems"]["/var/lib/postgresql"]["used_ratio"] == 0.63
    assert tree["host"]["processes"]["top"][0]["pid"] == 4310


def test_what_is_not_known_is_null_and_what_was_not_read_is_absent(tree: dict[str, Any]) -> None:
    assert tree["host"]["network"]["eth0"]["errors_per_s"] is None
    assert "disks" not in tree["host"]
    assert tree["sources"]["disks"] == {
        "state": "failed",
        "age_s": None,
        "detail": "denied: /proc/disks: not allowed; run as root",
    }


def test_findings_and_verdict_carry_words_and_moments(tree: dict[str, Any]) -> None:
    first = tree["findings"][0]
    assert (first["rule"], first["severity"], first["since_at"]) == (
        "host.swapping",
        "critical",
        "2026-02-11T10:41:47.000Z",
    )
    verdict = tree["verdict"]
    assert (verdict["class"], verdict["severity"], verdict["since_at"]) == (
        "memory_bound",
        "critical",
        "2026-02-11T10:41:47.000Z",
    )
    assert verdict["chain"] == ["host.swapping", "host.io_saturated"]


def test_one_line_when_asked_for() -> None:
    assert b"\n" not in snapshot_json(host(1), pretty=False)
