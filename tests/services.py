"""A real HTTP service on the loopback that misbehaves on request, and real certificates of an own authority."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(answer: bytes, after_s: float = 0.0) -> Behaviour:
    """The whole answer, after a while."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        writer.write(answer)
        await writer.drain()

    return act


def answer(status: str = "200 OK", body: bytes = b"fine", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that comes byte by byte and would take 100 s."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST in place of an answer."""
    writer.get_extra_info("socket").setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER of 0 s
    writer.transport.abort()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An end without a word."""


class Service:
    """What it was asked, and what it does next."""

    def __init__(self, behaviour: Behaviour, greeting: bytes = b"") -> None:
        self.behaviour = behaviour
        self._greeting = greeting
        self.requests: list[bytes] = []
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.ensure_future(self._answer(reader, writer)))

    async def end(self) -> None:
        """Hang up on whoever is still served."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                writer.write(self._greeting)
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self.behaviour(reader, writer)
                writer.close()
        finally:
            if not writer.is_closing():
                writer.transport.abort()


@contextlib.asynccontextmanager
async def service(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", greeting: bytes = b""
) -> AsyncIterator[Service]:
    """Listens until the block ends; the greeting is sent before anything is asked."""
    made = Service(behaviour, greeting)
    server = await asyncio.start_server(made.serve, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()


class Authority:
    """A root, an intermediate below it, and certificates of `localhost` that it gives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self.root = self._own("root", 3650)
        self.middle = self.signed("Middle", self.root, days=20, authority=True)

    def signed(self, name: str, by: Path, days: int, authority: bool = False) -> Path:
        """The path of a certificate and key in one file; days may be negative."""
        self._made += 1
        place = self._folder / f"{self._made}-{name.lower()}"
        extensions = place.with_suffix(".ext")
        extensions.write_text(
            "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
            if authority
            else "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
        )
        _openssl("req", "-new", *_KEY, "-keyout", f"{place}.key", "-out", f"{place}.csr", "-subj", f"/CN={name}")
        _openssl(
            *("x509", "-req", "-in", f"{place}.csr", "-CA", f"{by}", "-CAkey", f"{by}", "-CAcreateserial"),
            *("-days", f"{days}", "-extfile", f"{extensions}", "-out", f"{place}.crt"),
        )
        return self._joined(place)

    def self_signed(self, days: int) -> Path:
        return self._own("localhost", days)

    def server(self, certificate: Path, *chain: Path) -> ssl.SSLContext:
        """A server's context that sends the certificate and what is above it."""
        file = self._folder / f"{certificate.stem}-chain.pem"
        file.write_text("".join(path.read_text() for path in (certificate, *chain)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _own(self, name: str, days: int) -> Path:
        self._made += 1
        place = self._folder / f"{self._made}-{name}"
        _openssl(
            *("req", "-x509", "-new", *_KEY, "-keyout", f"{place}.key", "-out", f"{place}.crt"),
            *("-subj", f"/CN={name}", "-days", f"{days}"),
        )
        return self._joined(place)

    def _joined(self, place: Path) -> Path:
        joined = place.with_suffix(".pem")
        joined.write_text(Path(f"{place}.key").read_text() + Path(f"{place}.crt").read_text())
        return joined


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*words: str) -> None:
    done = subprocess.run(
        ["openssl", *words], capture_output=True, text=True, env={**os.environ, "RANDFILE": "/dev/null"}
    )
    assert done.returncode == 0, done.stderr
