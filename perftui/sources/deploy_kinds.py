"""The kinds of sources of deploys: what a tape and a history know of them.

Who reads a cluster, a forge or a log is imported by the wiring, where there is one.
"""

from __future__ import annotations

from perftui.sources.deploy import DeploysRead, deploy_kind

FORGE_STALE_S = 150.0


class FileDeploys(DeploysRead, frozen=True, kw_only=True):
    """What the JSONL file tells."""


class PackageDeploys(DeploysRead, frozen=True, kw_only=True):
    """What the logs of apt and dpkg tell."""


class SystemdDeploys(DeploysRead, frozen=True, kw_only=True):
    """What systemd tells."""


class CapistranoDeploys(DeploysRead, frozen=True, kw_only=True):
    """What Capistrano's logs tell."""


class GitDeploys(DeploysRead, frozen=True, kw_only=True):
    """What the logs of git directories tell."""


class KubernetesDeploys(DeploysRead, frozen=True, kw_only=True):
    """What a cluster tells."""


class GitHubDeploys(DeploysRead, frozen=True, kw_only=True):
    """What GitHub tells."""


class GitLabDeploys(DeploysRead, frozen=True, kw_only=True):
    """What GitLab tells."""


FILE = deploy_kind("deploy_file", FileDeploys, stale_s=5.0)
PACKAGES = deploy_kind("packages", PackageDeploys)
SYSTEMD = deploy_kind("systemd", SystemdDeploys)
CAPISTRANO = deploy_kind("capistrano", CapistranoDeploys)
GIT = deploy_kind("git", GitDeploys)
KUBERNETES = deploy_kind("kubernetes", KubernetesDeploys, stale_s=45.0)
GITHUB = deploy_kind("github", GitHubDeploys, stale_s=FORGE_STALE_S)
GITLAB = deploy_kind("gitlab", GitLabDeploys, stale_s=FORGE_STALE_S)

DEPLOY_KINDS = (FILE, PACKAGES, SYSTEMD, CAPISTRANO, GIT, KUBERNETES, GITHUB, GITLAB)
