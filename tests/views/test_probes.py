"""The pane and the zoom of probes."""

from __future__ import annotations

import pytest

from perftui.model.probe import Phase, ProbeOutcome
from perftui.views import probes
from perftui.views.banner import verdict_lines
from perftui.views.layout import length
from perftui.views.model import Line, Role, TableState
from tests.probing import SLO, TARGET, certificate, failed, hanging, ok, probed
from tests.views.scenes import host


def words(line: Line) -> str:
    return "".join(text for text, _ in line)


def test_a_line_tells_state_time_p95_course_and_budget() -> None:
    snapshot = probed([ok(0.05)] * 99 + [failed()] + [ok(0.15)] * 20, SLO)

    (line,) = probes.pane(snapshot, 80, 1).lines
    assert words(line).startswith("health 200  150 ms  p95 150 ms  budget 97 % left")
    assert "▆" in words(line) or "█" in words(line)


def test_one_that_fails_says_why_and_comes_first() -> None:
    snapshot = probed([ok(0.05)] * 5, down=(TARGET, [failed()] * 4))
    pane = probes.pane(snapshot, 80, 4)

    assert pane.title == "Probes · 1 of 2 up"
    assert words(pane.lines[0]) == "down   127.0.0.1 port 80: connection refused (4 in a row)"
    assert pane.lines[0][1][1] is Role.CRITICAL
    assert words(probes.pane(snapshot, 40, 4).lines[0]) == "down   connection refused (4 in a row)"
    assert words(probes.pane(snapshot, 80, 1).lines[0]).startswith("1/2 up down 127.0.0.1 port 80")


def test_one_that_hangs_says_so_before_its_timeout() -> None:
    (line,) = probes.pane(hanging([ok(0.15)] * 5, 6), 80, 1).lines

    assert words(line) == "health no answer for 6 s so far; before 200 in 150 ms"


def test_before_the_first_result() -> None:
    assert "first request is under way" in words(probes.pane(probed([None]), 60, 2).lines[0])


def test_a_certificate_that_ends_soon_stands_in_the_line() -> None:
    snapshot = probed([ok(0.05, certificates=(certificate(12),))] * 3)

    assert "cert 12 d" in words(probes.pane(snapshot, 60, 1).lines[0])


def test_the_zoom_draws_the_parts_and_the_row_tells_the_rest() -> None:
    chain = (certificate(60, subject="shop.example"), certificate(20, subject="Middle"))
    snapshot = probed([ok(0.02 + 0.001 * (n % 50), tls_s=0.002, certificates=chain) for n in range(150)], SLO)
    zoom = probes.zoom(snapshot, TableState(), 120)

    told = [words(line) for line in zoom.lines]
    assert told[0].startswith("health: newest request")
    assert any(line.strip().startswith("first byte") and "█" in line for line in told)
    assert zoom.chart is not None and zoom.table is not None and len(zoom.table.rows) == 1
    windows, objective, place = (words(line) for line in probes.detail(snapshot, "health", 200))
    assert "150 requests in 10m00s" in windows and "p99" in windows and "shape" in windows and "high" in windows
    assert "apdex 1.00 (T 200 ms)" in objective and "budget 100 % left of 1 % in 1h00m" in objective
    assert "certificate shop.example 60 d ← Middle 20 d ← Middle" in place and "this host" in place


@pytest.mark.parametrize("width", [30, 44, 80, 120])
@pytest.mark.parametrize("height", [1, 3])
def test_nothing_is_wider_than_its_room(width: int, height: int) -> None:
    result = failed(ProbeOutcome.TLS, detail="certificate not accepted: self-signed certificate", phase=Phase.TLS)
    snapshot = probed([ok(0.05)] * 30, SLO, selfsigned=(TARGET, [result] * 5), new=(TARGET, [None]))

    lines = (*probes.pane(snapshot, width, height).lines, *probes.detail(snapshot, "health", width))
    assert max(length(line) for line in (*lines, *probes.zoom(snapshot, TableState(), width).lines)) <= width


def test_where_nothing_is_probed_there_is_no_pane() -> None:
    assert not probes.shown(host(3))
    assert probes.header_words(host(3)) == ()


@pytest.mark.parametrize(("last", "expected"), [([ok(0.1)], "probes 2/2"), ([failed()], "probes 1/2 △"), ([None], "")])
def test_the_header_counts_those_that_are_up(last: list[object], expected: str) -> None:
    snapshot = probed([ok(0.1)] * 3, other=(TARGET, last))  # type: ignore[arg-type]

    assert words(probes.header_words(snapshot)) == expected


def test_a_chain_names_what_belongs_together() -> None:
    """Two probes fail; the second line goes on with the objective of the one that the first line tells of."""
    snapshot = probed([None] + [failed()] * 40, SLO, first=(SLO, [failed(detail="first refused")] * 40))

    top, second = (words(line) for line in verdict_lines(snapshot, 200))
    name = "first" if "probe first" in top else "health"
    assert f"SLO of {name}" in second
