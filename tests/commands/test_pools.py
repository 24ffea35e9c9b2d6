"""Pools from end to end: the real program, a real PgBouncer before a real Postgres, and no secret anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from perftui.clients.own_postgres import OwnPostgres, free_port
from tests.http_server import HttpServer, Page
from tests.poolers import PgBouncer, clients_at_work, pooled_postgres, pooler, through
from tests.sources.test_pool_dialects import MICROMETER

__all__ = ["pooled_postgres", "pooler"]
SECRETS = ("s3cret", "t0ken")


@pytest.fixture(scope="module")
def pgbouncer_version() -> str:
    """One is enough for the way through the program."""
    return "1.24"


@pytest.fixture
def application() -> Iterator[HttpServer]:
    with HttpServer() as found:
        found.pages["/metrics"] = Page(MICROMETER)
        yield found


@pytest.fixture
def config(pooler: PgBouncer, application: HttpServer, tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[pools.edge]\ndsn = "{pooler.console()}"\n'
        f'[pools.billing]\nmetrics = "{application.url}/metrics"\n'
        'headers_from_env = { Authorization = "BILLING_TOKEN" }\n'
        f'[pools.gone]\nmetrics = "http://127.0.0.1:{free_port()}/metrics?key=s3cret"\n'
    )
    return file


async def perftui(*words: str) -> tuple[int, str]:
    """Its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perftui", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "BILLING_TOKEN": "Bearer t0ken"},
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert not err.decode().startswith("perftui: internal"), err
    shown = out.decode() + err.decode()
    assert not [secret for secret in SECRETS if secret in shown]
    return process.returncode or 0, out.decode()


async def test_all_layers_in_one_tree(pooler: PgBouncer, pooled_postgres: OwnPostgres, config: Path) -> None:
    """A client of the pooler holds a row lock in an idle transaction; the others wait for it, then for connections."""
    culprit = await through(pooler, "culprit")
    victims = []
    try:
        await culprit.execute("create table if not exists t as select 1 as id")
        await culprit.execute("begin")
        await culprit.execute("update t set id = id")
        pid = await culprit.fetchval("select pg_backend_pid()")
        sessions = [await through(pooler, f"victim-{n}") for n in range(5)]
        victims = [asyncio.ensure_future(each.execute("update t set id = id")) for each in sessions]
        _, out = await perftui(
            "snapshot", "--json", "--for", "4s", "--dsn", pooled_postgres.dsn, "--config", str(config)
        )
    finally:
        culprit.terminate()
        for each in sessions:
            each.terminate()
        await asyncio.gather(*victims, return_exceptions=True)
    told: dict[str, Any] = json.loads(out)
    pool = told["pools"]["edge/app/postgres"]

    assert (pool["in_use"], pool["waiting"], pool["state"]) == (3, 3, "critical")
    assert pid in {client["backend_pid"] for client in pool["clients"]}
    assert told["pools"]["billing"]["waiting"] == 41
    assert told["pools"]["gone"]["state"] == "unknown"
    assert told["pools"]["postgres"]["kind"] == "server"


async def test_a_tape_holds_the_pools_and_no_secret(pooler: PgBouncer, config: Path, tmp_path: Path) -> None:
    tape = tmp_path / "pools.ptape"
    async with clients_at_work(pooler, 5):
        await perftui("record", str(tape), "--for", "2s", "--config", str(config))
    _, out = await perftui("replay", "--headless", str(tape))
    with tape.open("rb") as packed:
        text = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read().decode()

    assert '"pgbouncer":{"mono":' in text
    assert "HikariPool-1" in text
    assert not [secret for secret in SECRETS if secret in text]
    assert out


async def test_doctor_tells_each_pool_by_itself(pooler: PgBouncer, config: Path) -> None:
    _, out = await perftui("doctor", "--config", str(config))
    lines = [line.split(maxsplit=3) for line in out.splitlines() if line.split()[1:2] == ["pools"]]

    assert [(line[0], line[2]) for line in lines] == [("ok", "edge"), ("ok", "billing"), ("missing", "gone")]
    assert lines[1][3] == "billing hikaricp"
    assert "is it running there?" in lines[2][3]


async def test_facts_of_an_environment_have_the_sizes_of_its_pools(pooler: PgBouncer, config: Path) -> None:
    async with clients_at_work(pooler, 1):
        code, out = await perftui(
            "load", "facts", "--config", str(config), "--dsn", pooler.dsn("app"), "--for", "100ms"
        )
    pools = tomllib.loads(out)["pools"]

    assert code == 0
    assert (pools["edge/app/postgres"], pools["billing"]) == (3, 50)
    assert "gone" not in pools and "# gone: " in out


async def test_doctor_says_how_to_have_pools(tmp_path: Path) -> None:
    nothing = tmp_path / "config.toml"
    nothing.write_text("")
    _, out = await perftui("doctor", "--config", str(nothing))

    assert "docs/pools.md" in out or "on this host" in out
