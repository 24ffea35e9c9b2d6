"""Servers that tell of deploys: the cluster that kubectl talks to, and what the config names at GitHub and GitLab."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from perftui.model.failure import FailureKind, SourceError, UsageError
from perftui.sources import deploy_kinds
from perftui.sources.deploy_places import PlaceRead
from perftui.sources.kind import Source

if TYPE_CHECKING:
    from perftui.sources.deploy_remote import RemotePlace
    from perftui.sources.forges import ForgeApi

Closing = list[Callable[[], Awaitable[None]]]


class KubernetesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[deploys.kubernetes]`: nothing in it is needed where kubectl works, or in a pod with a service account."""

    enabled: bool = True
    kubeconfig: str | None = None
    """Instead of KUBECONFIG and ~/.kube/config."""
    context: str | None = None
    """Instead of the current one."""
    namespaces: tuple[str, ...] = ()
    """By default the context's; `["*"]` for all."""


class GitHubConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[deploys.github.SERVICE]`."""

    repo: str
    """OWNER/NAME."""
    environment: str | None = None
    """By default all."""
    token_env: str | None = None
    """The environment variable that holds the token."""
    url: str | None = None
    """Of the API of a GitHub Enterprise Server: https://HOST/api/v3."""


class GitLabConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[deploys.gitlab.SERVICE]`."""

    project: str
    """GROUP/NAME, or its number."""
    environment: str | None = None
    """By default all."""
    token_env: str | None = None
    """The environment variable that holds the token."""
    url: str | None = None
    """Of the API of an own server: https://HOST/api/v4."""


def check_remote(
    kubernetes: KubernetesConfig, github: Mapping[str, GitHubConfig], gitlab: Mapping[str, GitLabConfig], where: str
) -> None:
    """Refuse what could never be read.

    Raises:
        UsageError: `where` names the config file.
    """
    for name in kubernetes.namespaces:
        if name != "*" and not (name.replace("-", "").isalnum() and name.isascii() and name == name.lower()):
            raise UsageError(f"{where}: deploys.kubernetes.namespaces: {name!r} is no name of a namespace")
    if "*" in kubernetes.namespaces and len(kubernetes.namespaces) > 1:
        raise UsageError(f'{where}: deploys.kubernetes.namespaces: "*" is all of them; it stands alone')
    for service, repository in github.items():
        owner, slash, name = repository.repo.partition("/")
        if not owner or not slash or not name or "/" in name:
            raise UsageError(f"{where}: deploys.github.{service}.repo: expected OWNER/NAME")
    for key, forges in (("github", github), ("gitlab", gitlab)):
        for service, forge in forges.items():
            _check_url(forge.url, f"{where}: deploys.{key}.{service}.url")


def _check_url(url: str | None, place: str) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"{place}: not a URL; expected https://HOST/…") from None
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageError(f"{place}: no user, password or query in it; token_env names the variable of a token")
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise UsageError(f"{place}: expected https://HOST/…")


def kubernetes_is_here(config: KubernetesConfig, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a kubeconfig, or this is a pod with a service account."""
    from perftui.clients.kubeconfig import kubeconfig_files, runs_in_cluster

    return config.enabled and bool(kubeconfig_files(config.kubeconfig, environment) or runs_in_cluster(environment))


def kubernetes_source(config: KubernetesConfig, days: float, closing: Closing) -> Source | None:
    """The cluster; None without a kubeconfig."""
    if not kubernetes_is_here(config):
        return None
    from perftui.clients.clock import SystemClock
    from perftui.clients.kubeconfig import find_access, kubeconfig_files
    from perftui.clients.kubernetes import Kubernetes
    from perftui.sources import deploy_kubernetes
    from perftui.sources.deploy_remote import RemoteDeploys

    files = kubeconfig_files(config.kubeconfig, os.environ)
    api = Kubernetes(partial(find_access, files, config.context, os.environ))
    closing.append(api.close)
    clock, alone = SystemClock(), len(config.namespaces) <= 1
    places = [
        deploy_kubernetes.KubernetesNamespace(api, name, clock, alone=alone) for name in config.namespaces or (None,)
    ]
    return RemoteDeploys(
        deploy_kinds.KUBERNETES.name,
        places,
        SystemClock(),
        interval_s=deploy_kubernetes.INTERVAL_S,
        deadline_s=deploy_kubernetes.DEADLINE_S,
        days=days,
    )


def github_source(config: Mapping[str, GitHubConfig], days: float, closing: Closing) -> Source | None:
    """The repositories; None without any."""
    if not config:
        return None
    from perftui.sources import deploy_github

    def place(service: str, chosen: GitHubConfig, api: ForgeApi) -> RemotePlace:
        return deploy_github.GitHubRepository(service, api, chosen.repo, chosen.environment)

    def headers(token: str) -> dict[str, str]:
        given = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return given | ({"Authorization": f"Bearer {token}"} if token else {})

    places = [
        _place(service, each, place, headers, deploy_github.PUBLIC, deploy_github.RIGHTS, closing)
        for service, each in config.items()
    ]
    return _forge_source(deploy_kinds.GITHUB.name, places, days)


def gitlab_source(config: Mapping[str, GitLabConfig], days: float, closing: Closing) -> Source | None:
    """The projects; None without any."""
    if not config:
        return None
    from perftui.sources import deploy_gitlab

    def place(service: str, chosen: GitLabConfig, api: ForgeApi) -> RemotePlace:
        return deploy_gitlab.GitLabProject(service, api, chosen.project, chosen.environment)

    def headers(token: str) -> dict[str, str]:
        return {"PRIVATE-TOKEN": token} if token else {}

    places = [
        _place(service, each, place, headers, deploy_gitlab.PUBLIC, deploy_gitlab.RIGHTS, closing)
        for service, each in config.items()
    ]
    return _forge_source(deploy_kinds.GITLAB.name, places, days)


Chosen = TypeVar("Chosen", GitHubConfig, GitLabConfig)


class _Unprepared:
    """A place whose token is missing: said at each try, and no reason to keep the console shut."""

    named = True

    def __init__(self, name: str, problem: str) -> None:
        self.name, self._problem = name, problem

    async def read(self, now_at: float, since_at: float) -> PlaceRead:
        raise SourceError(FailureKind.MISSING, self._problem)


def _place(
    service: str,
    chosen: Chosen,
    place: Callable[[str, Chosen, ForgeApi], RemotePlace],
    headers: Callable[[str], dict[str, str]],
    public: str,
    rights: str,
    closing: Closing,
) -> RemotePlace:
    from perftui.clients.forge import Forge

    token = ""
    if chosen.token_env is not None:
        token = os.environ.get(chosen.token_env, "").strip()
        if not token:
            return _Unprepared(
                service, f"environment variable {chosen.token_env} is not set; export it before perftui starts"
            )
        if not (token.isascii() and token.isprintable()):
            return _Unprepared(service, f"environment variable {chosen.token_env} holds a sign that no token has")
    api = Forge(chosen.url or public, headers(token), rights)
    closing.append(api.close)
    return place(service, chosen, api)


def _forge_source(name: str, places: list[RemotePlace], days: float) -> Source:
    from perftui.clients.clock import SystemClock
    from perftui.sources.deploy_remote import RemoteDeploys
    from perftui.sources.forges import DEADLINE_S, INTERVAL_S

    return RemoteDeploys(name, places, SystemClock(), interval_s=INTERVAL_S, deadline_s=DEADLINE_S, days=days)
