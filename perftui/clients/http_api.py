"""Answers of one server's API, over one kept connection: Kubernetes, GitHub, GitLab."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from perftui import __version__
from perftui.clients.http import UNTRUSTED, body_of, problem, translated
from perftui.clients.worker import DaemonWorker
from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 8.0
"""For one answer, all of it."""
MOST_BYTES = 32 << 20
KEPT_S = 150.0
"""A connection that nobody used is kept: httpx's own 5 s would mean a TLS handshake at each look."""


class HttpApi:
    """One server. Methods are called from one event loop; nothing is imported or opened before the first call."""

    def __init__(
        self,
        base: str,
        *,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        tls_name: str | None = None,
        untrusted: str = UNTRUSTED,
        timeout_s: float = TIMEOUT_S,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Prepare it.

        Args:
            base: Its address, without user and query; paths are put behind it.
            tls: Makes the context; called in a thread, may raise SourceError.
            tls_name: The name that its certificate must have, where it is not that of the address.
            untrusted: What to do about a certificate that is not trusted.
        """
        self.base = base.rstrip("/")
        self._tls, self._tls_name, self._untrusted = tls, tls_name, untrusted
        self._timeout_s, self._most_bytes = timeout_s, most_bytes
        self._worker = DaemonWorker("api")
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Whatever it answers, an error's status too. No redirect is followed: the headers hold a token.

        Args:
            path: With its query.

        Raises:
            SourceError: no answer, a broken one, one that is too long; names the server, never a header.
        """
        url = f"{self.base}{path}"
        async with self._opening:
            if self._client is None:
                # The import takes 70 ms and more and the system's certificates 30, in which nobody else must wait.
                self._client = await self._worker.run(self._opened)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(self._client, url, headers)
        except TimeoutError:
            raise problem(FailureKind.TIMED_OUT, self.base, f"no answer in {self._timeout_s:.0f} s") from None
        except SourceError:
            raise
        except Exception as exc:  # httpx and httpcore have two dozens, and their texts may quote what was sent
            raise translated(exc, self.base, self._untrusted) from None

    async def close(self) -> None:
        """End the connection; the next call opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        import anyio
        import httpcore
        import httpx

        # What httpcore and anyio would import in the loop, at the first connection.
        httpcore.AnyIOBackend()
        anyio.run(anyio.sleep, 0)
        # trust_env: a proxy or a .netrc of the operator's shell is not meant for this.
        return httpx.AsyncClient(
            verify=self._tls(),
            headers={"User-Agent": f"perftui/{__version__}"},
            timeout=None,  # the one for the whole answer is ours
            limits=httpx.Limits(max_connections=4, keepalive_expiry=KEPT_S),
            trust_env=False,
        )

    async def _answer(self, client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> HttpAnswer:
        extensions = {"sni_hostname": self._tls_name} if self._tls_name else {}
        async with client.stream("GET", url, headers=headers, extensions=extensions) as response:
            body = await body_of(response, url, self._most_bytes, f"more than {self._most_bytes >> 20} MB")
            return HttpAnswer(
                response.status_code, {name.lower(): value for name, value in response.headers.items()}, body
            )
