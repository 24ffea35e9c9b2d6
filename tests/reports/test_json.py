"""The tree for scripts: its keys, its unknowns, its moments."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perftui import __version__
from perftui.pipeline.snapshot import Snapshot
from perftui.reports.json import snapshot_json
from tests.views.pg_scenes import CONNECTING, REFUSED, database, down
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
            "pool",
            "deploys",
            "deploy_places",
            "marks",
            "probes",
            "probe",
            "slo",
            "load",
            "findings",
            "verdict",
            "sources",
        )
    ]
    assert (tree["at"], tree["version"]) == ("2026-02-11T10:42:07.000Z", __version__)


def test_layers_that_are_not_there_are_empty_or_null(tree: dict[str, Any]) -> None:
    assert [tree[key] for key in ("postgres", "pools", "pool", "deploys", "probes", "probe", "slo", "load")] == [
        None,
        {},
        None,
        [],
        {},
        None,
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


def server(snapshot: Snapshot) -> dict[str, Any] | None:
    decoded: dict[str, Any] = msgspec.json.decode(snapshot_json(snapshot))
    told: dict[str, Any] | None = decoded["postgres"]
    return told


def test_the_sources_of_a_server_meet_in_one_place() -> None:
    told = server(database(10))

    assert told is not None
    assert (told["reachable"], told["version"], told["role"]) == (True, "16.4", "primary")
    assert told["connections"]["by_application"][0]["name"] == "orders-api"
    assert told["locks"]["tree"][1]["blocked_by"] == [4242]
    assert told["statements"]["top"][0]["mean_s"] == 0.118
    assert (told["transactions_per_s"], told["cache_hit_ratio"]) == (812.0, 0.992)
    assert told["backends"][0]["backend_start_at"] == "1970-01-01T01:27:22.000Z"


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [(host(1), None), (down(CONNECTING), {"reachable": False}), (down(REFUSED, 30, after=10), {"reachable": False})],
    ids=["no server", "connecting", "stale"],
)
def test_a_server_that_does_not_answer_is_told_as_such(snapshot: Snapshot, told: object) -> None:
    current = ("reachable", "connections", "locks", "backends", "transactions_per_s")
    assert {key: value for key, value in (server(snapshot) or {}).items() if key in current} == (told or {})
    assert (server(snapshot) is None) == (told is None)


def test_one_line_when_asked_for() -> None:
    assert b"\n" not in snapshot_json(host(1), pretty=False)
