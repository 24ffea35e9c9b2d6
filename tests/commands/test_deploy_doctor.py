from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perftui.commands.deploy_doctor import deploy_lines
from perftui.commands.deploy_sources import DeploysConfig, check
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


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (DeploysConfig(file="x.jsonl"), "deploys.file: 'x.jsonl' is no absolute path"),
        (DeploysConfig(git={"shop": "shop"}), "deploys.git.shop: 'shop' is no absolute path"),
        (DeploysConfig(capistrano={"blog": "blog"}), "deploys.capistrano.blog"),
        (DeploysConfig(days=0), "deploys.days: 0 is outside 0 to 366"),
    ],
)
def test_a_mistake_in_the_config_is_told(config: DeploysConfig, words: str) -> None:
    with pytest.raises(UsageError, match=f"^config.toml: {words}"):
        check(config, "config.toml")
