"""Documents over HTTP, asked for again and again over one kept connection: metrics pages of applications."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from perftui import __version__
from perftui.clients.worker import DaemonWorker
from perftui.model.failure import FailureKind, SourceError

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 3.0
"""For the whole of a document."""
MAX_BODY_BYTES = 16 << 20
MAX_REDIRECTS = 3
UNTRUSTED = "name its authority with ca_file"
_STATUS: Mapping[int, tuple[FailureKind, str]] = {
    401: (FailureKind.DENIED, "set the headers that it asks for"),
    403: (FailureKind.DENIED, "these headers give no right to read it"),
    404: (FailureKind.MISSING, "name the path of its metrics"),
}


class HttpDocuments:
    """One place that documents come from. Methods are called from one event loop."""

    def __init__(self, headers: Mapping[str, str] = {}, ca_file: str | None = None) -> None:
        """Prepare it; nothing is imported or opened yet.

        Args:
            headers: Sent to the host of the address that is asked for, and nowhere else; never told.
            ca_file: Certificates to trust instead of the system's.
        """
        self._headers = {"User-Agent": f"perftui/{__version__}", "Accept-Encoding": "identity", **headers}
        self._ca_file = ca_file
        self._worker = DaemonWorker("http")
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str, accept: str) -> bytes:
        """The document at an address. Redirects are followed on the same host only.

        Raises:
            SourceError: with the address without user and query, and what went wrong.
        """
        async with self._opening:
            if self._client is None:
                # The import takes 250 ms and reading the system's certificates 30, in which nobody else must wait.
                self._client = await self._worker.run(self._opened)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._followed(self._client, url, accept)
        except TimeoutError:
            raise problem(FailureKind.TIMED_OUT, url, f"no answer in {TIMEOUT_S:.0f} s") from None
        except SourceError:
            raise
        except Exception as exc:  # httpx and httpcore have two dozens, and their texts may quote what was sent
            raise translated(exc, url, UNTRUSTED) from None

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        context = ssl.create_default_context(cafile=self._ca_file)
        # trust_env: a proxy or a .netrc of the operator's shell is not meant for this.
        return httpx.AsyncClient(verify=context, headers=self._headers, timeout=TIMEOUT_S, trust_env=False)

    async def _followed(self, client: httpx.AsyncClient, url: str, accept: str) -> bytes:
        place = url
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream("GET", place, headers={"Accept": accept}) as response:
                if response.status_code == 200:
                    too_long = f"more than {MAX_BODY_BYTES >> 20} MB; is that the right path?"
                    return await body_of(response, url, MAX_BODY_BYTES, too_long)
                location = response.headers.get("location")
                if not (300 <= response.status_code < 400) or location is None:
                    kind, advice = _STATUS.get(response.status_code, (FailureKind.UNREACHABLE, ""))
                    raise problem(kind, url, f"status {response.status_code}{'; ' if advice else ''}{advice}")
                following = urljoin(place, location)
                if _origin(following) != _origin(url):
                    host = urlsplit(following).hostname or "another place"
                    raise problem(FailureKind.UNSUPPORTED, url, f"redirects to {_plain(host)}, which is not followed")
                place = following
        raise problem(FailureKind.UNSUPPORTED, url, f"more than {MAX_REDIRECTS} redirects")


async def body_of(response: httpx.Response, url: str, most_bytes: int, too_long: str) -> bytes:
    """The whole body.

    Raises:
        SourceError: MALFORMED, `too_long`.
    """
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise problem(FailureKind.MALFORMED, url, too_long)
    return bytes(body)


def translated(exc: Exception, url: str, untrusted: str) -> SourceError:
    """What httpx raised in our words.

    Args:
        untrusted: What to do about a certificate that is not trusted.
    """
    import httpx

    if isinstance(exc, httpx.TimeoutException):
        return problem(FailureKind.TIMED_OUT, url, f"no answer in {TIMEOUT_S:.0f} s")
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return problem(FailureKind.DENIED, url, f"its certificate is not trusted; {untrusted}")
    if isinstance(exc, (httpx.ConnectError, httpx.ReadError, httpx.CloseError)):
        return problem(FailureKind.UNREACHABLE, url, "no connection; is it running there?")
    if isinstance(exc, (httpx.ProtocolError, httpx.DecodingError)):
        return problem(FailureKind.MALFORMED, url, "the answer is not HTTP as it should be")
    return problem(FailureKind.UNREACHABLE, url, type(exc).__name__)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def problem(kind: FailureKind, url: str, text: str) -> SourceError:
    """An error that names the address without its user and its query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return SourceError(kind, f"{_plain(f'{parts.scheme}://{parts.hostname}{port}{parts.path}')}: {text}")


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:120])
