"""Slow statements: ranked by the interval, told as unknown before there is one, sorted and filtered."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_statements import PgStatementsPart, StatementReading
from perftui.views.model import Role, TableState, Zoom
from perftui.views.pg_statements import pane, zoom
from tests.views.drawn import column, flat, text
from tests.views.pg_scenes import ACTIVITY, NO_EXTENSION, STATEMENTS, database, statement


@pytest.fixture(scope="module")
def served() -> Snapshot:
    return database(30)


def part(*top: StatementReading, **changes: object) -> PgStatementsPart:
    return PgStatementsPart(statements=msgspec.structs.replace(STATEMENTS.statements, top=top, **changes))


def zoomed(snapshot: Snapshot, width: int = 118, **chosen: object) -> Zoom:
    return zoom(snapshot, TableState(**chosen), width)  # type: ignore[arg-type]


def test_a_statement_has_share_rate_mean_lifetime_maximum_and_text(served: Snapshot) -> None:
    shown = pane(served, 70, 10)

    assert shown.title == "Slow statements · 1.4 k calls/s"
    head, first, *_ = map(flat, shown.lines)
    assert head.split() == ["time%", "calls/s", "mean", "max", "ever", "query"]
    assert first == " 61 %     212 118 ms    2.1 s UPDATE orders SET state = $1 WHERE id = $2"[:69] + "…"


def test_one_line_of_an_80_column_screen_tells_what_matters(served: Snapshot) -> None:
    (line,) = pane(served, 59, 1).lines

    assert flat(line).startswith(" 61 %  mean 118 ms  212 of 1.4 k/s  UPDATE orders")


def test_a_text_that_is_not_known_yet_is_told_by_its_identifier(served: Snapshot) -> None:
    assert "queryid 13" in text(pane(served, 70, 10).lines)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (part(interval_s=None, calls_per_s=None, slowest_mean_s=None), "first interval is being measured"),
        (part(interval_s=5.0), "no statement ended in the last 5 s"),
    ],
)
def test_before_there_are_deltas_nothing_is_ranked(statements: PgStatementsPart, words: str) -> None:
    snapshot = database(1, pg_statements=statements)

    assert text(pane(snapshot, 70, 5).lines) == words
    table = zoomed(snapshot).table
    assert table is not None and (table.rows, table.empty) == ((), words)


def test_without_the_extension_the_reason_is_told() -> None:
    shown = text(pane(database(1, {"pg_statements": NO_EXTENSION}), 80, 5).lines)

    assert " ".join(shown.split()) == (
        "no pg_stat_statements: missing: pg_stat_statements is not installed; run CREATE EXTENSION pg_stat_statements"
    )


def test_a_server_that_did_not_answer_says_nothing_about_the_extension() -> None:
    late = Failed(kind=FailureKind.TIMED_OUT, detail="postgres: no answer in time")

    assert text(pane(database(1, {"pg_statements": late}), 80, 5).lines) == "timed out: no answer in time"


def test_evicted_entries_and_hidden_texts_are_told() -> None:
    blind = msgspec.structs.replace(ACTIVITY, sees_others=False)
    statements = part(statement(1), evicted=True, texts_missing="postgres: no answer in time", hidden=40)
    snapshot = database(1, pg_statements=statements, pg_activity=blind)

    for lines in (pane(snapshot, 70, 8).lines, zoomed(snapshot).lines):
        assert ("entries were evicted: ranking incomplete", Role.WARNING) in [span for line in lines for span in line]
        assert "statements of others need: grant pg_monitor to this role" in text(lines)
        assert "no texts: no answer in time" in text(lines)


def test_that_nothing_of_ours_ended_is_no_calm_where_others_are_hidden() -> None:
    blind = msgspec.structs.replace(ACTIVITY, sees_others=False)
    snapshot = database(1, pg_statements=part(interval_s=5.0, calls_per_s=0.0, hidden=40), pg_activity=blind)

    shown = pane(snapshot, 70, 5)
    assert (shown.title, text(shown.lines)) == (
        "Slow statements",
        "statements of others need: grant pg_monitor to this role",
    )
    (line,) = pane(snapshot, 60, 1).lines
    assert flat(line).startswith("statements of others need: grant pg_monitor")


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("", ["11", "12", "13"]),
        ("time", ["11", "12", "13"]),
        ("calls", ["13", "11", "12"]),
        ("mean", ["12", "11", "13"]),
        ("max", ["11", "12", "13"]),
        ("rows", ["11", "12", "13"]),
        ("hit", ["11", "12", "13"]),
        ("temp", ["12", "11", "13"]),
        ("wal", ["11", "12", "13"]),
    ],
)
def test_the_table_sorts_by_each_of_its_numbers(served: Snapshot, sort: str, ids: list[str]) -> None:
    table = zoomed(served, sort=sort).table

    assert table is not None
    assert [row.key.partition(":")[0] for row in table.rows] == ids
    assert table.sorts == ("time", "calls", "mean", "max", "rows", "hit", "temp", "wal")


def test_a_filter_finds_text_and_identifier(served: Snapshot) -> None:
    for wanted, ids in (("REPORT", ["12:1"]), ("13", ["13:1"]), ("nothing", [])):
        table = zoomed(served, filter=wanted).table
        assert table is not None and [row.key for row in table.rows] == ids


def test_the_chart_shows_means_and_calls_when_sorted_by_them(served: Snapshot) -> None:
    slow, often = zoomed(served).chart, zoomed(served, sort="calls").chart

    assert slow is not None and often is not None
    assert (slow.unit, often.unit) == ("ms", "1/s")
    assert (slow.lines[0].values[-1], often.lines[0].values[-1]) == pytest.approx((900.0, 1400.0))


def test_one_identifier_of_two_users_is_two_rows() -> None:
    table = zoomed(database(1, pg_statements=part(statement(7), statement(7, mean_s=0.5)))).table

    assert table is not None
    assert [row.key for row in table.rows] == ["7:1", "7:2"]
    assert column(table, "mean") == ["118 ms", "500 ms"]
