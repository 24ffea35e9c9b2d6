"""Bytes of the simple query protocol. Here no server takes part: real ones can't be made to send what is malformed."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence

import pytest

from perftui.clients.simple_query import (
    MAX_ANSWER_BYTES,
    BrokenAnswer,
    Row,
    ServerError,
    SimpleQuery,
)

READY = b"Z\0\0\0\x05I"


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def described(*columns: str) -> bytes:
    return message(
        b"T", struct.pack("!H", len(columns)) + b"".join(name.encode() + b"\0" + bytes(18) for name in columns)
    )


def row(*values: bytes | None) -> bytes:
    cells = (struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values)
    return message(b"D", struct.pack("!H", len(values)) + b"".join(cells))


def refused(sqlstate: str, words: str) -> bytes:
    return message(b"E", f"SERROR\0C{sqlstate}\0M{words}\0\0".encode())


async def answered(packets: Sequence[bytes], wanted: Sequence[str] = ("a", "b"), close: bool = False) -> list[Row]:
    protocol = SimpleQuery(Wire())
    asked = asyncio.ensure_future(protocol.ask("SHOW", wanted))
    await asyncio.sleep(0)
    for packet in packets:
        protocol.data_received(packet)
    if close:
        protocol.connection_lost(None)
    return await asyncio.wait_for(asked, 1)


TWO_ROWS = [described("b", "a"), row(b"1", b"x"), row(None, b"\xff"), message(b"C", b"SHOW\0"), READY]


@pytest.mark.parametrize(
    "packets",
    [TWO_ROWS, [b"".join(TWO_ROWS)], [bytes([each]) for each in b"".join(TWO_ROWS)]],
    ids=["a message each", "all in one", "a byte each"],
)
async def test_rows_come_by_name_however_the_bytes_arrive(packets: Sequence[bytes]) -> None:
    assert await answered(packets) == [("x", "1"), ("\ufffd", None)]


async def test_a_column_that_is_not_there_is_none_and_notices_are_passed_over() -> None:
    notice = message(b"N", b"SNOTICE\0Mhello\0\0")

    assert await answered([notice, described("a"), row(b"x"), READY], ("a", "new")) == [("x", None)]
    assert await answered([described("a"), READY]) == []


async def test_a_refusal_is_told_when_its_answer_ends_or_the_connection_does() -> None:
    for packets, close in (([refused("42501", "no"), READY], False), ([refused("42501", "no")], True)):
        with pytest.raises(ServerError, match="no") as told:
            await answered(packets, close=close)
        assert told.value.sqlstate == "42501"


async def test_an_answer_that_is_cut_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionError):
        await answered(TWO_ROWS[:3], close=True)


@pytest.mark.parametrize(
    "packet",
    [
        b"D\0\0\0\x01",
        b"HTTP/1.1 400 Bad Request\r\n",
        message(b"T", b"\0\x02a"),
        described("a") + message(b"D", b"\0\x01\0\0\0\x10x"),
        described("a") + message(b"D", b"\0"),
        described("a", "b") + row(b"1"),
    ],
    ids=[
        "a length below 4",
        "http",
        "a name without end",
        "a value beyond its row",
        "a row without count",
        "too few values",
    ],
)
async def test_bytes_that_are_no_answer_end_the_connection(packet: bytes) -> None:
    wire = Wire()
    protocol = SimpleQuery(wire)
    asked = asyncio.ensure_future(protocol.ask("SHOW", ("a", "b")))
    await asyncio.sleep(0)
    protocol.data_received(packet)

    with pytest.raises(BrokenAnswer):
        await asyncio.wait_for(asked, 1)
    assert wire.aborted and protocol.closed
    with pytest.raises(ConnectionError):
        await protocol.ask("SHOW", ())


async def test_an_answer_without_end_is_given_up() -> None:
    protocol = SimpleQuery(Wire())
    asked = asyncio.ensure_future(protocol.ask("SHOW", ("a",)))
    await asyncio.sleep(0)
    protocol.data_received(described("a"))
    chunk = row(b"x" * 1000) * 4000
    for _ in range(MAX_ANSWER_BYTES // len(chunk) + 1):
        protocol.data_received(chunk)

    with pytest.raises(BrokenAnswer, match="64 MB"):
        await asked


async def test_a_query_is_one_message_that_ends_in_a_zero() -> None:
    wire = Wire()
    asked = asyncio.ensure_future(SimpleQuery(wire).ask("SHOW POOLS", ()))
    await asyncio.sleep(0)

    assert wire.written == b"Q\0\0\0\x0fSHOW POOLS\0"
    asked.cancel()
