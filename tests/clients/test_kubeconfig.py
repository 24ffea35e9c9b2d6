"""Kubeconfig files as kubectl merges them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perftui.clients.kubeconfig import ExecPlugin, find_access, kubeconfig_files, runs_in_cluster
from perftui.model.failure import FailureKind, SourceError

CA = b"-----BEGIN CERTIFICATE-----\n"


def written(path: Path, user: Any = None, cluster: Any = None, **more: Any) -> Path:
    """A kubeconfig with one context `prod`."""
    document = {
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {"token": "s3cret"}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        **more,
    }
    path.write_bytes(msgspec.yaml.encode(document))
    return path


def test_one_file(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(CA)
    user = {
        "client-certificate-data": base64.b64encode(b"cert").decode(),
        "client-key-data": base64.b64encode(b"key").decode(),
    }
    cluster = {"certificate-authority": "ca.crt", "tls-server-name": "api.example"}
    found = find_access([written(tmp_path / "config", user, cluster)], None, {})

    assert (found.name, found.server, found.namespace) == ("prod", "https://10.0.0.1:6443", "default")
    assert (found.ca, found.certificate, found.key, found.tls_name) == (CA, b"cert", b"key", "api.example")
    assert found.token is None and not found.insecure


def test_of_several_files_the_first_that_says_it_counts_and_missing_ones_are_passed_over(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("contexts: [{name: prod, context: {cluster: c, user: u, namespace: shop}}]\n")
    second = written(tmp_path / "second", {"tokenFile": "token"}, {"insecure-skip-tls-verify": True})

    found = find_access([first, tmp_path / "missing", second], None, {})

    assert (found.namespace, found.insecure) == ("shop", True)
    assert found.token_file == str(tmp_path / "token")


def test_where_kubectl_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig_files(None, {}) == []
    (tmp_path / ".kube").mkdir()
    default = written(tmp_path / ".kube" / "config")
    assert kubeconfig_files(None, {}) == [default]
    assert kubeconfig_files(None, {"KUBECONFIG": "/a::/b"}) == [Path("/a"), Path("/b")]
    assert kubeconfig_files("~/other", {"KUBECONFIG": "/a"}) == [tmp_path / "other"]


def test_in_a_pod(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert not runs_in_cluster(environment, str(tmp_path))
    for name, text in (("token", "s3cret"), ("ca.crt", CA.decode()), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    assert runs_in_cluster(environment, str(tmp_path))
    assert not runs_in_cluster({}, str(tmp_path))

    found = find_access([], None, environment, str(tmp_path))

    assert (found.server, found.namespace, found.ca) == ("https://[fd00::1]:6443", "shop", CA)
    assert found.token is None and found.token_file == str(tmp_path / "token")


def test_a_plugin(tmp_path: Path) -> None:
    given = {
        "command": "bin/login",
        "args": ["--region", "eu"],
        "env": [{"name": "PROFILE", "value": "prod"}],
        "apiVersion": "client.authentication.k8s.io/v1beta1",
    }
    found = find_access([written(tmp_path / "config", {"exec": given})], None, {})
    assert found.plugin == ExecPlugin(
        command=str(tmp_path / "bin" / "login"),
        args=("--region", "eu"),
        env={"PROFILE": "prod"},
        api_version="client.authentication.k8s.io/v1beta1",
    )


@pytest.mark.parametrize(
    ("user", "cluster", "more", "kind", "words"),
    [
        (None, None, {"current-context": ""}, FailureKind.MISSING, "no current-context"),
        (None, None, {"current-context": "test"}, FailureKind.MISSING, "no context 'test' in it"),
        (None, None, {"clusters": None}, FailureKind.MISSING, "no cluster 'c' in it"),
        (None, {"server": "10.0.0.1"}, {}, FailureKind.MALFORMED, "server: expected https://HOST:PORT"),
        (None, {"proxy-url": "http://p"}, {}, FailureKind.UNSUPPORTED, "proxy-url is not supported"),
        ({"auth-provider": {"name": "gcp"}}, None, {}, FailureKind.UNSUPPORTED, "use an exec plugin"),
        ({"username": "a", "password": "s3cret"}, None, {}, FailureKind.UNSUPPORTED, "username is not supported"),
        ({"client-key-data": "s3cret!"}, None, {}, FailureKind.MALFORMED, "client-key-data: expected base64"),
        ({"token": 123}, None, {}, FailureKind.MALFORMED, "token: expected a text"),
        ({"exec": {"args": []}}, None, {}, FailureKind.MALFORMED, "exec: expected a command"),
        (None, {"certificate-authority": "gone.crt"}, {}, FailureKind.MISSING, "gone.crt: no such file"),
    ],
)
def test_what_is_wrong_is_told_without_a_secret(
    user: Any, cluster: Any, more: Any, kind: FailureKind, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "config", user, cluster, **more)
    with pytest.raises(SourceError) as told:
        find_access([path], None, {})
    assert told.value.kind is kind
    assert words in told.value.detail and str(tmp_path) in told.value.detail
    assert "s3cret" not in told.value.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [("users:\n- token: 's3cret", "line 2: no YAML"), ("[1]", "no kubeconfig"), (None, "no such file")],
)
def test_a_file_that_is_none(text: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SourceError, match=words) as told:
        find_access([path], None, {})
    assert "s3cret" not in told.value.detail
