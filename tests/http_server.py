"""A real HTTP server on the loopback, whose pages a test sets."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, Self


class Page(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    hangs: bool = False


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that hangs up is what some tests are about."""


class HttpServer:
    """Serves `pages` by path, the query left aside; other paths are 404."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        """(path with query, headers) of each request."""
        self._ended = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                page = outer.pages.get(self.path.partition("?")[0], Page(b"no such page", 404))
                if page.hangs:
                    outer._ended.wait(30)
                    return
                self.send_response(page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked has read enough
                    self.wfile.write(page.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the test's output is for the test."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
