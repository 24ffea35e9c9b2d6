"""Postgres' simple query protocol over a transport that another driver has connected and authenticated.

The consoles of PgBouncer and pgpool understand nothing else. Messages: "Message Formats" of the Postgres documentation.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Any, Protocol

Row = tuple[str | None, ...]

MAX_ANSWER_BYTES = 64 << 20
"""300,000 rows of SHOW CLIENTS; more is no answer but a fault."""
MAX_MESSAGE_BYTES = 1 << 20
_HEAD = struct.Struct("!cI")
_COUNT = struct.Struct("!H")
_LENGTH = struct.Struct("!i")
_AFTER_NAME = 18
"""Bytes of a column's description behind its name."""


class Transport(Protocol):
    """What is used of asyncio's transports."""

    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...


class ServerError(Exception):
    """What the server answered instead of rows."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class BrokenAnswer(Exception):
    """Bytes that are no answer, or too many of them. The connection is of no more use."""


class SimpleQuery(asyncio.Protocol):
    """Asks one query at a time; the rows hold the wanted columns in the order of their names, all as text."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pending = bytearray()
        self._asked: asyncio.Future[list[Row]] | None = None
        self._wanted: Sequence[str] = ()
        self._places: list[int | None] = []
        self._rows: list[Row] = []
        self._error: Exception | None = None
        self._received = 0
        self.closed = False

    async def ask(self, query: str, wanted: Sequence[str]) -> list[Row]:
        """The rows of one query; a column that the answer does not have is None in each of them.

        A caller that gives up before the answer is there must close the connection: the answer belongs to nobody then.

        Raises:
            ServerError: the server refused.
            BrokenAnswer: it answered with something else.
            ConnectionError: the connection is closed.
        """
        if self.closed:
            raise ConnectionResetError("the connection is closed")
        self._wanted, self._places, self._rows, self._error, self._received = wanted, [], [], None, 0
        self._asked = asyncio.get_running_loop().create_future()
        text = query.encode() + b"\0"
        self._transport.write(_HEAD.pack(b"Q", len(text) + 4) + text)
        return await self._asked

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_ANSWER_BYTES:
            self._break(f"more than {MAX_ANSWER_BYTES >> 20} MB in one answer")
            return
        self._pending += data
        start = 0
        try:
            while len(self._pending) - start >= _HEAD.size:
                kind, length = _HEAD.unpack_from(self._pending, start)
                if not 4 <= length <= MAX_MESSAGE_BYTES:
                    raise BrokenAnswer(f"a message of {length} bytes")
                if len(self._pending) - start <= length:
                    break
                self._take(kind, bytes(self._pending[start + 5 : start + 1 + length]))
                start += 1 + length
        except (BrokenAnswer, struct.error, ValueError, IndexError) as exc:
            self._break(str(exc))
            return
        del self._pending[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        # A fatal error comes without the message that ends an answer.
        self._settle(self._error or ConnectionResetError("the connection was closed"))

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"D":
            self._rows.append(_row(body, self._places))
        elif kind == b"T":
            columns = {name: place for place, name in enumerate(_columns(body))}
            self._places = [columns.get(name) for name in self._wanted]
        elif kind == b"E":
            self._error = _error(body)
        elif kind == b"Z":
            self._settle(self._error)

    def _settle(self, error: Exception | None) -> None:
        asked, self._asked = self._asked, None
        if asked is None or asked.done():
            return
        if error is not None:
            asked.set_exception(error)
        else:
            asked.set_result(self._rows)

    def _break(self, reason: str) -> None:
        self.closed = True
        self._pending.clear()
        self._settle(BrokenAnswer(reason))
        self._transport.abort()


def _columns(body: bytes) -> list[str]:
    """Names in a RowDescription."""
    (count,) = _COUNT.unpack_from(body)
    names, at = [], _COUNT.size
    for _ in range(count):
        end = body.index(0, at)
        names.append(body[at:end].decode("utf-8", "replace"))
        at = end + 1 + _AFTER_NAME
    return names


def _row(body: bytes, places: Sequence[int | None]) -> Row:
    """The values of a DataRow at some places."""
    (count,) = _COUNT.unpack_from(body)
    values: list[Any] = []
    at = _COUNT.size
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length])
        at += max(0, length)
    if at != len(body):
        raise BrokenAnswer("a row that does not end where it should")
    return tuple(
        [None if place is None or values[place] is None else str(values[place], "utf-8", "replace") for place in places]
    )


def _error(body: bytes) -> ServerError:
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0") if field}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", "an error without words"))
