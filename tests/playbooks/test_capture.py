"""What is kept of an output: read as what it is, and the wanted part of it."""

from __future__ import annotations

from typing import Any

import pytest

from perftui.playbooks.capture import Unreadable, captured
from perftui.playbooks.document import Capture
from perftui.playbooks.steps.world import Done
from perftui.playbooks.values import StepId

PS = "PID USER COMMAND\n  1 root /sbin/init splash\n 42 app report\n"
INFO = "# Stats\r\nkeyspace_hits:6000\nmaxmemory_policy:allkeys-lru\nActive(anon):  12 kB\nState=running\n\nno pair\n"


def kept(output: str, parse: str, select: str = "", table: Any = None, rows: int = 10) -> dict[str, Any]:
    capture = Capture(name=StepId("it"), parse=parse, select=select)  # type: ignore[arg-type]
    return captured(capture, Done(state="passed", output=output, table=table), rows)


@pytest.mark.parametrize(
    ("output", "parse", "select", "value"),
    [
        ("  hello \n", "text", "", "hello"),
        ('{"a": [{"b": 1}, {"b": 3}]}', "json", "max(a[].b)", 3),
        ('{"a": null}', "json", "a", None),
        ("load 0.42 of 4", "number", "", 0.42),
        ("Avail\n 1234\n", "lines", "to_number([1])", 1234),
        (INFO, "pairs", "keyspace_hits", 6000.0),
        (INFO, "pairs", "maxmemory_policy", "allkeys-lru"),
        (INFO, "pairs", '"Active(anon)"', "12 kB"),
        (INFO, "pairs", "State", "running"),
        ("", "pairs", "", {}),
    ],
)
def test_an_output_as_what_it_is(output: str, parse: str, select: str, value: Any) -> None:
    assert kept(output, parse, select)["it"] == value


def test_a_table_tells_its_rows_and_the_numbers_of_its_columns() -> None:
    found = kept(PS, "table", rows=1)

    assert found["it"] == [{"pid": 1.0, "user": "root", "command": "/sbin/init splash"}]
    assert (found["n"], found["max_pid"], found["sum_pid"]) == (2, 42.0, 43.0)
    assert kept("", "table", table=({"a": 1},))["first"] == {"a": 1}


@pytest.mark.parametrize(
    ("output", "parse", "select", "why"),
    [
        ("no json", "json", "", "the output is not JSON"),
        ("none", "number", "", "there is no number in the output"),
        ("[1]", "json", "max(@.a)", "select"),
        ("[" * 100_000, "json", "", "the output is"),
    ],
)
def test_what_can_not_be_read_says_why(output: str, parse: str, select: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        kept(output, parse, select)
