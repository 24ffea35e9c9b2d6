"""`perftui load facts` and `perftui load parity`: the file, the table, JSON, exit codes, and every mistake in one line."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import msgspec
import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.commands import main
from perftui.commands.facts_file import read_facts
from perftui.history.parity import parity
from perftui.model.exit_code import ExitCode
from perftui.model.facts import Facts, Gathered, PostgresFacts
from perftui.playbooks.capture import captured
from perftui.playbooks.steps.run import Run
from perftui.playbooks.steps.world import Done
from perftui.reports.facts import facts_toml
from perftui.reports.parity import WIDTH, parity_text
from tests.playbooks.test_library_commands import step_of
from tests.servers import dsn, execute

POSTGRES = PostgresFacts(
    version="16.4",
    max_connections=500,
    rows=500_000_000,
    cache_hit_ratio=0.99,
    random_page_cost=1.1,
    fsync=True,
    table_rows={'public."Odd.Name"': 480_000_000, "reporting.a_table_with_a_very_long_name": 20_000_000},
    table_bytes={'public."Odd.Name"': 60 << 30},
)
PRODUCTION = Facts(
    at="2026-11-20 09:12:00Z",
    host="db-1",
    cores=32,
    memory_bytes=128 << 30,
    bandwidth_bits_per_s=10_000_000_000,
    cpu_model='a "quoted" \\ model\x7f',
    kernel="6.1.0-28-amd64",
    sysctl={"net.core.somaxconn": 4096, "net.ipv4.tcp_rmem": "4096 131072 6291456"},
    pools={"orders": 40},
    postgres=POSTGRES,
)


@pytest.fixture(autouse=True)
def no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the one that a test names, and no pooler."""
    monkeypatch.setattr("perftui.clients.local_pgbouncer.local_console", lambda: None)
    monkeypatch.setattr("perftui.commands.facts_here.postgres_is_here", lambda: False)


def kept(tmp_path: Path, text: str) -> str:
    path = tmp_path / "production.toml"
    path.write_text(text)
    return str(path)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    notes = {
        "cores": "quota of the control group, of 64",
        "data_disk_kind": "vda is no real disk",
        "sysctl.x": "denied",
        "pools": "no answer",
    }
    text = facts_toml(Gathered(PRODUCTION, notes))

    assert read_facts(kept(tmp_path, text)) == PRODUCTION
    assert "cores = 32  # quota of the control group, of 64\n" in text
    assert "# data_disk_kind: vda is no real disk\n" in text and "# pools: no answer\n" in text


def test_this_host_is_like_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "facts"]) == ExitCode.HEALTHY
    text = capsys.readouterr().out
    assert "# postgres: none is named by --dsn" in text
    assert tomllib.loads(text)["cores"] > 0

    assert main(["load", "parity", "--production", kept(tmp_path, text)]) == ExitCode.HEALTHY
    told = capsys.readouterr().out
    assert "alike    cores " in told and "DIFFERS" not in told
    words = " ".join(told.split())
    assert "does not tell" in words and "rows of all tables, cache_hit_ratio: nothing is required of it" in words


def test_a_smaller_host_differs(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = kept(tmp_path, 'cores = 1\nmemory_bytes = "900GiB"\nsysctl.vm.swappiness = 201\n')

    assert main(["load", "parity", "--production", file, "--json"]) == ExitCode.WARNING
    told = msgspec.json.decode(capsysbinary.readouterr().out)
    assert (told["verdict"], told["failed"], told["unknown"]) == ("differs", ["memory_bytes"], [])
    rows = {row["what"]: row for row in told["rows"]}
    assert rows["cores"]["verdict"] == "alike"
    assert rows["memory_bytes"]["production"] == 900 << 30
    assert rows["memory_bytes"]["required_ratio"] == 0.8 and rows["memory_bytes"]["ratio"] < 0.8
    swappiness = rows["sysctl.vm.swappiness"]
    assert (swappiness["verdict"], swappiness["required_ratio"]) == ("differs", None)


def test_without_the_postgres_that_is_required_nothing_is_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = kept(tmp_path, "cores = 1\n[postgres]\nmax_connections = 100\n")

    assert main(["load", "parity", "--production", file]) == ExitCode.UNKNOWN
    told = " ".join(capsys.readouterr().out.split())
    assert "unknown max_connections 100 – – 100 % none is named by --dsn" in told


def test_a_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "facts", "--dsn", "postgresql://u@127.0.0.1:1/d"]) == ExitCode.UNKNOWN
    told = capsys.readouterr()
    assert "connection refused" in told.err and told.err.count("\n") == 1
    assert "# postgres: postgres: 127.0.0.1:1" in told.out or "connection refused" in told.out


def test_a_real_server(postgres: OwnPostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(execute(postgres, "create table parity_orders as select g from generate_series(1, 20000) g", "analyze"))
    try:
        arguments = ["--dsn", dsn(postgres), "--for", "100ms"]
        assert main(["load", "facts", *arguments]) == ExitCode.HEALTHY
        text = capsys.readouterr().out
        assert '"public.parity_orders" = 20000' in text and "max_connections = 70" in text
        assert "# cache_hit_ratio: only " in text

        step = step_of("loadtest-preflight/rows")
        assert isinstance(step.do, Run) and step.capture is not None
        assert main([*map(str, step.do.argv[1:]), "--dsn", dsn(postgres)]) == ExitCode.HEALTHY
        here = captured(step.capture, Done(state="passed", output=capsys.readouterr().out), 200)["here"]
        assert here["counted"] and here["rows"] >= 20000

        more = text.replace("= 20000", "= 30000").replace("max_connections = 70", "max_connections = 100")
        assert main(["load", "parity", "--production", kept(tmp_path, more), *arguments]) == ExitCode.WARNING
        told = " ".join(capsys.readouterr().out.split())
        assert "DIFFERS max_connections 100 70 70 % 100 %" in told
        assert "DIFFERS rows of public.parity_orders 30,000 20,000 66 % 80 %" in told
    finally:
        asyncio.run(execute(postgres, "drop table parity_orders"))


def test_the_table_fits_into_80_columns() -> None:
    smaller = msgspec.structs.replace(
        PRODUCTION,
        cores=1.5,
        bandwidth_bits_per_s=None,
        cpu_model="Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
        postgres=msgspec.structs.replace(POSTGRES, rows=None, table_rows={}),
    )
    notes = {"bandwidth_bits_per_s": "eth0 tells no link speed, as virtual ones don't"}
    text = parity_text("production.toml (db-1)", parity(PRODUCTION, Gathered(smaller, notes)))

    assert max(map(len, text.splitlines())) <= WIDTH
    assert f"DIFFERS  {'cores':<29}  {32:>10}  {1.5:>10}  {'4 %':>6}  {'100 %':>8}" in text.splitlines()
    assert "10 Gbit/s" in text and "99.0 %" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is nothing in it"),
        ("# cores = 4\n", "there is nothing in it"),
        ("cores: 4\n", "not TOML"),
        ("memory = 4\n", "unknown key memory; did you mean memory_bytes?"),
        ("[postgres]\nconnections = 4\n", "unknown key postgres.connections; did you mean max_connections?"),
        ('[sysctl]\n"net.core.nothing" = 4\n', "unknown key sysctl.net.core.nothing"),
        ("[host]\ncores = 4\n", "host: expected str, got object"),
        ('cores = "four"\n', "cores: expected int | float, got str"),
        ("cores = -1\n", "cores: expected"),
        ("cores = nan\n", "cores: nan is no number"),
        ("cores = true\n", "cores: expected"),
        ('memory_bytes = "128GB"\n', "memory_bytes: '128GB' is no number"),
        ('memory_bytes = "5s"\n', "memory_bytes: 5s is no bytes"),
        ("postgres = 4\n", "postgres: expected object, got int"),
        ('"\\u001b[2J" = 4\n', "unknown key ?[2J"),
        ("sysctl = 4\n", "sysctl: expected object, got int"),
        ('[postgres.table_rows]\n"public.a" = "many"\n', "postgres.table_rows.public.a: expected a whole number"),
        ("[pools]\norders = -3\n", "pools.orders: expected a whole number"),
        ("[sysctl]\nvm.swappiness = 1.5\n", "sysctl.vm.swappiness: expected a whole number or text"),
        ("[postgres]\ncache_hit_ratio = 99\n", "postgres.cache_hit_ratio: expected"),
    ],
)
def test_a_mistake_is_one_line(text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(tmp_path, text)

    assert main(["load", "parity", "--production", file]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.err.startswith(f"perftui: {file}: ") and words in told.err
    assert told.err.count("\n") == 1 and told.out == ""


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file; perftui load facts > "), (b"\xff\xfe", "not UTF-8")]
)
def test_a_file_that_can_not_be_read(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "production.toml"
    if content is not None:
        file.write_bytes(content)

    assert main(["load", "parity", "--production", str(file)]) == ExitCode.USAGE
    assert words in capsys.readouterr().err
