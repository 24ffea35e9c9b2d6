"""There is no dnf on the machines that test this: the databases are made with the tables and numbers that libdnf 0.73 (dnf 4,
libdnf/transaction/sql/create_tables.sql, Types.hpp) and dnf 5 (libdnf5/transaction/db/sql/create_tables.sql) make."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from perftui.clients.dnf_history import DnfHistory
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.deploy import DeployStatus
from perftui.sources.deploy_dnf import DnfTransactions
from tests.sources.deploys import AT, WallClock, source

DNF_4 = f"""
create table trans (id integer primary key autoincrement, dt_begin integer not null, dt_end integer, rpmdb_version_begin text,
  rpmdb_version_end text, releasever text not null, user_id integer not null, cmdline text, state integer not null, comment text);
create table trans_item (id integer primary key autoincrement, trans_id integer, item_id integer, repo_id integer,
  action integer not null, reason integer not null, state integer not null);
create table rpm (item_id integer unique not null, name text not null, epoch integer not null, version text not null,
  release text not null, arch text not null);
insert into rpm values (1, 'nginx', 1, '1.22.1', '3.el9', 'x86_64'), (2, 'nginx', 1, '1.24.0', '1.el9', 'x86_64'),
  (3, 'nginx-core', 1, '1.24.0', '1.el9', 'x86_64'), (4, 'telnet', 0, '0.17', '85.el9', 'x86_64');
insert into trans values (1, {AT - 86400 * 30:.0f}, {AT - 86400 * 30:.0f}, '', '', '9', 0, 'install old', 1, ''),
  (2, {AT:.0f}, {AT + 9:.0f}, '', '', '9', 0, 'upgrade nginx --setopt=proxy_password=s3cret', 1, ''),
  (3, {AT + 60:.0f}, {AT + 61:.0f}, '', '', '9', 4294967295, 'remove telnet', 2, ''),
  (4, {AT + 90:.0f}, null, '', '', '9', 54321, 'upgrade', 0, '');
insert into trans_item (trans_id, item_id, action, reason, state) values (2, 2, 6, 2, 1), (2, 1, 7, 2, 1), (2, 3, 1, 1, 1),
  (3, 4, 8, 2, 2);
"""
DNF_5 = f"""
create table trans (id integer, dt_begin integer not null, dt_end integer, rpmdb_version_begin text, rpmdb_version_end text,
  releasever text not null, user_id integer not null, description text, comment text, state_id integer, primary key(id));
create table trans_item (id integer, trans_id integer, item_id integer, repo_id integer, action_id integer not null,
  reason_id integer not null, state_id integer not null, primary key(id));
create table pkg_name (id integer, name text not null unique, primary key(id));
create table rpm (item_id integer not null unique, name_id integer not null, epoch integer not null, version text not null,
  release text not null, arch_id integer not null);
insert into pkg_name values (1, 'nginx'), (2, 'nginx-core'), (3, 'telnet');
insert into rpm values (1, 1, 1, '1.22.1', '3.el9', 1), (2, 1, 1, '1.24.0', '1.el9', 1), (3, 2, 1, '1.24.0', '1.el9', 1),
  (4, 3, 0, '0.17', '85.el9', 1);
insert into trans values (1, {AT - 86400 * 30:.0f}, {AT - 86400 * 30:.0f}, '', '', '9', 0, 'install old', '', 2),
  (2, {AT:.0f}, {AT + 9:.0f}, '', '', '9', 0, 'upgrade nginx --setopt=proxy_password=s3cret', '', 2),
  (3, {AT + 60:.0f}, {AT + 61:.0f}, '', '', '9', 4294967295, 'remove telnet', '', 3),
  (4, {AT + 90:.0f}, null, '', '', '9', 54321, 'upgrade', '', 1);
insert into trans_item (trans_id, item_id, action_id, reason_id, state_id) values (2, 2, 2, 2, 2), (2, 1, 6, 2, 2),
  (2, 3, 1, 1, 2), (3, 4, 5, 2, 3);
"""


def place(path: Path, tables: str) -> DnfTransactions:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(tables)
    return DnfTransactions(DnfHistory(str(path)))


@pytest.mark.parametrize("tables", [DNF_4, DNF_5], ids=["dnf 4", "dnf 5"])
async def test_transactions_of_the_last_week(tmp_path: Path, tables: str) -> None:
    sample = await source(place(tmp_path / "history.sqlite", tables), clock=WallClock(mono=9000.0)).sample()

    running, failed, upgraded = sample.deploys
    assert (upgraded.service, upgraded.version, upgraded.previous) == ("nginx", "1:1.24.0-1.el9", "1:1.22.1-3.el9")
    assert (upgraded.at, upgraded.at_end, upgraded.who, upgraded.source) == (AT, AT + 9, "root", "packages")
    assert upgraded.detail == (
        "upgraded nginx 1:1.22.1-3.el9 to 1:1.24.0-1.el9; and 1 that they need; upgrade nginx --setopt=proxy_password=***"
    )
    assert (failed.service, failed.previous, failed.status, failed.who) == (
        "telnet",
        "0.17-85.el9",
        DeployStatus.FAILED,
        None,
    )
    assert (running.service, running.status, running.who) == ("dnf", DeployStatus.STARTED, "54321")


async def test_it_is_read_again_only_when_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    place(path, DNF_4)
    history = DnfHistory(str(path))
    assert history.new(AT - 1) is not None
    assert history.new(AT - 1) is None
    with closing(sqlite3.connect(path)) as database:
        database.execute("update trans set state = 1 where id = 4")
        database.commit()
    assert history.new(AT - 1) is not None


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    cases: list[tuple[FailureKind, str]] = []

    def failed() -> tuple[FailureKind, str]:
        with pytest.raises(SourceError) as told:
            DnfHistory(str(path)).new(0)
        return told.value.kind, told.value.detail

    cases.append(failed())
    path.write_bytes(os.urandom(8192))
    cases.append(failed())
    path.unlink()
    path.touch()
    cases.append(failed())
    assert [kind for kind, _ in cases] == [FailureKind.MISSING, FailureKind.MALFORMED, FailureKind.MALFORMED]
    assert [detail.removeprefix(f"{path}: ") for _, detail in cases] == [
        "not there",
        "file is not a database",
        "no such table: trans",
    ]


def test_a_database_that_dnf_writes_to_is_asked_later_and_dnf_is_not_held_up(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    place(path, DNF_4)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(SourceError) as told:
            DnfHistory(str(path)).new(0)
        writer.execute("commit")
    assert told.value.kind is FailureKind.UNREACHABLE
    assert "dnf is writing to it" in told.value.detail
    assert DnfHistory(str(path)).new(0)
