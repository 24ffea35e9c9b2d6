"""Pages over HTTP/1.1, one request on each connection: the shop, the payments service, and those who ask them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Page = Callable[[str], Awaitable[tuple[int, str]]]
"""Path → (status, body)."""


@contextlib.asynccontextmanager
async def serve(page: Page, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listens on the loopback until the block ends; gives the port."""
    busy: set[asyncio.Task[None]] = set()

    def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_answer(page, reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    server = await asyncio.start_server(taken, "127.0.0.1", port, ssl=tls, backlog=256)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _answer(page: Page, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            head = await reader.readuntil(b"\r\n\r\n")
            status, body = await page(head.split(b" ", 2)[1].decode("ascii", "replace"))
            text = body.encode()
            writer.write(
                b"HTTP/1.1 %d OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (status, len(text), text)
            )
            await writer.drain()
    finally:
        writer.close()


async def ask(port: int, path: str, within_s: float) -> int:
    """The status of one answer.

    Raises:
        OSError, TimeoutError: there is none.
    """
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            head = await reader.readline()
            await reader.read()
        finally:
            writer.close()
    words = head.split()
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionResetError(104, "the service hung up")
    return int(words[1])
