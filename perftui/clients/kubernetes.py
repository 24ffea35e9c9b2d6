"""The Kubernetes API, read only: GET with the credentials of a kubeconfig or of a pod's service account.

By httpx, which is there for probes and takes 66 ms to import; lightkube would take 207 ms and kr8s 452 (docs/decisions).
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from perftui.clients.http_api import HttpApi
from perftui.clients.kubeconfig import Access, ExecPlugin
from perftui.clients.program import run_program
from perftui.clients.words import plain
from perftui.clients.worker import DaemonWorker
from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer

PLUGIN_TIMEOUT_S = 6.0
EARLIER_S = 60.0
"""A credential is renewed so long before it expires."""
ROLE = "docs/deploys.md has the role that it needs"
_STATUS = {
    401: (FailureKind.DENIED, "the credentials are not accepted (401); log in anew as for kubectl"),
    403: (FailureKind.DENIED, f"this user may not read it (403); {ROLE}"),
    404: (FailureKind.MISSING, "not there (404); is this address a Kubernetes API?"),
    410: (FailureKind.NOT_READY, "the list was changed while it was read (410)"),
    429: (FailureKind.FULL, "the API server takes no more requests now (429)"),
    503: (FailureKind.NOT_READY, "the API server is not ready (503)"),
}


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin gave. All of it is secret."""

    token: str | None = None
    certificate: str | None = msgspec.field(name="clientCertificateData", default=None)
    key: str | None = msgspec.field(name="clientKeyData", default=None)
    expires: str | None = msgspec.field(name="expirationTimestamp", default=None)


class _ExecCredential(msgspec.Struct):
    status: Credential


class _Refusal(msgspec.Struct):
    message: str = ""


class Kubernetes:
    """One cluster. Methods are called from one event loop; nothing is read or opened before the first call."""

    def __init__(self, find: Callable[[], Access], wall: Callable[[], float] = time.time) -> None:
        """Prepare it.

        Args:
            find: Reads the kubeconfig; called in a thread, again after each refusal, as the files may change.
        """
        self._find, self._wall = find, wall
        self._worker = DaemonWorker("kubeconfig")
        self._turn = asyncio.Lock()
        """Several places ask at once; files and plugins are read for all of them together."""
        self._access: Access | None = None
        self._api: HttpApi | None = None
        self._api_of: tuple[Access, Credential] | None = None
        self._credential: Credential | None = None
        self._until = 0.0

    async def home(self) -> tuple[str, str]:
        """(address of the API, namespace of the context).

        Raises:
            SourceError: the kubeconfig can't be read or lacks something.
        """
        async with self._turn:
            access = await self._found()
        return plain(access.server), access.namespace

    async def get(self, path: str) -> HttpAnswer:
        """The JSON at a path.

        Raises:
            SourceError: in words for the operator; DENIED for 401 and 403.
        """
        access, credential, answer = await self._asked(path)
        if answer.status == 401 and access.plugin is not None:
            if self._credential is credential:
                self._credential = None
            access, credential, answer = await self._asked(path)
        if answer.status == 200:
            return answer
        if answer.status == 401:
            self._forget()
        raise _refused(answer, access, path)

    async def close(self) -> None:
        """End the connection."""
        api, self._api = self._api, None
        if api is not None:
            await api.close()

    def _forget(self) -> None:
        """The kubeconfig may be another one by now; the connection is kept if it is not."""
        self._access = self._credential = None

    async def _asked(self, path: str) -> tuple[Access, Credential, HttpAnswer]:
        try:
            async with self._turn:
                access = await self._found()
                credential = await self._log_in(access)
                api = await self._opened(access, credential)
                token = credential.token or access.token
                if token is None and access.token_file:
                    token_file = access.token_file
                    token = await self._worker.run(lambda: _token(token_file))
            headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
            return access, credential, await api.get(path, headers)
        except SourceError:
            self._forget()
            raise

    async def _found(self) -> Access:
        if self._access is None:
            self._access = await self._worker.run(self._find)
        return self._access

    async def _log_in(self, access: Access) -> Credential:
        if access.plugin is None:
            return Credential()
        if self._credential is None or self._wall() >= self._until:
            self._credential = await _run_plugin(access.plugin, access.name)
            self._until = _until(self._credential.expires)
        return self._credential

    async def _opened(self, access: Access, credential: Credential) -> HttpApi:
        """A connection holds what it was opened with; a token goes with each request."""
        opened_with = (access, msgspec.structs.replace(credential, token=None, expires=None))
        if self._api is None or self._api_of != opened_with:
            await self.close()
            self._api_of = opened_with
            self._api = HttpApi(
                access.server,
                tls=lambda: _context(access, credential),
                tls_name=access.tls_name,
                untrusted="is the certificate-authority of the kubeconfig that of this cluster?",
            )
        return self._api


async def _run_plugin(plugin: ExecPlugin, context: str) -> Credential:
    """Raises: SourceError, never with what the plugin printed."""
    name = plain(Path(plugin.command).name)
    if plugin.interactive:
        raise SourceError(
            FailureKind.UNSUPPORTED, f"{context}: {name} wants to ask for a log-in (interactiveMode Always)"
        )
    asked = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    ended = await run_program(
        # Warnings on stderr must not stand in the JSON.
        ["/bin/sh", "-c", 'exec "$@" 2>/dev/null', "sh", plugin.command, *plugin.args],
        env={**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": msgspec.json.encode(asked).decode()},
        timeout_s=PLUGIN_TIMEOUT_S,
    )
    if ended.timed_out:
        raise SourceError(FailureKind.TIMED_OUT, f"{context}: {name} gave no credential in {PLUGIN_TIMEOUT_S:.0f} s")
    if ended.code in (126, 127):
        raise SourceError(
            FailureKind.MISSING, f"{context}: the plugin {name} can't be run; install it or mend the PATH"
        )
    if ended.code != 0:
        how = f"signal {ended.signal}" if ended.code is None else f"{ended.code}"
        raise SourceError(FailureKind.DENIED, f"{context}: {name} ended with {how}; run kubectl once to log in")
    try:
        return msgspec.json.decode(ended.head, type=_ExecCredential).status
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SourceError(FailureKind.MALFORMED, f"{context}: {name} printed no ExecCredential") from None


def _until(expires: str | None) -> float:
    """When it must be renewed; without a date never, until it is refused."""
    try:
        return datetime.fromisoformat((expires or "").replace("Z", "+00:00")).timestamp() - EARLIER_S
    except ValueError:
        return float("inf")


def _token(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise SourceError(FailureKind.MISSING, f"{path}: no such file of a token") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise SourceError(
            FailureKind.DENIED, f"{path}: can't read the token: {getattr(exc, 'strerror', None) or 'no ASCII'}"
        ) from None


def _context(access: Access, credential: Credential) -> ssl.SSLContext:
    """TLS as the kubeconfig asks for it."""
    certificate = (credential.certificate or "").encode() or access.certificate
    key = (credential.key or "").encode() or access.key
    try:
        context = ssl.create_default_context(cadata=access.ca.decode("ascii") if access.ca else None)
    except (ssl.SSLError, ValueError):
        raise SourceError(FailureKind.MALFORMED, f"{access.name}: its certificate-authority is no PEM") from None
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate and key:
        # OpenSSL reads them from files only.
        with tempfile.NamedTemporaryFile(prefix="perftui-") as pair:
            pair.write(certificate + b"\n" + key)
            pair.flush()
            try:
                context.load_cert_chain(pair.name, password=lambda: "")
            except (ssl.SSLError, OSError, ValueError):
                raise SourceError(
                    FailureKind.MALFORMED, f"{access.name}: its client certificate and key are no pair in PEM"
                ) from None
    return context


def _refused(answer: HttpAnswer, access: Access, path: str) -> SourceError:
    """What the API server said, without the path's query."""
    kind, words = _STATUS.get(answer.status, (FailureKind.UNREACHABLE, f"status {answer.status}"))
    said = ""
    if answer.status in (403, 500):
        try:
            said = msgspec.json.decode(answer.body, type=_Refusal).message
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = ""
    place = f"{access.name} ({plain(access.server)})"
    if answer.status == 403 and said:
        return SourceError(kind, f"{place}: {plain(said, 200)}; {ROLE}")
    return SourceError(
        kind, f"{place}: {plain(path.partition('?')[0])}: {words}{f': {plain(said, 200)}' if said else ''}"
    )
