from __future__ import annotations

import pytest

from perftui.model.read_only_sql import refusal


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "  -- why\n /* and /* how */ */ SELECT 1;",
        "select 1; -- done",
        "with a as (select 1) select * from a",
        "explain (costs off) select 1",
        "show work_mem",
        "values (1), (2)",
        "table pg_stat_activity",
        "select 'pg_terminate_backend(1)', $$nextval('x')$$, $a$ lo_unlink(1) $a$, E'it\\'s nextval(1)'",
        "select pg_terminate_backend from t",
        "select lo_price, http_status from t where nextval in (1, 2)",
        'select "a""b" from t',
        "select pg_blocking_pids($1), pg_sleep(1), count(*) from pg_locks",
    ],
)
def test_lets_through_what_only_reads(sql: str) -> None:
    assert refusal(sql) is None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select pg_terminate_backend(1)", "pg_terminate_backend() acts on the server"),
        ("select PG_Terminate_Backend (1)", "pg_terminate_backend()"),
        ("select pg_catalog.pg_terminate_backend(1)", "pg_terminate_backend()"),
        ('select "pg_terminate_backend"(1)', "pg_terminate_backend()"),
        ('select "pg_catalog" . "pg_terminate_backend" (1)', "pg_terminate_backend()"),
        ("select pg_terminate_backend/**/(1)", "pg_terminate_backend()"),
        ("select pg_terminate_backend /* a /* b */ c */ -- d\n (1)", "pg_terminate_backend()"),
        ('select U&"pg\\005fterminate_backend"(1)', "names are not allowed"),
        ("select $$a$$ || pg_cancel_backend(1) || $b$c$b$", "pg_cancel_backend()"),
        ("select $1$a$, pg_reload_conf(), $a$", None),
        ("select 'a''b' || pg_reload_conf()", "pg_reload_conf()"),
        ("select 'a\\'' || pg_reload_conf() || '", "two ways"),
        ("select E'a'\n'b\\'' || pg_reload_conf() || ''", "two ways"),
        ("select E'a\\'' || pg_reload_conf()", "pg_reload_conf()"),
        ("select * from dblink_exec('', 'drop table t')", "dblink_exec()"),
        ("select lo_unlink(1)", "lo_unlink()"),
        ("select pg_read_file('/etc/passwd')", "pg_read_file()"),
        ("select pg_read_binary_file('/etc/passwd')", "pg_read_binary_file()"),
        ("select pg_ls_dir('.')", "pg_ls_dir()"),
        ("select set_config('work_mem', '1', false)", "set_config()"),
        ("select nextval('s')", "nextval()"),
        ("select query_to_xml('select pg_terminate_backend(1)', true, true, '')", "query_to_xml()"),
        ("select pg_stat_reset()", "pg_stat_reset()"),
        ("select ext.pg_stat_statements_reset()", "pg_stat_statements_reset()"),
        ("select pg_stat_reset_single_table_counters(1)", "acts on the server"),
        ("select pg_switch_wal()", "pg_switch_wal()"),
        ("select pg_drop_replication_slot('s')", "pg_drop_replication_slot()"),
        ("select pg_advisory_lock(1)", "pg_advisory_lock()"),
        ("select 1; select 2", "only one statement"),
        ("select 1;;", "only one statement"),
        ("commit", "commit is not allowed"),
        ("do $$ begin perform pg_reload_conf(); end $$", "do is not allowed"),
        ("(select 1)", None),
        ("copy t to program 'sh'", "copy is not allowed"),
        ("call p()", "call is not allowed"),
        ("execute p", "execute is not allowed"),
        ("explain analyze select 1", "runs the statement"),
        ("explain (buffers, ANALYZE true) select 1", "runs the statement"),
        ("select 'open", "not closed"),
        ('select "open', "not closed"),
        ("select /* open", "not closed"),
        ("", "no statement"),
        ("  -- nothing", "no statement"),
    ],
)
def test_refuses_what_acts(sql: str, words: str | None) -> None:
    """None: either answer is safe, since no server runs it or since it reads only."""
    reason = refusal(sql)

    assert words is None or (reason is not None and words in reason), reason
