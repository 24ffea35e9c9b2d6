"""k6's output read a block at a time: the same as line by line, whatever is in it and wherever it is cut."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.sources.load_format import Format
from perftui.sources.load_formats import recognised

JSON_HEAD = b'{"type":"Metric","data":{"name":"http_req_duration","type":"trend"},"metric":"http_req_duration"}\n'
CSV_COLUMNS = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto"
METRICS = ("http_reqs", "http_req_duration", "http_req_failed", "http_req_waiting", "vus", "vus_max", "iterations")

numbers = st.floats(0, 1e5, allow_nan=False).map(lambda value: round(value, 6))
expected = st.sampled_from(["true", "false", ""])
names = st.sampled_from(
    ["/a", "/b?x=1", "http_req_duration", '/ü "quoted", with a comma', '"metric":"http_req_duration"']
)


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    metric = draw(st.sampled_from(METRICS))
    tags = {"name": draw(names), "status": "200"}
    if draw(st.booleans()):
        tags["expected_response"] = draw(expected)
    data = {"time": "2026-11-22T11:23:46.8Z", "value": draw(numbers), "tags": tags}
    point = {"metric": metric, "type": draw(st.sampled_from(["Point", "Metric"])), "data": data}
    order = draw(st.permutations(list(point)))
    return msgspec.json.encode({key: point[key] for key in order})


@st.composite
def csv_lines(draw: st.DrawFn) -> bytes:
    value = draw(numbers | st.sampled_from(["", "nan", "inf", "x", "1_0"]))
    name = draw(names)
    quoted = '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name
    return f"{draw(st.sampled_from(METRICS))},1795346626,{value},,,,{draw(expected)},,GET,{quoted},HTTP/1.1".encode()


garbage = st.sampled_from(
    [
        b"",
        b"{",
        b'{"metric":"http_req_duration","type":"Point","data":{"val',
        b'{"metric":"http_req_duration","type":"Point","data":{"value":"x"}}',
        b'{"metric":"http_req_duration","type":"Point","data":{}}trailing',
        b"http_req_duration,1795346626",
        b"http_req_duration,1795346626,\xff\xfe,,,,true,,GET,/a,",
        b"http_req_duration",
        CSV_COLUMNS.encode(),
    ]
)


def figures(read: Format, pieces: list[bytes], one_by_one: bool) -> tuple[object, ...]:
    times_s: list[float] = []
    failures, newest = 0, None
    for piece in pieces:
        batch = Format.batch(read, piece) if one_by_one else read.batch(piece)
        times_s += batch.times_s
        failures += batch.failures
        newest = batch.newest if batch.times_s else newest
    return times_s, failures, newest, read.skipped_total, read.users


def cut(lines: list[bytes], places: list[int]) -> list[bytes]:
    """The lines in pieces of whole ones, cut at these places."""
    edges = sorted({0, len(lines), *(place % (len(lines) + 1) for place in places)})
    return [b"".join(line + b"\n" for line in lines[start:end]) for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("head", "line"), [(JSON_HEAD, json_lines()), (CSV_COLUMNS.encode() + b"\n", csv_lines())], ids=["json", "csv"]
)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_block_is_read_as_its_lines_are(head: bytes, line: st.SearchStrategy[bytes], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(line | garbage, max_size=30))
    lines = [each.replace(b":46.8Z", b":%02d.8Z" % second) for second, each in enumerate(drawn)]
    pieces = cut(lines, data.draw(st.lists(st.integers(0, 30), max_size=4)))
    fast, strict = recognised(head), recognised(head)
    assert fast is not None and strict is not None

    assert figures(fast, pieces, one_by_one=False) == figures(strict, pieces, one_by_one=True)


def test_users_are_looked_for_once_in_each_of_its_seconds() -> None:
    read = recognised(JSON_HEAD)
    assert read is not None
    told = b'{"metric":"%s","type":"Point","data":{"time":"2026-11-22T11:23:%02d.5Z","value":%d,"tags":{}}}\n'
    seen = []
    for second, users in ((46, 3), (46, 4), (47, 5)):
        read.batch(told % (b"vus", second, users) + told % (b"http_req_duration", second, 12))
        seen.append(read.users)

    assert seen == [3, 3, 5]


def test_columns_in_another_order_are_read_too() -> None:
    read = recognised(b"timestamp,metric_name,metric_value,name,expected_response\n")
    assert read is not None
    batch = read.batch(b"1795346626,http_req_duration,4.5,/a,false\n1795346626,vus,7,,\n")

    assert (batch.times_s, batch.failures, batch.newest) == ([0.0045], 1, "1795346626")
