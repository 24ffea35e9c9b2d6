"""Where the Kubernetes API is and how to log in: kubeconfig files as kubectl merges them, or the service account of a pod.

Source: kubernetes.io "Organizing Cluster Access Using kubeconfig Files" and client.authentication.k8s.io (exec plugins).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from perftui.clients.words import plain
from perftui.model.failure import FailureKind, SourceError

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
DEFAULT_FILE = "~/.kube/config"
_MOST_BYTES = 4 << 20


class ExecPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A program that prints a credential."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    api_version: str = "client.authentication.k8s.io/v1"
    interactive: bool = False
    """It wants to ask the operator, which can't be done here."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster and one way to log in. Bytes and texts of keys and tokens are secret."""

    name: str
    """The context, or `in-cluster`."""
    server: str
    namespace: str = "default"
    tls_name: str | None = None
    insecure: bool = False
    """The server's certificate is not checked."""
    ca: bytes | None = None
    """PEM; None for the system's."""
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None
    token_file: str | None = None
    """Read again before each use: such tokens are renewed every hour."""
    plugin: ExecPlugin | None = None


def kubeconfig_files(named: str | None, environment: Mapping[str, str]) -> list[Path]:
    """The files that kubectl would read; empty where there is none."""
    if named:
        return [Path(named).expanduser()]
    listed = [Path(each) for each in environment.get("KUBECONFIG", "").split(os.pathsep) if each]
    if listed:
        return listed
    default = Path(DEFAULT_FILE).expanduser()
    return [default] if default.is_file() else []


def runs_in_cluster(environment: Mapping[str, str], folder: str = SERVICE_ACCOUNT) -> bool:
    """Whether this process is in a pod with a service account."""
    return bool(environment.get("KUBERNETES_SERVICE_HOST")) and Path(folder, "token").exists()


def find_access(
    files: list[Path], context: str | None, environment: Mapping[str, str], folder: str = SERVICE_ACCOUNT
) -> Access:
    """The cluster that kubectl would talk to. Blocks.

    Args:
        files: From `kubeconfig_files`; without any the pod's service account.
        context: Instead of the current one.

    Raises:
        SourceError: MISSING, DENIED, MALFORMED or UNSUPPORTED, naming file and entry, never a value.
    """
    if not files:
        return _in_cluster(environment, folder)
    merged = _Merged(files)
    name = context or merged.current
    if not name:
        raise SourceError(FailureKind.MISSING, f"{merged.where}: no current-context; set deploys.kubernetes.context")
    chosen = merged.entry("contexts", "context", name)
    cluster = merged.entry("clusters", "cluster", _text(chosen, "cluster"))
    user = merged.entry("users", "user", _text(chosen, "user")) if _text(chosen, "user") else _Entry({}, merged.first)
    server = _text(cluster, "server")
    if not server.startswith(("https://", "http://")):
        raise _malformed(cluster, "server", "https://HOST:PORT")
    for entry, key, advice in (
        (cluster, "proxy-url", "perftui connects directly"),
        (user, "auth-provider", "use an exec plugin, as kubectl since 1.26"),
        (user, "username", "basic authentication ended with Kubernetes 1.19"),
    ):
        if entry.values.get(key):
            raise SourceError(FailureKind.UNSUPPORTED, f"{entry.file}: {key} is not supported; {advice}")
    return Access(
        name=plain(name),
        server=server,
        namespace=_text(chosen, "namespace") or "default",
        tls_name=_text(cluster, "tls-server-name") or None,
        insecure=cluster.values.get("insecure-skip-tls-verify") is True,
        ca=_pem(cluster, "certificate-authority"),
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
        token=_text(user, "token") or None,
        token_file=_path(user, "tokenFile"),
        plugin=_plugin(user),
    )


def _in_cluster(environment: Mapping[str, str], folder: str) -> Access:
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise SourceError(FailureKind.MISSING, "no kubeconfig, and not in a pod; set KUBECONFIG")
    namespace = Path(folder, "namespace")
    return Access(
        name="in-cluster",
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=_read(namespace).decode("utf-8", "replace").strip() if namespace.exists() else "default",
        ca=_read(Path(folder, "ca.crt")),
        token_file=str(Path(folder, "token")),
    )


class _Entry(msgspec.Struct, frozen=True):
    values: Mapping[str, Any]
    file: Path
    """Where it stands: its relative paths start in that folder."""


class _Merged:
    """Several files as one: the first that sets something wins; files of a list may be missing, not all of them."""

    def __init__(self, files: list[Path]) -> None:
        read = [(path, _document(path)) for path in files if len(files) == 1 or path.exists()]
        self.where = plain(os.pathsep.join(map(str, files)), 200)
        if not read:
            raise SourceError(FailureKind.MISSING, f"{self.where}: no such file; KUBECONFIG names it")
        self._read = read
        self.first = read[0][0]
        found = [document["current-context"] for _, document in read if document.get("current-context")]
        self.current = str(found[0]) if found else ""

    def entry(self, section: str, key: str, name: str) -> _Entry:
        for path, document in self._read:
            listed = document.get(section) or []
            for each in listed if isinstance(listed, list) else []:
                if isinstance(each, dict) and each.get("name") == name and isinstance(each.get(key), dict):
                    return _Entry(each[key], path)
        raise SourceError(FailureKind.MISSING, f"{self.where}: no {key} {plain(name)!r} in it")


def _document(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        document = yaml.load(_read(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as exc:
        mark = getattr(exc, "problem_mark", None)  # the text itself may quote a token
        line = f", line {mark.line + 1}" if mark else ""
        raise SourceError(FailureKind.MALFORMED, f"{path}{line}: no YAML") from None
    if document is not None and not isinstance(document, dict):
        raise SourceError(FailureKind.MALFORMED, f"{path}: no kubeconfig")
    return document or {}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise SourceError(FailureKind.MISSING, f"{path}: no such file") from None
    except OSError as exc:
        raise SourceError(FailureKind.DENIED, f"{path}: {exc.strerror or exc}") from None


def _text(entry: _Entry, key: str) -> str:
    value = entry.values.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _malformed(entry, key, "a text")
    return value


def _path(entry: _Entry, key: str) -> str | None:
    text = _text(entry, key)
    return str(entry.file.parent / text) if text else None


def _pem(entry: _Entry, key: str) -> bytes | None:
    """`KEY-data` in base64, or the file that `KEY` names."""
    data = _text(entry, f"{key}-data")
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise _malformed(entry, f"{key}-data", "base64") from None
    path = _path(entry, key)
    return _read(Path(path)) if path else None


def _plugin(user: _Entry) -> ExecPlugin | None:
    given = user.values.get("exec")
    if not given:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("command"), str):
        raise _malformed(user, "exec", "a command")
    command = given["command"]
    if os.sep in command:
        command = str(user.file.parent / command)
    listed = given.get("env") or []
    return ExecPlugin(
        command=command,
        args=tuple(str(each) for each in given.get("args") or ()),
        env={
            str(each["name"]): str(each.get("value", ""))
            for each in listed
            if isinstance(each, dict) and "name" in each
        },
        api_version=str(given.get("apiVersion") or "client.authentication.k8s.io/v1"),
        interactive=given.get("interactiveMode") == "Always",
    )


def _malformed(entry: _Entry, key: str, expected: str) -> SourceError:
    return SourceError(FailureKind.MALFORMED, f"{entry.file}: {key}: expected {expected}")
