"""One HTTP request over a connection of its own, with the time of each part.

No proxy, no cookie, no redirect is followed, no body is kept unless asked for. The name is resolved here and the connection
made to the address, with the name kept for the Host header and for TLS, so that DNS is timed apart from the connection.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perftui import __version__
from perftui.clients.addresses import Address, addresses
from perftui.clients.certificates import chain_of, read_chain
from perftui.clients.words import plain
from perftui.clients.worker import DaemonWorker
from perftui.model.failure import FailureKind, SourceError
from perftui.model.probe import Certificate, Phase, ProbeOutcome, ProbeResult

if TYPE_CHECKING:
    import httpx

MOST_ADDRESSES = 4
"""Of one name; each that hangs takes its share of the timeout from the others."""
MOST_BODY_BYTES = 1 << 20
"""Reading ends here: a probe asks whether the service works, not for its data."""
_WAITING = {
    Phase.DNS: "while the name was resolved",
    Phase.CONNECT: "while connecting",
    Phase.TLS: "in the TLS handshake",
    Phase.FIRST_BYTE: "before the first byte",
    Phase.BODY: "within the body",
}


class _Ended(Exception):
    """The request failed; becomes a result, never leaves this module."""

    def __init__(self, outcome: ProbeOutcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class _Run:
    """What one request has come to so far; a timeout may end it anywhere."""

    def __init__(self, mono: Callable[[], float], named: bool) -> None:
        self._mono = mono
        self.began = self._turned = mono()
        self.phase = Phase.DNS if named else Phase.CONNECT
        self.took: dict[Phase, float] = {}
        self.status: int | None = None
        self.address: str | None = None
        self.local: bool | None = None
        self.certificates: tuple[Certificate, ...] = ()
        self.body_bytes: int | None = None
        self.moved_to = ""
        self.ended: float | None = None
        self._stream: Any = None

    def turn(self, following: Phase) -> None:
        """The phase so far has ended, another begins."""
        now = self._mono()
        self.took[self.phase] = self.took.get(self.phase, 0.0) + now - self._turned
        self._turned, self.phase = now, following

    @property
    def waited_s(self) -> float:
        """In the phase it is in."""
        return self._mono() - self._turned

    async def hang_up(self) -> None:
        """httpcore 1.0.9 leaves the socket open for ever when a timeout ends the TLS handshake."""
        if self._stream is not None:
            await self._stream.aclose()

    def stop(self) -> None:
        """It has ended; what is done from now on does not count."""
        if self.ended is None:
            self.turn(self.phase)
            self.ended = self._turned

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpcore tells of its progress."""
        match event:
            case "connection.connect_tcp.complete":
                self._stream = info["return_value"]
            case "connection.start_tls.started":
                self.turn(Phase.TLS)
            case "connection.start_tls.complete":
                self.certificates = chain_of(info["return_value"].get_extra_info("ssl_object"))
            case "http11.send_request_headers.started":
                self.turn(Phase.FIRST_BYTE)
            case "http11.receive_response_headers.complete":
                self.turn(Phase.BODY)

    def answered(self, status: int, location: str | None) -> None:
        self.status = status
        if location is not None and 300 <= status < 400:
            host = urlsplit(location).hostname
            self.moved_to = f"; a redirect{f' to {plain(host)}' if host else ''}, not followed"

    async def read(self, response: httpx.Response, keep: Callable[[bytes], None]) -> None:
        """The body up to the cap."""
        self.body_bytes = 0
        async for chunk in response.aiter_raw():
            keep(chunk)
            self.body_bytes = min(MOST_BODY_BYTES, self.body_bytes + len(chunk))
            if self.body_bytes == MOST_BODY_BYTES:
                break
        self.stop()

    def result(self, outcome: ProbeOutcome, detail: str) -> ProbeResult:
        self.stop()
        return ProbeResult(
            mono=self.began,
            outcome=outcome,
            total_s=self._turned - self.began,
            detail=detail,
            phase=self.phase if outcome not in (ProbeOutcome.OK, ProbeOutcome.STATUS) else None,
            status_code=self.status,
            address=self.address,
            local=self.local,
            dns_s=self.took.get(Phase.DNS),
            connect_s=self.took.get(Phase.CONNECT),
            tls_s=self.took.get(Phase.TLS),
            first_byte_s=self.took.get(Phase.FIRST_BYTE),
            body_s=self.took.get(Phase.BODY),
            body_bytes=self.body_bytes,
            certificates=self.certificates,
        )


class HttpProbe:
    """Probes one URL. Methods are called from one event loop, one call at a time."""

    def __init__(
        self,
        url: str,
        mono: Callable[[], float],
        *,
        method: str = "GET",
        timeout_s: float = 10.0,
        expect_status: int = 200,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        content: bytes | None = None,
        keep: Callable[[bytes], None] = lambda chunk: None,
    ) -> None:
        """Prepare it; nothing is imported, resolved or opened yet.

        Args:
            url: http or https, without a user.
            mono: The monotonic clock.
            method: GET or HEAD for a probe; any for a request that the operator confirmed.
            timeout_s: For all parts together.
            expect_status: Any other one is a failure.
            headers: May hold secrets: they are sent and told nobody.
            ca_file: Certificates to trust beside the system's.
            content: The request's body.
            keep: Handed the answer's body piece by piece, up to the cap.
        """
        self._content, self._keep = content, keep
        self._url = urlsplit(url)
        self._host = self._url.hostname or ""
        self._port = self._url.port or (443 if self._url.scheme == "https" else 80)
        self._named = not _is_address(self._host)
        self._mono = mono
        self._method = method
        self._timeout_s = timeout_s
        self._expect_status = expect_status
        self._headers = {"User-Agent": f"perftui/{__version__}", "Accept": "*/*", **(headers or {})}
        self._ca_file = ca_file
        self._worker = DaemonWorker("resolver")
        self._context: ssl.SSLContext | None = None

    async def probe(self) -> ProbeResult:
        """Make one request and tell what came of it.

        Raises:
            SourceError: DENIED or MISSING when the file of certificates can't be read.
        """
        run = _Run(self._mono, self._named)
        try:
            if self._context is None:
                self._context = await self._worker.run(self._load)
                run = _Run(self._mono, self._named)
            async with asyncio.timeout(self._timeout_s):
                await self._request(run, self._context)
        except TimeoutError:
            return run.result(ProbeOutcome.TIMED_OUT, f"no answer for {run.waited_s:.1f} s {_WAITING[run.phase]}")
        except _Ended as ended:
            return run.result(ended.outcome, ended.detail)
        if run.status != self._expect_status:
            return run.result(ProbeOutcome.STATUS, f"status {run.status}, expected {self._expect_status}{run.moved_to}")
        return run.result(ProbeOutcome.OK, "")

    def _load(self) -> ssl.SSLContext:
        """Imports and the system's certificates: 100 ms that would hold up the other sources, so it is done in the thread."""
        import anyio
        import httpcore
        import httpx  # noqa: F401

        # What httpcore and anyio would import in the loop, within the first connection's time.
        httpcore.AnyIOBackend()
        anyio.run(anyio.sleep, 0)
        context = ssl.create_default_context()
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as exc:  # ssl.SSLError too
                kind = FailureKind.MISSING if isinstance(exc, FileNotFoundError) else FailureKind.DENIED
                raise SourceError(kind, f"{self._ca_file}: can't read certificates: {exc.strerror or exc}") from exc
        return context

    async def _request(self, run: _Run, context: ssl.SSLContext) -> None:
        found = await self._addresses(run)
        for place, address in enumerate(found):
            run.address, run.local = str(address.ip), address.local
            left_s = self._timeout_s - (self._mono() - run.began)
            try:
                await self._ask(run, context, left_s / (len(found) - place))
            except _Ended:
                # The next address helps where nobody listened, not where somebody answered badly.
                if run.phase is not Phase.CONNECT or place == len(found) - 1:
                    raise
            else:
                return

    async def _addresses(self, run: _Run) -> list[Address]:
        try:
            found = await self._worker.run(lambda: addresses(self._host, self._port, MOST_ADDRESSES))
        except SourceError as exc:  # an earlier call hangs in the resolver still
            raise _Ended(ProbeOutcome.TIMED_OUT, "the resolver has not answered an earlier probe yet") from exc
        except UnicodeError as exc:
            raise _Ended(ProbeOutcome.DNS, f"{plain(self._host)} is no name that can be resolved") from exc
        except OSError as exc:
            raise _Ended(ProbeOutcome.DNS, f"{plain(self._host)}: {(exc.strerror or 'unknown').lower()}") from exc
        allowed = [address for address in found if not address.link_local]
        if not allowed:
            raise _Ended(ProbeOutcome.REFUSED, f"{plain(self._host)} is a link-local address, which is never probed")
        run.turn(Phase.CONNECT)
        return allowed

    async def _ask(self, run: _Run, context: ssl.SSLContext, connect_s: float) -> None:
        """The request to one address."""
        import httpx

        request = httpx.Request(
            self._method,
            self._url._replace(netloc=self._at(str(run.address)), fragment="").geturl(),
            headers={"Host": self._url.netloc, **self._headers},
            content=self._content,
            extensions={"trace": run.trace, "sni_hostname": self._host, "timeout": {"connect": connect_s}},
        )
        try:
            async with httpx.AsyncHTTPTransport(verify=context, trust_env=False) as transport:
                response = await transport.handle_async_request(request)
                run.answered(response.status_code, response.headers.get("location"))
                await run.read(response, self._keep)
        except httpx.ConnectTimeout as exc:
            raise _Ended(ProbeOutcome.TIMED_OUT, f"{run.address}: no answer {_WAITING[run.phase]}") from exc
        except httpx.ConnectError as exc:
            raise await self._unconnected(run, exc) from exc
        except httpx.LocalProtocolError as exc:  # its text quotes headers
            raise _Ended(ProbeOutcome.REFUSED, "the request can't be sent; check the header's value") from exc
        except httpx.RemoteProtocolError as exc:
            if "disconnected" in str(exc) or "closed connection" in str(exc):
                raise _Ended(ProbeOutcome.CLOSED, f"the server closed the connection {_WAITING[run.phase]}") from exc
            raise _Ended(ProbeOutcome.MALFORMED, "the answer is not HTTP; is that the right port?") from exc
        except httpx.NetworkError as exc:
            raise _Ended(ProbeOutcome.CLOSED, f"the connection broke {_WAITING[run.phase]}") from exc
        finally:
            await run.hang_up()

    def _at(self, address: str) -> str:
        return f"[{address}]:{self._port}" if ":" in address else f"{address}:{self._port}"

    async def _unconnected(self, run: _Run, exc: Exception) -> _Ended:
        """Why there is no connection; the certificate's days are told even where it is not accepted."""
        causes = list(_causes(exc))
        if run.phase is Phase.CONNECT:
            number = next((each.errno for each in causes if isinstance(each, OSError) and each.errno), None)
            reason = os.strerror(number).lower() if number else "no connection"
            return _Ended(ProbeOutcome.CONNECT, f"{run.address} port {self._port}: {reason}")
        refused = next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            run.stop()
            run.certificates = await read_chain(str(run.address), self._port, self._host)
            return _Ended(ProbeOutcome.TLS, f"certificate not accepted: {refused.verify_message}")
        tls = next((each for each in causes if isinstance(each, ssl.SSLError) and each.reason), None)
        reason = tls.reason.replace("_", " ").lower() if tls else "the server closed the connection"
        return _Ended(ProbeOutcome.TLS, f"TLS handshake failed: {reason}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it: httpx wraps httpcore, which wraps anyio, which groups what the system said."""
    yield exc
    inner = exc.exceptions if isinstance(exc, BaseExceptionGroup) else (exc.__cause__ or exc.__context__,)
    for each in inner:
        if each is not None:
            yield from _causes(each)
