from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from perftui.commands.deploy_doctor import deploy_lines
from perftui.commands.deploy_sources import DeploysConfig, check
from perftui.commands.remote_deploys import GitHubConfig, GitLabConfig, KubernetesConfig
from perftui.model.failure import UsageError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def test_each_place_is_told_and_what_would_tell_more(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    subprocess.run(["git", "init", "-q", str(shop)], check=True)
    file = tmp_path / "deploys.jsonl"
    file.write_text("nonsense\n")
    config = DeploysConfig(
        file=str(file), git={"shop": str(shop)}, capistrano={"blog": str(tmp_path)}, packages=False, systemd=False
    )

    told = "\n".join(await deploy_lines(config))

    assert f"partial  deploys  deploy_file {file}: line 1: no JSON" in told
    assert f"missing  deploys  git: {shop}/.git/logs/HEAD: no log of HEAD" in told
    assert f"missing  deploys  capistrano: {tmp_path}/revisions.log: not there" in told
    assert "off      deploys  systemd: " in told
    assert "0 changes in the last 7 days" in told


async def test_without_a_config_it_says_how_to_name_directories() -> None:
    told = "\n".join(await deploy_lines(DeploysConfig()))
    assert '[deploys.git] SERVICE = "/directory" in the config' in told
    assert "ok       deploys  deploy_file " in told


async def test_a_token_that_is_not_there_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORGE_TOKEN", raising=False)
    monkeypatch.setenv("BAD_TOKEN", "s3cret\x07")
    github = {name: GitHubConfig(repo="acme/web", token_env=f"{name}_TOKEN") for name in ("FORGE", "BAD")}
    told = "\n".join(await deploy_lines(DeploysConfig(github=github)))
    assert "missing  deploys  github: environment variable FORGE_TOKEN is not set; export it" in told
    assert "s3cret" not in told
    assert "[deploys.gitlab.SERVICE]" in told


async def test_a_cluster_that_is_named_and_not_there(tmp_path: Path) -> None:
    told = "\n".join(await deploy_lines(cluster(kubeconfig=str(tmp_path / "config"))))
    assert f"missing  deploys  kubernetes: {tmp_path}/config: no such file" in told


async def test_a_cluster_that_is_switched_off_is_not_asked(tmp_path: Path) -> None:
    told = "\n".join(await deploy_lines(cluster(kubeconfig=str(tmp_path / "config"), enabled=False)))
    assert "off      deploys  kubernetes: " in told


def cluster(**fields: Any) -> DeploysConfig:
    return DeploysConfig(kubernetes=KubernetesConfig(**fields))


def lab(url: str) -> DeploysConfig:
    return DeploysConfig(gitlab={"web": GitLabConfig(project="acme/web", url=url)})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (DeploysConfig(file="x.jsonl"), "deploys.file: 'x.jsonl' is no absolute path"),
        (DeploysConfig(git={"shop": "shop"}), "deploys.git.shop: 'shop' is no absolute path"),
        (DeploysConfig(capistrano={"blog": "blog"}), "deploys.capistrano.blog"),
        (DeploysConfig(days=0), "deploys.days: 0 is outside 0 to 366"),
        (cluster(kubeconfig="config"), "deploys.kubernetes.kubeconfig: 'config' is no absolute path"),
        (cluster(namespaces=("Shop!",)), "deploys.kubernetes.namespaces: 'Shop!' is no name of a namespace"),
        (cluster(namespaces=("*", "shop")), 'deploys.kubernetes.namespaces: "\\*" is all of them'),
        (DeploysConfig(github={"web": GitHubConfig(repo="web")}), "deploys.github.web.repo: expected OWNER/NAME"),
        (lab("ftp://host"), "deploys.gitlab.web.url: expected https://HOST/"),
        (lab("https://oauth:s3cret@host"), "deploys.gitlab.web.url: no user, password or query in it"),
    ],
)
def test_a_mistake_in_the_config_is_told(config: DeploysConfig, words: str) -> None:
    with pytest.raises(UsageError, match=f"^config.toml: {words}"):
        check(config, "config.toml")
