"""The sources' zoom: what we don't know, and why."""

from __future__ import annotations

from perftui.views.model import Role, TableState
from perftui.views.sources import sources_zoom
from tests.views.drawn import column
from tests.views.scenes import KINDS, host, without


def test_each_source_has_its_state_age_and_reason() -> None:
    table = sources_zoom(host(10, without("disks", after=2)), TableState(), 118).table

    assert table is not None
    told = {row.key: [words for words, _ in row.cells] for row in table.rows}
    assert set(told) == {kind.name for kind in KINDS}
    assert told["cpu"] == ["cpu", "ok", "0 s", ""]
    assert told["disks"] == ["disks", "failed", "8 s", "denied: /proc/disks: not allowed; run as root"]


def test_a_long_reason_goes_on_below_and_a_failure_has_a_role() -> None:
    table = sources_zoom(host(10, without("disks")), TableState(filter="disks"), 60).table

    assert table is not None
    assert " ".join(column(table, "why")) == "denied: /proc/disks: not allowed; run as root"
    assert column(table, "age")[0] == "–"
    assert len(table.rows) > 1
    assert table.rows[0].cells[1] == ("failed", Role.WARNING)
