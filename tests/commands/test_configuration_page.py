"""docs/configuration.md: its config loads, and doctor says what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perftui.commands.config import Config, load
from perftui.commands.pool_doctor import pool_lines
from perftui.sources import BY_NAME

PAGE = (Path(__file__).parent.parent.parent / "docs" / "configuration.md").read_text()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "config.toml"
    file.write_text(example)
    return load(str(file)).config


def test_one_config_has_all_layers(config: Config) -> None:
    assert config.pools["orders"].instances == 4
    assert config.probes["shop"].depends_on == ("postgres", "pools")
    assert config.slo.tier == 2
    assert dict(config.deploys.git) == {"shop": "/srv/shop"}


async def test_what_doctor_says_without_the_secret(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERS_TOKEN", raising=False)
    lines = [f"  {state:<8} pools {line}" for state, line in await pool_lines(config.pools)]

    assert lines[0] in PAGE


def test_the_sources_that_are_named_exist() -> None:
    named = re.findall(r"^  ok +source (\w+)", PAGE, re.MULTILINE)

    assert named and set(named) <= set(BY_NAME)
