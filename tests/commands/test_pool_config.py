"""`[pools.NAME]`: what may stand there, and one line for what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.clients import local_pgbouncer
from perftui.commands import pool_sources
from perftui.commands.config import load
from perftui.commands.pool_config import PoolConfig
from perftui.model.failure import SourceError, UsageError

WHOLE = """
[pools.edge]
dsn = "postgresql://stats@10.0.0.7:6432"

[pools.orders]
metrics = "http://10.0.0.5:8080/actuator/prometheus"
headers_from_env = { Authorization = "ORDERS_TOKEN" }

[pools.billing]
actuator = "https://10.0.0.6/actuator"
ca_file = "/etc/ssl/ours.pem"

[pools.other]
metrics = "http://10.0.0.8/metrics"
instances = 12
label = "shard"
names = { in_use = 'app_pool{state="busy"}', max_size = "app_pool_limit" }
"""


def loaded(folder: Path, text: str) -> dict[str, PoolConfig]:
    file = folder / "config.toml"
    file.write_text(text)
    return load(str(file)).config.pools


def test_all_that_can_be_set(tmp_path: Path) -> None:
    pools = loaded(tmp_path, WHOLE)

    assert list(pools) == ["edge", "orders", "billing", "other"]
    assert pools["other"].names["max_size"] == "app_pool_limit"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pools.a]\n", "pools.a: expected one of dsn (PgBouncer), metrics (Prometheus text), actuator (Spring)"),
        ('[pools.a]\ndsn="postgresql://a"\nmetrics="http://b/"\n', "pools.a: expected one of dsn"),
        ('[pools.a]\nurl="http://b/"\n', "pools.a: unknown key url; known: dsn, metrics, actuator"),
        ("[pools.a]\nmetrics=3\n", "pools.a: metrics: expected str | null, got int"),
        ("pools=3\n", "pools: expected object, got int"),
        ('[pools.a]\nmetrics="b:8080/metrics"\n', "pools.a: metrics: expected http://HOST:PORT/PATH"),
        ('[pools.a]\nmetrics="http://b:x/"\n', "pools.a: metrics: not a URL"),
        ('[pools.a]\nmetrics="http://u:s3cret@b/"\n', "pools.a: metrics: no user or password in it"),
        ('[pools.a]\ndsn="host=b password=s3cret"\n', "pools.a: dsn: expected postgresql://USER@HOST:PORT"),
        ('[pools.a]\ndsn="postgresql://b"\nca_file="c"\n', "belong to metrics and actuator"),
        ('[pools.a]\nactuator="http://b/"\nnames={in_use="x"}\n', "pools.a: names belong to metrics"),
        ('[pools.a]\nmetrics="http://b/"\nnames={busy="x"}\n', "pools.a: names: busy is no field of a pool"),
        ('[pools.a]\nmetrics="http://b/"\nheaders_from_env={"a b"="X"}\n', "'a b' is no header"),
        ('[pools."a b"]\nmetrics="http://b/"\n', "a name has up to 40 letters"),
        ('[pools.postgres]\nmetrics="http://b/"\n', "is not postgres"),
        ('[pools.a]\nmetrics="http://b/"\ninstances=0\n', "pools.a: instances: 0 is outside 1 to 10000"),
        ("".join(f'[pools.p{n}]\nmetrics="http://b/"\n' for n in range(21)), "21 pools; at most 20"),
    ],
)
def test_a_mistake_is_one_line_without_secrets(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        loaded(tmp_path, text)

    assert words in str(told.value)
    assert str(told.value).startswith(f"{tmp_path}/config.toml: ")
    assert "\n" not in str(told.value)
    assert "s3cret" not in str(told.value)


async def test_each_kind_of_pool_has_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", "Bearer s3cret")
    wired = pool_sources.pool_sources(loaded(tmp_path, WHOLE))
    for close in wired.closing:
        await close()

    assert [source.name for source in wired.sources] == ["pgbouncer", "pool_metrics"]


@pytest.mark.parametrize("value", ["", "a\nb", " a", "ü"])
async def test_a_header_that_can_t_be_sent_is_told_at_each_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", value)
    config = loaded(tmp_path, '[pools.a]\nmetrics="http://b/"\nheaders_from_env={Authorization="ORDERS_TOKEN"}\n')
    wired = pool_sources.pool_sources(config)

    with pytest.raises(SourceError, match="environment variable ORDERS_TOKEN"):
        await wired.sources[-1].sample()


def test_a_pooler_on_this_host_needs_no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_pgbouncer, "local_console", lambda: "postgresql://?host=127.0.0.1&port=6432&user=stats")

    assert [source.name for source in pool_sources.pool_sources({}).sources] == ["pgbouncer"]
    monkeypatch.setattr(local_pgbouncer, "local_console", lambda: None)
    assert pool_sources.pool_sources({}).sources == []
