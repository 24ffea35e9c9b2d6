"""What load generators write: every format by its first line, its results, and what can't be read."""

from __future__ import annotations

import pytest

from perftui.sources.load_format import Result, moment
from perftui.sources.load_formats import recognised

K6_HEAD = b'{"type":"Metric","data":{"name":"http_req_duration","type":"trend"},"metric":"http_req_duration"}\n'
K6_POINT = (
    b'{"metric":"http_req_duration","type":"Point","data":{"time":"2026-11-22T11:23:46.802866461Z","value":4.5,'
    b'"tags":{"expected_response":"true","method":"GET","name":"/a","status":"200"}}}\n'
)
K6_OLD = (
    b'{"type":"Point","data":{"time":"2021-05-03T15:16:55+02:00","value":9,"tags":{"expected_response":"false",'
    b'"name":"/b"}},"metric":"http_req_duration"}\n'
)
K6_USERS = b'{"metric":"vus","type":"Point","data":{"time":"2026-11-22T11:23:47Z","value":3,"tags":{}}}\n'
K6_OTHER = b'{"metric":"http_req_waiting","type":"Point","data":{"time":"2026-11-22T11:23:47Z","value":3,"tags":{}}}\n'
K6_CSV_HEAD = b"metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name\n"
JTL_HEAD = b"timeStamp,elapsed,label,responseCode,responseMessage,success,bytes,allThreads\n"
JTL_ROW = b'1795346626000,250,"buy, now",200,OK,true,100,7\n'
JTL_SUM = b"1795346626000,900,Checkout,200,Number of samples in transaction : 2,true,100,7\n"
LOCUST_HEAD = (
    b"Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,95%,99%,Total Request Count,Total Failure Count\n"
)
LOCUST_ROWS = b"1795346577,5,GET,/b,7.3,0.1,10,15,22,22,71,2\n1795346577,5,,Aggregated,14.0,0.5,13,16,21,23,135,4\n"
JSONL = b'{"at":1795346626.5,"latency_ms":12,"ok":false,"name":"x","users":4,"phase":"ramp"}\n'
VEGETA = b'{"attack":"","seq":0,"code":500,"timestamp":"2026-11-22T11:23:46Z","latency":2500000,"error":"500"}\n'


@pytest.mark.parametrize(
    ("file", "tool", "expected"),
    [
        (K6_HEAD + K6_OTHER + K6_POINT, "k6", [Result("2026-11-22T11:23:46.802866461Z", 0.0045, True, "/a")]),
        (K6_OLD, "k6", [Result("2021-05-03T15:16:55+02:00", 0.009, False, "/b")]),
        (
            K6_CSV_HEAD + b"http_reqs,1795346626,1,,,,true,,GET,/a\nhttp_req_duration,1795346626,4.5,,,,true,,GET,/a\n",
            "k6",
            [Result("1795346626", 0.0045, True, "/a")],
        ),
        (JTL_HEAD + JTL_ROW, "jmeter", [Result(1795346626250.0, 0.25, True, "buy, now")]),
        (
            JTL_HEAD.replace(b",", b";") + b"1795346626000;250;a;200;OK;false;1;7\n",
            "jmeter",
            [Result(1795346626250.0, 0.25, False, "a")],
        ),
        (JSONL, "jsonl", [Result(1795346626.5, 0.012, False, "x")]),
        (VEGETA, "jsonl", [Result("2026-11-22T11:23:46Z", 0.0025, False, "")]),
        (LOCUST_HEAD + LOCUST_ROWS, "locust", []),
    ],
    ids=["k6", "k6 of old", "k6 csv", "jtl", "jtl with semicolons", "jsonl", "vegeta", "locust"],
)
def test_each_format_is_known_by_its_first_line(file: bytes, tool: str, expected: list[Result]) -> None:
    read = recognised(file)

    assert read is not None and read.tool == tool
    assert list(read.results(file)) == expected
    assert read.skipped_total == 0


@pytest.mark.parametrize(
    "head", [b"", b"<?xml version='1.0'?>\n", b"hello\n", b'{"a": 1}\n', b"\xff\xfe\n", b"timeStamp,elapsed\n"]
)
def test_nothing_is_guessed(head: bytes) -> None:
    assert recognised(head) is None


@pytest.mark.parametrize(
    ("file", "trouble"),
    [
        (K6_HEAD + b'{"metric":"http_req_duration","type":"Point","data":{\n' + K6_POINT, "no point of k6"),
        (JTL_HEAD + b"oops,,a,200,OK,true,1,7\n" + JTL_ROW, "no number"),
        (JTL_HEAD + b"1795346626000,2\n" + JTL_ROW, "too few columns"),
        (JTL_HEAD + JTL_SUM + JTL_ROW, "transactions repeat their requests"),
        (JSONL + b"{nonsense\n", "no JSON with latency_ms"),
        (JSONL + b'{"name":"x"}\n', "neither latency_ms"),
    ],
)
def test_what_can_not_be_read_is_counted_and_told(file: bytes, trouble: str) -> None:
    read = recognised(file)

    assert read is not None
    assert len(list(read.results(file))) == 1
    assert read.skipped_total == 1
    assert trouble in read.trouble


def test_users_and_phase_come_with_the_results() -> None:
    for file, users in ((K6_HEAD + K6_POINT + K6_USERS, 3), (JTL_HEAD + JTL_ROW, 7), (JSONL, 4)):
        read = recognised(file)
        assert read is not None
        list(read.results(file))
        assert read.users == users


def test_a_line_of_jsonl_names_the_phase() -> None:
    read = recognised(JSONL)
    assert read is not None
    list(read.results(JSONL))

    assert read.phase == "ramp"


def test_locust_tells_its_own_percentiles() -> None:
    read = recognised(LOCUST_HEAD)
    assert read is not None
    list(read.results(LOCUST_ROWS))

    assert read.told is not None
    assert (read.told.requests_per_s, read.told.failures_per_s) == (14.0, 0.5)
    assert (read.told.p50_s, read.told.p95_s, read.told.p99_s) == (0.013, 0.021, 0.023)
    assert (read.users, read.told_results, read.told_failures) == (5, 135, 4)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-22T11:23:46.802866461Z", 1795346626.802866),
        ("2026-11-22T12:23:46+01:00", 1795346626.0),
        ("1795346626", 1795346626.0),
        (1795346626250.0, 1795346626.25),
        ("yesterday", None),
        (None, None),
        (-1.0, None),
    ],
)
def test_moments(at: str | float | None, expected: float | None) -> None:
    assert moment(at) == expected
